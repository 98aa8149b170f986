"""Retries, connection overrides and time limits: twilio.com/docs/usage/webhooks."""

import pytest

from simulator.engine import Call, HttpResponse, Limits, TransportError, WsgiTransport

from .apps import Pages, a_line, answer, codes, dialled, said, twiml

BYE = "<Say>bye</Say>"


class Shaky:
    """A transport that fails as told before it lets requests through."""

    def __init__(self, pages: Pages, *failures: TransportError) -> None:
        self._transport = WsgiTransport(pages)
        self._failures = list(failures)
        self.tokens: list[str] = []
        self.limits: list[Limits] = []

    def send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        self.tokens.append(headers["I-Twilio-Idempotency-Token"])
        self.limits.append(limits)
        if self._failures:
            raise self._failures.pop(0)
        return self._transport.send(method, url, headers, body, limits)


CONNECT, READ = TransportError("connect", "refused"), TransportError("read", "too slow")


def shaken(fragment: str, *failures: TransportError) -> tuple[Call, Shaky]:
    transport = Shaky(Pages({"/voice": BYE}), *failures)
    call = Call(a_line(voice="/voice" + fragment), transport)  # type: ignore[arg-type]
    call.dial()
    return call, transport


@pytest.mark.parametrize(
    ("fragment", "failures", "attempts", "found"),
    [
        # "connect 5 s, one retry on connect failure by default"
        ("", [CONNECT], 2, []),
        ("", [CONNECT, CONNECT], 2, [11205]),  # "11205 ... no connection or too slow"
        ("", [READ], 1, [11205]),
        ("#rc=0", [CONNECT], 1, [11205]),
        ("", [TransportError("broken", "no HTTP")], 1, [11200]),  # "11200 unclear"
        ("#rp=rt", [TransportError("broken", "no HTTP")], 2, []),
        # "With `#rc=...&rp=5xx,rt` in the URL the same request may come twice"
        ("#rc=2&rp=5xx,rt", [READ, READ], 3, []),
        ("#rc=2&rp=5xx,rt", [CONNECT], 1, [11205]),
        ("#rc=3&rp=all", [READ, CONNECT, READ], 4, []),
        ("#rp=sometimes", [], 0, [11243]),
        # Twilio's error dictionary: "HTTP bad host name", "SSL/TLS Handshake Error"
        ("#rc=0", [TransportError("host", "unknown")], 1, [11210]),
        ("#rc=0", [TransportError("tls", "no handshake")], 1, [11220]),
        ("", [TransportError("tls", "no handshake")], 2, []),  # "rp=ct also covers ..."
    ],
)
def test_retries(
    fragment: str, failures: list[TransportError], attempts: int, found: list[int]
) -> None:
    call, transport = shaken(fragment, *failures)
    assert (len(transport.tokens), codes(call)) == (attempts, found)
    assert len(call.exchanges) == attempts
    assert len(set(transport.tokens)) == min(attempts, 1)  # a retry keeps its idempotency token


def test_limits() -> None:
    # "15 s hard limit per call-control request; connect 5 s"
    _call, plain = shaken("")
    _call, set_by_url = shaken("#ct=100&rt=2000&tt=99999")
    assert (plain.limits[0].connect, plain.limits[0].read) == (5, 15)
    assert 10 < plain.limits[0].total <= 15
    assert (set_by_url.limits[0].connect, set_by_url.limits[0].read) == (0.1, 2)
    assert set_by_url.limits[0].total <= 15


@pytest.mark.parametrize(
    ("fragment", "connect"), [("#ct=10000", 10), ("#ct=15000", 10), ("#ct=1", 0.1), ("#ct=x", 5)]
)
def test_the_range_of_the_connect_timeout(fragment: str, connect: float) -> None:
    # "ct 100-10000 ms"
    _call, transport = shaken(fragment)
    assert transport.limits[0].connect == connect


def test_a_server_error_is_repeated_when_the_url_says_so() -> None:
    answers = [answer("", 503), answer("", 500), answer(twiml(BYE))]
    pages = Pages({"/voice": lambda _request: answers.pop(0)})
    call = dialled(pages, a_line(voice="/voice#rc=2&rp=5xx"))
    assert (said(call), codes(call)) == (["bye"], [])
    assert len({e.headers["I-Twilio-Idempotency-Token"] for e in call.exchanges}) == 1
    assert [exchange.status for exchange in call.exchanges] == [503, 500, 200]
