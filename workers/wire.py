"""One POST over the network, bounded in time and size, with a short name for every failure.

No redirect is followed, nothing is tried twice, no proxy is taken from the environment, and TLS
is always verified. The calling code decides what an answer means.
"""

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as failures
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_BYTES: Final = 64 * 1024
# Load balancers and firewalls drop a quiet connection silently (some after 60 s). The first notice
# after a quiet hour must not lose time on such a connection.
QUIET_SECONDS: Final = 30


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the start of the unpacked body, or what failed."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    failure: str
    milliseconds: int


class Deadline:
    """When the exchange in progress must be over (monotonic seconds)."""

    def __init__(self) -> None:
        self._until = 0.0

    def start(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def has_passed(self) -> bool:
        return time.monotonic() >= self._until

    def seconds_left(self) -> float:
        """Raises: TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        return left


class _TimedReads(io.RawIOBase):
    """A socket's bytes; no read waits longer than the whole exchange has left.

    A socket's own timeout starts again with every byte, so a slow sender could hold us for ever.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline) -> None:
        self._raw = raw
        self._sock = sock
        self._longest = sock.gettimeout() or 0.0
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(min(self._longest, self._deadline.seconds_left()))
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer whose every byte must come before the deadline, its headers too."""

    def __init__(self, sock: socket.socket, deadline: Deadline, **options: Any) -> None:
        super().__init__(sock, **options)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_TimedReads(raw, sock, deadline))

    def begin(self) -> None:
        """Reads on past interim answers (RFC 9110 section 15.2): http.client skips 100 alone, and
        would take the final answer for the answer to the next request on this connection.
        """
        super().begin()
        while _is_interim(self.status):
            self.headers = self.msg = None  # type: ignore[assignment] # not begun yet
            super().begin()
        # Some gateways answer 202 at once and, against the protocol, a second time when the server
        # behind them has answered: perhaps with the next request on its way, which would then be
        # believed to be "blocked". So nothing is asked on that connection any more. What is left
        # is a server that repeats itself so late after any other status.
        if self.status == http.HTTPStatus.ACCEPTED:
            self.will_close = True


# `response_class` is where http.client lets a connection choose how answers are read.
class _TimedHttp(HTTPConnection):
    def __init__(self, *args: Any, deadline: Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self.response_class = partial(_TimedResponse, deadline=deadline)  # type: ignore[assignment]


class _TimedHttps(HTTPSConnection):
    def __init__(self, *args: Any, deadline: Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self.response_class = partial(_TimedResponse, deadline=deadline)  # type: ignore[assignment]

    @property
    def is_connected(self) -> bool:
        """Before it uses a connection again, urllib3 asks this, and drops one that has something to
        read: nothing was asked. What TLS has unpacked already does not show on the socket.
        """
        return super().is_connected and not cast("ssl.SSLSocket", self.sock).pending()


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _TimedHttp


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedHttps


def _is_interim(status: int) -> bool:
    """Whether a final answer still follows. After 101 none does, but another protocol."""
    return 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS


class Wire:
    """A connection to one server, kept open between posts; for one thread at a time."""

    def __init__(self, base_url: str, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """`seconds` limits connecting and every wait; the whole exchange has one second more."""
        self._seconds = seconds
        self._deadline = Deadline()
        self._last_used = time.monotonic()
        self._pool = self._open(base_url, tls)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends and waits for the answer; never raises for what the network or server does."""
        self._drop_a_quiet_connection()
        started = time.monotonic()
        self._deadline.start(self._seconds + 1)
        try:
            status, answer_headers, start = self._exchange(path, body, headers)
            failure = ""
        except failures.HTTPError as error:
            status, answer_headers, start = None, {}, b""
            failure = "too_slow" if self._deadline.has_passed() else name_of(error)
        self._last_used = time.monotonic()
        milliseconds = round((self._last_used - started) * 1000)
        return Answer(status, answer_headers, start, failure, milliseconds)

    def close(self) -> None:
        self._pool.close()

    def _open(self, base_url: str, tls: ssl.SSLContext | None) -> urllib3.HTTPConnectionPool:
        parts = urlsplit(base_url)
        options: dict[str, Any] = {"timeout": self._seconds, "deadline": self._deadline}
        if parts.scheme == "http":
            return _HttpPool(parts.hostname or "", parts.port, **options)
        tls = tls or ssl.create_default_context()
        return _HttpsPool(parts.hostname or "", parts.port, ssl_context=tls, **options)

    def _drop_a_quiet_connection(self) -> None:
        if time.monotonic() - self._last_used > QUIET_SECONDS and self._pool.pool is not None:
            while not self._pool.pool.empty():
                connection = self._pool.pool.get(block=False)
                if connection is not None:
                    connection.close()

    def _exchange(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        response = self._pool.urlopen(
            "POST", path, body=body, headers=dict(headers), retries=False,
            redirect=False, preload_content=False, decode_content=False,
        )  # fmt: skip
        body = unpacked(_start_of(response), response.headers.get("content-encoding", ""))
        return response.status, response.headers, body


def _start_of(response: urllib3.BaseHTTPResponse) -> bytes:
    """The first 64 kB. The status already says what counts, so a cut-off body is no failure."""
    body = b""
    if response.status < 200:  # not final: what follows on this connection is no answer
        response.close()
        return body
    try:
        while len(body) < MOST_BYTES:
            piece = response.read1(MOST_BYTES - len(body), decode_content=False)
            if not piece:
                response.release_conn()
                return body
            body += piece
    except (failures.HTTPError, OSError):
        pass
    response.close()  # what is left unread must not be taken for the next answer
    return body


def unpacked(body: bytes, encoding: str) -> bytes:
    """The start of what a gateway has packed unasked, again at most 64 kB; else the body itself.

    gzip is known by its first bytes: some gateways lose the header, or leave it on what they have
    unpacked. deflate comes with its zlib wrapping (RFC 9110 section 8.4.1.2) or, often, without.
    """
    if body.startswith(b"\x1f\x8b"):
        kinds = [16 + zlib.MAX_WBITS]
    else:
        kinds = [zlib.MAX_WBITS, -zlib.MAX_WBITS] if encoding.lower() == "deflate" else []
    for bits in kinds:
        with suppress(zlib.error):
            return zlib.decompressobj(bits).decompress(body, MOST_BYTES)
    return body


def name_of(error: BaseException) -> str:
    """A short, fixed name: the library's own text may hold addresses or parts of an answer."""
    for kind, name in _NAMES:
        if isinstance(error, kind):
            return name
    cause = error.args[-1] if error.args else None  # urllib3 wraps what the socket raised
    return name_of(cause) if isinstance(cause, BaseException) else "network_error"


# The first that fits counts, so the narrower kinds stand above the wider ones.
_NAMES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (failures.NameResolutionError, "dns_error"),
    (failures.NewConnectionError, "connection_refused"),
    (failures.ConnectTimeoutError, "connect_timeout"),
    (failures.ReadTimeoutError, "read_timeout"),
    (failures.SSLError, "tls_error"),
    (ssl.SSLError, "tls_error"),
    (http.client.RemoteDisconnected, "connection_closed"),
    (ConnectionResetError, "connection_reset"),
    (http.client.HTTPException, "not_http"),
)
