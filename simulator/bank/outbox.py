"""Events owed to the hotline: in the ledger before the first attempt, until a final answer."""

import json
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any

from simulator.bank.ledger import Ledger, now_text

ANSWER_KEPT = 300


def owe(
    ledger: Connection, bank: str, kind: str, told: dict[str, str], after_seconds: float = 0
) -> str:
    """Notes an event to send `after_seconds` from now; -> its id, the same in every attempt."""
    now = datetime.now(UTC)
    event_id = f"evt_{uuid.uuid4().hex}"
    body = {"type": kind, "timestamp": now_text(), "data": told}
    ledger.execute(
        "INSERT INTO events (bank, event_id, type, body, state, due)"
        " VALUES (?, ?, ?, ?, 'waiting', ?)",
        (
            bank,
            event_id,
            kind,
            json.dumps(body, ensure_ascii=False),
            now.timestamp() + after_seconds,
        ),
    )
    return event_id


def next_waiting(ledger: Ledger, bank: str) -> dict[str, Any] | None:
    """The waiting event that is due first (`due`: unix seconds), with the attempts so far."""
    rows = ledger.rows(
        "SELECT event_id, body, due, (SELECT count(*) FROM event_attempts a"
        " WHERE a.event_id = events.event_id) AS attempts"
        " FROM events WHERE bank = ? AND state = 'waiting' ORDER BY due, number LIMIT 1",
        bank,
    )
    return rows[0] if rows else None


def note_attempt(
    ledger: Connection,
    event_id: str,
    status: int | None,
    answer: str,
    again_in: float,
    *,
    is_final: bool,
) -> None:
    """What the hotline answered (status None: nothing); an event with a final one waits no more."""
    ledger.execute(
        "INSERT INTO event_attempts (event_id, at, status, answer) VALUES (?, ?, ?, ?)",
        (event_id, now_text(), status, answer[:ANSWER_KEPT]),
    )
    ledger.execute(
        "UPDATE events SET state = ?, due = ? WHERE event_id = ?",
        (
            _state_after(status, is_final=is_final),
            datetime.now(UTC).timestamp() + again_in,
            event_id,
        ),
    )


def list_all(ledger: Ledger, bank: str) -> list[dict[str, Any]]:
    """Every event of the bank with its attempts, newest last."""
    attempts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with ledger.snapshot() as rows:
        events = rows("SELECT * FROM events WHERE bank = ? ORDER BY number", bank)
        made = rows(
            "SELECT a.event_id, a.at, a.status, a.answer FROM event_attempts a"
            " JOIN events USING (event_id) WHERE bank = ? ORDER BY a.number",
            bank,
        )
    for attempt in made:
        attempts[attempt.pop("event_id")].append(attempt)
    return [_as_json(event, attempts[event["event_id"]]) for event in events]


def _state_after(status: int | None, *, is_final: bool) -> str:
    if status is not None and 200 <= status < 300:
        return "delivered"
    return "refused" if is_final else "waiting"


def _as_json(event: dict[str, Any], attempts: list[dict[str, Any]]) -> dict[str, Any]:
    body = json.loads(event["body"])
    waiting = event["state"] == "waiting"
    due = datetime.fromtimestamp(event["due"], UTC).isoformat().replace("+00:00", "Z")
    return {
        "number": event["number"],
        "event_id": event["event_id"],
        "type": event["type"],
        "timestamp": body["timestamp"],
        "data": body["data"],
        "state": event["state"],
        "due": due if waiting else None,
        "attempts": attempts,
    }
