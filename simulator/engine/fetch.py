"""Twilio's side of HTTP for one call: signing, cookies, redirects, retries, and the record of it.

Source: twilio.com/docs/voice/twiml and twilio.com/docs/usage/webhooks.
"""

import base64
import re
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from .faults import FaultError
from .overrides import Overrides
from .signature import sign
from .transport import HttpResponse, Limits, Transport, TransportError

MOST_REDIRECTS = 10
_LONGEST_HOST = 253
_REDIRECTS = (301, 302, 303, 307)
_FAILURE_CODES = {"connect": 11205, "read": 11205, "host": 11210, "tls": 11220, "broken": 11200}


@dataclass(frozen=True)
class Exchange:
    """One HTTP attempt: what was sent, what came back (status 0: nothing), wall-clock time."""

    at_seconds: float
    purpose: str
    method: str
    url: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    status: int
    body: str
    milliseconds: float
    failure: str = ""


@dataclass(frozen=True)
class HttpRequest:
    """A request that Twilio is about to make.

    `parameters` are sent with every request of the call, `input` (Digits ...) only with this one:
    it is lost when the request is redirected.
    """

    url: str
    parameters: Mapping[str, str]
    input: Mapping[str, str]
    method: str = "POST"
    purpose: str = "voice"


class Fetcher:
    """All HTTP of one call. `exchanges` keeps every attempt in order."""

    def __init__(self, transport: Transport, auth_token: str) -> None:
        self._transport = transport
        self._auth_token = auth_token
        self._cookies = CookieJar()
        self.exchanges: list[Exchange] = []

    def fetch(self, request: HttpRequest, at_seconds: float = 0.0) -> tuple[str, HttpResponse]:
        """Follows redirects; returns the final URL and its 2xx response. FaultError otherwise."""
        _check_url(request.url)
        overrides = Overrides.of(request.url)
        token = str(uuid.uuid4())
        for _hop in range(MOST_REDIRECTS + 1):
            response = self._attempts(request, overrides, token, at_seconds)
            if response.status not in _REDIRECTS:
                return request.url, _checked(response, request.url)
            request = _redirected(request, response)
            _check_url(request.url)
        raise FaultError(11215, f"more than {MOST_REDIRECTS}", request.url)

    def _attempts(
        self, request: HttpRequest, overrides: Overrides, token: str, at_seconds: float
    ) -> HttpResponse:
        deadline = time.monotonic() + overrides.limits.total
        for retries_left in range(overrides.retries, -1, -1):
            left = deadline - time.monotonic()
            limits = Limits(overrides.limits.connect, overrides.limits.read, max(left, 0.001))
            exchange, response, failure = self._attempt(request, token, limits, at_seconds)
            self.exchanges.append(exchange)
            again = overrides.try_again(failure, exchange.status)
            if not (again and retries_left and time.monotonic() < deadline):
                break
        if response is None:
            raise FaultError(_FAILURE_CODES[failure], exchange.failure, request.url)
        return response

    def _attempt(
        self, request: HttpRequest, token: str, limits: Limits, at_seconds: float
    ) -> tuple[Exchange, HttpResponse | None, str]:
        parameters = {**request.parameters, **request.input}
        url, body = _sent(request.method, request.url, parameters)
        headers = self._headers(request, url, body, token, parameters)
        started = time.perf_counter()
        response, failure, detail = None, "", ""
        try:
            response = self._transport.send(
                request.method, _without_user(url), headers, body, limits
            )
            self._keep_cookies(url, response)
        except TransportError as error:
            failure, detail = error.failure, f"{error.failure}: {error}"
        milliseconds = (time.perf_counter() - started) * 1000
        exchange = Exchange(
            at_seconds, request.purpose, request.method, url, parameters, headers,
            response.status if response else 0,
            _shown(response) if response else "", milliseconds, detail,
        )  # fmt: skip
        return exchange, response, failure

    def _headers(
        self, request: HttpRequest, url: str, body: bytes, token: str, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "X-Twilio-Signature": sign(self._auth_token, url, parameters if body else {}),
            "I-Twilio-Idempotency-Token": token,
        }
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        user = urlsplit(request.url).netloc.rpartition("@")[0]
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(unquote(user).encode()).decode()
        cookies = self._cookie_header(url)
        return {**headers, "Cookie": cookies} if cookies else headers

    def _cookie_header(self, url: str) -> str:
        probe = urllib.request.Request(url)  # noqa: S310 - never opened, only carries the URL
        self._cookies.add_cookie_header(probe)
        return probe.get_header("Cookie", "") or ""

    def _keep_cookies(self, url: str, response: HttpResponse) -> None:
        probe = urllib.request.Request(url)  # noqa: S310 - never opened, only carries the URL
        self._cookies.extract_cookies(_CookieResponse(response), probe)  # type: ignore[arg-type]


def _shown(response: HttpResponse) -> str:
    """A body as text; nobody reads a recording."""
    is_sound = response.header("Content-Type").startswith("audio/")
    return "" if is_sound else response.body.decode("utf-8", "replace")


class _CookieResponse:
    """The one method the standard library's cookie jar asks of a response."""

    def __init__(self, response: HttpResponse) -> None:
        self._message = Message()
        for name, value in response.headers:
            self._message.add_header(name, value)

    def info(self) -> Message:
        return self._message


def _check_url(url: str) -> None:
    """FaultError 11100 if it is no web address, 11210 if no host can have such a name."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise FaultError(11100, f"{url!r} is not a web address")
    if not _can_be_a_host(parts.hostname or ""):
        raise FaultError(11210, f"{parts.hostname!r} cannot be the name of a host")


def _can_be_a_host(name: str) -> bool:
    """RFC 1035: labels of 1 to 63 octets, 253 altogether; other alphabets as RFC 3490 has them."""
    try:
        return len(name.encode("idna")) <= _LONGEST_HOST
    except UnicodeError:
        return False


def resolved(url: str, document: str) -> str:
    """The URL as seen from a document; what is no URL stays as it is: asking for it will say so."""
    try:
        return urljoin(document.partition("#")[0], url)
    except ValueError:
        return url


def as_sent(url: str) -> str:
    """The URL as it is sent and signed.

    What a path or query may not hold is percent-encoded, and escapes are upper case, as urllib3
    would make them. Everything else stays as the application wrote it.
    """
    origin, target = _origin_and_target(url)
    escaped = re.sub(r"%[0-9a-fA-F]{2}", lambda escape: escape.group().upper(), target)
    return origin + quote(escaped, safe="%/?:@!$&'()*+,;=-._~")


def _origin_and_target(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin, url[len(origin) :] or "/"


def _sent(method: str, url: str, parameters: Mapping[str, str]) -> tuple[str, bytes]:
    """URL without fragment, and body; a GET carries the parameters in the query."""
    target = as_sent(url.partition("#")[0])
    form = urlencode(parameters)
    if method == "POST":
        return target, form.encode()
    if not form:
        return target, b""
    return f"{target}{'&' if urlsplit(target).query else '?'}{form}", b""


def _without_user(url: str) -> str:
    netloc = urlsplit(url).netloc
    return url.replace(f"//{netloc}", f"//{netloc.rpartition('@')[2]}", 1)


def _redirected(request: HttpRequest, response: HttpResponse) -> HttpRequest:
    """The next hop: a redirect "of a Gather action loses Digits"; only 307 stays a POST."""
    location = response.header("Location")
    if not location:
        raise FaultError(11216, f"{response.status} without Location", request.url)
    method = request.method if response.status == 307 else "GET"
    target = resolved(location, request.url)
    return HttpRequest(target, request.parameters, {}, method, request.purpose)


def _checked(response: HttpResponse, url: str) -> HttpResponse:
    if response.status >= 400:
        first_line = response.body.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
        raise FaultError(11217, f"status {response.status}: {first_line}", url)
    if response.status >= 300:
        raise FaultError(11216, f"status {response.status} is not followed", url)
    return response
