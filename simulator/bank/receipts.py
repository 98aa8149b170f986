"""What arrived: every attempt, what each notice did once, and every block that was carried out."""

from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from simulator.bank.ledger import Ledger, now_text

ATTEMPTS_OF_ONE = """
SELECT number, received_at, verified, behaviour, effect, status, type, report_number
FROM arrivals WHERE bank = ? AND webhook_id = ? ORDER BY number"""
DONE_BY_ONE = """
SELECT type, report_number, effect FROM notices WHERE bank = ? AND webhook_id = ?"""
BLOCKS_OF_ONE = "SELECT at FROM blocks WHERE bank = ? AND webhook_id = ?"


@dataclass(frozen=True)
class Arrival:
    """One attempt as it came in; `webhook_id` is what the sender says, true only if verified."""

    bank: str
    webhook_id: str
    received_at: str
    verified: bool
    behaviour: str
    type: str | None = None
    report_number: str | None = None


@dataclass(frozen=True)
class CarriedOut:
    """What a notice did (see `intake` for the words) and the answer every repetition gets."""

    effect: str
    status: int
    answer: str


def note_arrival(ledger: Connection, arrival: Arrival, effect: str, status: int | None) -> None:
    """One attempt with what is answered to it; status None = no HTTP answer."""
    ledger.execute(
        "INSERT INTO arrivals (bank, webhook_id, received_at, verified, type, report_number,"
        " behaviour, effect, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            arrival.bank,
            arrival.webhook_id,
            arrival.received_at,
            arrival.verified,
            arrival.type,
            arrival.report_number,
            arrival.behaviour,
            effect,
            status,
        ),
    )


def find_carried_out(ledger: Connection, bank: str, webhook_id: str) -> CarriedOut | None:
    """What this webhook-id did when it was carried out, or None."""
    row = ledger.execute(
        "SELECT effect, status, answer FROM notices WHERE bank = ? AND webhook_id = ?",
        (bank, webhook_id),
    ).fetchone()
    return CarriedOut(**dict(row)) if row else None


def note_carried_out(ledger: Connection, arrival: Arrival, done: CarriedOut) -> None:
    """Once for a webhook-id: a second time is an IntegrityError."""
    ledger.execute(
        "INSERT INTO notices (bank, webhook_id, type, report_number, effect, status, answer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            arrival.bank,
            arrival.webhook_id,
            arrival.type,
            arrival.report_number,
            done.effect,
            done.status,
            done.answer,
        ),
    )


def is_withdrawn(ledger: Connection, bank: str, report: str) -> bool:
    """Whether a notice has said that this report was taken back."""
    found = ledger.execute(
        "SELECT 1 FROM notices WHERE bank = ? AND report_number = ?"
        " AND type = 'card.report_withdrawn' LIMIT 1",
        (bank, report),
    )
    return found.fetchone() is not None


def note_block(ledger: Connection, arrival: Arrival) -> None:
    """One block effect. Nothing makes these unique: they are counted to find double effects."""
    ledger.execute(
        "INSERT INTO blocks (bank, report_number, webhook_id, at) VALUES (?, ?, ?, ?)",
        (arrival.bank, arrival.report_number, arrival.webhook_id, now_text()),
    )


def list_all(
    ledger: Ledger, bank: str, after: int, limit: int, report: str | None = None
) -> list[dict[str, Any]]:
    """Attempts with a number above `after`, newest last; those of one report if it is given."""
    rows = ledger.rows(
        "SELECT number, received_at, verified, behaviour, effect, status, webhook_id, type,"
        " report_number FROM arrivals"
        " WHERE bank = ?1 AND number > ?2 AND (?3 IS NULL OR report_number = ?3)"
        " ORDER BY number LIMIT ?4",
        bank,
        after,
        report,
        limit,
    )
    return [_with_flag(row) for row in rows]


def find(ledger: Ledger, bank: str, webhook_id: str) -> dict[str, Any] | None:
    """One webhook-id with all its attempts; effect None = not carried out (yet)."""
    with ledger.snapshot() as rows:
        attempts = rows(ATTEMPTS_OF_ONE, bank, webhook_id)
        done = rows(DONE_BY_ONE, bank, webhook_id)
        blocks = rows(BLOCKS_OF_ONE, bank, webhook_id)
    if not attempts:
        return None
    last = attempts[-1]
    told = {"type": last["type"], "report_number": last["report_number"], "effect": None}
    return {
        "webhook_id": webhook_id,
        **(done[0] if done else told),
        "block_effects": len(blocks),
        "attempts": [_with_flag(attempt) for attempt in attempts],
    }


def block_effects(ledger: Ledger, bank: str) -> dict[str, int]:
    """report number -> how many times it blocked an account."""
    rows = ledger.rows(
        "SELECT report_number, count(*) AS times FROM blocks WHERE bank = ? GROUP BY report_number",
        bank,
    )
    return {row["report_number"]: row["times"] for row in rows}


def _with_flag(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "verified": bool(row["verified"])}
