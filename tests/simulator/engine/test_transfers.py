"""Dial, Enqueue and Record: twilio.com/docs/voice/twiml."""

import pytest

from simulator.engine import BUSY, NO_ANSWER, Call, FarEnd, State

from .apps import Page, Pages, a_call, answer, codes, dialled, kinds, said, to_the_end

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
        (NO_ANSWER, "no-answer", None, 20),
        (FarEnd(after=25), "no-answer", None, 20),
        (FarEnd("failed", after=1), "failed", None, 1),
    ],
)
def test_dial(far_end: FarEnd, status: str, duration: str | None, seconds: float) -> None:
    # "Dial (action gets DialCallStatus, DialCallSid, DialCallDuration; timeout 30)."
    pages = Pages(dict(DIAL))
    call = to_the_end(dialled(pages, far_end=far_end))
    form = pages.requests[1].form
    assert (form["DialCallStatus"], form.get("DialCallDuration")) == (status, duration)
    assert form["DialCallSid"].startswith("CA")
    assert form["DialCallSid"] != call.sid
    assert call.exchanges[1].at_seconds == seconds
    assert said(call) == ["bye"]


def test_dial_rings_thirty_seconds_by_default_and_without_action_goes_on() -> None:
    call = dialled({"/voice": f"<Dial>+8610</Dial>{BYE}"}, far_end=NO_ANSWER)
    assert (call.state, call.due) == (State.RINGING, 30)
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
    assert (after["QueueResult"], after["QueueTime"]) == ("bridged", "30")
    assert pages.requests[2].form["QueueTime"] == "10"


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


def test_record_ends_by_a_key_and_falls_through_when_nothing_was_said() -> None:
    pages = Pages({"/voice": '<Record action="/got"/><Say>silence</Say>', "/got": BYE})
    assert said(to_the_end(dialled(pages))) == ["silence"]
    call = dialled(pages)
    call.speak("hello")
    call.press("#")
    assert call.exchanges[-1].parameters["Digits"] == "#"


def test_a_dial_answered_in_the_first_moment_lasts_as_long_as_it_is_talked() -> None:
    pages = Pages(dict(DIAL))
    to_the_end(dialled(pages, far_end=FarEnd(after=0, talks=7)))
    assert pages.requests[1].form["DialCallDuration"] == "7"
