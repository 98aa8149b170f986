"""DAYS_FILE: a city's own days go before the calendar."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ivr.days_file import read_days
from ivr.settings import SettingsError
from tests.builders import settings

BEIJING = timezone(timedelta(hours=8))


def are_open(text: str, day: str, tmp_path: Path) -> bool:
    """At ten in the morning."""
    place = tmp_path / "days.toml"
    place.write_text(text, encoding="utf-8")
    known = settings("unix:///unused", agent_hours="mon-fri 08:30-17:30", days_file=str(place))
    year, month, date = map(int, day.split("-"))
    return known.agent_hours.are_open(datetime(year, month, date, 10, tzinfo=BEIJING))


@pytest.mark.parametrize(
    ("text", "day", "is_open"),
    [
        ("", "2026-11-25", True),  # a Wednesday
        ("off = [2026-11-25]", "2026-11-25", False),
        ("", "2026-11-28", False),  # a Saturday
        ("worked = [2026-11-28]", "2026-11-28", True),
        ("", "2026-10-01", False),  # the National Day
        ("worked = [2026-10-01]", "2026-10-01", True),
        ("off = [2026-11-25]", "2026-11-26", True),
    ],
)
def test_the_city_s_own_days_go_first(text: str, day: str, is_open: bool, tmp_path: Path) -> None:
    assert are_open(text, day, tmp_path) is is_open


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("off = [", "cannot be read"),
        ("closed = [2026-11-25]", "closed is not known"),
        ('off = ["2026-11-25"]', "off: must be a list of days"),
        ("off = 2026-11-25", "off: must be a list of days"),
        ("worked = [2026-11-25T10:00:00]", "worked: must be a list of days"),
        ("off = [2026-11-25]\nworked = [2026-11-25]", "both off and worked"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str, tmp_path: Path) -> None:
    place = tmp_path / "days.toml"
    place.write_text(text, encoding="utf-8")
    _, problems = read_days(place)
    assert any(problem in line for line in problems)
    with pytest.raises(SettingsError, match="DAYS_FILE"):
        settings("unix:///unused", days_file=str(place))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert read_days(tmp_path / "none.toml")[1]
