"""The samples of the subscribers' papers: a notice, a question with its answer, a page."""

from typing import Any, Final

Json = dict[str, Any]
_AT: Final = "2026-11-26T08:30:00Z"
_UNTIL: Final = "2026-12-03T08:30:00Z"
_CARD: Final = {"card_number": "A12345678"}

SUSPENDED: Final[Json] = {
    "type": "card.suspended",
    "timestamp": _AT,
    "data": {**_CARD, "at": _AT, "until": _UNTIL},
}
QUESTION: Final[Json] = {"type": "card.check", "timestamp": _AT, "data": _CARD}
ANSWER: Final[Json] = {"suspended": True, "until": _UNTIL}
PAGE: Final[Json] = {
    "suspensions": [{**_CARD, "until": _UNTIL}, {"card_number": "B87654321", "until": None}],
    "left_out": 0,
    "next": "3301:0s3Qe1nE7k2mT9yXbA4vWg",
}
