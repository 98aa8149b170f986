"""Replies to a text as Twilio reads them, of small foreign applications."""

from collections.abc import Callable

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request, Response

from simulator.engine import WsgiTransport
from simulator.engine.texts import MOST_DOCUMENTS, Answer, Reply, TextThread, incoming_form
from tests.simulator.engine.apps import BASE, Page, Pages, answer, redirect

SENDER, LINE = "+8613800138001", "+8612333"


def a_form(body: str = "hi", sid: str = "SM1") -> dict[str, str]:
    countries = {"From": "CN", "To": "CN"}
    return incoming_form(SENDER, LINE, body, sid=sid, account_sid="AC1", countries=countries)


def a_thread(pages: Pages) -> TextThread:
    return TextThread(WsgiTransport(pages), "12345", f"{BASE}/sms")


def replied(sms: Page, **others: Page) -> Answer:
    pages = Pages({"/sms": sms, **{f"/{name}": page for name, page in others.items()}})
    return a_thread(pages).send(a_form())


def codes(seen: Answer) -> list[int]:
    return [fault.code for fault in seen.faults]


def says(body: str, content_type: str = "text/xml") -> Callable[[Request], Response]:
    return lambda _request: answer(body.encode(), content_type=content_type)


def test_the_request_is_signed_and_has_what_twilio_sends() -> None:
    pages = Pages({"/sms": ""})
    a_thread(pages).send(a_form("挂失 1234"))
    (request,) = pages.requests
    form = request.form.to_dict()
    assert (form["Body"], form["From"], form["To"]) == ("挂失 1234", SENDER, LINE)
    assert {"MessageSid", "NumMedia", "NumSegments", "AccountSid"} <= form.keys()
    signature = request.headers["X-Twilio-Signature"]
    assert RequestValidator("12345").validate(f"{BASE}/sms", form, signature)


def test_several_messages_are_several_texts_in_order() -> None:
    seen = replied(
        "<Message>one</Message><Message><Body>two</Body></Message>"
        '<Message to="+8613900139009">three</Message>'
    )
    assert seen.replies == [
        Reply(SENDER, "one"), Reply(SENDER, "two"), Reply("+8613900139009", "three"),
    ]  # fmt: skip
    assert seen.faults == []


@pytest.mark.parametrize("silent", ["", "<Message><Media>https://x/y.png</Media></Message>"])
def test_nothing_or_a_picture_is_no_fault(silent: str) -> None:
    assert replied(silent).faults == []


def test_no_content_is_no_reply() -> None:
    seen = replied(lambda _request: Response(b"", 204))
    assert (seen.replies, seen.faults, seen.status) == ([], [], 204)


def test_plain_words_are_a_text_as_they_are() -> None:
    assert replied(says("thanks, bye", "text/plain")).replies == [Reply(SENDER, "thanks, bye")]


def test_a_redirect_is_followed_and_nothing_after_it() -> None:
    seen = replied(
        "<Message>one</Message><Redirect>/next</Redirect><Message>never</Message>",
        next="<Message>two</Message>",
    )
    assert [reply.body for reply in seen.replies] == ["one", "two"]
    assert len(seen.exchanges) == 2


def test_a_redirect_in_a_circle_ends() -> None:
    seen = replied("<Redirect>/sms</Redirect>")
    assert codes(seen) == [14106]
    assert len(seen.exchanges) == MOST_DOCUMENTS


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (f"<Message>{'x' * 1601}</Message>", 14103),
        ("<Message></Message>", 14103),
        ("<Dial>+8612333</Dial>", 14110),
        (says("<Response><Message>x"), 12100),
        (says("<Reply/>"), 12102),
        (says("{}", "application/json"), 12300),
        (lambda _request: Response("gone", 404), 11217),
        (redirect("", 302), 11216),
    ],
)
def test_faults_are_twilios(page: Page, code: int) -> None:
    seen = replied(page)
    assert (codes(seen), seen.replies) == ([code], [])
    assert str(code) in str(seen.faults[0])


def test_what_is_wrong_with_one_stops_no_other() -> None:
    seen = replied("<Message></Message><Message>two</Message><Play>x</Play><Message>3</Message>")
    assert [reply.body for reply in seen.replies] == ["two", "3"]
    assert codes(seen) == [14103, 14110]


def test_nobody_listens() -> None:
    thread = TextThread(WsgiTransport(Pages({}), host="elsewhere"), "12345", f"{BASE}/sms")
    seen = thread.send(a_form())
    assert (codes(seen), seen.status) == ([11210], 0)


def test_cookies_come_back_with_the_next_text() -> None:
    def sets(_request: Request) -> Response:
        response = answer("<Response/>")
        response.set_cookie("step", "2")
        return response

    pages = Pages({"/sms": sets})
    thread = a_thread(pages)
    for number in (1, 2):
        thread.send(a_form(sid=f"SM{number}"))
    assert [request.headers.get("Cookie") for request in pages.requests] == [None, "step=2"]
