"""Speaks HTTP with the receiver under test: well, slowly, or breaking off.

No redirect is followed, no proxy is used, and nothing is tried twice: as the hotline does it.
"""

import gzip
import json
import re
import socket
import ssl
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BytesIO
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from simulator.bank.broken_answers import RESET_ON_CLOSE
from simulator.conformance.words import NOTHING, Said, said

MOST_BYTES: Final = 64 * 1024
TRY_AGAIN: Final = (408, 425, 429, *range(500, 600))
_WORD: Final = re.compile(r"[a-zA-Z0-9_/+.-]{1,40}")


class UnreachableError(Exception):
    """Nobody can be asked at this address; the text says why."""


@dataclass(frozen=True)
class Request:
    """One attempt at one notice. sent_in: pieces of the body; pause: seconds between them, and
    before the answer is read.
    """

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    sent_in: int = 1
    pause: float = 0


@dataclass(frozen=True)
class Answer:
    """What came back. status None: nothing did in time (`is_late`), or no whole HTTP answer."""

    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    failure: Said = NOTHING
    is_late: bool = False

    @property
    def is_accepted(self) -> bool:
        """2xx: the hotline takes the notice for received."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def may_work_later(self) -> bool:
        """The hotline sends the notice again."""
        return self.status is None or self.status in TRY_AGAIN

    @property
    def says_blocked(self) -> bool:
        """Whether the caller would be told that the card is blocked."""
        return self.is_accepted and self._field("status") == "blocked"

    @property
    def word(self) -> str:
        """What the hotline keeps of it: "blocked", or its `code` or `status`; else empty."""
        told = (self._field(name) for name in ("code", "status"))
        return "blocked" if self.says_blocked else next(filter(None, told), "")

    def _field(self, name: str) -> str:
        try:
            said = self.said()
        except ValueError:
            return ""
        found = said.get(name) if isinstance(said, dict) else None
        return found if isinstance(found, str) else ""

    def said(self) -> Any:
        """The JSON of the body, None if that is empty. Raises ValueError: it is none."""
        body = _unpacked(self.body, self.headers.get("content-encoding", ""))
        if not body.strip():
            return None
        try:
            return json.loads(body)
        except ValueError:
            return json.loads(body.decode("gb18030"))

    @property
    def told(self) -> Said:
        """Of the body no more than its word, for the rest may name people, or repeat a login."""
        if self.status is None:
            return self.failure
        if _WORD.fullmatch(self.word):
            return said('{} "{}"', self.status, self.word)
        if not self.is_accepted or not self.body:
            return said("{}", self.status)
        kind = self.headers.get("content-type", "").partition(";")[0]
        shown = kind if _WORD.fullmatch(kind) else "?"
        return said("{}, {} bytes of {}", self.status, len(self.body), shown)

    def __str__(self) -> str:
        return str(self.told)


class Receiver:
    """The address under test. seconds: how long one answer may take; quiet: how long nothing comes
    behind an answer until it counts as the only one.
    """

    def __init__(
        self, url: str, seconds: float, tls: ssl.SSLContext | None = None, quiet: float = 0.5
    ) -> None:
        parts = urlsplit(url)
        self.url = url
        self.seconds, self._quiet = seconds, min(quiet, seconds)
        self._host, self._port = parts.hostname or "", parts.port
        is_tls = parts.scheme == "https"
        self._tls = (tls or ssl.create_default_context()) if is_tls else None
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._login = _login(parts.username, parts.password)

    def reach(self) -> None:
        """Opens a connection and closes it. Raises UnreachableError."""
        try:
            with closing(self._connection()) as connection:
                connection.connect()
        except OSError as error:
            raise UnreachableError(str(_why(error))) from None

    def post(self, request: Request) -> Answer:
        """One attempt over a connection of its own. Never raises for what the other side does."""
        with closing(self._connection()) as connection:
            try:
                self._send(connection, request)
                time.sleep(request.pause)
                return self._read(connection)
            except OSError as error:
                return Answer(failure=_why(error), is_late=isinstance(error, TimeoutError))

    def post_and_drop(self, request: Request) -> bool:
        """Resets the connection when the answer begins to come. -> whether it began in time."""
        with closing(self._connection()) as connection:
            try:
                self._send(connection, request)
                begun = connection.sock.recv(1) != b""
                if begun:
                    linger = (socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    connection.sock.setsockopt(*linger)
            except OSError:
                return False
        return begun

    def post_and_listen(self, first: Request, second: Request) -> tuple[Answer, bytes, Answer]:
        """Two notices over one connection, if the other side keeps it open.

        -> the first answer, what came behind it unasked, and the second answer.
        """
        with closing(self._connection()) as connection:
            try:
                self._send(connection, first)
                answer, surplus, is_open = self._listen(connection.sock)
                if not is_open or surplus:
                    return answer, surplus, answer
                following = self._connection()  # http.client would have read the answer itself
                following.sock = connection.sock
                self._send(following, second)
                next_answer, surplus, is_open = self._listen(connection.sock)
                was_closed = next_answer.status is None and not is_open  # it may, at any time
                return answer, surplus, answer if was_closed else next_answer
            except OSError as error:
                failed = Answer(failure=_why(error), is_late=isinstance(error, TimeoutError))
                return failed, b"", failed

    def _connection(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=self.seconds)
        return HTTPSConnection(self._host, self._port, timeout=self.seconds, context=self._tls)

    def _send(self, connection: HTTPConnection, request: Request) -> None:
        """Who answers before it has read everything, and closes, is heard all the same."""
        if connection.sock is None:
            connection.connect()
        connection.putrequest("POST", self._target, skip_accept_encoding=True)
        length = {"content-length": str(len(request.body))}
        for name, value in {**request.headers, **length, **self._login}.items():
            connection.putheader(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders()
            for number, piece in enumerate(_pieces(request.body, request.sent_in)):
                time.sleep(request.pause if number else 0)
                connection.send(piece)

    def _read(self, connection: HTTPConnection) -> Answer:
        started = time.monotonic()
        with self._limit(connection.sock) as too_late:
            try:
                response = connection.getresponse()
                body = response.read(MOST_BYTES + 1)
            except (OSError, HTTPException) as error:
                return self._no_answer(error, too_late)
        if too_late.is_set():
            return self._no_answer(TimeoutError(), too_late)
        return _answer(response, body, time.monotonic() - started)

    def _no_answer(self, error: Exception, too_late: threading.Event) -> Answer:
        if too_late.is_set() or isinstance(error, TimeoutError):
            return Answer(failure=self._too_late(), is_late=True)
        return Answer(failure=_why(error))

    def _too_late(self) -> Said:
        return said("gave no answer within {} s", f"{self.seconds:g}")

    @contextmanager
    def _limit(self, connection: socket.socket) -> Iterator[threading.Event]:
        """Ends the connection when the time is over, however busily the other side drips."""
        too_late = threading.Event()

        def end() -> None:
            too_late.set()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.seconds, end)
        timer.start()
        try:
            yield too_late
        finally:
            timer.cancel()

    def _listen(self, connection: socket.socket) -> tuple[Answer, bytes, bool]:
        """Reads until nothing comes. -> the answer, what is behind it, and whether it is open."""
        started, came, is_open = time.monotonic(), b"", True
        while is_open:
            connection.settimeout(self._quiet if came else self.seconds)
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                break
            came, is_open = came + piece, piece != b""
        if not came:
            failure = self._too_late() if is_open else said("closed")
            return Answer(failure=failure, is_late=is_open), b"", is_open
        answer, surplus = _parsed(came, time.monotonic() - started)
        return answer, surplus, is_open and answer.headers.get("connection", "").lower() != "close"


class _Bytes(BytesIO):
    """What came over a socket, for `HTTPResponse`, which closes what it has read to the end."""

    def makefile(self, *_: object) -> "_Bytes":
        return self

    def close(self) -> None:
        """Stays open: what follows the answer is still to be read."""


def _parsed(came: bytes, seconds: float) -> tuple[Answer, bytes]:
    stream = _Bytes(came)
    response = HTTPResponse(cast("socket.socket", stream), method="POST")
    try:
        response.begin()
        body = response.read()
    except HTTPException as error:
        return Answer(failure=_why(error)), b""
    return _answer(response, body, seconds), stream.read()


def _answer(response: HTTPResponse, body: bytes, seconds: float) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, body, headers, seconds)


def _login(user: str | None, password: str | None) -> dict[str, str]:
    """`https://user:password@bank.example/…`, as BANKS_FILE may have it."""
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"authorization": f"Basic {b64encode(pair).decode()}"}


def _pieces(body: bytes, count: int) -> Sequence[bytes]:
    size = -(-len(body) // count) or 1
    return [body[start : start + size] for start in range(0, len(body), size)]


def _unpacked(body: bytes, encoding: str) -> bytes:
    try:
        if body.startswith(b"\x1f\x8b"):
            return gzip.decompress(body)
        return zlib.decompress(body) if encoding.lower() == "deflate" else body
    except (OSError, EOFError, zlib.error):
        raise ValueError("not what its content-encoding says") from None


def _why(error: Exception) -> Said:
    """What failed, in words of our own: a library's text may repeat parts of an answer."""
    known = (told for kind, told in _FAILURES if isinstance(error, kind))
    return next(known, said("network error"))


_FAILURES: Final[tuple[tuple[type[Exception], Said], ...]] = (
    (ssl.SSLCertVerificationError, said("its TLS certificate cannot be trusted (see --ca-file)")),
    (ssl.SSLError, said("TLS could not be agreed on")),
    (socket.gaierror, said("its name is not known")),
    (ConnectionRefusedError, said("refused the connection")),
    (TimeoutError, said("gave no answer in time")),
    (ConnectionError, said("closed the connection without an answer")),  # RemoteDisconnected is one
    (HTTPException, said("answered what is no whole HTTP answer")),
)
