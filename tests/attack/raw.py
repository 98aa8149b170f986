"""Bytes on a bare connection, and the answers that come back."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.attack.phone import Sent

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


def exchange(base_url: str, raw: bytes, seconds: float = 1.0) -> bytes:
    """Sends all of it at once; what came back until the server hung up or said no more."""
    parts, came = urlsplit(base_url), b""
    place = (parts.hostname or "", parts.port or 80)
    with suppress(OSError), socket.create_connection(place, seconds) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        while piece := line.recv(65536):
            came += piece
    return came


def statuses(came: bytes) -> list[int]:
    """Of every answer on a connection."""
    return [int(found) for found in STATUS.findall(came)]


def head_of(sent: Sent, *lines: str, length: bool = True, target: str = "") -> bytes:
    """The head of a request, with more header lines and perhaps another target."""
    listed = [f"{name}: {value}" for name, value in sent.headers.items()]
    if length:
        listed.append(f"Content-Length: {len(sent.body)}")
    first = f"{sent.method} {target or sent.target} HTTP/1.1"
    return "\r\n".join([first, "Host: x", *listed, *lines, "", ""]).encode("latin-1")


@contextmanager
def a_lenient_server() -> Iterator[str]:
    """A web server that reads whatever looks like a request, and answers each with 200."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=_serve, args=(listener,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            line, _ = listener.accept()
            with line, suppress(OSError):
                came = b""
                while piece := line.recv(65536):
                    came += piece
                count = len(re.findall(rb"\S+ \S+ HTTP/1", came))
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * count)
