"""The hotline's own table: its keys are promised to callers, its faults are found at load."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ivr.dialogue.call import Call
from ivr.dialogue.checks import FlowError, check_flow, language_faults
from ivr.dialogue.flow import ACTIONS, FILING_STEPS, FLOW, START
from ivr.dialogue.steps import (
    ENTERED,
    ONLY_PERSON,
    PERSON,
    Action,
    Ask,
    Do,
    End,
    Menu,
    Pick,
    Step,
    Tell,
    exits,
    prompts,
)
from ivr.dialogue.turn import MAX_TRIES, OFFERS_OF_A_PERSON, Judged, Result, leave, take_turn
from ivr.prompts.catalogue import load_catalogue

PRESSED = [
    ("language", "1", "main_menu"),
    ("language", "2", "main_menu"),
    ("main_menu", "1", "report_id"),
    ("main_menu", "2", "status_id"),
    ("main_menu", "3", "card_services"),
    ("main_menu", "4", "first_card"),
    ("main_menu", "0", "person"),
    ("main_menu", "*", "language"),
    ("not_found", "1", "report_id"),
    ("status_not_found", "1", "status_id"),
    ("confirm", "1", "file_report"),
    ("confirm", "2", "cancelled"),
    ("report_id", "0", "id_needs_person"),
    ("status_id", "0", "id_needs_person"),
    ("confirm_again", "1", "file_report"),
    ("confirm_again", "2", "cancelled_again"),
    ("cancelled", "1", "report_id"),
    ("cancelled_again", "1", "report_id"),
    ("after_report", "1", "other_cards"),
    ("after_report", "9", "filed"),
    ("after_report", None, "goodbye"),
    ("confirm_all", "1", "file_all"),
    ("confirm_all", "2", "cancelled_all"),
    ("cancelled_all", "1", "report_id"),
    ("after_all", "1", "other_cards"),
    ("after_all", "9", "filed_all"),
    ("after_all", None, "goodbye"),
    ("already_reported", "2", "read_status"),
    ("already_reported", "9", "look_at_card"),
    ("already_formal", "3", "reissue_guide"),
    ("outcome_unknown", "2", "read_status"),
    ("status_told", "9", "read_status"),
    ("status_told", "3", "card_services"),
    ("status_reportable", "1", "look_at_card"),
    ("status_reportable", "9", "read_status"),
    ("status_reportable", "3", "card_services"),
    ("already_reported_own", "5", "not_me"),
    ("already_reported_own", "2", "read_status"),
    ("already_reported_own", "9", "look_at_card"),
    ("status_own", "5", "not_me"),
    ("status_own", "3", "card_services"),
    ("status_own", "9", "read_status"),
    ("status_reportable_own", "1", "look_at_card"),
    ("status_reportable_own", "5", "not_me"),
    ("not_me", "1", "dispute"),
    ("not_me", "2", "read_status"),
    ("not_me", None, "not_me"),
    ("disputed", "2", "read_status"),
    ("dispute_unsure", "2", "read_status"),
    ("card_services", "1", "formal_loss"),
    ("card_services", "2", "decoupling"),
    ("card_services", "3", "reissue_guide"),
    ("reissue_place", "9", "reissue_guide"),
    ("reissue_place", "*", "card_services"),
    ("reissue_text", "1", "text_place"),
    ("reissue_text", "9", "reissue_guide"),
    ("reissue_text", "*", "card_services"),
    ("place_texted", "9", "reissue_guide"),
    ("place_texted", "*", "card_services"),
    ("formal_loss", "*", "card_services"),
    ("decoupling", "*", "card_services"),
    ("reissue", "*", "card_services"),
    ("first_card", "1", "first_worker"),
    ("first_card", "2", "first_resident"),
    ("first_worker", "*", "first_card"),
    ("first_resident", "*", "first_card"),
    ("person_closed", "1", "report_id"),
    ("person_closed", "9", "person_closed"),
    ("person_closed", "2", "callback"),
    ("person_busy", "2", "callback"),
    ("nobody_there", "2", "callback"),
    ("nobody_answers", "2", "callback"),
    ("callback_calling", "1", "callback_leave"),
    ("callback_calling", "2", "callback_number"),
    ("person_busy", "0", "person"),
    ("person_busy", "1", "report_id"),
    ("nobody_there", "0", "only_person"),
    ("nobody_there", None, "part"),
    ("nobody_answers", "0", "only_person"),
    ("nobody_answers", None, "part"),
]

OUTCOMES = [
    ("reissue_guide", "default", "reissue"),
    ("reissue_guide", "place", "reissue_place"),
    ("reissue_guide", "text", "reissue_text"),
    ("text_place", "texted", "place_texted"),
    ("text_place", "gone", "reissue"),
    ("find_holder", "none", "not_found"),
    ("find_holder", "one", "look_at_card"),
    ("find_holder", "several", "pick_card"),
    ("find_holder", "too_many", "only_person"),
    ("find_holder", "prove", "report_prove"),
    ("report_prove", "tail", "report_tail"),
    ("report_prove", "code", "report_code"),
    ("report_prove", "too_many", "only_person"),
    ("report_proof", "one", "look_at_card"),
    ("report_proof", "several", "pick_card"),
    ("report_proof", "wrong_tail", "report_tail"),
    ("report_proof", "wrong_code", "report_code"),
    ("report_proof", "too_many", "only_person"),
    ("look_at_card", "prove", "report_prove"),
    ("file_report", "prove", "one_more_check"),
    ("status_holder", "prove", "status_prove"),
    ("status_prove", "tail", "status_tail"),
    ("status_prove", "code", "status_code"),
    ("status_prove", "too_many", "only_person"),
    ("status_proof", "one", "read_status"),
    ("status_proof", "several", "status_pick"),
    ("status_proof", "wrong_tail", "status_tail"),
    ("status_proof", "wrong_code", "status_code"),
    ("status_proof", "too_many", "only_person"),
    ("look_at_card", "reportable", "confirm"),
    ("look_at_card", "again", "confirm_again"),
    ("look_at_card", "already", "already_reported"),
    ("look_at_card", "already_own", "already_reported_own"),
    ("look_at_card", "formal", "already_formal"),
    ("look_at_card", "not_by_phone", "not_by_phone"),
    ("look_at_card", "phone_closed", "phone_closed"),
    ("look_at_card", "not_renewed", "not_renewed"),
    ("look_at_card", "under_16", "under_16"),
    ("file_report", "filed", "filed"),
    ("file_report", "already", "already_reported"),
    ("file_report", "already_own", "already_reported_own"),
    ("file_report", "formal", "already_formal"),
    ("file_report", "not_by_phone", "not_by_phone"),
    ("file_report", "phone_closed", "phone_closed"),
    ("file_report", "not_renewed", "not_renewed"),
    ("file_report", "under_16", "under_16"),
    ("file_report", "unknown", "outcome_unknown"),
    ("look_at_card", "unknown", "outcome_unknown"),
    ("read_status", "unknown", "outcome_unknown"),
    ("ask_bank", "blocked", "bank_blocked"),
    ("ask_bank", "waiting", "bank_waiting"),
    ("ask_bank", "waiting_untexted", "bank_waiting_untexted"),
    ("ask_bank", "failed", "bank_failed"),
    ("ask_bank", "unreached", "bank_unreached"),
    ("status_holder", "none", "status_not_found"),
    ("status_holder", "too_many", "only_person"),
    ("status_holder", "one", "read_status"),
    ("status_holder", "several", "status_pick"),
    ("read_status", "read", "status_told"),
    ("read_status", "reportable", "status_reportable"),
    ("read_status", "read_own", "status_own"),
    ("read_status", "reportable_own", "status_reportable_own"),
    ("dispute", "disputed", "disputed"),
    ("dispute", "unsure", "dispute_unsure"),
    ("look_at_all", "several", "confirm_all"),
    ("look_at_all", "one", "look_at_card"),
    ("look_at_all", "none", "other_cards"),
    ("look_at_all", "prove", "report_prove"),
    ("file_all", "told", "filed_all"),
    ("file_all", "prove", "one_more_check"),
    ("ask_banks", "told", "after_all"),
    ("ask_banks", "none", "part"),
    ("other_cards", "several", "pick_card"),
    ("other_cards", "none", "report_id"),
    ("person", "open", "transfer"),
    ("person", "closed", "person_closed"),
    ("person", "open_only", "transfer_only"),
    ("person", "closed_only", "nobody_there"),
    ("only_person", "open_only", "transfer_only"),
    ("only_person", "closed_only", "nobody_there"),
    ("callback", "calling", "callback_calling"),
    ("callback", "keyed", "callback_number"),
    ("callback", "left", "callback_left"),
    ("callback_leave", "left", "callback_left"),
    ("callback_leave", "keyed", "callback_number"),
    ("callback_note", "noted", "callback_again"),
    ("callback_leave_keyed", "left", "callback_left"),
    ("callback_leave_keyed", "differs", "callback_number"),
    ("callback_leave_keyed", "too_many", "part"),
    ("part", "reported", "goodbye"),
    ("part", "unknown", "goodbye"),
    ("part", "nothing", "goodbye"),
]

LISTENING = [name for name, step in FLOW.items() if isinstance(step, Menu | Pick | Ask)]
VERDICTS = {"good": None, "short": "too_short", "old": "fifteen_places"}


def judge(keys: str) -> Judged:
    return Judged(VERDICTS.get(keys, "invalid"))


def pressed(step: str, *inputs: str | None) -> Call:
    call = Call(sid="CA1", step=step)
    for keys in inputs:
        call = take_turn(FLOW, call, keys, {"id_number": judge, "proof": judge, "phone": judge})
    return call


@pytest.mark.parametrize(("step", "key", "leads_to"), PRESSED)
def test_keys(step: str, key: str | None, leads_to: str) -> None:
    assert pressed(step, key).step == leads_to


@pytest.mark.parametrize(("step", "outcome", "leads_to"), OUTCOMES)
def test_outcomes(step: str, outcome: str, leads_to: str) -> None:
    assert leave(FLOW, Call(sid="CA1", step=step), Result(outcome)).step == leads_to


def test_every_outcome_is_listed_above() -> None:
    listed = {(step, outcome) for step, outcome, _ in OUTCOMES}
    assert listed == {(n, o) for n, s in FLOW.items() if isinstance(s, Do) for o in s.exits}


@pytest.mark.parametrize(
    ("keys", "leads_to"), [("good", "find_holder"), ("old", "id_needs_person")]
)
def test_an_id_number_leads_on(keys: str, leads_to: str) -> None:
    assert pressed("report_id", keys).step == leads_to


@pytest.mark.parametrize("step", LISTENING)
def test_0_is_a_person_everywhere(step: str) -> None:
    call = pressed(step, "0")
    while isinstance(told := FLOW[call.step], Tell):
        call = take_turn(FLOW, call, None, {})
        assert told.says, "what a person must do for this caller"
    assert call.step in (PERSON, ONLY_PERSON)


@pytest.mark.parametrize("step", LISTENING)
def test_three_wrong_keys_end_at_a_person_or_at_a_goodbye(step: str) -> None:
    """`part` is the goodbye to whom no person could help: it says whether a card is reported."""
    call = pressed(step, *["77"] * MAX_TRIES)
    while isinstance(FLOW[call.step], Tell):
        call = take_turn(FLOW, call, None, {})
    assert call.step in (PERSON, ONLY_PERSON, "part", "goodbye")


def self_service_is_offered_from(first: str) -> set[str]:
    """The steps that offer it, among those that no key of the caller's leads away from."""
    seen, ahead = set(), [first]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        ahead += [target for way, target in exits(FLOW[name]).items() if way != "*"]
    return {name for name in seen if "self_service" in prompts(FLOW[name])}


@pytest.mark.parametrize(
    "step",
    ["only_person", "not_by_phone", "phone_closed", "not_renewed", "under_16", "id_needs_person"],
)
def test_whom_self_service_cannot_help_is_never_offered_it_again(step: str) -> None:
    """At night they were sent in a circle: a person is needed, nobody is here, press 1."""
    assert self_service_is_offered_from(step) == set()


def test_whom_self_service_can_help_is_offered_it() -> None:
    assert self_service_is_offered_from(PERSON) == {"person_closed", "person_busy"}


def test_nobody_is_hung_up_on_without_a_word_about_the_report() -> None:
    """A goodbye follows a report, or a person, or what `look_back` found to say."""
    ways = {name for name, step in FLOW.items() if "goodbye" in exits(step).values()}
    assert ways == {"after_report", "after_all", "transfer", "transfer_only", "part"}


def test_a_person_is_offered_in_prompts_of_their_own() -> None:
    """So that they can be left out while nobody is there."""
    for name, prompt in [(n, p) for n, step in FLOW.items() for p in prompts(step)]:
        offers = "按0。" in load_catalogue().shown(prompt, "zh")
        assert offers == (prompt in OFFERS_OF_A_PERSON), name


@pytest.mark.parametrize("step", LISTENING)
def test_silence_never_stays_on_the_line(step: str) -> None:
    call, heard = Call(sid="CA1", step=step), 0
    while call.step not in (PERSON, ONLY_PERSON, "part", "goodbye"):
        call = take_turn(FLOW, call, None, {})
        heard += 1
        assert heard <= 3 * MAX_TRIES


@pytest.mark.parametrize("inputs", [(None,), (None, None), (None, None, None), ("9",), ("#",)])
def test_only_1_confirms(inputs: tuple[str | None, ...]) -> None:
    assert pressed("confirm", *inputs).step != "file_report"
    assert pressed("confirm_again", *inputs).step != "file_report"
    assert pressed("confirm_all", *inputs).step != "file_all"


def test_no_way_but_confirm_files_a_report() -> None:
    ways = [name for name, step in FLOW.items() if "file_report" in exits(step).values()]
    assert ways == ["confirm", "confirm_again"]
    assert [n for n, step in FLOW.items() if "file_all" in exits(step).values()] == ["confirm_all"]


def test_steps_named_outside_the_table_exist() -> None:
    assert {START, PERSON, ONLY_PERSON} <= FLOW.keys()


# Faults found at load

FINE: Mapping[str, Step] = {
    START: Menu(asks=("hello",), choices={"1": "main_menu"}),
    "main_menu": Menu(asks=("menu",), choices={"1": "ask"}),
    "ask": Ask(asks=("ask",), digits=3, check="number", then="find"),
    "find": Do("find", {"found": "pick", "none": "told"}),
    "pick": Pick(asks=("pick",), item="item", fact="card", then="told"),
    "told": Tell(says=("told",), then="goodbye"),
    "person": Tell(says=("hold",), then="goodbye"),
    "only_person": Tell(says=("hold",), then="goodbye"),
    "goodbye": End(says=("bye",)),
}


FINDS = {"find": Action(needs=frozenset({ENTERED}))}


def test_a_sound_table_passes() -> None:
    check_flow(FINE, START, FINDS)


@pytest.mark.parametrize(
    ("name", "step", "fault"),
    [
        ("told", Tell(says=("told",), then="gone"), "told: then leads to gone, which is no step"),
        ("find", Do("find", {"found": "pick", "none": "nowhere"}), "find: none leads to nowhere"),
        ("island", End(says=("bye",)), "island: no way leads here"),
        (
            "main_menu",
            Menu(asks=("menu",), choices=dict.fromkeys("12345", "ask")),
            "main_menu: more than 5 options",
        ),
        (
            "main_menu",
            Menu(asks=("menu",), choices={"1": "ask", "0": "told"}),
            "main_menu: key 0 is a person everywhere",
        ),
        (
            "main_menu",
            Menu(asks=("menu",), choices={"1": "ask", "12": "told"}),
            "main_menu: 12 is no key",
        ),
        (
            "main_menu",
            Menu(asks=("menu",), choices={"1": "ask"}, languages={"2": "en"}),
            "main_menu: language key 2 is no choice",
        ),
        ("status", End(says=("bye",)), "status: this URL is Twilio's own"),
        (
            "told",
            Tell(says=("told",), then="find"),
            "find: may loop for ever without the caller",
        ),
    ],
)
def test_a_fault_is_named(name: str, step: Step, fault: str) -> None:
    with pytest.raises(FlowError, match=fault):
        check_flow({**FINE, name: step}, START, FINDS)


def test_all_faults_are_named_together() -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(
            {**FINE, "told": Tell(says=("t",), then="gone"), "island": End(says=())}, START, FINDS
        )
    assert str(caught.value).splitlines() == [
        "told: then leads to gone, which is no step",
        "island: no way leads here",
    ]


def test_languages_and_keys_must_match() -> None:
    assert language_faults(FLOW, ["zh", "en"]) == []
    assert language_faults(FLOW, ["en", "qaa"]) == [
        "qaa: no key chooses it",
        "zh: key 1 of language chooses it, but it has no row",
        "zh: silence chooses it, but it has no row",
    ]


def test_a_table_without_its_fixed_steps_is_refused() -> None:
    with pytest.raises(FlowError, match="person is no step"):
        check_flow({"main_menu": FLOW["goodbye"]}, "main_menu", {})


# What actions need


def faults_of(flow: Mapping[str, Step], actions: Mapping[str, Action]) -> list[str]:
    with pytest.raises(FlowError) as caught:
        check_flow(flow, START, actions)
    return str(caught.value).splitlines()


def test_an_action_nobody_declared() -> None:
    assert faults_of(FINE, {}) == ["find: the action find has no row that says what it needs"]


def test_what_was_entered_is_gone_once_the_caller_is_spoken_to() -> None:
    """A step that says something stands between the entry and its action."""
    ask = Ask(asks=("ask",), digits=3, check="number", then="thanks")
    flow = {**FINE, "ask": ask, "thanks": Tell(says=("thanks",), then="find")}
    assert faults_of(flow, FINDS) == [
        "find: find needs what was entered, but on some way here no step has found it"
    ]


@pytest.mark.parametrize("fact", ["card", "holder"])
def test_a_fact_must_be_found_on_every_way(fact: str) -> None:
    """`pick` finds the card, `find` the holder; one way to `last` leads past both."""
    last = Do("last", {"": "told"})
    actions = {
        "find": Action(finds={"found": frozenset({"holder"}), "none": frozenset({"holder"})}),
        "last": Action(needs=frozenset({fact})),
    }
    menu = Menu(asks=("menu",), choices={"1": "ask", "2": "last"})
    flow = {**FINE, "last": last, "main_menu": menu}
    assert faults_of(flow, actions) == [
        f"last: last needs {fact}, but on some way here no step has found it"
    ]
    pick = Pick(asks=("pick",), item="item", fact="card", then="last")
    check_flow({**FINE, "last": last, "pick": pick}, START, actions)


def test_the_hotline_refuses_words_between_the_number_and_the_holder() -> None:
    """Once the digits were carried round the table, and such a step made a holder "not found"."""
    asked = FLOW["report_id"]
    assert isinstance(asked, Ask)
    asked = replace(asked, then="thanks")
    flow = {**FLOW, "report_id": asked, "thanks": Tell(says=("transfer",), then="find_holder")}
    assert faults_of(flow, ACTIONS) == [
        "find_holder: find_holder needs what was entered, but on some way here no step has found it"
    ]


# Where a report is filed


def test_only_the_confirming_key_files() -> None:
    assert FILING_STEPS.key_at == {"confirm": "1", "confirm_again": "1", "confirm_all": "1"}


def test_every_outcome_of_filing_has_words() -> None:
    assert FILING_STEPS.outcomes == {
        "filed", "already_reported", "already_reported_own", "already_formal", "not_by_phone",
        "phone_closed", "not_renewed", "under_16", "outcome_unknown", "one_more_check",
        "filed_all",
    }  # fmt: skip
    assert not [name for name in FILING_STEPS.outcomes if isinstance(FLOW[name], Do)]
