"""How values are spoken: digits one by one, moments in Beijing time, opening hours."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import ceil
from typing import Final

from ivr.beijing import BEIJING
from ivr.prompts.languages import LANGUAGES, LanguageCode

DIGITS: Final = "0123456789"
MINUTES_A_DAY: Final = 24 * 60
# Stretches of time that are plain to say, seconds: what is measured is told as one of them.
PLAIN_SECONDS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 30, 45),
    *(60 * minutes for minutes in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 72)),
)
DAY_PARTS: Final = (0, 6, 12, 13, 18)  # the hours at which what one calls the time of day changes


@dataclass(frozen=True)
class Spelled:
    """Text shown as digits and spoken one by one: `alias` is how it sounds."""

    shown: str
    alias: str


Part = str | Spelled


def spell(text: str, language: LanguageCode) -> tuple[Part, ...]:
    """Digits (or an X) in groups of four, one by one: 12345670 -> 1234 5670.

    A single last digit joins the group before it, so 95588 stays whole, as people know it.
    """
    groups = [text[i : i + 4] for i in range(0, len(text), 4)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    parts: list[Part] = []
    for group in groups:
        parts += [Spelled(group, _one_by_one(group, language)), " "]
    return tuple(parts[:-1])


def _one_by_one(group: str, language: LanguageCode) -> str:
    sounds = dict(zip(DIGITS, LANGUAGES[language].digits, strict=True))
    return " ".join(sounds.get(place, place) for place in group)


def moment(unix_seconds: float, language: LanguageCode) -> str:
    """A moment with date and time as a Beijing clock shows it, whatever this machine's zone."""
    at = datetime.fromtimestamp(unix_seconds, BEIJING)
    row = LANGUAGES[language]
    return row.moment.format(
        month=row.months[at.month - 1],
        day=at.day,
        weekday=row.weekdays[at.weekday()],
        clock=clock(at.hour * 60 + at.minute, language),
    )


def clock(minute: int, language: LanguageCode) -> str:
    """Minutes after midnight as one says the time: 510 is half past eight in the morning."""
    row = LANGUAGES[language]
    if minute == MINUTES_A_DAY:
        return row.end_of_day
    hour, minute = divmod(minute, 60)
    part = row.day_parts[sum(hour >= begins for begins in DAY_PARTS) - 1]
    pattern: str = getattr(row, time_pattern(minute))
    return pattern.format(part=part, hour=said_hour(hour, language), minute=minute)


def time_pattern(minute: int) -> str:
    """The field of a language's row that says a time with these minutes after the hour."""
    return {0: "sharp", 30: "half"}.get(minute, "clock")


def said_hour(hour: int, language: LanguageCode) -> str:
    """The hour (0 to 23) as it stands in a time of the day."""
    row = LANGUAGES[language]
    return {0: row.hour_0, 12: row.hour_12}.get(hour, str(hour % 12))


def duration(seconds: float, language: LanguageCode) -> str:
    """A stretch of time in one unit, rounded up: 90 is two minutes."""
    row = LANGUAGES[language]
    said = ""
    for (one, more), unit in ((row.seconds, 1), (row.minutes, 60), (row.hours, 3600)):
        count = max(ceil(seconds / unit), 1)
        said = (one if count == 1 else more).format(count=count)
        if count < 60:
            break
    return said


def weekdays(days: Collection[int], language: LanguageCode) -> str:
    """Days of the week (0 is Monday); three or more in a row are said as first to last."""
    row = LANGUAGES[language]
    if len(days) == len(row.days):
        return row.every_day
    runs = [[row.days[day] for day in run] for run in _runs(days)]
    said = [
        [row.days_in_a_row.format(first=run[0], last=run[-1])] if len(run) > 2 else run
        for run in runs
    ]
    return row.between_days.join(chain.from_iterable(said))


def _runs(days: Collection[int]) -> list[list[int]]:
    """Days in stretches without a gap: 0, 1, 2, 5 -> [0, 1, 2], [5]."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
