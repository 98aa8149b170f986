"""How a bank's answer is read, what may be kept of it, and how long it asks us to wait. Pure."""

import codecs
import json
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

LONGEST_WAIT: Final = 3600  # seconds; nobody may put a notice off for longer in one answer

# The words of docs/bank-api.md: all that is ever kept of an answer's body. A bank's own words may
# name people, cards and accounts.
WORDS: Final = frozenset({
    "blocked", "received", "queued", "noted", "late", "duplicate", "ok", "refused",
    "unknown_card", "unknown_account", "account_closed", "card_replaced", "not_supported",
    "bad_signature", "bad_body", "busy", "maintenance",
})  # fmt: skip
UNREADABLE: Final = "not_json"

_CHARSET: Final = re.compile(r'charset\s*=\s*"?([\w.:+-]+)', re.ASCII | re.IGNORECASE)

# Of Python's text encodings these are no character sets, and take seconds for what a bank may send.
_NO_CHARACTER_SETS: Final = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape"})


def read_json(body: bytes, content_type: str = "") -> Any:
    """An answer's JSON in whatever encoding it is: as it says, else as it looks (RFC 4627 section
    3, which tells UTF-8, 16 and 32 apart), else GB18030, which GBK and GB2312 are part of.

    Raises:
        ValueError: it is no JSON in any of them.
    """
    told = _CHARSET.search(content_type)
    for encoding in (told[1] if told else "", json.detect_encoding(body), "gb18030"):
        try:
            if codecs.lookup(encoding).name not in _NO_CHARACTER_SETS:
                return json.loads(body.decode(encoding))
        except (ValueError, LookupError, RecursionError):  # RecursionError: thousands of brackets
            continue
    raise ValueError(UNREADABLE)


def word_in(said: Any) -> str:
    """The first of `code` and `status` that is one of WORDS; "" when neither is."""
    known = said if isinstance(said, dict) else {}
    words = (known.get("code"), known.get("status"))
    return next((word for word in words if isinstance(word, str) and word in WORDS), "")


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
