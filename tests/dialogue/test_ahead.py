"""A turn that is taken before the call is read comes to what it comes to after it is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.conversation import CHECKS, Heard, turn_ahead
from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.flow import FILING_STEPS, FLOW, START
from ivr.dialogue.steps import Do, End, Menu, Pick, Tell, Transfer
from ivr.dialogue.turn import start, take_turn

CHOICES = (Choice("ref-a", {"bank": "ICBC"}), Choice("ref-b", {"bank": "CCB"}))
KEYS = ["", *"0123456789*#", "12", "completed"]
SPOKEN = sorted(name for name, step in FLOW.items() if not isinstance(step, Do))

calls = st.builds(
    Call, sid=st.just("CA1"), step=st.sampled_from(SPOKEN), turn=st.integers(0, 99),
    language=st.sampled_from(["zh", "en"]), tries=st.integers(0, 2),
    facts=st.dictionaries(st.sampled_from(["holder_ref", "days"]), st.text(max_size=3)),
    choices=st.sampled_from([(), CHOICES]), said=st.sampled_from([(), (Line("no_input"),)]),
    at=st.integers(0, 9),
)  # fmt: skip


@given(calls, st.sampled_from(KEYS))
def test_it_is_the_same_whatever_the_call_remembers(call: Call, keys: str) -> None:
    ahead = turn_ahead(Heard(call.sid, call.step, call.turn, keys))
    if ahead is None:
        return
    after = take_turn(FLOW, call, keys, CHECKS)
    language = ahead.language or call.language
    kept = replace(ahead, facts=call.facts, choices=call.choices, at=call.at)
    assert after == replace(kept, language=language)


@pytest.mark.parametrize("step", SPOKEN)
@pytest.mark.parametrize("key", KEYS)
def test_what_runs_an_action_or_may_have_filed_is_not_taken_ahead(step: str, key: str) -> None:
    """Nor what is spoken even when it cannot be saved."""
    ahead = turn_ahead(Heard("CA1", step, 3, key))
    if ahead is not None:
        assert step not in FILING_STEPS.key_at
        assert ahead.step not in FILING_STEPS.outcomes
        assert not isinstance(FLOW[ahead.step], Do | Pick | End | Transfer)


def test_a_new_call_and_the_menus_are_taken_ahead() -> None:
    assert turn_ahead(Heard("CA1")) == start(FLOW, "CA1", START)
    for name, step in FLOW.items():
        if not isinstance(step, Menu) or name in FILING_STEPS.key_at:
            continue
        for key, target in step.choices.items():
            plain = not isinstance(FLOW[target], Do) and target not in FILING_STEPS.outcomes
            assert (turn_ahead(Heard("CA1", name, 3, key)) is not None) is plain, (name, key)
    told = [name for name, step in FLOW.items() if isinstance(step, Tell)]
    assert any(turn_ahead(Heard("CA1", name, 3)) for name in told)


@pytest.mark.parametrize("step", ["no_such_step", "find_holder"])
def test_a_step_where_nobody_is_asked_is_not_taken_ahead(step: str) -> None:
    assert turn_ahead(Heard("CA1", step, 3, "1")) is None
    for turn in (None, -1, 10**30):
        assert turn_ahead(Heard("CA1", "language", turn, "1")) is None
