"""Beijing time: deadlines are spoken in it, and birthdays and office hours are judged by it."""

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

BEIJING: Final = ZoneInfo("Asia/Shanghai")  # one time without summer time since 1992


def beijing_time(unix_seconds: float) -> str:
    """RFC 3339 with Beijing's offset, for people to read."""
    return datetime.fromtimestamp(unix_seconds, BEIJING).isoformat(timespec="seconds")


def beijing_day(unix_seconds: float) -> date:
    """The date in Beijing at a moment."""
    return datetime.fromtimestamp(unix_seconds, UTC).astimezone(BEIJING).date()
