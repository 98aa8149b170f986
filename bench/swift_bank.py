"""Banks that answer at once, or never, and a text service, in one process; each arrival is noted.

`python -m bench.swift_bank PORT`. Arrivals are on the clock that all processes of a machine share
(`time.monotonic`), so whoever filed a report can tell how long its notice took.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from bench.machine import Program, free_port, listens, python, wait_for

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
WEBHOOK_ID: Final = re.compile(rb"webhook-id: *([!-~]+)", re.IGNORECASE)
REPORT: Final = re.compile(rb'"report_number": ?"(\d{8})"')
IN_TEXT: Final = re.compile(r"report (\d{8})")
TEXTS: Final = "2010-04-01"  # where Twilio's API begins
BLOCKED: Final = b'{"status": "blocked"}'
QUEUED: Final = b'{"sid": "SM00000000000000000000000000000000", "status": "queued"}'

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
        bank, rest = target.decode().split("/")[1:3]
        if method == b"GET":
            self._says(json.dumps(arrivals[bank][int(rest) :]).encode())
        elif method == b"PUT":
            (silent.add if rest == "hang" else silent.discard)(bank)
            self._says(b"{}")
        elif bank == TEXTS:
            told = IN_TEXT.search(unquote_plus(body.decode()))
            arrivals[bank].append(("", told[1] if told else "", arrived))
            self._says(QUEUED, b"201 Created")
        else:
            self._take(bank, head, body, arrived)

    def _take(self, bank: str, head: bytes, body: bytes, arrived: float) -> None:
        identity, report = WEBHOOK_ID.search(head), REPORT.search(body)
        number = report[1].decode() if report else ""
        arrivals[bank].append((identity[1].decode() if identity else "", number, arrived))
        if bank not in silent:
            self._says(BLOCKED)

    def _says(self, body: bytes, status: bytes = b"200 OK") -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d"
        self._transport.write(head % (status, len(body)) + HEAD_END + body)


class Arrival(NamedTuple):
    """`at`: `time.monotonic` seconds."""

    webhook_id: str
    report: str
    at: float


class SwiftBank:
    """The process, and what it knows."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.program = Program("bank", python("bench.swift_bank", self.port), {}, folder)
        wait_for(lambda: listens(self.port), "the banks")
        self._line = HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._known: dict[str, list[Arrival]] = defaultdict(list)

    def arrivals(self, bank: str) -> list[Arrival]:
        """All so far; asks only for what is new, because it is asked often."""
        known = self._known[bank]
        known += [Arrival(*row) for row in json.loads(self._asks("GET", f"/{bank}/{len(known)}"))]
        return known

    def texts(self) -> list[Arrival]:
        return self.arrivals(TEXTS)

    def first(self, bank: str, by: str = "report") -> dict[str, float]:
        """Report number (or `webhook_id`) -> when its first notice had arrived."""
        return {getattr(found, by): found.at for found in reversed(self.arrivals(bank))}

    def behaves(self, bank: str, how: str) -> None:
        """`hang`: never answers; `well`: at once."""
        self._asks("PUT", f"/{bank}/{how}")

    def _asks(self, method: str, target: str) -> bytes:
        self._line.request(method, target)
        return self._line.getresponse().read()


async def main(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(SwiftConnection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
