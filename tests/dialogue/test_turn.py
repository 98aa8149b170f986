"""One turn: every kind of step, every kind of input, on a small flow of its own."""

from dataclasses import replace

import pytest

from ivr.dialogue.call import Line
from ivr.dialogue.steps import Menu
from ivr.dialogue.turn import person_first, take_turn, without_person
from tests.dialogue.a_flow import (
    TWO_CARDS,
    call_at,
    finish,
    new_call,
    press,
    prompts_of,
)


def test_a_call_begins_at_the_first_step_and_hears_it() -> None:
    call = new_call()
    assert (call.step, call.turn, call.said) == (
        "language", 0, (Line("which_language", asked=True),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "keys", "leads_to"),
    [
        ("language", "1", "main_menu"),
        ("language", "2", "main_menu"),
        ("language", None, "main_menu"),
        ("main_menu", "1", "number"),
        ("main_menu", "2", "list"),
        ("number", "123", "look"),
        ("number", "15", "told"),
        ("list", "1", "sure"),
        ("list", "2", "sure"),
        ("sure", "1", "told"),
        ("sure", "9", "number"),
        ("told", None, "goodbye"),
        ("told", "5", "goodbye"),
        ("person", "completed", "goodbye"),
        ("person", None, "main_menu"),
        ("goodbye", "1", "goodbye"),
    ],
)
def test_each_exit_leads_where_the_table_says(step: str, keys: str | None, leads_to: str) -> None:
    assert press(call_at(step, choices=TWO_CARDS), keys).step == leads_to


@pytest.mark.parametrize("outcome", ["none", "several", "one"])
def test_an_action_leaves_by_its_outcome(outcome: str) -> None:
    expected = {"none": "main_menu", "several": "list", "one": "sure"}
    assert finish(call_at("look"), outcome).step == expected[outcome]


def test_an_action_is_heard_before_the_step_it_leads_to() -> None:
    call = finish(call_at("look"), "one", lines=(Line("found", {"n": "1"}),))
    assert prompts_of(call) == ["found", "this_is_it", "sure"]


def test_an_actions_facts_are_added_to_those_known() -> None:
    call = finish(call_at("look", facts={"a": "1", "b": "1"}), "one", facts={"b": "2"})
    assert call.facts == {"a": "1", "b": "2"}


def test_an_unlisted_outcome_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        finish(call_at("look"), "whatever")


def test_only_an_action_can_be_left() -> None:
    with pytest.raises(TypeError, match="sure runs no action"):
        finish(call_at("sure"), "one")


@pytest.mark.parametrize(
    ("step", "key", "leads_to"),
    [
        ("main_menu", "0", "person"),
        ("number", "0", "told"),  # no such number: the step says where that leads
        ("list", "0", "person"),
        ("language", "0", "person"),
        ("main_menu", "*", "language"),
        ("number", "*", "main_menu"),
        ("list", "*", "main_menu"),
        ("sure", "*", "list"),
    ],
)
def test_0_and_star_work_everywhere(step: str, key: str, leads_to: str) -> None:
    assert press(call_at(step, choices=TWO_CARDS), key).step == leads_to


@pytest.mark.parametrize("step", ["language", "main_menu", "number", "list"])
def test_9_repeats_a_step_and_is_no_try(step: str) -> None:
    before = call_at(step, tries=1, choices=TWO_CARDS)
    after = press(before, "9")
    assert (after.step, after.tries) == (step, 1)
    assert after.said == press(before, "9", "9").said != ()


def test_a_step_may_give_9_a_meaning_of_its_own() -> None:
    assert press(call_at("sure"), "9").step == "number"


@pytest.mark.parametrize("step", ["language", "main_menu", "number", "list", "sure"])
def test_a_late_hash_is_neither_a_choice_nor_a_mistake(step: str) -> None:
    after = press(call_at(step, tries=2, choices=TWO_CARDS), "#")
    assert (after.step, after.tries) == (step, 2)
    assert "bad_key" not in prompts_of(after)


def test_a_late_hash_cuts_the_question_short_and_only_the_question_is_put_again() -> None:
    assert prompts_of(press(call_at("sure"), "#")) == ["sure"]
    assert prompts_of(press(call_at("sure"), "3")) == ["bad_key", "this_is_it", "sure"]


def test_silence_and_a_wrong_key_have_different_words() -> None:
    silent, wrong = press(call_at("main_menu"), None), press(call_at("main_menu"), "7")
    assert prompts_of(silent) == ["no_input", "menu", "menu_help", "for_a_person", "slow_offer"]
    assert prompts_of(wrong) == ["bad_key", "menu"]


def test_each_verdict_of_a_check_has_its_own_words() -> None:
    assert prompts_of(press(call_at("number"), "1"))[0] == "number_too_short"
    assert prompts_of(press(call_at("number"), "999"))[0] == "number_wrong"


@pytest.mark.parametrize("bad", [None, "7", "77"])
@pytest.mark.parametrize(
    ("step", "leads_to", "heard"),
    [
        ("main_menu", "person", ["too_many_tries", "hold_the_line"]),
        ("list", "person", ["too_many_tries", "hold_the_line"]),
        # Whom self-service cannot help learns first what to do, for nobody may be there.
        ("number", "only_person", ["too_many_tries", "call_any_bank", "hold_on"]),
    ],
)
def test_the_third_miss_leads_to_a_person(
    step: str, bad: str | None, leads_to: str, heard: list[str]
) -> None:
    call = call_at(step, choices=TWO_CARDS)
    twice = press(call, bad, bad)
    assert (twice.step, twice.tries) == (step, 2)
    third = press(twice, bad)
    assert third.step == leads_to
    assert prompts_of(third) == heard


@pytest.mark.parametrize("keys", [None, "7", "9", "#"])
def test_while_nobody_is_there_no_person_is_offered(keys: str | None) -> None:
    """Whatever is said, and nothing else of it is left out."""
    flow = {"only": Menu(says=("news",), asks=("menu", "for_a_person"), choices={})}
    call = take_turn(flow, call_at("only"), keys, {})
    assert "for_a_person" in prompts_of(call)
    alone = without_person(call)
    assert prompts_of(alone) == [p for p in prompts_of(call) if p != "for_a_person"]
    assert alone == replace(call, said=alone.said)


def test_while_nobody_is_there_nobody_is_told_to_wait_for_a_person() -> None:
    call = call_at("sure", said=(Line("busy"), Line("wait_for_person", asked=True)))
    assert prompts_of(without_person(call)) == ["busy"]


def test_a_step_may_give_up_elsewhere() -> None:
    assert press(call_at("sure"), "7", None, "8").step == "goodbye"


def test_tries_are_counted_step_by_step() -> None:
    call = press(call_at("main_menu"), "7", "7", "1")
    assert (call.step, call.tries) == ("number", 0)
    assert press(call, None, "1").tries == 2


def test_tries_are_forgotten_on_the_way_back() -> None:
    assert press(call_at("number"), "1", "1", "*", "1", "1").tries == 1


def test_6_in_a_menu_says_it_again_slowly_and_once_more_as_before() -> None:
    slow = press(call_at("main_menu"), "6")
    assert (slow.slow, slow.tries, prompts_of(slow)) == (True, 0, ["slow_on", "menu"])
    assert prompts_of(press(call_at("main_menu"), "6", "6")) == ["slow_off", "menu"]


def test_a_person_is_offered_first_to_whom_all_is_said_slowly() -> None:
    slow = person_first(press(call_at("main_menu"), "6", None))
    assert prompts_of(slow) == ["no_input", "for_a_person", "menu", "menu_help", "slow_end"]


def test_words_that_are_no_key_are_asked_for_again() -> None:
    call = press(call_at("main_menu"), "?")
    assert (prompts_of(call), call.tries) == (["not_understood", "menu"], 1)


def test_help_is_not_said_twice() -> None:
    flow = {"only": Menu(asks=("news", "menu_help", "for_a_person"), choices={})}
    call = take_turn(flow, call_at("only"), None, {})
    assert prompts_of(call) == ["no_input", "news", "menu_help", "for_a_person", "slow_offer"]


def test_every_request_that_is_accepted_counts_as_a_turn() -> None:
    assert press(call_at("main_menu"), None, "9", "7", "1").turn == 4


def test_a_language_is_chosen_by_its_key_and_mandarin_by_silence() -> None:
    assert press(new_call(), "1").language == "zh"
    assert press(new_call(), "2").language == "en"
    assert press(new_call(), None).language == "zh"


def test_an_item_is_picked_by_its_place_in_the_list() -> None:
    assert press(call_at("list", choices=TWO_CARDS), "2").facts == {"chosen": "ref-b"}


@pytest.mark.parametrize("key", ["3", "8", "²", "a", "12"])
def test_a_key_beyond_the_list_picks_nothing(key: str) -> None:
    call = press(call_at("list", choices=TWO_CARDS), key)
    assert (call.step, call.facts, prompts_of(call)[0]) == ("list", {}, "bad_key")


def test_a_list_is_read_with_a_key_for_each_item() -> None:
    lines = finish(call_at("look"), "several", choices=TWO_CARDS).said
    assert lines == (
        Line("which", asked=True),
        Line("item", {"bank": "ICBC", "key": "1"}, asked=True),
        Line("item", {"bank": "CCB", "key": "2"}, asked=True),
    )


def test_an_item_may_have_words_of_its_own() -> None:
    choices = (TWO_CARDS[0], replace(TWO_CARDS[1], prompt="lost_already"))
    said = finish(call_at("look"), "several", choices=choices).said
    assert [(line.prompt, line.values.get("key")) for line in said] == [
        ("which", None), ("item", "1"), ("lost_already", "2"),
    ]  # fmt: skip
