"""Dial, Enqueue and Record: twilio.com/docs/voice/twiml."""

from uuid import UUID

import pytest

from simulator.engine import (
    BUSY,
    NO_ANSWER,
    REFUSES,
    VOICEMAIL,
    Call,
    FarEnd,
    PhoneLine,
    Rules,
    State,
    somleng_call_sid,
)  # fmt: skip

from .apps import (
    BASE,
    Page,
    Pages,
    a_call,
    a_line,
    answer,
    codes,
    dialled,
    kinds,
    said,
    to_the_end,
)  # fmt: skip

BYE = "<Say>bye</Say>"


DIAL: dict[str, Page] = {
    "/voice": '<Dial action="/after" timeout="20"><Number>+8610</Number></Dial><Say>dead</Say>',
    "/after": BYE,
}


@pytest.mark.parametrize(
    ("far_end", "status", "duration", "seconds"),
    [
        (FarEnd(after=5, talks=61), "completed", "61", 66),
        (BUSY, "busy", None, 2),
        (NO_ANSWER, "no-answer", None, 25),  # "timeout 5-600, and about 5 s more"
        (FarEnd(after=26), "no-answer", None, 25),
        (FarEnd("failed", after=1), "failed", None, 1),
    ],
)
def test_dial(far_end: FarEnd, status: str, duration: str | None, seconds: float) -> None:
    # "Dial (action gets DialCallStatus, DialCallSid, DialCallDuration; timeout 30)."
    pages = Pages(dict(DIAL))
    call = to_the_end(dialled(pages, far_end=far_end))
    form = pages.requests[1].form
    assert (form["DialCallStatus"], form.get("DialCallDuration")) == (status, duration)
    # "only DialBridged=true means a person took the call"
    assert form["DialBridged"] == ("true" if duration else "false")
    assert form["DialCallSid"].startswith("CA")
    assert form["DialCallSid"] != call.sid
    assert call.exchanges[1].at_seconds == seconds
    assert said(call) == ["bye"]


def test_dial_rings_thirty_seconds_by_default_and_without_action_goes_on() -> None:
    call = dialled({"/voice": f"<Dial>+8610</Dial>{BYE}"}, far_end=NO_ANSWER)
    assert (call.state, call.due) == (State.RINGING, 35)
    assert said(to_the_end(call)) == ["bye"]


def test_the_far_end_can_be_played_by_the_tester() -> None:
    call = dialled(dict(DIAL), far_end=NO_ANSWER)
    call.advance_to(10)
    call.set_far_end(FarEnd(after=0, talks=600))
    assert (call.state, call.due) == (State.BRIDGED, 610)
    call.advance_to(15)
    call.hang_up_far_end()
    assert call.exchanges[-1].parameters["DialCallDuration"] == "5"


def test_star_hangs_up_the_far_end_only_when_asked_for() -> None:
    for attribute, state in (("", State.BRIDGED), ('hangupOnStar="true"', State.PLAYING)):
        call = dialled({"/voice": f"<Dial {attribute}>+8610</Dial>{BYE}"})
        call.advance_to(call.due)
        call.press("1*")
        assert call.state is state


def test_each_number_may_have_its_own_far_end() -> None:
    pages: dict[str, Page] = {"/voice": "<Dial>+861</Dial><Dial>+862</Dial>"}
    call = dialled(pages, far_end=lambda number: BUSY if number == "+861" else FarEnd())
    to_the_end(call)
    assert kinds(call)[1:5] == ["dialled", "not connected", "dialled", "connected"]


def queued(pages: Pages, agent: FarEnd) -> Call:
    call = a_call(pages, far_end=agent)
    call.dial()
    return call


QUEUE: dict[str, Page] = {
    "/voice": '<Enqueue waitUrl="/wait" action="/after">agents</Enqueue>',
    "/wait": "<Say>please wait</Say><Pause length='9'/>",
    "/after": BYE,
}


def test_enqueue_plays_its_document_again_and_again_until_an_agent_comes() -> None:
    # "Enqueue (waitUrl, action; created on demand)."
    pages = Pages(dict(QUEUE))
    call = to_the_end(queued(pages, FarEnd(after=25, talks=5)))
    assert said(call) == ["please wait"] * 3 + ["bye"]
    after = pages.requests[-1].form
    # "QueueTime is the time in the queue", not that with the agent
    assert (after["QueueResult"], after["QueueTime"]) == ("bridged", "25")
    assert pages.requests[2].form["QueueTime"] == "10"
    assert pages.requests[1].form["MaxQueueSize"]  # "wait requests carry MaxQueueSize"


def test_the_music_may_be_a_sound_file() -> None:
    # "waitUrl may be audio"
    pages = Pages({**QUEUE, "/wait": lambda _request: answer(b"ID3", content_type="audio/mpeg")})
    call = to_the_end(queued(pages, FarEnd(after=7, talks=5)))
    assert kinds(call).count("played") == 3
    assert (said(call), codes(call)) == (["bye"], [])


def test_leave_goes_back_to_the_verb_after_enqueue() -> None:
    pages = Pages(
        {"/voice": f'<Enqueue waitUrl="/wait">agents</Enqueue>{BYE}', "/wait": "<Leave/>"}
    )
    assert said(to_the_end(queued(pages, NO_ANSWER))) == ["bye"]


def test_a_queue_without_a_document_plays_music_for_ever() -> None:
    call = dialled({"/voice": "<Enqueue>agents</Enqueue>"}, far_end=NO_ANSWER)
    assert call.state is State.QUEUED
    call.hang_up()
    assert call.transcript[-1].text == "caller hung up"


def test_record() -> None:
    pages = Pages({"/voice": '<Record action="/got" timeout="3"/><Say>dead</Say>', "/got": BYE})
    call = dialled(pages)
    call.speak("one two three four five")
    call.advance_to(call.due)
    form = pages.requests[1].form
    assert (form["RecordingDuration"], form["Digits"]) == ("5", "")
    assert f"/Accounts/{call.line.account_sid}/Recordings/RE" in form["RecordingUrl"]


def test_record_ends_by_a_key_and_keeps_silence_too() -> None:
    # "a silent recording is kept and the action asked, later verbs are dead"
    pages = Pages({"/voice": '<Record action="/got"/><Say>dead</Say>', "/got": BYE})
    assert said(to_the_end(dialled(pages))) == ["bye"]
    assert pages.requests[1].form["RecordingDuration"] == "5"
    call = dialled(pages)
    call.speak("hello")
    call.press("#")
    assert call.exchanges[-1].parameters["Digits"] == "#"


def test_a_dial_answered_in_the_first_moment_lasts_as_long_as_it_is_talked() -> None:
    pages = Pages(dict(DIAL))
    to_the_end(dialled(pages, far_end=FarEnd(after=0, talks=7)))
    assert pages.requests[1].form["DialCallDuration"] == "7"


@pytest.mark.parametrize(
    ("attributes", "ends_at"),
    [
        ('timeout="0" maxLength="90"', 90),  # "timeout=0 = no silence limit"
        ('timeout="0"', 3600),  # "maxLength 3600 (120 with transcribe)"
        ('timeout="0" transcribe="true"', 120),
        ('timeout="0" transcribe="true" maxLength="300"', 120),
    ],
)
def test_how_long_a_recording_may_be(attributes: str, ends_at: float) -> None:
    call = dialled({"/voice": f'<Record {attributes} action="/got"/>', "/got": BYE})
    assert (call.state, call.due) == (State.RECORDING, ends_at)


@pytest.mark.parametrize(("timeout", "rings"), [("1", 10), ("5", 10), ("600", 605), ("900", 605)])
def test_how_long_it_may_ring(timeout: str, rings: float) -> None:
    # "timeout 5-600, and about 5 s more"
    call = dialled({"/voice": f'<Dial timeout="{timeout}">+8610</Dial>'}, far_end=NO_ANSWER)
    assert call.due == rings


NO_NUMBERS: list[tuple[str, list[int]]] = [
    ("", [13223]),  # "A bad or empty number fails (13223)"
    ("agent", [13223]),
    ("+861012345678901234", [13223]),
    ("<Number></Number>", [13223]),
    ("<Number>agent</Number><Number>nobody</Number>", [13223, 13223]),
    ('<Number sendDigits="1;2">+8610</Number>', [13222]),  # "bad sendDigits 13222"
]


@pytest.mark.parametrize(("number", "found"), NO_NUMBERS)
def test_a_dial_without_a_number_fails(number: str, found: list[int]) -> None:
    pages = Pages(
        {"/voice": f'<Dial action="/after">{number}</Dial><Say>dead</Say>', "/after": BYE}
    )
    call = to_the_end(dialled(pages))
    form = pages.requests[1].form
    assert (form["DialCallStatus"], form["DialBridged"]) == ("failed", "false")
    assert (codes(call), said(call)) == (found, ["bye"])
    assert "connected" not in kinds(call)


@pytest.mark.parametrize(
    "noun",
    [
        "+1 (415) 123-4567",
        "95588",
        "<Number sendDigits='ww12#'>+8610</Number><Number>agent</Number>",
        "<Client>agent</Client>",
        "<Sip>sip:agent@pbx.example</Sip>",
        "<Conference>room</Conference>",
    ],
)
def test_whatever_can_be_dialled_rings(noun: str) -> None:
    call = dialled({"/voice": f"<Dial>{noun}</Dial>"})
    assert call.state is State.RINGING


def test_out_of_reach() -> None:
    # "one out of reach 13224"
    call = to_the_end(dialled(dict(DIAL), far_end=FarEnd("failed", after=1)))
    assert (codes(call), said(call)) == ([13224], ["bye"])


# What is said to the far end alone

WHISPER: dict[str, Page] = {
    "/voice": '<Dial action="/after"><Number url="/whisper">+8610</Number></Dial>',
    "/whisper": '<Gather numDigits="1" action="/take"><Say>a caller</Say></Gather><Hangup/>',
    "/take": "<Say>connected</Say>",
    "/after": BYE,
}


def test_a_whisper_is_heard_by_the_far_end_and_taken() -> None:
    pages = Pages(dict(WHISPER))
    call = dialled(pages, far_end=FarEnd(after=5, talks=61))
    call.run_while({State.RINGING})
    assert call.state is State.BRIDGED
    heard = [e.text for e in call.transcript if e.kind in ("whispered", "far end pressed")]
    assert heard == ["a caller", "1", "connected"]
    assert said(to_the_end(call)) == ["bye"]
    form = pages.requests[-1].form
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "true")
    assert form["DialCallDuration"] == "61"


def test_a_whisper_is_asked_for_by_a_call_of_its_own() -> None:
    pages = Pages(dict(WHISPER))
    call = dialled(pages, far_end=FarEnd(after=5))
    call.run_while({State.RINGING})
    asked = pages.requests[1].form
    assert asked["CallSid"] != call.sid
    assert asked["ParentCallSid"] == call.sid
    assert (asked["To"], asked["Direction"]) == ("+8610", "outbound-dial")
    assert pages.requests[2].form["Digits"] == "1"


@pytest.mark.parametrize("far_end", [REFUSES, VOICEMAIL])
def test_a_refused_whisper_is_completed_and_not_bridged(far_end: FarEnd) -> None:
    # "A refused whisper is `completed` with DialBridged=false"
    pages = Pages(dict(WHISPER))
    call = to_the_end(dialled(pages, far_end=far_end))
    form = pages.requests[-1].form
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "false")
    assert "connected" not in kinds(call)
    assert said(call) == ["bye"]


def test_the_caller_may_hang_up_while_the_far_end_is_whispered_to() -> None:
    pages = Pages(dict(WHISPER))
    call = dialled(pages, far_end=VOICEMAIL)
    call.advance_to(5)
    call.hang_up()
    assert call.ended


def test_nobody_is_dialled_in_a_whisper() -> None:
    # "a whisper allows Say, Play, Gather, Hangup, never Dial (13201)"
    pages = {**WHISPER, "/whisper": "<Dial>+8611</Dial>"}
    call = dialled(pages, far_end=FarEnd())
    call.run_while({State.RINGING})
    assert codes(call) == [13201]


def test_a_whisper_that_cannot_be_fetched_connects_nobody() -> None:
    pages = Pages({**WHISPER, "/whisper": lambda _request: answer("", 500)})
    to_the_end(dialled(pages, far_end=FarEnd()))
    assert pages.requests[-1].form["DialBridged"] == "false"


def test_the_far_end_of_a_whisper_can_be_played_by_the_tester() -> None:
    call = dialled(dict(WHISPER), far_end=VOICEMAIL)
    call.advance_to(7)
    call.set_far_end(FarEnd(talks=600))
    assert call.run_while({State.RINGING}) is State.BRIDGED


# Who hangs up where

HANGS_UP: list[tuple[str, dict[str, str] | None]] = [
    # "<Record> then asks its action with Digits=hangup"
    ('<Record action="/after"/>', {"Digits": "hangup", "RecordingDuration": "3"}),
    # "<Enqueue> with QueueResult=hangup"
    ('<Enqueue action="/after">agents</Enqueue>', {"QueueResult": "hangup", "QueueTime": "3"}),
    ('<Enqueue action="/after" waitUrl="/wait">agents</Enqueue>', {"QueueResult": "hangup"}),
    ("<Enqueue>agents</Enqueue>", None),
    # "no further call-control request comes for Say and Gather"
    ('<Gather action="/after"/>', None),
    ('<Gather action="/after"><Say>one two three four five six seven</Say></Gather>', None),
    ("<Say>one two three four five six seven eight nine ten</Say>", None),
    ('<Dial action="/after">+8610</Dial>', None),
]


@pytest.mark.parametrize(("verb", "told"), HANGS_UP)
def test_the_caller_hangs_up(verb: str, told: dict[str, str] | None) -> None:
    pages = Pages({**QUEUE, "/voice": verb + BYE, "/status": lambda _request: answer("", 204)})
    call = a_call(pages, a_line(status="/status"), far_end=NO_ANSWER)
    call.dial()
    call.advance_to(3)
    call.hang_up()
    assert (call.ended, call.now, call.transcript[-1].text) == (True, 3, "caller hung up")
    asked = [request.form for request in pages.requests if request.path == "/after"]
    assert len(asked) == (told is not None)
    for form in asked:
        assert form.to_dict() == {**form, **(told or {}), "CallStatus": "completed"}
    assert pages.paths[-1] == "/status"
    assert ("bye" in said(call), codes(call)) == (False, [])


@pytest.mark.parametrize(
    ("at", "status", "bridged"), [(2, "canceled", "false"), (9, "completed", "true")]
)
def test_a_hang_up_may_reach_the_dials_action(at: float, status: str, bridged: str) -> None:
    # "What Dial's action gets when the caller hangs up is undocumented: accept a request and none."
    pages = Pages(dict(DIAL))
    call = a_call(pages, far_end=FarEnd(after=4), rules=Rules(hang_up_asks_dial_action=True))
    call.dial()
    call.advance_to(at)
    call.hang_up()
    form = pages.requests[1].form
    assert (form["DialCallStatus"], form["DialBridged"]) == (status, bridged)
    assert (form["CallStatus"], said(call)) == ("completed", [])


def test_hanging_up_on_the_agent_has_been_bridged() -> None:
    pages = Pages(dict(QUEUE))
    call = queued(pages, FarEnd(after=2, talks=60))
    call.advance_to(10)
    call.hang_up()
    after = pages.requests[-1].form
    assert (after["QueueResult"], after["QueueTime"]) == ("bridged", "2")


def test_what_a_hang_up_asks_for_may_fail() -> None:
    call = dialled({"/voice": '<Record action="/nowhere"/>'}, a_line(fallback="/fallback"))
    call.hang_up()
    assert (codes(call), call.ended, said(call)) == ([11217], True, [])


@pytest.mark.parametrize("action", ["/after", ""])
@pytest.mark.parametrize("wait", ["missing", "later"])
def test_a_wait_document_that_fails(action: str, wait: str) -> None:
    # "a waitUrl that fails gives QueueResult=error"
    pages = Pages({
        "/voice": f'<Enqueue waitUrl="/{wait}" action="{action}">agents</Enqueue><Say>next</Say>',
        "/later": "<Pause length='9'/><Redirect>/missing</Redirect>",
        "/after": BYE,
        "/fallback": "<Say>fallback</Say>",
    })  # fmt: skip
    call = to_the_end(dialled(pages, a_line(fallback="/fallback"), far_end=NO_ANSWER))
    assert (said(call), codes(call)) == (["bye" if action else "next"], [11217])
    if action:
        assert pages.requests[-1].form["QueueResult"] == "error"


def test_a_wait_document_has_verbs_of_its_own() -> None:
    # "wait documents allow Play, Say, Pause, Hangup, Redirect, Leave, Gather"
    wait = "<Dial>+8610</Dial><Enqueue>others</Enqueue><Record/><Say>wait</Say><Leave/>"
    pages: dict[str, Page] = {**QUEUE, "/wait": wait}
    call = to_the_end(dialled(pages, far_end=NO_ANSWER))
    assert (said(call), codes(call)) == (["wait", "bye"], [12200, 12200, 12200])


# Whose number is shown: "`callerId` may be the call's From or To, or a number of ours"

DESK = PhoneLine(f"{BASE}/voice", number="+8612333", other_numbers=("+861051234567",))
SHOWN: list[tuple[str, str, list[int]]] = [
    ("+8613800138000", "", []),
    ("+8613800138000", "+8613800138000", []),
    ("+8613800138000", "+8612333", []),
    ("+8613800138000", "+861051234567", []),
    ("+8613800138000", "+8613800138001", [13214]),
    *((raw, "", [13214]) for raw in ("anonymous", "+266696687", "Restricted", "+7378742833")),
    *((raw, "", [13214]) for raw in ("+2562533", "+86282452253", "+8656696")),
    *((raw, "", [13214]) for raw in ("client:bob", "sip:alice@pbx.example", "13800138000", "")),
    ("anonymous", "anonymous", [13214]),
    ("anonymous", "+8612333", []),
    ("client:bob", "+861051234567", []),
]


@pytest.mark.parametrize(("caller", "caller_id", "found"), SHOWN)
def test_the_far_end_rejects_who_is_no_number(
    caller: str, caller_id: str, found: list[int]
) -> None:
    # "Dial without callerId passes the caller's own number on; ... are then rejected by the far
    # end (error 13214, heard as "busy")"
    shown = f'callerId="{caller_id}"' if caller_id else ""
    pages = Pages({"/voice": f'<Dial action="/after" {shown}>+8610</Dial>', "/after": BYE})
    call = to_the_end(dialled(pages, DESK, caller=caller))
    assert codes(call) == found
    assert pages.requests[1].form["DialCallStatus"] == ("busy" if found else "completed")


@pytest.mark.parametrize("noun", ["<Client>agent</Client>", "<Conference>room</Conference>"])
def test_only_a_telephone_asks_for_a_number(noun: str) -> None:
    call = to_the_end(dialled({"/voice": f"<Dial>{noun}</Dial>"}, caller="anonymous"))
    assert codes(call) == []


# Other engines: "CallSid is a UUID with dashes; ids are opaque strings everywhere"


def test_the_ids_of_another_engine() -> None:
    pages = Pages(dict(DIAL))
    line = a_line(new_call_sid=somleng_call_sid)
    call, other = to_the_end(dialled(pages, line)), a_call(pages, line)
    shown = [call.sid, other.sid, pages.requests[1].form["DialCallSid"]]
    assert len(set(shown)) == 3
    assert all(str(UUID(sid)) == sid for sid in shown)
    assert {request.form["CallSid"] for request in pages.requests} == {call.sid}
