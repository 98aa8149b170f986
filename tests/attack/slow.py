"""Connections that say little, slowly; and the proxy that operators must put before the web."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

HEAD = b"POST /voice HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
BODY = (
    HEAD
    + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\nCallSid="
)
KINDS = {
    "says nothing": b"",
    "drips its first line": b"PO",
    "drips its headers": HEAD + b"X-A: ",
    "drips its body": BODY,
    "drips its chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2",
}
CHUNKS = re.compile(rb"(?i)\r\ntransfer-encoding:")
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]{1,6})\r\n")


@contextmanager
def slow_connections(url: str, count: int) -> Iterator[list[str]]:
    """So many at once, of every kind by turns; each sends a byte when all others have. -> their
    kinds.
    """
    kinds = [list(KINDS)[n % len(KINDS)] for n in range(count)]
    parts, over = urlsplit(url), threading.Event()
    lines = []
    for kind in kinds:
        line = socket.create_connection((parts.hostname or "", parts.port or 80), 5)
        line.sendall(KINDS[kind])
        lines.append((kind, line))
    dripping = threading.Thread(target=_drip, args=(lines, over))
    dripping.start()
    try:
        yield kinds
    finally:
        over.set()
        dripping.join()
        for _, line in lines:
            line.close()


def _drip(lines: list[tuple[str, socket.socket]], over: threading.Event) -> None:
    while not over.wait(0.2):
        for kind, line in lines:
            if kind != "says nothing":
                with suppress(OSError):  # the other side has had enough
                    line.send(b"0")


class BufferingProxy:
    """What nginx does with `proxy_request_buffering on`: a request goes on when all of it is here.

    A connection that takes longer than `seconds` for one request is closed. Chunks, which nobody
    sends us, are refused.
    """

    def __init__(self, web: str, seconds: float = 10) -> None:
        self._web = urlsplit(web)
        self._seconds = seconds
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    def __enter__(self) -> "BufferingProxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        while self._open:
            for writer in self._open:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                writer.write(await self._answer(reader))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """To one request, once it is whole."""
        async with asyncio.timeout(self._seconds):
            head = await reader.readuntil(b"\r\n\r\n")
            if CHUNKS.search(head):
                return LENGTH_REQUIRED
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        return await self._asked(head, body)

    async def _asked(self, head: bytes, body: bytes) -> bytes:
        """The web's answer, on a connection of its own."""
        reader, writer = await asyncio.open_connection(self._web.hostname, self._web.port)
        try:
            writer.write(head[:-2] + b"Connection: close\r\n\r\n" + body)
            return (await reader.read(-1)).replace(b"Connection: close\r\n", b"", 1)
        finally:
            writer.close()
