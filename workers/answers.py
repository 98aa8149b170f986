"""What may be kept of an answer, and how long it asks us to wait. Pure."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

MOST_CHARACTERS: Final = 200
LONGEST_WAIT: Final = 3600  # seconds; nobody may put a notice off for longer in one answer

# Long runs of digits may be an ID, card or account number; short gaps do not hide one.
_LONG_NUMBER: Final = re.compile(r"\d(?:[ \-.]?\d){5,}")


def excerpt(body: bytes) -> str:
    """The first 200 characters for a person to read: numbers masked, nothing unprintable.

    Masked before it is cut, so that no half of a number is left at the edge.
    """
    text = _LONG_NUMBER.sub("…", body.decode(errors="replace"))
    return "".join(c if c.isprintable() else " " for c in text[:MOST_CHARACTERS])


def seconds_to_wait(retry_after: str | None, now: float) -> int | None:
    """`Retry-After` (RFC 9110 section 10.2.3: seconds or an HTTP date) as 0 to 3600 seconds.

    None when it is missing or unreadable. `now`: unix seconds.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    wait = float(text[:10]) if re.fullmatch("[0-9]+", text) else _seconds_until(text, now)
    return None if wait is None else round(min(max(wait, 0), LONGEST_WAIT))


def _seconds_until(http_date: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() - now
