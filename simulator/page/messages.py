"""Text messages, in SQLite under DATA_DIR/simulator: a message answered with 201 is on disk.

Twilio keeps what it has accepted, so a simulator that is restarted (or killed by a test that
counts messages) must not have forgotten any. Only the last 10 000 are kept.
"""

import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

MOST = 10_000
_COLUMNS = "number, sid, direction, sender, receiver, body, at, status"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT UNIQUE, direction TEXT,
    sender TEXT, receiver TEXT, body TEXT, at REAL, status TEXT);
CREATE INDEX IF NOT EXISTS messages_by_receiver ON messages (receiver);
CREATE INDEX IF NOT EXISTS messages_by_sender ON messages (sender);
"""


@dataclass(frozen=True)
class Message:
    """One message. `direction` is Twilio's word, from the hotline's view: `outbound-api` comes to
    the phone, `inbound` was sent by it. `status` of an inbound one is what came of the webhook.
    """

    sid: str
    direction: Literal["outbound-api", "outbound-reply", "inbound"]
    sender: str
    receiver: str
    body: str
    status: str
    at: float  # unix seconds
    number: int = 0

    def as_json(self) -> dict[str, Any]:
        """As GET /messages tells it."""
        return {
            "number": self.number,
            "sid": self.sid,
            "direction": self.direction,
            "from": self.sender,
            "to": self.receiver,
            "body": self.body,
            "status": self.status,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat().replace("+00:00", "Z"),
        }


class MessageStore:
    """All messages of this simulator. Usable from any thread."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._most = most
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            folder / "messages.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def add(self, message: Message) -> int:
        """-> its running number. Returns when it is on disk."""
        with self._lock:
            cursor = self._connection.execute(
                "INSERT INTO messages (sid, direction, sender, receiver, body, at, status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    message.sid,
                    message.direction,
                    message.sender,
                    message.receiver,
                    message.body,
                    message.at,
                    message.status,
                ),
            )
            number = cursor.lastrowid or 0
            self._connection.execute(
                "DELETE FROM messages WHERE number <= ?", (number - self._most,)
            )
        return number

    def set_status(self, sid: str, status: str) -> None:
        """What became of a message since."""
        with self._lock:
            self._connection.execute("UPDATE messages SET status = ? WHERE sid = ?", (status, sid))

    def sent(self, to: str = "", after: int = 0) -> list[Message]:
        """What came from the hotline, oldest first; to one number, or to anybody."""
        return self._read(
            "direction <> 'inbound' AND (?1 = '' OR receiver = ?1) AND number > ?2", to, after
        )

    def of_phone(self, number: str) -> list[Message]:
        """Both directions, oldest first."""
        return self._read("receiver = ?1 OR sender = ?1", number)

    def close(self) -> None:
        """Waits for a message being written."""
        with self._lock:
            self._connection.close()

    def _read(self, condition: str, *values: Any) -> list[Message]:
        query = f"SELECT {_COLUMNS} FROM messages WHERE {condition} ORDER BY number"  # noqa: S608
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [
            Message(sid, direction, sender, receiver, body, status, at, number)
            for number, sid, direction, sender, receiver, body, at, status in rows
        ]
