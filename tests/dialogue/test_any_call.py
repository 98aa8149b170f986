"""Whatever callers press and actions come to: no call breaks, leaves the table or gets stuck."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.beijing import beijing_day
from ivr.conversation import CHECKS
from ivr.dialogue.call import Call, Choice
from ivr.dialogue.flow import FLOW, START
from ivr.dialogue.steps import PERSON, Do, End
from ivr.dialogue.turn import MAX_TRIES, Judged, Result, leave, start, take_turn
from ivr.id_entry import keyed_id_number
from ivr.store.calls import dump_call, load_call
from tests.builders import an_id_number

TODAY = beijing_day(1_790_000_000)
ID_NUMBER = an_id_number()
KEYED_ID = ID_NUMBER.replace("X", "*")
CHOICES = (Choice("ref-a", {"bank": "ICBC"}), Choice("ref-b", {"bank": "CCB"}))

single_keys = st.sampled_from([None, "", *"0123456789*#"])
entries = st.one_of(
    st.text("0123456789*#", min_size=2, max_size=18),
    st.sampled_from([KEYED_ID, "110105491231002", an_id_number("20230615")]),
    st.text(max_size=5),
)
inputs = st.lists(st.tuples(st.one_of(single_keys, entries), st.integers(0, 9)), max_size=60)


def check(keys: str) -> Judged:
    number, verdict = keyed_id_number(keys, TODAY)
    return Judged(verdict, number)


def play(call: Call, keys: str | None, luck: int) -> Call:
    """One turn; actions come to any of their outcomes, as luck has it."""
    call = take_turn(FLOW, call, keys, {**CHECKS, "id_number": check})
    while isinstance(step := FLOW[call.step], Do):
        outcome = sorted(step.exits)[luck % len(step.exits)]
        call = leave(FLOW, call, Result(outcome, {"last4": "002X"}, choices=CHOICES))
    return call


@settings(deadline=None)  # how long a turn takes is measured elsewhere
@given(inputs)
def test_no_input_breaks_a_call_or_leads_out_of_the_table(
    turns: list[tuple[str | None, int]],
) -> None:
    call = start(FLOW, "CA1", START)
    for number, (keys, luck) in enumerate(turns, 1):
        call = play(call, keys, luck)
        assert call.step in FLOW
        assert call.turn == number
        assert call.tries < MAX_TRIES
        assert call.said
        assert load_call(call.sid, list(dump_call(call).values())) == call


@settings(deadline=None)  # how long a turn takes is measured elsewhere
@given(inputs)
def test_no_call_ever_holds_an_id_number(turns: list[tuple[str | None, int]]) -> None:
    call = start(FLOW, "CA1", START)
    for keys, luck in [*turns, ("1", 0), (KEYED_ID, 0), ("1", 0), (KEYED_ID, 1)]:
        call = play(call, keys, luck)
        for text in (repr(call), str(dump_call(call)), json.dumps(_numbers(call))):
            assert ID_NUMBER[:-1] not in text
            assert ID_NUMBER[6:14] not in text


@settings(deadline=None)  # how long a turn takes is measured elsewhere
@given(inputs)
def test_a_caller_who_falls_silent_is_not_kept_on_the_line(
    turns: list[tuple[str | None, int]],
) -> None:
    call = start(FLOW, "CA1", START)
    for keys, luck in turns:
        call = play(call, keys, luck)
    silent = 0
    while not isinstance(FLOW[call.step], End):
        call = play(call, None, 0)  # 0: agents are busy or off duty, whatever comes first
        silent += 1
        assert silent <= 6 * MAX_TRIES, f"still at {call.step}, on the way to {PERSON}"


def _numbers(call: Call) -> list[Any]:
    return [*call.facts.values(), *(line.values for line in call.said)]
