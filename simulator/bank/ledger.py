"""The bank's ledger on disk (sqlite3): what a notice did is in here before the bank answers it.

No ID number and no full name is ever written: accounts keep the masked name and the last 4 places.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Query = Callable[..., list[dict[str, Any]]]  # a query and its values -> rows
SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    bank TEXT, card_number TEXT, bank_account TEXT, holder_name TEXT, last4 TEXT,
    blocked INTEGER, since TEXT, by_report TEXT,
    formal_loss INTEGER, settled_at TEXT, settled_report TEXT,
    PRIMARY KEY (bank, card_number));
CREATE TABLE IF NOT EXISTS arrivals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, bank TEXT, webhook_id TEXT, received_at TEXT,
    verified INTEGER, type TEXT, report_number TEXT, behaviour TEXT, effect TEXT, status INTEGER);
CREATE INDEX IF NOT EXISTS arrivals_by_id ON arrivals (bank, webhook_id);
CREATE TABLE IF NOT EXISTS notices (
    bank TEXT, webhook_id TEXT, type TEXT, report_number TEXT, effect TEXT,
    status INTEGER, answer TEXT, PRIMARY KEY (bank, webhook_id));
CREATE INDEX IF NOT EXISTS withdrawals ON notices (bank, report_number)
    WHERE type = 'card.report_withdrawn';
CREATE TABLE IF NOT EXISTS blocks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, bank TEXT, report_number TEXT, webhook_id TEXT,
    at TEXT);
CREATE INDEX IF NOT EXISTS blocks_by_report ON blocks (bank, report_number);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, bank TEXT, event_id TEXT UNIQUE, type TEXT,
    body TEXT, state TEXT, due REAL);
CREATE INDEX IF NOT EXISTS events_waiting ON events (bank, due) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS event_attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT, at TEXT, status INTEGER, answer TEXT);
CREATE INDEX IF NOT EXISTS attempts_by_event ON event_attempts (event_id);
"""


class Ledger:
    """One connection, one writer at a time. A transaction is on disk when its block is left."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / "bank"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            folder / "ledger.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; synced to disk before the `with` block is left."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Query]:
        """Several queries that all see the same moment: no transaction comes in between."""
        with self._lock:
            yield self._query

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Every row of a single query, as dictionaries."""
        with self.snapshot() as rows:
            return rows(query, *values)

    def close(self) -> None:
        """Waits for a transaction under way."""
        with self._lock:
            self._connection.close()

    def _query(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(query, values)]


def text_of(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and Z, so that texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now_text() -> str:
    """This moment, as the ledger writes it."""
    return text_of(datetime.now(UTC))
