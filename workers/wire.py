"""One POST over the network, bounded in time and size, with a short name for every failure.

No redirect is followed, nothing is tried twice, no proxy is taken from the environment, and TLS
is always verified. The calling code decides what an answer means.
"""

import http
import re
import select
import ssl
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

MOST_BYTES: Final = 64 * 1024
# Load balancers and firewalls drop a quiet connection silently (some after 60 s). The first notice
# after a quiet hour must not lose time on such a connection.
QUIET_SECONDS: Final = 30
_LAST: Final = (http.HTTPStatus.ACCEPTED, http.HTTPStatus.SWITCHING_PROTOCOLS)
_STATUS_LINE: Final = re.compile(rb"HTTP/1[.][01] ([2-5][0-9][0-9])[ \r\n]")
# What aiohttp would send by itself: an answer is not asked to be packed.
_NOT_OURS: Final = ("Accept", "Accept-Encoding", "User-Agent")


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the start of the unpacked body, or what failed."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    failure: str
    milliseconds: int


class _Protocol(ResponseHandler):
    """Some gateways answer 202 at once and, against the protocol, a second time when the server
    behind them has answered: perhaps with the next request on its way, which would then be believed
    to be "blocked". So nothing is asked on that connection any more, nor after 101.

    What the library's strict parser refuses may have a status all the same: extra bytes after an
    answer, a doubled length. The bank has acted on the notice, so its status counts.
    """

    _status = 0

    def data_received(self, data: bytes) -> None:
        line = _STATUS_LINE.match(data)
        self._status = int(line[1]) if line else self._status
        super().data_received(data)

    def set_exception(self, exc: BaseException, *causes: BaseException) -> None:
        if isinstance(exc, HttpProcessingError):
            exc.code = self._status
        super().set_exception(exc, *causes)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        if data[0].code in _LAST:
            self.force_close()
        super().feed_data(data, size)


class _Connector(aiohttp.TCPConnector):
    """Never uses a connection again on which something came that nobody asked for: it would be
    taken for the answer to the next request.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_Protocol, loop=self._loop)  # type: ignore[assignment]

    async def _get(self, *args: Any) -> Connection | None:
        while (connection := await super()._get(*args)) is not None:
            if not _has_more_to_say(connection):
                break
            connection.close()
        return connection


def _has_more_to_say(connection: Connection) -> bool:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))


class Wire:
    """Connections to one address, kept open between posts. For one event loop."""

    def __init__(self, url: str, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """`seconds` limits connecting and every wait; the whole exchange has one second more."""
        parts = urlsplit(url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        self._url = URL(bare.geturl(), encoded=True)
        self._tls = tls
        self.longest_seconds = seconds + 1
        self._limits = aiohttp.ClientTimeout(
            total=self.longest_seconds, sock_connect=seconds, sock_read=seconds, ceil_threshold=60
        )
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends and waits for the answer; never raises for what the network or server does."""
        started = time.monotonic()
        status: int | None = None
        answer_headers: Mapping[str, str] = {}
        start, failure = b"", ""
        try:
            status, answer_headers, start = await self._exchange(body, headers)
        except aiohttp.ClientResponseError as error:
            status = error.status or None
            failure = "" if status else name_of(error)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = name_of(error)
        milliseconds = round((time.monotonic() - started) * 1000)
        return Answer(status, answer_headers, start, failure, milliseconds)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _exchange(
        self, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            self._session = _session(self._tls, self._limits)
        response = await self._session.post(
            self._url, data=body, headers=headers, allow_redirects=False
        )
        start, is_whole = await _start_of(response)
        if not is_whole:  # what is left unread must not be taken for the next answer
            response.close()
        encoding = response.headers.get("content-encoding", "")
        return response.status, response.headers, unpacked(start, encoding)


def _session(tls: ssl.SSLContext | None, limits: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    connector = _Connector(limit=0, ssl=tls or True, keepalive_timeout=QUIET_SECONDS)
    return aiohttp.ClientSession(
        connector=connector, timeout=limits, trust_env=False, auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=_NOT_OURS,
    )  # fmt: skip


async def _start_of(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """The first 64 kB, and whether that is all. The status already says what counts, so a cut-off
    body is no failure.
    """
    body = b""
    with suppress(aiohttp.ClientError, OSError):
        while len(body) <= MOST_BYTES:
            piece = await response.content.readany()
            if not piece:
                return body, True
            body += piece
    return body[:MOST_BYTES], False


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
    if isinstance(error.__cause__, ssl.SSLError):  # the other side does not like our certificate
        return "tls_error"
    return next((name for kind, name in _NAMES if isinstance(error, kind)), "network_error")


# The first that fits counts, so the narrower kinds stand above the wider ones.
_NAMES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "dns_error"),
    (aiohttp.ClientConnectorCertificateError, "tls_error"),
    (aiohttp.ClientSSLError, "tls_error"),
    (aiohttp.ClientConnectorError, "connection_refused"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.SocketTimeoutError, "read_timeout"),
    (TimeoutError, "too_slow"),
    (aiohttp.ServerDisconnectedError, "connection_closed"),
    (aiohttp.ClientOSError, "connection_reset"),
    (aiohttp.ClientResponseError, "not_http"),
)
