"""Real HTTP: the same call over a socket. twilio.com/docs/usage/webhooks."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request, Response

from simulator.engine import Call, HttpTransport, PhoneLine

from .apps import BASE, Pages, answer, codes, said, served, to_the_end, twiml

BYE = "<Say>bye</Say>"


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    transport.close()


def over_http(base: str, transport: HttpTransport, path: str = "/voice") -> Call:
    call = Call(PhoneLine(base + path), transport)
    call.dial()
    call.run_to_silence()
    return call


def test_a_whole_call_with_valid_signatures(transport: HttpTransport) -> None:
    pages = Pages(
        {
            "/voice": '<Gather numDigits="2" action="/got?who=%e6%8c%82%7E&amp;l=[挂]"/>',
            "/got": '<Redirect method="GET">/end</Redirect>',
            "/end": BYE,
        }
    )
    with served(pages) as base:
        call = over_http(base, transport)
        call.press("12")
        assert said(to_the_end(call)) == ["bye"]
    assert pages.requests[1].form["Digits"] == "12"
    for request in pages.requests:
        url = base + request.environ["RAW_URI"]
        signature = request.headers["X-Twilio-Signature"]
        assert RequestValidator("12345").validate(url, request.form.to_dict(), signature)
        assert request.headers["User-Agent"] == "TwilioProxy/1.1"


def test_proxy_settings_are_never_read(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with served(Pages({"/voice": BYE})) as base:
        assert said(over_http(base, transport)) == ["bye"]


def test_a_refused_connection_is_tried_twice(transport: HttpTransport) -> None:
    # "connect 5 s, one retry on connect failure by default"; "11205 ... no connection"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        call = over_http(f"http://127.0.0.1:{unused.getsockname()[1]}", transport)
    assert (codes(call), len(call.exchanges)) == ([11205], 2)
    tokens = {exchange.headers["I-Twilio-Idempotency-Token"] for exchange in call.exchanges}
    assert len(tokens) == 1
    assert all(exchange.failure.startswith("connect") for exchange in call.exchanges)


@pytest.mark.parametrize(("fragment", "attempts"), [("#rt=100", 1), ("#rt=100&rc=1&rp=rt", 2)])
def test_a_slow_answer_is_given_up(transport: HttpTransport, fragment: str, attempts: int) -> None:
    # "15 s hard limit per call-control request"; `rt` shortens the wait for an answer.
    done = threading.Event()

    def slow(_request: Request) -> Response:
        done.wait(30)
        return answer(twiml(BYE))

    with served(Pages({"/voice": slow})) as base:
        call = over_http(base, transport, f"/voice{fragment}")
        done.set()
    assert (codes(call), len(call.exchanges)) == ([11205], attempts)


def test_what_is_no_http_at_all(transport: HttpTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hangs_up_on() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        answering = threading.Thread(target=hangs_up_on)
        answering.start()
        call = over_http(f"http://127.0.0.1:{server.getsockname()[1]}", transport)
        answering.join()
    assert (codes(call), call.ended) == ([11200], True)


def test_a_dribbling_answer_is_given_up(transport: HttpTransport) -> None:
    # The limit is for the whole request: packets that keep coming do not extend it.
    done = threading.Event()

    def dribble() -> Iterator[bytes]:
        yield b"<Response>"
        while not done.wait(0.03):
            yield b" " * 16384

    pages = Pages({"/voice": lambda _request: Response(dribble(), content_type="text/xml")})
    with served(pages) as base:
        call = over_http(base, transport, "/voice#tt=200")
        done.set()
    assert codes(call) == [11205]


def test_several_cookies_are_kept(transport: HttpTransport) -> None:
    # "Cookies are kept for the call."
    def voice(_request: Request) -> Response:
        response = answer(twiml("<Redirect>/next</Redirect>"))
        response.set_cookie("one", "1", secure=True)
        response.set_cookie("two", "2")
        response.set_cookie("three", "3")
        return response

    pages = Pages({"/voice": voice, "/next": BYE})
    with served(pages) as base:
        over_http(base, transport)
    assert pages.requests[1].cookies.to_dict() == {"two": "2", "three": "3"}


def test_a_proxy_before_the_application() -> None:
    # "wrong behind a TLS-terminating proxy": the application is reached inside, signed outside.
    pages = Pages({"/voice": f"<Redirect>{BASE}/end</Redirect>", "/end": BYE})
    with served(pages) as inside:
        transport = HttpTransport(via=inside)
        call = over_http(BASE, transport)
        transport.close()
    assert said(call) == ["bye"]
    for request in pages.requests:
        assert (request.scheme, request.headers["X-Forwarded-Proto"]) == ("http", "https")
        assert request.host == "hotline.example"
        signature = request.headers["X-Twilio-Signature"]
        url = BASE + request.environ["RAW_URI"]
        assert RequestValidator("12345").validate(url, request.form.to_dict(), signature)


def test_hundreds_of_calls_share_a_transport(transport: HttpTransport) -> None:
    def got(request: Request) -> Response:
        return answer(twiml(f"<Say>{request.form['Digits']} {request.form['CallSid']}</Say>"))

    pages = Pages({"/voice": '<Gather numDigits="3" action="/got"/>', "/got": got})

    def one_call(number: int) -> bool:
        call = over_http(base, transport)
        call.press(f"{number:03}")
        return said(to_the_end(call)) == [f"{number:03} {call.sid}"] and not call.faults

    with served(pages) as base, ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one_call, range(200)))
