"""The course of a call: verbs, transfers of control, its end. twilio.com/docs/voice/twiml."""

import threading
from datetime import UTC, datetime

import pytest
from werkzeug.wrappers import Request, Response

from simulator.engine import Call, Level, Rules, State, WsgiTransport

from .apps import BASE, Page, Pages, a_call, a_line, answer, codes, dialled, kinds, said, twiml

BYE = "<Say>bye</Say>"


def ended_by(call: Call) -> str:
    assert call.transcript[-1].kind == "ended"
    return call.transcript[-1].text


def test_verbs_run_top_to_bottom_and_the_end_of_the_document_hangs_up() -> None:
    # "Verbs run top to bottom; end of document = hang up"
    call = dialled({"/voice": "<Say>one</Say><Pause length='7'/><Say>two</Say>"})
    assert said(call) == ["one", "two"]
    assert (call.state, call.status, ended_by(call)) == (State.ENDED, "completed", "line hung up")
    assert call.transcript[2].at_seconds == pytest.approx(7 + 0.4)


@pytest.mark.parametrize("verb", ["<Hangup/>", "<Redirect>/next</Redirect>"])
def test_a_verb_after_a_transfer_of_control_is_dead(verb: str) -> None:
    # "a verb after a transfer of control is dead"; "Redirect nothing after it runs"
    call = dialled({"/voice": verb + "<Say>dead</Say>", "/next": BYE})
    assert "dead" not in said(call)


def test_a_redirect_request_has_no_digits() -> None:
    # "A `<Redirect>` request has no Digits."
    pages = Pages(
        {
            "/voice": '<Gather numDigits="1" action="/got"/>',
            "/got": "<Redirect>/next</Redirect>",
            "/next": BYE,
        }
    )
    dialled(pages).press("1")
    assert "Digits" in pages.requests[1].form
    assert not pages.requests[2].form.keys() & {"Digits", "FinishedOnKey", "msg"}


def test_say_keeps_language_and_voice_with_twilios_defaults() -> None:
    # "language en-US and voice man by default"
    say = '<Say language="cmn-CN" voice="Polly.Zhiyu">您好</Say><Say>Hello</Say>'
    heard = [(e.language, e.voice) for e in dialled({"/voice": say}).transcript[1:3]]
    assert heard == [("cmn-CN", "Polly.Zhiyu"), ("en-US", "man")]


def test_loops_and_pauses_take_their_time() -> None:
    # "Play loop, digits. Pause length=1."
    rules = Rules(audio_seconds=lambda url: float(url[-1]))
    verbs = '<Play loop="3">/a/2</Play><Pause/><Play digits="1w2"/>'
    call = dialled({"/voice": verbs}, rules=rules)
    assert call.now == 3 * 2 + 1 + 3 * 0.5
    assert kinds(call).count("played") == 4


@pytest.mark.parametrize(("reason", "status"), [("", "no-answer"), ('reason="busy"', "busy")])
def test_reject_before_answering(reason: str, status: str) -> None:
    # "Reject only before answering."
    pages = Pages({"/voice": f"<Reject {reason}/>{BYE}", "/status": ""})
    call = dialled(pages, a_line(status="/status"))
    assert (said(call), call.status) == ([], status)
    assert pages.requests[-1].form["CallDuration"] == "0"


def test_a_pause_does_not_answer_but_a_say_does() -> None:
    early = dialled({"/voice": "<Pause length='3'/><Reject/>"})
    late = dialled({"/voice": "<Say>hello</Say><Reject/>"})
    assert (early.status, late.status) == ("no-answer", "completed")


def test_hanging_up_brings_no_request_but_the_status_callback() -> None:
    # "When the caller hangs up, no further call-control request comes; only the status callback."
    pages = Pages({"/voice": '<Gather action="/got"/>', "/got": BYE, "/status": ""})
    call = dialled(pages, a_line(status="/status"))
    call.press("12")
    call.advance_to(3)
    call.hang_up()
    call.press("3")
    call.speak("hello?")
    call.advance_to(100)
    assert pages.paths == ["/voice", "/status"]
    assert (call.now, ended_by(call)) == (3, "caller hung up")


def test_the_status_callback() -> None:
    # "standard parameters + CallDuration (s), Duration (minutes, rounded up), Timestamp
    # (RFC 2822), CallbackSource=call-progress-events, SequenceNumber (SipResponseCode on outbound
    # calls only)."
    pages = Pages({"/voice": "<Pause length='2'/><Say>hi</Say><Pause length='61'/>", "/status": ""})
    dialled_at = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    dialled(pages, a_line(status="/status"), started_at=dialled_at)
    form = pages.requests[-1].form
    assert form["CallStatus"] == "completed"
    assert (form["CallDuration"], form["Duration"]) == ("61", "2")
    assert form["Timestamp"] == "Sun, 22 Nov 2026 08:31:03 +0000"
    assert form["CallbackSource"] == "call-progress-events"
    assert (form["SequenceNumber"], form.get("SipResponseCode")) == ("0", None)
    assert form.keys() >= pages.requests[0].form.keys()


@pytest.mark.parametrize(
    ("status", "found"), [(204, []), (200, []), (404, [15003]), (500, [15003])]
)
def test_the_answer_to_the_status_callback(status: int, found: list[int]) -> None:
    # "Answer 204." Any 2xx will do; 15003: "Got an HTTP warning in response to the callback URL."
    pages = Pages({"/voice": BYE, "/status": lambda _request: Response("", status)})
    assert codes(dialled(pages, a_line(status="/status"))) == found


BROKEN: list[tuple[Page, int]] = [
    (lambda _request: answer("oh", 500), 11217),
    (lambda _request: answer("<Response>"), 12100),
    (lambda _request: answer("<html/>"), 12102),
    (lambda _request: answer("<Response/>", content_type="application/json"), 12300),
    (lambda _request: answer(""), 11770),
    (lambda _request: answer(b"x" * 70_000), 11750),
]


@pytest.mark.parametrize(("page", "code"), BROKEN)
def test_the_fallback_url(page: Page, code: int) -> None:
    # "Fallback URL: called when ours failed; same parameters + ErrorCode, ErrorUrl."
    gather = '<Gather numDigits="1" action="/got?turn=2#rc=0"/>'
    pages = Pages({"/voice": gather, "/got": page, "/fallback": BYE})
    call = dialled(pages, a_line(fallback="/fallback"))
    call.press("7")
    call.run_to_silence()
    form = pages.requests[-1].form
    assert (form["ErrorCode"], form["ErrorUrl"]) == (str(code), f"{pages.requests[1].url}")
    assert (form["Digits"], form["CallSid"]) == ("7", call.sid)
    assert (said(call), codes(call)) == (["bye"], [code])


@pytest.mark.parametrize("fallback", ["", "/fallback"])
def test_without_a_working_fallback_the_caller_hears_an_apology(fallback: str) -> None:
    # "Fatal error and no fallback URL: Twilio plays "an application error has occurred" and hangs
    # up."
    pages = Pages({"/status": ""})
    call = dialled(pages, a_line(fallback=fallback, status="/status"))
    assert "an application error has occurred" in said(call)[0]
    assert ended_by(call) == "line hung up"
    assert codes(call) == ([11217, 11217] if fallback else [11217])
    assert pages.paths[-1] == "/status"


def test_words_and_sounds_without_twiml_end_the_call() -> None:
    # "text/plain is read out ... and audio is played, then the call ends"
    words = dialled({"/voice": lambda _request: answer("Good day", content_type="text/plain")})
    assert (said(words), codes(words), ended_by(words)) == (["Good day"], [], "line hung up")
    sound = dialled({"/voice": lambda _request: answer(b"ID3", content_type="audio/mpeg")})
    assert (sound.transcript[1].kind, sound.transcript[1].text) == ("played", f"{BASE}/voice")
    assert (codes(sound), ended_by(sound)) == ([], "line hung up")


def test_twiml_as_html_is_taken_with_a_warning() -> None:
    # "send text/xml, and let the simulator take it with a warning"
    call = dialled({"/voice": lambda _request: answer(twiml(BYE), content_type="text/html")})
    assert (said(call), [fault.level for fault in call.faults]) == (["bye"], [Level.WARNING])
    assert "12300" in call.faults[0].name


def test_a_redirect_loop_is_broken() -> None:
    # "Redirect loops have no known limit at Twilio; a simulator needs its own guard."
    call = dialled({"/voice": "<Redirect>/voice</Redirect>"})
    assert [fault.name for fault in call.faults] == ["Simulator: the call goes round in circles"]
    assert len(call.exchanges) == Rules().most_documents_at_once
    assert call.ended


def test_a_patient_loop_is_none() -> None:
    pages: dict[str, Page] = {"/voice": "<Pause length='10'/><Redirect>/voice</Redirect>"}
    call = a_call(pages)
    call.dial()
    call.advance_to(3600)
    assert (call.state, len(call.exchanges), codes(call)) == (State.PLAYING, 361, [])


def test_no_call_is_longer_than_four_hours() -> None:
    call = dialled(
        {"/voice": "<Say loop='0'>for ever and ever and ever</Say><Pause length='20000'/>"}
    )
    assert (call.now, ended_by(call)) == (4 * 3600, "longest call reached")


def test_only_telephone_keys_can_be_pressed() -> None:
    with pytest.raises(ValueError, match="0-9"):
        dialled({"/voice": "<Gather/>"}).press("1a")


def test_requests_may_take_call_time() -> None:
    # Real-time phones: what the wall clock spends on a request passes in the call as well.
    def slow(_request: Request) -> Response:
        threading.Event().wait(0.02)
        return answer("<Response><Pause/></Response>")

    quick, timed = (Rules(requests_take_time=taken) for taken in (False, True))
    assert dialled({"/voice": slow}, rules=quick).now == 1
    assert dialled({"/voice": slow}, rules=timed).now > 1.02


def test_a_call_may_be_driven_from_many_threads() -> None:
    pages = Pages({"/voice": '<Gather timeout="60" action="/got"/>', "/got": BYE})
    call = dialled(pages)
    fingers = [threading.Thread(target=call.press, args=(str(n % 10) * 20,)) for n in range(10)]
    for finger in fingers:
        finger.start()
    for finger in fingers:
        finger.join()
    call.press("#")
    digits = call.exchanges[-1].parameters["Digits"]
    assert sorted(digits) == sorted(str(n) for n in range(10) for _ in range(20))


@pytest.mark.parametrize(
    "url", ["http://[::1/x", "https://a.example:port/", "mailto:a@b", "ftp://a.example/voice"]
)
def test_a_redirect_to_something_that_is_no_web_address(url: str) -> None:
    # Twilio's error 11100, "Invalid URL format"
    call = dialled({"/voice": f"<Redirect>{url}</Redirect>"})
    assert (codes(call), call.ended) == ([11100], True)


def test_a_call_is_dialled_once() -> None:
    call = dialled({"/voice": BYE})
    with pytest.raises(RuntimeError):
        call.dial()


def test_another_host_is_not_answered_by_the_app() -> None:
    pages = Pages({"/voice": "<Redirect>https://elsewhere.example/end</Redirect>", "/end": BYE})
    call = Call(a_line(), WsgiTransport(pages, host="hotline.example"))
    call.dial()
    assert (pages.paths, codes(call)) == (["/voice"], [11210])
