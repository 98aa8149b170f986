"""Small foreign TwiML applications and what is needed to reach them: in WSGI or over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from simulator.engine import Call, PhoneLine, Rules, WsgiTransport

BASE = "https://hotline.example"
Page = str | Callable[[Request], Response]


def twiml(*verbs: str) -> str:
    """A whole document around some verbs."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'


def answer(body: str | bytes, status: int = 200, content_type: str = "text/xml") -> Response:
    return Response(body, status, content_type=content_type)


def redirect(location: str, status: int) -> Callable[[Request], Response]:
    return lambda _request: Response("", status, headers={"Location": location})


class Pages:
    """A WSGI app: a page per path, as verbs or as a function; keeps the requests it got."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.requests: list[Request] = []

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]
        request = Request(environ)
        request.get_data(parse_form_data=False)
        self.requests.append(request)
        return self._page(request)(environ, start_response)

    def _page(self, request: Request) -> Response:
        page = self.pages.get(request.path)
        if page is None:
            return Response("no such page", 404)
        return answer(twiml(page)) if isinstance(page, str) else page(request)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


def gather_app(attributes: str = "", nested: str = "<Say>Press a key now</Say>") -> Pages:
    """One Gather with its action at /got; "nothing pressed" is what it falls through to."""
    gather = f'<Gather action="/got" {attributes}>{nested}</Gather>'
    after = "<Say>nothing pressed</Say>"
    return Pages({"/voice": gather + after, "/got": "<Say>thank you</Say>"})


def a_line(status: str = "", fallback: str = "", voice: str = "/voice", **more: Any) -> PhoneLine:
    return PhoneLine(
        BASE + voice,
        status_callback_url=status and BASE + status,
        fallback_url=fallback and BASE + fallback,
        **more,
    )


def a_call(pages: Pages | dict[str, Page], line: PhoneLine | None = None, **more: object) -> Call:
    """A call that is not dialled yet; `more` as in `Call`."""
    app = pages if isinstance(pages, Pages) else Pages(pages)
    return Call(line or a_line(), WsgiTransport(app), **more)  # type: ignore[arg-type]


def dialled(pages: Pages | dict[str, Page], line: PhoneLine | None = None, **more: object) -> Call:
    """A call that runs as far as it can without the caller."""
    call = a_call(pages, line, **more)
    call.dial()
    call.run_to_silence()
    return call


def said(call: Call) -> list[str]:
    return [event.text for event in call.transcript if event.kind == "said"]


def codes(call: Call) -> list[int]:
    return [fault.code for fault in call.faults]


def kinds(call: Call) -> list[str]:
    return [event.kind for event in call.transcript]


def to_the_end(call: Call) -> Call:
    """Lets time pass until the call is over."""
    while not call.ended:
        call.advance_to(call.due)
    return call


@contextmanager
def served(app: object) -> Iterator[str]:
    """The app on a free loopback port, in a thread; yields its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


DROPPED = Rules(keys_outside_gather="dropped")
BUFFERED = Rules(keys_outside_gather="buffered")
