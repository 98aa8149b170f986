"""When a person answers: the parsed AGENT_HOURS setting, in Beijing time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Final, Self

import chinese_calendar

from ivr.beijing import BEIJING

FRIDAY: Final = 4
SUNDAY: Final = 6
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")


@dataclass(frozen=True)
class Span:
    """A part of the day on some weekdays: minutes after midnight, the end excluded."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True)
class AgentHours:
    """Opening hours, such as `mon-fri 08:30-17:30; sat 09:00-12:00` or `00:00-24:00`.

    other_days: days that are kept otherwise than the calendar says, by the hours of which weekday.
    """

    spans: tuple[Span, ...]
    other_days: Mapping[date, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `[days] HH:MM-HH:MM[,HH:MM-HH:MM]`, several of them separated by `;`.

        Raises:
            ValueError: saying which part is wrong and how it should look.
        """
        spans = [span for part in text.split(";") if part.strip() for span in _parse_part(part)]
        if not spans:
            raise ValueError("must look like 'mon-fri 08:30-17:30' (Beijing time)")
        return cls(tuple(spans))

    def are_open(self, at: datetime) -> bool:
        """Whether a person answers at this aware moment."""
        local = at.astimezone(BEIJING)
        minute, today = local.hour * 60 + local.minute, local.date()
        day = self.other_days[today] if today in self.other_days else counts_as(today)
        return any(day in span.days and span.start <= minute < span.end for span in self.spans)

    @property
    def are_kept_on_holidays(self) -> bool:
        """Whether somebody answers on Sundays, and so on public holidays."""
        return any(SUNDAY in span.days for span in self.spans)

    @property
    def are_the_same_every_day(self) -> bool:
        """Whether no calendar is needed to know them."""
        return all(len(span.days) == len(DAYS) for span in self.spans)


@lru_cache(maxsize=16)  # asked in every turn, of today
def counts_as(day: date) -> int:
    """The weekday (0 is Monday) by whose hours a day is kept.

    By the State Council's calendar: a public holiday is kept like a Sunday, and a weekend day that
    is worked in exchange (调休) like a Friday. In a year it has not published yet, the holidays are
    those of the law; which weekend days will be worked in exchange nobody knows.
    """
    if not has_calendar_of(day.year):
        return SUNDAY if day in _holidays_by_law(day.year) else day.weekday()
    is_off, name = chinese_calendar.get_holiday_detail(day)
    if name is None:  # an ordinary day or weekend
        return day.weekday()
    return SUNDAY if is_off else min(day.weekday(), FRIDAY)


def has_calendar_of(year: int) -> bool:
    """Whether the State Council's calendar of a year is in the table of `chinesecalendar`."""
    try:
        chinese_calendar.get_holiday_detail(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


@cache
def _holidays_by_law(year: int) -> frozenset[date]:
    """The days off of the Regulation on Public Holidays, and those that make up for weekends."""
    # Imported here: 0.1 s and 19 MB, which are lost only while a calendar is missing.
    from holidays.countries.china import China

    return frozenset(China(years=year))


def _parse_part(part: str) -> list[Span]:
    words = part.strip().lower().split()
    days = _parse_days(words[0]) if len(words) == 2 else frozenset(range(7))
    if len(words) > 2:
        raise ValueError(f"'{part.strip()}' should be days, a space and times")
    return [_parse_span(days, text) for text in words[-1].split(",")]


def _parse_days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise ValueError(f"'{item}' is not a day: use {', '.join(DAYS)} or mon-fri")
        start, end = DAYS.index(first), DAYS.index(last)
        days.update(range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)])
    return frozenset(days)


def _parse_span(days: frozenset[int], text: str) -> Span:
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"'{text}' should be times such as 08:30-17:30")
    hours = [int(g) for g in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or not 0 <= start < end <= 24 * 60:
        raise ValueError(f"'{text}' should begin before it ends, between 00:00 and 24:00")
    return Span(days, start, end)
