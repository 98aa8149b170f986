"""Twilio's requests: twilio.com/docs/voice/twiml and /docs/usage/webhooks."""

import re
from http.cookies import SimpleCookie

import pytest
from werkzeug.wrappers import Request, Response

from simulator.engine import PhoneLine, Rules

from .apps import BASE, Pages, a_call, a_line, answer, codes, dialled, redirect, said, twiml

BYE = "<Say>bye</Say>"


def test_standard_parameters() -> None:
    # "Always: CallSid (CA + 32 hex), AccountSid ..., From, To, CallStatus, ApiVersion=2010-04-01,
    # Direction. ... for Chinese numbers present but empty (country filled)"
    pages = Pages({"/voice": BYE})
    call = dialled(pages, a_line(number="+8612333"), caller="+8613912345678")
    form = pages.requests[0].form
    assert re.fullmatch("CA[0-9a-f]{32}", form["CallSid"])
    assert re.fullmatch("AC[0-9a-f]{32}", form["AccountSid"])
    assert form["From"] == form["Caller"] == "+8613912345678"
    assert form["To"] == form["Called"] == "+8612333"
    assert (form["ApiVersion"], form["Direction"]) == ("2010-04-01", "inbound")
    for who in ("From", "To", "Caller", "Called"):
        assert [form[who + what] for what in ("City", "State", "Zip")] == ["", "", ""]
        assert form[who + "Country"] == "CN"
    assert form["CallSid"] == call.sid


def test_from_may_be_anything() -> None:
    # "`From` may be `anonymous` or any raw string."
    pages = Pages({"/voice": BYE})
    dialled(pages, caller="anonymous")
    assert (pages.requests[0].form["From"], pages.requests[0].form["FromCountry"]) == (
        "anonymous",
        "",
    )


def test_new_parameters_may_appear() -> None:
    # "New parameters appear without notice: accept them."
    pages = Pages({"/voice": BYE})
    dialled(pages, rules=Rules(extra_parameters={"StirVerstat": "TN-Validation-Passed-A"}))
    assert pages.requests[0].form["StirVerstat"] == "TN-Validation-Passed-A"


def test_call_status() -> None:
    # "CallStatus: `ringing` in the first request, `in-progress` after."
    pages = Pages({"/voice": "<Redirect>/b</Redirect>", "/b": "<Redirect>/c</Redirect>", "/c": BYE})
    dialled(pages)
    statuses = [request.form["CallStatus"] for request in pages.requests]
    assert statuses == ["ringing", "in-progress", "in-progress"]


def test_headers() -> None:
    # "Headers: `User-Agent: TwilioProxy/1.1`, `Content-Type: ...; charset=utf-8`,
    # `X-Twilio-Signature`, `I-Twilio-Idempotency-Token` (uuid), `Accept: */*`."
    pages = Pages({"/voice": BYE})
    dialled(pages)
    headers = pages.requests[0].headers
    assert headers["User-Agent"] == "TwilioProxy/1.1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert headers["Accept"] == "*/*"
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", token(pages.requests[0]))
    assert headers["X-Twilio-Signature"]


def token(request: Request) -> str:
    return request.headers["I-Twilio-Idempotency-Token"]


def test_cookies_are_kept_for_the_call_and_no_longer() -> None:
    # "Cookies are kept for the call."
    def voice(request: Request) -> Response:
        response = answer(twiml("<Redirect>/next</Redirect>"))
        response.set_cookie("seen", request.form["CallSid"])
        return response

    pages = Pages({"/voice": voice, "/next": BYE})
    first, second = dialled(pages), dialled(pages)
    cookies = [SimpleCookie(r.headers.get("Cookie", "")) for r in pages.requests]
    assert [c["seen"].value if c else "" for c in cookies] == ["", first.sid, "", second.sid]


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_a_redirect_is_followed_and_loses_digits(status: int) -> None:
    # "Follows 301, 302, 303, 307 ...". "A redirect of a Gather action loses Digits"
    pages = Pages(
        {
            "/voice": '<Gather numDigits="1" action="/moved"/>',
            "/moved": redirect("/moved/", status),
            "/moved/": BYE,
        }
    )
    call = dialled(pages)
    call.press("7")
    moved = pages.requests[-1]
    assert pages.requests[-2].form["Digits"] == "7"
    assert moved.path == "/moved/"
    assert moved.method == ("POST" if status == 307 else "GET")
    assert "Digits" not in moved.values
    assert moved.values["CallSid"] == call.sid
    assert said(call)[-1] == "bye"


@pytest.mark.parametrize("status", [300, 304, 308])
def test_other_redirects_are_not_followed(status: int) -> None:
    # "(not 308)"; error 11216: "Twilio will only follow ... 301, 302, 303, and 307."
    pages = Pages({"/voice": redirect("/other", status), "/other": BYE})
    assert codes(dialled(pages)) == [11216]
    assert pages.paths == ["/voice"]


def test_a_redirect_without_location() -> None:
    pages = Pages({"/voice": lambda _request: Response("", 302)})
    assert codes(dialled(pages)) == [11216]


@pytest.mark.parametrize(("hops", "found"), [(10, []), (11, [11215])])
def test_ten_redirects_at_most(hops: int, found: list[int]) -> None:
    # "at most 10"
    pages = Pages({f"/{n}": redirect(f"/{n + 1}", 302) for n in range(hops)} | {f"/{hops}": BYE})
    assert codes(dialled(pages, a_line(voice="/0"))) == found


def test_relative_urls_resolve_against_the_current_document() -> None:
    # "Relative URLs resolve against the current document."
    pages = Pages(
        {
            "/voice": "<Redirect>menu/main?x=1</Redirect>",
            "/menu/main": "<Redirect>help</Redirect>",
            "/menu/help": "<Redirect>/top</Redirect>",
            "/top": f"<Redirect>{BASE}/end</Redirect>",
            "/end": BYE,
        }
    )
    dialled(pages)
    assert pages.paths == ["/voice", "/menu/main", "/menu/help", "/top", "/end"]


def test_a_get_carries_the_parameters_in_its_query() -> None:
    # "Form POST (or GET query)."
    pages = Pages({"/voice": '<Redirect method="GET">/next?x=1</Redirect>', "/next": BYE})
    call = dialled(pages)
    assert (pages.requests[1].method, pages.requests[1].args["CallSid"]) == ("GET", call.sid)
    assert (pages.requests[1].args["x"], pages.requests[1].get_data()) == ("1", b"")


def test_user_and_password_become_an_authorization() -> None:
    pages = Pages({"/voice": BYE})
    dialled(pages, PhoneLine("https://me:a%20secret@hotline.example/voice"))
    authorization = pages.requests[0].authorization
    assert authorization is not None
    assert (authorization.username, authorization.password) == ("me", "a secret")
    assert pages.requests[0].host == "hotline.example"


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_error_statuses(status: int) -> None:
    # "4xx/5xx 11217"
    pages = Pages({"/voice": lambda _request: answer(twiml(BYE), status)})
    assert codes(dialled(pages)) == [11217]


def test_an_exception_in_the_app_is_a_500_that_shows_its_reason() -> None:
    def broken(_request: Request) -> Response:
        raise RuntimeError("no such step")

    call = dialled({"/voice": broken})
    assert codes(call) == [11217]
    assert "RuntimeError: no such step" in call.faults[0].detail


def test_every_exchange_is_kept() -> None:
    pages = Pages({"/voice": '<Gather numDigits="1" action="/a"/>', "/a": BYE})
    call = a_call(pages)
    call.dial()
    call.advance_to(2)
    call.press("1")
    first, second = call.exchanges
    assert (first.method, first.url, first.status) == ("POST", BASE + "/voice", 200)
    assert (second.at_seconds, second.parameters["Digits"]) == (2, "1")
    assert second.headers["X-Twilio-Signature"]
    assert second.body == twiml(BYE)
    assert second.milliseconds > 0
