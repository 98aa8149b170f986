"""A bank that answers at once, or never, and notes to the microsecond when each notice arrived.

`python -m bench.swift_bank PORT`. Arrivals are on the clock that all processes of a machine share
(`time.monotonic`), so the process that filed a report can tell how long its notice took.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.bank.running import RunningBank

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
WEBHOOK_ID = re.compile(rb"webhook-id: *([!-~]+)", re.IGNORECASE)
REPORT = re.compile(rb'"report_number": ?"(\d{8})"')

BLOCKED = b'{"status": "blocked"}'
arrivals: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
silent: set[str] = set()


class SwiftConnection(asyncio.Protocol):
    """One connection, kept open, with any number of requests."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(HEAD_END)) >= 0:
            head, start = self._received[:end], end + len(HEAD_END)
            length = int(found[1]) if (found := LENGTH.search(head)) else 0
            if len(self._received) < start + length:
                return
            body = self._received[start : start + length]
            self._received = self._received[start + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        arrived = time.monotonic()
        method, target, _ = head.split(b" ", 2)
        bank = target.decode().split("/")[1]
        if method == b"POST":
            self._take(bank, head, body, arrived)
        elif method == b"PUT":
            (silent.add if json.loads(body)[0]["kind"] == "hang" else silent.discard)(bank)
            self._says(b"{}")
        else:
            after = int(target.decode().split("/")[2])
            self._says(json.dumps(arrivals[bank][after:]).encode())

    def _take(self, bank: str, head: bytes, body: bytes, arrived: float) -> None:
        identity, report = WEBHOOK_ID.search(head), REPORT.search(body)
        if identity:
            number = report[1].decode() if report else ""
            arrivals[bank].append((identity[1].decode(), number, arrived))
        if bank not in silent:
            self._says(BLOCKED)

    def _says(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._transport.write(head.encode() + HEAD_END + body)


class SwiftBank(RunningBank):
    """Started and stopped as the sandbox bank is; its client may let a bank hang."""

    _known: dict[str, list[Any]]

    def start(self) -> None:
        self._known = defaultdict(list)
        super().start()

    def first_arrivals(self, bank: str) -> dict[str, float]:
        """Report number -> when its first notice had arrived (`time.monotonic` seconds)."""
        return _first(self._arrivals(bank), by=1)

    def first_arrivals_by_id(self, bank: str) -> dict[str, float]:
        """The same by webhook-id."""
        return _first(self._arrivals(bank), by=0)

    def _arrivals(self, bank: str) -> list[Any]:
        """Asks only for what is new, because it asks often."""
        known = self._known[bank]
        answer = self.client._session.get(f"{self.url}/{bank}/{len(known)}", timeout=10)
        known += answer.json()
        return known

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "bench.swift_bank", str(self.port)]


def swift_bank(folder: Path, banks: Sequence[str], timeout_seconds: float = 5) -> SwiftBank:
    """Not started yet."""
    return SwiftBank(folder, "http://127.0.0.1", banks, timeout_seconds=timeout_seconds)


def _first(rows: list[Any], by: int) -> dict[str, float]:
    return {row[by]: row[2] for row in reversed(rows)}


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(SwiftConnection, "127.0.0.1", port)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
