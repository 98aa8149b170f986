"""Agents' hours: read strictly, judged in Beijing time wherever the machine stands."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agent_hours import DAYS, AgentHours, counts_as, has_calendar_of
from ivr.beijing import BEIJING

WEEKDAYS = AgentHours.parse("mon-fri 08:30-17:30")
MONDAY = datetime(2026, 11, 23, tzinfo=BEIJING)


def at(day: int, clock: str) -> datetime:
    """A moment of the week in Beijing: day 0 is a Monday."""
    hours, _, minutes = clock.partition(":")
    return MONDAY + timedelta(days=day, hours=int(hours), minutes=int(minutes))


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York"])
def _anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_anywhere")
@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (0, "8:29", False), (0, "8:30", True), (4, "17:29", True), (4, "17:30", False),
        (5, "12:00", False), (6, "12:00", False), (0, "0:00", False), (2, "23:59", False),
    ],
)  # fmt: skip
def test_open_from_the_first_minute_to_the_last(day: int, clock: str, is_open: bool) -> None:
    moment = at(day, clock)
    assert WEEKDAYS.are_open(moment) == is_open
    assert WEEKDAYS.are_open(moment.astimezone(UTC)) == is_open
    assert WEEKDAYS.are_open(moment.astimezone(timezone(timedelta(hours=-11)))) == is_open


@pytest.mark.parametrize(
    ("text", "opened", "closed"),
    [
        ("08:30-12:00,13:30-17:30", [(0, "9:00"), (6, "14:00")], [(0, "12:30")]),
        ("mon-fri 08:30-17:30; sat 09:00-12:00", [(5, "9:00")], [(5, "12:00"), (6, "9:00")]),
        ("sat,sun 10:00-11:00", [(5, "10:00"), (6, "10:59")], [(4, "10:00")]),
        ("fri-mon 10:00-11:00", [(4, "10:00"), (0, "10:00")], [(1, "10:00"), (3, "10:00")]),
        ("00:00-24:00", [(0, "0:00"), (6, "23:59")], []),
        ("  MON-Fri   8:30-17:30 ;", [(0, "8:30")], [(0, "8:29")]),
    ],
)
def test_ways_to_write_hours(
    text: str, opened: list[tuple[int, str]], closed: list[tuple[int, str]]
) -> None:
    hours = AgentHours.parse(text)
    assert all(hours.are_open(at(*moment)) for moment in opened)
    assert not any(hours.are_open(at(*moment)) for moment in closed)


# The State Council's calendar of 2026: which days are off, which are worked in exchange, and by
# which weekday's hours they are kept. The other years stand in no calendar: their holidays are
# those of the law, and of the lunar calendar.
@pytest.mark.parametrize(
    ("day", "kept_as"),
    [
        ("2026-10-01", "sun"),  # National Day, a Thursday
        ("2026-10-07", "sun"),  # the last day of the same holiday
        ("2026-10-08", "thu"),
        ("2026-10-10", "fri"),  # a Saturday that is worked in exchange
        ("2026-10-11", "sun"),
        ("2026-09-20", "fri"),  # a Sunday that is worked in exchange
        ("2026-11-23", "mon"),
        ("2026-11-28", "sat"),
        ("2030-01-01", "sun"),
        ("2030-02-02", "sun"),  # the eve of the lunar new year
        ("2030-02-06", "sun"),  # its third day was a weekend, and is made up for
        ("2030-02-08", "fri"),
        ("2030-04-05", "sun"),  # Qingming
        ("2030-05-02", "sun"),  # a holiday since 2025
        ("2030-06-05", "sun"),  # Dragon Boat
        ("2030-09-12", "sun"),  # Mid-Autumn
        ("2030-10-03", "sun"),
        ("2030-11-22", "fri"),
        ("2030-11-23", "sat"),
        ("2100-10-01", "sun"),
        ("2003-10-01", "sun"),
    ],
)
def test_days_by_the_calendar_of_holidays(day: str, kept_as: str) -> None:
    assert DAYS[counts_as(date.fromisoformat(day))] == kept_as
    noon = datetime.fromisoformat(f"{day}T12:00+08:00")
    for name in DAYS:
        assert AgentHours.parse(f"{name} 08:30-17:30").are_open(noon) == (name == kept_as)


@pytest.mark.parametrize(
    "day", ["2027-01-01", "2027-02-08", "2027-04-05", "2027-05-01", "2027-10-01"]
)
def test_nobody_is_there_on_the_holidays_of_a_year_not_published_yet(day: str) -> None:
    assert not WEEKDAYS.are_open(datetime.fromisoformat(f"{day}T12:00+08:00"))


def test_how_far_the_calendar_goes() -> None:
    assert has_calendar_of(2026)
    assert not has_calendar_of(2100)
    assert not has_calendar_of(2003)


@pytest.mark.usefixtures("_anywhere")
def test_a_holiday_begins_and_ends_at_midnight_in_beijing() -> None:
    all_day = AgentHours.parse("mon-fri 00:00-24:00")
    begins, ends = datetime(2026, 10, 1, tzinfo=BEIJING), datetime(2026, 10, 8, tzinfo=BEIJING)
    second = timedelta(seconds=1)
    moments = (begins - second, begins, ends - second, ends)
    assert [all_day.are_open(at.astimezone(UTC)) for at in moments] == [True, False, False, True]


@pytest.mark.parametrize("text", ["mon-sun 08:30-17:30", "08:30-17:30", "sat,sun 8:30-17:30"])
def test_whoever_is_there_on_sundays_is_there_on_holidays(text: str) -> None:
    hours = AgentHours.parse(text)
    assert hours.are_kept_on_holidays
    assert hours.are_open(datetime(2026, 10, 1, 12, tzinfo=BEIJING))


def test_whoever_is_not_there_on_sundays_is_not_there_on_holidays() -> None:
    assert not AgentHours.parse("mon-sat 08:30-17:30").are_kept_on_holidays


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must look like"), (" ; ", "must look like"), ("mon-fri", "mon-fri"),
        ("8-17", "'8-17'"), ("17:30-08:30", "begin before"), ("08:30-08:30", "begin before"),
        ("08:60-17:30", "between"), ("08:30-24:01", "between"), ("24:00-25:00", "between"),
        ("monday 08:30-17:30", "'monday' is not a day"), ("mon- 08:30-17:30", "is not a day"),
        ("mon-fri 08:30 - 17:30", "a space"), ("mon-fri 08:30-17:30,", "''"),
        ("周一 08:30-17:30", "'周一' is not a day"), ("08:30-17:30 mon", "is not a day"),
    ],
)  # fmt: skip
def test_hours_that_cannot_be_read_say_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AgentHours.parse(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        hours = AgentHours.parse(text)
    except ValueError:
        return
    assert hours.spans
