"""What the simulator reads of the hotline's records in Redis: every key, field and format.

The simulator knows the rest of the hotline by HTTP alone, and no other module of it names a record.
The names are the hotline's own (ivr/store/keys.py); tests/simulator/test_hotline_records.py makes a
real report and checks each of them. Nothing sealed is opened. Times are unix seconds.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

Json = dict[str, Any]

OPEN_NOTICES: Final = "notices:open"  # a sorted set: the id of a notice, and when it is due
JOURNAL: Final = "journal"  # a stream, an entry for each event
JOURNAL_REPORT: Final = "report"  # the entry's report number, where there is one
JOURNAL_NOTICE: Final = "notice"  # the same for a notice's id
LOSS_REPORTED: Final = "card.loss_reported"  # the kind of notice that a report owes its bank
LONGEST_SUSPENSION: Final = 604_800  # seconds: 7 days of 24 hours, from the moment of the report

# What is read of each record, in its order; "" for what is not. All are JSON arrays but the notice,
# a hash.
LOSS: Final = ("", "report_number", "", "release_at")
BLOCK: Final = ("", "bank", "state", "report_number", "notice_id")
REPORT: Final = (
    "number", "", "card_ref", "bank", "reported_at", "", "", "origin", "notice_id", "card_last4",
    "", "", "state",
)  # fmt: skip
CALL_FACTS: Final = "facts"
NOTICE: Final = ("id", "kind", "bank", "report_number", "created_at", "state", "attempts_made")
ATTEMPT: Final = ("at", "outcome", "status", "milliseconds", "answer")


def call_key(call_sid: str) -> str:
    """A call in progress, a hash: CALL_FACTS is {"card_ref"}, once a card was found."""
    return f"call:{call_sid}"


def loss_key(card_ref: str) -> str:
    """LOSS: the suspension. The key's TTL is what is left of the 7 days."""
    return f"loss:{card_ref}"


def block_key(card_ref: str) -> str:
    """BLOCK: what the hotline believes of the card's bank function."""
    return f"block:{card_ref}"


def report_key(number: str) -> str:
    """REPORT."""
    return f"report:{number}"


def notice_key(notice_id: str) -> str:
    """NOTICE, a hash."""
    return f"notice:{notice_id}"


def attempts_key(notice_id: str) -> str:
    """A list of ATTEMPT, oldest first."""
    return f"attempts:{notice_id}"


def read_record(text: str | bytes | None, fields: Iterable[str]) -> Json:
    """A JSON record by the names of its fields; empty if there is no record."""
    values = [] if text is None else json.loads(text)
    return {name: value for name, value in zip(fields, values, strict=False) if name}


def read_card_of_call(facts: str | bytes | None) -> str:
    """The reference of the card that a call is about; empty before one was found."""
    found = {} if facts is None else json.loads(facts)
    return str(found.get("card_ref", ""))


def read_notice(values: Sequence[str | None]) -> Json:
    """What HMGET of NOTICE gave; empty if there is no such notice."""
    found: Json = dict(zip(NOTICE, values, strict=True))
    if not found["id"]:
        return {}
    numbers = ("created_at", "attempts_made")
    return found | {name: int(found[name] or 0) for name in numbers}


def read_attempts(texts: Iterable[str]) -> list[Json]:
    """Every attempt to deliver a notice, oldest first."""
    return [read_record(text, ATTEMPT) for text in texts]
