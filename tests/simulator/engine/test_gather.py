"""Gather: twilio.com/docs/voice/twiml/gather."""

import pytest

from simulator.engine import Rules, State

from .apps import BUFFERED, DROPPED, Pages, a_call, dialled, gather_app, said


def gathered(pages: Pages) -> dict[str, str]:
    """What the action got on top of the standard parameters."""
    assert pages.paths[-1] == "/got"
    standard = pages.requests[0].form
    return {k: v for k, v in pages.requests[-1].form.items() if k not in standard}


def test_defaults() -> None:
    # "defaults: input dtmf, method POST, timeout 5, finishOnKey `#`, numDigits unlimited"
    pages = gather_app(nested="")
    call = dialled(pages)
    call.press("0123456789*" * 3, gap=4.9)
    assert call.state is State.LISTENING
    call.press("#")
    assert gathered(pages) == {
        "Digits": "0123456789*" * 3,
        "FinishedOnKey": "#",
        "msg": "Gather End",
    }
    assert pages.requests[-1].method == "POST"


def test_action_defaults_to_the_current_document() -> None:
    # "action = current document"
    pages = Pages({"/voice": '<Gather numDigits="1"/>'})
    dialled(pages).press("1")
    assert pages.paths == ["/voice", "/voice"]


def test_timeout_counts_from_the_end_of_the_prompt() -> None:
    # "timeout counts from the end of the nested prompt"
    call = dialled(gather_app('timeout="3"', nested='<Pause length="10"/>'))
    assert (call.now, call.due) == (10, 13)


def test_timeout_counts_between_digits() -> None:
    # "then between digits"
    pages = gather_app('timeout="3"', nested="")
    call = dialled(pages)
    call.press("12", gap=2.5)
    assert call.due == 5.5


def test_a_key_stops_the_prompt() -> None:
    # "The first key stops the nested prompt (barge-in)."
    call = a_call(gather_app("", nested="<Say>one</Say><Say>two</Say>"))
    call.dial()
    assert call.state is State.PROMPTING
    call.press("1")
    call.run_to_silence()
    assert (said(call), call.state, call.due) == (["one"], State.LISTENING, 5)


def test_keys_do_not_interrupt_a_say_outside_a_gather() -> None:
    # "Text that must be heard goes in a Say before the Gather."
    call = a_call({"/voice": '<Say>must be heard</Say><Gather numDigits="1" action="/got"/>'})
    call.dial()
    call.press("1")
    assert call.state is State.PLAYING
    assert call.run_to_silence() is State.LISTENING


def test_num_digits_submits_at_once_with_an_empty_finished_on_key() -> None:
    # "numDigits reached = submitted at once", "FinishedOnKey (empty when numDigits ... ended it)"
    pages = gather_app('numDigits="2"')
    call = dialled(pages)
    at = call.now
    call.press("12")
    assert gathered(pages) == {"Digits": "12", "FinishedOnKey": "", "msg": "Gather End"}
    assert call.exchanges[-1].at_seconds == at


def test_timeout_with_digits_submits_the_partial_input() -> None:
    # "Timeout with digits submits the partial input."
    pages = gather_app('numDigits="18"')
    call = dialled(pages)
    call.press("110")
    call.advance_to(call.due)
    assert gathered(pages) == {"Digits": "110", "FinishedOnKey": "", "msg": "Gather End"}


@pytest.mark.parametrize("end", ["timeout", "#"])
def test_nothing_gathered_falls_through_without_a_request(end: str) -> None:
    # "Timeout without digits, or finishOnKey first = no request, falls through to the next verb"
    pages = gather_app()
    call = dialled(pages)
    if end == "#":
        call.press("#")
    else:
        call.advance_to(call.due)
    assert pages.paths == ["/voice"]
    assert said(call)[-1] == "nothing pressed"


@pytest.mark.parametrize(("sent", "digits"), [(True, {"Digits": ""}), (False, {})])
@pytest.mark.parametrize("end", ["timeout", "#"])
def test_action_on_empty_result(sent: bool, digits: dict[str, str], end: str) -> None:
    # "with actionOnEmptyResult=true the action is called (with `Digits=` or without: unknown)"
    pages = gather_app('actionOnEmptyResult="true"')
    call = dialled(pages, rules=Rules(empty_digits_sent=sent))
    if end == "#":
        call.press("#")
    else:
        call.advance_to(call.due)
    finished = "#" if end == "#" else ""
    assert gathered(pages) == {**digits, "FinishedOnKey": finished, "msg": "Gather End"}


def test_an_empty_finish_key_makes_every_key_a_digit() -> None:
    # "`''` = no such key."
    pages = gather_app('finishOnKey="" numDigits="3"')
    dialled(pages).press("#*#")
    assert gathered(pages)["Digits"] == "#*#"


def test_star_is_an_ordinary_digit_unless_it_finishes() -> None:
    # "`*` is an ordinary digit unless it is the finishOnKey."
    ordinary, finishing = gather_app('numDigits="2"'), gather_app('finishOnKey="*"')
    dialled(ordinary).press("1*")
    dialled(finishing).press("1#*")
    assert gathered(ordinary)["Digits"] == "1*"
    assert (gathered(finishing)["Digits"], gathered(finishing)["FinishedOnKey"]) == ("1#", "*")


TWO_GATHERS = {
    "/voice": '<Gather numDigits="2" action="/next"/>',
    "/next": '<Say>wait</Say><Gather numDigits="1" action="/got"/><Say>fell through</Say>',
    "/got": "<Say>got it</Say>",
}


@pytest.mark.parametrize(("rules", "last_words"), [(DROPPED, "wait"), (BUFFERED, "fell through")])
def test_a_late_hash(rules: Rules, last_words: str) -> None:
    # "Keys pressed outside a Gather: buffering unknown. A habitual `#` after the 18th digit may
    # reach the next Gather and end it empty"
    call = dialled(Pages(dict(TWO_GATHERS)), rules=rules)
    call.press("12#")
    state = call.run_to_silence()
    assert (state is State.LISTENING, said(call)[-1]) == (rules == DROPPED, last_words)


def test_a_late_hash_in_the_next_gathers_prompt_ends_it_empty() -> None:
    pages = Pages({**TWO_GATHERS, "/next": "<Gather><Say>again</Say></Gather><Say>empty</Say>"})
    call = dialled(pages)
    call.press("12#")
    assert said(call)[-1] == "empty"


def test_buffered_keys_answer_the_next_gather() -> None:
    call = dialled(Pages(dict(TWO_GATHERS)), rules=BUFFERED)
    call.press("129")
    call.run_to_silence()
    assert call.exchanges[-1].parameters["Digits"] == "9"


SPEECH = 'input="dtmf speech" timeout="4"'


def test_speech() -> None:
    # "speech adds `SpeechResult`, maybe `Confidence`"
    pages = gather_app(SPEECH)
    call = dialled(pages)
    call.speak("挂失", confidence=0.75)
    call.advance_to(call.due)
    assert gathered(pages) == {"SpeechResult": "挂失", "Confidence": "0.75", "msg": "Gather End"}


def test_speech_is_a_minute_at_most() -> None:
    # "Speech is at most 60 s"
    call = dialled(gather_app(SPEECH, nested=""))
    call.speak("挂失" * 500)
    assert call.due == 60 + 4


def test_tones_are_not_played_in_a_gather() -> None:
    # "`<Play digits>` is not allowed there."
    call = dialled(gather_app("", nested='<Play digits="12"/>'))
    assert (call.now, call.state) == (0, State.LISTENING)


@pytest.mark.parametrize("keys_first", [True, False])
def test_whichever_input_comes_first_wins(keys_first: bool) -> None:
    # "With speech: whichever input comes first wins."
    pages = gather_app(SPEECH)
    call = dialled(pages)
    if keys_first:
        call.press("1")
    call.speak("挂失")
    call.press("2")
    call.advance_to(call.due)
    assert gathered(pages).get("Digits") == ("12" if keys_first else None)
    assert gathered(pages).get("SpeechResult") == (None if keys_first else "挂失")


@pytest.mark.parametrize(("inputs", "heeded"), [("dtmf", "Digits"), ("speech", "SpeechResult")])
def test_only_the_inputs_asked_for_count(inputs: str, heeded: str) -> None:
    # "input dtmf" by default; speech only when asked for.
    pages = gather_app(f'input="{inputs}"')
    call = dialled(pages)
    call.speak("挂失")
    call.press("1")
    call.advance_to(call.due)
    assert heeded in gathered(pages)
    assert len(gathered(pages).keys() & {"Digits", "SpeechResult"}) == 1


def test_speech_stops_the_prompt_unless_barge_in_is_off() -> None:
    for attributes, state in ((SPEECH, State.LISTENING), (f'{SPEECH} bargeIn="false"', "")):
        call = a_call(gather_app(attributes))
        call.dial()
        call.speak("挂失")
        assert call.state is (state or State.PROMPTING)


def test_confidence_may_be_missing() -> None:
    # "maybe `Confidence`"
    pages = gather_app(SPEECH)
    call = dialled(pages)
    call.speak("挂失", confidence=None)
    call.advance_to(call.due)
    assert "Confidence" not in gathered(pages)
