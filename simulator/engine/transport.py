"""How one request reaches the application: over real HTTP, or straight into a WSGI app.

A transport sends exactly one request: no redirects, no retries, no cookies, no proxies. Those that
Twilio has are added in fetch.py.
"""

import io
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from werkzeug.test import Client, EnvironBuilder

# Not reached; too slow; no such host; no handshake; an answer that is no HTTP.
Failure = Literal["connect", "read", "host", "tls", "broken"]


class TransportError(Exception):
    """No response came back. `failure` says how far the request got."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure


@dataclass(frozen=True)
class Limits:
    """Seconds: to connect, between two packets, and for everything together."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP response as received; header names in any case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


class Transport(Protocol):
    """Sends one request. Safe to share between calls and threads."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        """`url` is absolute, without fragment, already percent-encoded. Raises TransportError."""
        ...


class HttpTransport:
    """Real HTTP through requests' adapter: pooled connections, shared by any number of calls.

    The adapter is used without a Session, so proxy settings and .netrc are never read.
    `via` plays a TLS-terminating proxy: requests for any public URL are sent to this base URL,
    with the public host in `Host` and the usual X-Forwarded headers.
    """

    def __init__(self, via: str = "", connections: int = 256) -> None:
        self._adapter = HTTPAdapter(pool_maxsize=connections)
        self._via = via.rstrip("/")

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        deadline = time.monotonic() + limits.total
        timeouts = (min(limits.connect, limits.total), min(limits.read, limits.total))
        try:
            request = self._prepared(method, url, headers, body)
            response = self._adapter.send(request, stream=True, timeout=timeouts)
            return _read(response, deadline)
        except Exception as error:  # each layer below has exceptions of its own
            raise TransportError(_failure(error), f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Closes idle connections."""
        self._adapter.close()

    def _prepared(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> requests.PreparedRequest:
        request = requests.Request(method, url, headers=dict(headers), data=body or None).prepare()
        # requests re-encodes URLs (%7E becomes ~); the signature covers them as they are.
        request.url = self._routed(url)
        if self._via:
            parts = urlsplit(url)
            request.headers["Host"] = parts.netloc.rpartition("@")[2]
            request.headers["X-Forwarded-Proto"] = parts.scheme
            request.headers["X-Forwarded-Host"] = request.headers["Host"]
        return request

    def _routed(self, url: str) -> str:
        if not self._via:
            return url
        return self._via + url.partition(f"//{urlsplit(url).netloc}")[2]


def _read(response: requests.Response, deadline: float) -> HttpResponse:
    body = io.BytesIO()
    with response:
        for chunk in response.iter_content(16 * 1024):
            body.write(chunk)
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("the answer took longer than the total time allowed")
    headers = response.raw.headers.items()
    return HttpResponse(response.status_code, tuple(headers), body.getvalue())


def _failure(error: Exception) -> Failure:
    if isinstance(error, (LocationValueError, requests.exceptions.InvalidURL, UnicodeError)):
        return "host"
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    if isinstance(error, requests.Timeout):
        return "connect" if isinstance(error, requests.ConnectTimeout) else "read"
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, NameResolutionError):
        return "host"
    if isinstance(reason, NewConnectionError):
        return "connect"
    return "read" if isinstance(reason, ReadTimeoutError) else "broken"


class WsgiTransport:
    """Calls a WSGI app in this thread, as fast as it can answer.

    An exception of the app becomes a 500 with the traceback as body, as a server would make of it.
    `host`: the app's own host. A URL of another host fails; with an empty one the app gets all.
    """

    def __init__(self, app: Any, host: str = "") -> None:
        self._app = app
        self._host = host

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        if self._host and urlsplit(url).netloc != self._host:
            raise TransportError("host", f"the application is at {self._host} only")
        started = time.monotonic()
        try:
            response = self._call(method, url, headers, body)
        except Exception:  # whatever the app under test may raise
            text = traceback.format_exc().encode()
            response = HttpResponse(500, (("Content-Type", "text/plain"),), text)
        if time.monotonic() - started > min(limits.read, limits.total):
            raise TransportError("read", "the app took longer than the time allowed")
        return response

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        builder = EnvironBuilder(
            target,
            base_url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            method=method,
            headers=list(headers.items()),
            input_stream=io.BytesIO(body),
            environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
        )
        if body:
            builder.content_length = len(body)
        response = Client(self._app, use_cookies=False).open(builder)
        return HttpResponse(
            response.status_code, tuple(response.headers.items()), response.get_data()
        )
