"""DAYS_FILE: days that this city keeps otherwise than the State Council's calendar, or before a
newer calendar is installed.

    off = [2027-02-05, 2027-02-06]    # kept like a Sunday
    worked = [2027-02-20]             # kept like a Friday, whatever day of the week it is
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from ivr.agent_hours import FRIDAY, SUNDAY

KEPT_LIKE: Final = {"off": SUNDAY, "worked": FRIDAY}


def read_days(path: Path) -> tuple[dict[date, int], list[str]]:
    """Day -> the weekday by whose hours it is kept (0 is Monday), and all that is wrong."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {}, [f"DAYS_FILE: cannot be read ({type(error).__name__})"]
    problems = [
        f"DAYS_FILE: {name} is not known; use off and worked"
        for name in tables
        if name not in KEPT_LIKE
    ]
    problems += [
        f"DAYS_FILE {name}: must be a list of days like [2027-02-06]"
        for name in KEPT_LIKE
        if not _are_days(tables.get(name, []))
    ]
    return ({}, problems) if problems else _judged(tables)


def _judged(tables: Mapping[str, list[date]]) -> tuple[dict[date, int], list[str]]:
    twice = sorted(set(tables.get("off", [])) & set(tables.get("worked", [])))
    days = {day: kept for name, kept in KEPT_LIKE.items() for day in tables.get(name, [])}
    return days, [f"DAYS_FILE: {day} is both off and worked" for day in twice]


def _are_days(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(day, date) and not isinstance(day, datetime) for day in found
    )
