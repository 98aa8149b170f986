"""What each action makes of what is on record: an outcome, facts and lines, never words."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from redis import Redis

from ivr.actions import Directory, Turn, run_action
from ivr.agent_hours import AgentHours
from ivr.beijing import beijing_day
from ivr.cards.block import ENDED, Block, BlockState
from ivr.cards.case import Case
from ivr.cards.limits import Caller
from ivr.cards.loss import ReportKind, Suspension
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, SOCIAL_WORDS
from ivr.dialogue.call import ALL, Call
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Do
from ivr.dialogue.turn import Result
from ivr.id_entry import keyed_id_number
from ivr.phone_numbers import calling_number
from ivr.prompts.languages import LanguageCode
from ivr.spoken import hours_text
from ivr.store.cases import Reading
from ivr.store.known import KnownHolder
from tests.builders import a_card, a_holder, an_id_number, enrol, names_of, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

NOW = 1_795_000_000  # Wednesday 2026-11-18 19:06:40 in Beijing
TODAY = date(2026, 11, 18)
TEMPORARY = Suspension(ReportKind.TEMPORARY, "12345670", "CA-earlier", NOW + 1000)
FORMAL = Suspension(ReportKind.FORMAL, "", "bank", None)

Facts = dict[str, str]


@pytest.fixture
def hotline(redis_server: RedisServer, redis: Redis) -> Iterator[Hotline]:
    assert redis.dbsize() == 0
    opened = open_hotline(settings(redis_server.url, agent_hours="mon-fri 08:30-17:30"))
    yield opened
    opened.redis.close()


def a_turn(
    hotline: Hotline,
    *cards: Card,
    case: Case | None = None,
    language: LanguageCode = "zh",
    holder: Holder | None = None,
    now: int = NOW,
) -> Turn:
    """A turn of a caller who keyed a number and, when there is one card, means that one."""
    holder = holder or a_holder(*cards)
    by_ref = {f"ref-{card.number}": card for card in holder.cards}
    readings = {ref: Reading(now, case or Case(ref), ()) for ref in by_ref}
    ref = hotline.holders.ref(holder.id_number)
    known = KnownHolder(ref, holder, by_ref, readings, (("GET", ""), b""), time.monotonic())
    facts = {"holder_ref": ref, "card_ref": next(iter(by_ref), "")}
    facts |= {"unproven": "", "code_until": "", "callback_ref": ""}
    call = Call("CA1", "confirm", language=language, facts=facts, entered=holder.id_number)
    directory = Directory(hotline.service, {ref: known})
    return Turn(hotline.service, hotline.settings, names_of(hotline), directory, call, now)


def a_real_turn(hotline: Hotline, holder: Holder, call_id: str) -> Turn:
    """The same of a holder on record, as everything stands now."""
    known = hotline.service.look_up(holder.id_number)
    assert known is not None
    facts = {"holder_ref": known.ref, "card_ref": next(iter(known.cards))}
    directory = Directory(hotline.service, {known.ref: known})
    call = Call(call_id, "confirm", facts=facts)
    return Turn(
        hotline.service,
        hotline.settings,
        names_of(hotline),
        directory,
        call,
        int(hotline.outbox.now()),
    )


def of_nobody(hotline: Hotline, **facts: str) -> Turn:
    """A turn of a caller whose number nobody holds."""
    call = Call("CA1", "report_id", facts=facts, entered="110101199001011237")
    directory = Directory(hotline.service, {})
    return Turn(hotline.service, hotline.settings, names_of(hotline), directory, call, NOW)


def a_block(state: BlockState) -> Case:
    return Case("ref", None, Block("ref", "icbc", state, "12345670", "ntc-1", NOW))


def suspended(suspension: Suspension, state: BlockState | None = None) -> Case:
    block = None if state is None else Block("ref", "icbc", state, "12345670", "ntc-1", NOW)
    return Case("ref", suspension, block)


def prompts_of(result: Result) -> list[str]:
    return [line.prompt for line in result.lines]


def test_every_action_of_the_flow_exists_and_leaves_by_a_listed_exit(hotline: Hotline) -> None:
    enrol(hotline, a_holder())
    for step in FLOW.values():
        if isinstance(step, Do):
            assert run_action(step.action, a_turn(hotline)).outcome in step.exits


# Whose number


def test_a_number_nobody_holds(hotline: Hotline) -> None:
    assert run_action("find_holder", of_nobody(hotline)) == Result(
        "none", {"misses": "1", "lookups": "1"}
    )


@pytest.mark.parametrize(
    ("before", "outcome", "misses"),
    [("1", "none", "2"), ("2", "too_many", "3"), ("3", "too_many", None)],
)
def test_a_call_may_miss_three_times(
    hotline: Hotline, before: str, outcome: str, misses: str | None
) -> None:
    """Attempts are limited in each call (domain section 4)."""
    result = run_action("find_holder", of_nobody(hotline, misses=before))
    assert (result.outcome, result.facts.get("misses")) == (outcome, misses)
    last_words = ["too_many_tries", "call_any_bank"]
    assert prompts_of(result) == (last_words if outcome == "too_many" else [])


@pytest.mark.parametrize("facts", [{"misses": "3"}, {"lookups": "6"}])
def test_after_too_many_tries_not_even_a_hit_counts(hotline: Hotline, facts: Facts) -> None:
    """Else a person who is off duty would give a guesser one more try each time."""
    turn = a_turn(hotline)
    call = replace(turn.call, facts={**turn.call.facts, **facts})
    assert run_action("find_holder", replace(turn, call=call)).outcome == "too_many"


def test_a_hit_after_a_miss_counts_as_a_hit(hotline: Hotline) -> None:
    turn = a_turn(hotline)
    call = replace(turn.call, facts={**turn.call.facts, "misses": "2"})
    assert run_action("find_holder", replace(turn, call=call)).outcome == "one"


def test_a_holder_without_cards_is_as_unknown_as_nobody(hotline: Hotline) -> None:
    holder = replace(a_holder(), cards=())
    assert run_action("find_holder", a_turn(hotline, holder=holder)).outcome == "none"


def test_a_holder_of_one_card(hotline: Hotline) -> None:
    result = run_action("find_holder", a_turn(hotline, a_card("5678")))
    assert result.outcome == "one"
    assert result.facts == {
        "holder_ref": hotline.holders.ref(an_id_number()), "last4": "002X",
        "card_ref": "ref-A12345678", "lookups": "1", "report_number": "", "on_record": "",
        "refused": "", "unproven": "",
    }  # fmt: skip


@pytest.mark.parametrize(("language", "names"), [("zh", "工商银行 建设银行"), ("en", "ICBC CCB")])
def test_a_holder_of_several_cards(hotline: Hotline, language: LanguageCode, names: str) -> None:
    turn = a_turn(hotline, a_card("1111"), a_card("2222", "ccb"), language=language)
    result = run_action("find_holder", turn)
    assert result.outcome == "several"
    *cards, every_one = result.choices
    assert [choice.value for choice in cards] == ["ref-A12341111", "ref-A12342222"]
    assert " ".join(choice.values["bank"] for choice in cards) == names
    assert [choice.values["card_last4"] for choice in cards] == ["1111", "2222"]
    assert (every_one.value, every_one.prompt) == (ALL, "pick_all")


def test_no_more_cards_are_offered_than_there_are_keys(hotline: Hotline) -> None:
    cards = [a_card(f"{number:04d}") for number in range(12)]
    assert len(run_action("find_holder", a_turn(hotline, *cards)).choices) == 8


@pytest.mark.parametrize("action", ["find_holder", "list_cards"])
def test_the_list_says_which_card_is_reported_already(hotline: Hotline, action: str) -> None:
    """Else a caller with two lost cards would wonder which of them is done."""
    turn = a_turn(hotline, a_card("1111"), a_card("2222", "ccb"), a_card("3333"))
    known = turn.known
    done = {
        "ref-A12342222": suspended(TEMPORARY, BlockState.BLOCKED),
        "ref-A12343333": suspended(TEMPORARY, BlockState.UNBLOCKED),  # may be reported again
    }
    readings = {
        ref: Reading(NOW, done.get(ref, reading.case), ())
        for ref, reading in known.readings.items()
    }
    directory = Directory(hotline.service, {known.ref: replace(known, readings=readings)})
    result = run_action(action, replace(turn, directory=directory))
    assert result.outcome == "several"
    assert [choice.prompt for choice in result.choices] == ["", "pick_item_reported", ""]


def test_another_card_of_someone_who_holds_only_one(hotline: Hotline) -> None:
    assert run_action("list_cards", a_turn(hotline)) == Result("none")


# Whether a card can be reported


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (CardState.NORMAL, "reportable"),
        (CardState.TEMPORARY_LOSS, "already"),
        (CardState.FORMAL_LOSS, "formal"),
        (CardState.SEALED, "not_by_phone"),
        (CardState.LOCKED, "not_by_phone"),
        (CardState.CANCELLED, "not_by_phone"),
    ],
)
def test_a_card_by_its_state(hotline: Hotline, state: CardState, outcome: str) -> None:
    result = run_action("look_at_card", a_turn(hotline, a_card(state=state)))
    assert result.outcome == outcome
    assert result.facts["card_last4"] == "5678"
    assert result.facts["bank_phone"] == "95588"


def test_what_a_report_costs_is_known_before_it_is_confirmed(hotline: Hotline) -> None:
    assert run_action("look_at_card", a_turn(hotline)).facts["days"] == "7"


@pytest.mark.parametrize("state", [s for s in BlockState if s not in ENDED])
def test_a_card_suspended_by_an_earlier_report(hotline: Hotline, state: BlockState) -> None:
    """Which card it is and what the bank has done are always said, also that it has blocked."""
    result = run_action("look_at_card", a_turn(hotline, case=suspended(TEMPORARY, state)))
    assert result.outcome == "already"
    assert prompts_of(result) == ["already_reported", BLOCK_WORDS[state].status]
    card, bank = result.lines
    assert (card.values["bank"], card.values["card_last4"]) == ("工商银行", "5678")
    assert bank.values["bank_phone"] == "95588"
    assert result.facts["report_number"] == "12345670"
    assert result.facts["until"] == str(NOW + 1000)


@pytest.mark.parametrize("state", [BlockState.UNBLOCKED, BlockState.LAPSED])
def test_a_card_that_the_bank_does_not_block_any_more(hotline: Hotline, state: BlockState) -> None:
    case = suspended(TEMPORARY, state)
    result = run_action("look_at_card", a_turn(hotline, case=case))
    assert (result.outcome, prompts_of(result)) == ("again", [])
    assert result.facts["card_last4"] == "5678"


def test_a_card_reported_through_another_channel_is_named(hotline: Hotline) -> None:
    turn = a_turn(hotline, a_card("2117", "ccb", CardState.TEMPORARY_LOSS))
    (line,) = run_action("look_at_card", turn).lines
    assert line.prompt == "already_elsewhere"
    assert (line.values["bank"], line.values["card_last4"]) == ("建设银行", "2117")


def test_a_card_suspended_by_a_formal_report(hotline: Hotline) -> None:
    assert run_action("look_at_card", a_turn(hotline, case=suspended(FORMAL))).outcome == "formal"


@pytest.mark.parametrize(
    ("born", "outcome"),
    [("20101119", "under_16"), ("20101118", "reportable"), ("20260101", "under_16")],
)
def test_children_until_the_day_before_they_are_16(
    hotline: Hotline, born: str, outcome: str
) -> None:
    holder = a_holder(id_number=an_id_number(born))
    assert run_action("look_at_card", a_turn(hotline, holder=holder)).outcome == outcome


def test_a_birthday_begins_at_midnight_in_beijing(hotline: Hotline) -> None:
    holder = a_holder(id_number=an_id_number("20101119"))
    midnight = NOW + 17_600  # 2026-11-19 00:00:00 in Beijing
    before = run_action("look_at_card", a_turn(hotline, holder=holder, now=midnight - 1))
    after = run_action("look_at_card", a_turn(hotline, holder=holder, now=midnight))
    assert (before.outcome, after.outcome) == ("under_16", "reportable")


# Filing


def test_a_report_is_filed_once_whatever_is_asked(hotline: Hotline) -> None:
    """Also by a turn that looked before the first one filed."""
    enrol(hotline, a_holder())
    turn = a_real_turn(hotline, a_holder(), "CA1")
    other = a_real_turn(hotline, a_holder(), "CA2")
    first, again = run_action("file_report", turn), run_action("file_report", turn)
    assert (first.outcome, again.outcome) == ("filed", "filed")
    assert first.facts == again.facts
    assert first.facts["keeps_deadline"] == ""
    assert first.facts["reported_here"] == "1"
    refused = run_action("file_report", other)
    assert refused.outcome == "already"
    assert prompts_of(refused) == ["already_reported", "status_bank_waiting"]


def test_what_an_action_remembers_is_never_the_number(hotline: Hotline) -> None:
    turn = a_turn(hotline, a_card("1111"), a_card("2222"))
    for name in ("find_holder", "look_at_card", "file_report", "read_block", "read_status"):
        result = repr(run_action(name, turn))
        assert turn.known.holder.id_number not in result
        assert turn.known.holder.id_number[6:14] not in result
        assert turn.known.holder.name not in result
        assert turn.known.holder.phone not in result


# What the bank has said, and the three parts of a status


@pytest.mark.parametrize(
    ("state", "outcome", "prompt"),
    [
        (BlockState.NOTIFIED, "waiting", "status_bank_waiting"),
        (BlockState.RECEIVED, "waiting", "status_bank_waiting"),
        (BlockState.BLOCKED, "blocked", "status_bank_blocked"),
        (BlockState.FORMAL_LOSS, "blocked", "status_bank_blocked_formal"),
        (BlockState.REFUSED, "failed", "status_bank_failed"),
        (BlockState.UNDELIVERABLE, "unreached", "status_bank_unreached"),
        (BlockState.UNBLOCKED, "failed", "status_bank_unblocked"),
    ],
)
def test_the_banks_word(hotline: Hotline, state: BlockState, outcome: str, prompt: str) -> None:
    turn = a_turn(hotline, case=a_block(state))
    block = run_action("read_block", turn)
    assert (block.outcome, prompts_of(block)) == (outcome, ["filed_deadline"])
    assert prompts_of(run_action("read_status", turn))[2] == prompt


def test_a_deadline_that_was_kept_is_said_to_be_the_old_one(hotline: Hotline) -> None:
    turn = a_turn(hotline, case=a_block(BlockState.NOTIFIED))
    call = replace(turn.call, facts={**turn.call.facts, "keeps_deadline": "1"})
    result = run_action("read_block", replace(turn, call=call))
    assert (result.outcome, prompts_of(result)) == ("waiting", ["filed_deadline_kept"])


@pytest.mark.parametrize(
    ("caller", "is_own"),
    [
        ("+8613800138001", True),
        ("13800138001", True),
        ("+8613800138002", False),
        ("anonymous", False),
        ("", False),
    ],
)
def test_whose_phone_calls(hotline: Hotline, caller: str, is_own: bool) -> None:
    turn = a_turn(hotline, case=suspended(TEMPORARY, BlockState.BLOCKED))
    turn = replace(turn, caller=hotline.service.caller(calling_number(caller)))
    assert turn.is_own_phone is is_own
    assert run_action("read_status", turn).outcome == ("read_own" if is_own else "read")
    assert run_action("look_at_card", turn).outcome == ("already_own" if is_own else "already")
    assert "13800138001" not in repr(turn)


def test_a_holder_without_a_phone_has_none_of_their_own(hotline: Hotline) -> None:
    turn = a_turn(hotline, holder=replace(a_holder(), phone=""))
    assert not turn.is_own_phone


@pytest.mark.parametrize("case", [Case("ref"), suspended(FORMAL, BlockState.FORMAL_LOSS)])
def test_an_objection_to_nothing(hotline: Hotline, case: Case) -> None:
    turn = replace(a_turn(hotline, case=case), caller=Caller("phone", a_holder().phone))
    assert run_action("dispute_report", turn).outcome == "unsure"


def test_an_objection_of_somebody_else_is_not_recorded(hotline: Hotline) -> None:
    """Whatever way a call came to this step."""
    enrol(hotline, a_holder())
    run_action("file_report", a_real_turn(hotline, a_holder(), "CA1"))
    turn = a_real_turn(hotline, a_holder(), "CA2")
    assert run_action("dispute_report", turn).outcome == "unsure"
    assert hotline.cases.disputed() == []
    own = replace(turn, caller=Caller("phone", a_holder().phone))
    assert run_action("dispute_report", own).outcome == "disputed"
    assert len(hotline.cases.disputed()) == 1


def test_every_state_has_words() -> None:
    assert set(BLOCK_WORDS) == set(BlockState)
    assert set(SOCIAL_WORDS) == set(Social)


@pytest.mark.parametrize(
    ("state", "case", "outcome", "prompts"),
    [
        (
            CardState.NORMAL,
            Case("ref"),
            "reportable",
            ["status_social_active", "status_bank_normal", "status_formal_none"],
        ),
        (
            CardState.NORMAL,
            suspended(TEMPORARY, BlockState.BLOCKED),
            "read",
            ["status_social_temporary", "status_bank_blocked", "status_formal_none"],
        ),
        (
            CardState.NORMAL,
            suspended(TEMPORARY, BlockState.UNBLOCKED),
            "reportable",
            ["status_social_temporary", "status_bank_unblocked", "status_formal_none"],
        ),
        (
            CardState.LOCKED,
            suspended(TEMPORARY, BlockState.UNBLOCKED),
            "read",
            ["status_social_temporary", "status_bank_unblocked", "status_formal_none"],
        ),
        (
            CardState.NORMAL,
            a_block(BlockState.BLOCKED),
            "reportable",
            ["status_social_restored", "status_bank_blocked", "status_formal_none"],
        ),
        (
            CardState.NORMAL,
            suspended(FORMAL, BlockState.FORMAL_LOSS),
            "read",
            ["status_social_formal", "status_bank_blocked_formal", "status_formal"],
        ),
        (
            CardState.FORMAL_LOSS,
            Case("ref"),
            "read",
            ["status_social_formal", "status_bank_normal", "status_formal"],
        ),
        (
            CardState.TEMPORARY_LOSS,
            Case("ref"),
            "read",
            ["already_elsewhere", "status_bank_normal", "status_formal_none"],
        ),
        (
            CardState.LOCKED,
            Case("ref"),
            "read",
            ["status_social_not_normal", "status_bank_normal", "status_formal_none"],
        ),
    ],
)
def test_a_status_has_three_parts(
    hotline: Hotline, state: CardState, case: Case, outcome: str, prompts: list[str]
) -> None:
    """After the card's name, for a number that is mistyped may be someone's too."""
    result = run_action("read_status", a_turn(hotline, a_card(state=state), case=case))
    assert prompts_of(result) == ["status_card", *prompts]
    assert result.lines[0].values["card_last4"] == "5678"
    assert result.outcome == outcome


@pytest.mark.parametrize("card", CardState)
@pytest.mark.parametrize("block", [None, *BlockState])
@pytest.mark.parametrize("suspension", [None, TEMPORARY, FORMAL])
def test_what_a_status_offers_is_not_refused(
    hotline: Hotline, card: CardState, block: BlockState | None, suspension: Suspension | None
) -> None:
    known_block = None if block is None else a_block(block).block
    turn = a_turn(hotline, a_card(state=card), case=Case("ref", suspension, known_block))
    offered = run_action("read_status", turn).outcome == "reportable"
    allowed = run_action("look_at_card", turn).outcome in ("reportable", "again")
    assert offered == allowed


# The end of a call


@pytest.mark.parametrize(
    ("facts", "outcome", "prompts"),
    [
        ({}, "nothing", ["nothing_reported", "call_any_bank"]),
        ({"last4": "002X", "on_record": ""}, "nothing", ["nothing_reported", "call_any_bank"]),
        ({"on_record": "1"}, "reported", []),
        # Another number was keyed after the report: what is on record of this one is forgotten.
        ({"on_record": "", "reported_here": "1"}, "reported", []),
        ({"on_record": "unknown"}, "unknown", ["outcome_unknown_now", "call_any_bank"]),
        (
            {"on_record": "unknown", "reported_here": "1"},
            "unknown",
            ["outcome_unknown_now", "call_any_bank"],
        ),
    ],
)
def test_nobody_leaves_without_knowing_whether_a_card_is_reported(
    hotline: Hotline, facts: Facts, outcome: str, prompts: list[str]
) -> None:
    result = run_action("look_back", of_nobody(hotline, **facts))
    assert (result.outcome, prompts_of(result)) == (outcome, prompts)


# A person


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (NOW, "closed"),  # Wednesday 19:06
        (NOW - 8 * 3600, "open"),  # Wednesday 11:06
        (NOW + 3 * 86400 - 8 * 3600, "closed"),  # Saturday 11:06
    ],
)
def test_a_person_within_the_hours(hotline: Hotline, now: int, outcome: str) -> None:
    result = run_action("find_person", a_turn(hotline, now=now))
    assert result.outcome == outcome
    assert prompts_of(result) == []
    hours = "周一到周五上午8点半到下午5点半，法定节假日休息"
    told = {"hours": hours} if outcome == "closed" else {}
    assert result.facts == {**told, "topic": ""}


@pytest.mark.parametrize(
    ("hours", "zh", "en"),
    [
        (
            "mon-fri 08:30-17:30",
            "周一到周五上午8点半到下午5点半，法定节假日休息",
            "Monday to Friday, 8:30 a.m. to 5:30 p.m., except public holidays",
        ),
        ("00:00-24:00", "每天24小时", "every day, 24 hours"),
        ("0:00-6:00", "每天凌晨零点到上午6点", "every day, 12 a.m. to 6 a.m."),
        ("18:00-24:00", "每天晚上6点到晚上12点", "every day, 6 p.m. to midnight"),
        (
            "mon-fri 00:00-24:00",
            "周一到周五24小时，法定节假日休息",
            "Monday to Friday, 24 hours, except public holidays",
        ),
        (
            "mon-fri 08:30-17:30; sat 09:00-12:00",
            "周一到周五上午8点半到下午5点半，周六上午9点到中午12点，法定节假日休息",
            "Monday to Friday, 8:30 a.m. to 5:30 p.m.; Saturday, 9 a.m. to 12 p.m.,"
            " except public holidays",
        ),
        (
            "mon,wed 09:00-12:00",
            "周一、周三上午9点到中午12点，法定节假日休息",
            "Monday, Wednesday, 9 a.m. to 12 p.m., except public holidays",
        ),
        (
            "sat,sun 9:00-12:00",
            "周六、周日上午9点到中午12点",
            "Saturday, Sunday, 9 a.m. to 12 p.m.",
        ),
        (
            "mon-wed,fri 13:05-14:00",
            "周一到周三、周五下午1点05分到下午2点，法定节假日休息",
            "Monday to Wednesday, Friday, 1:05 p.m. to 2 p.m., except public holidays",
        ),
    ],
)
def test_hours_as_they_are_spoken(hours: str, zh: str, en: str) -> None:
    """Public holidays are kept like Sundays."""
    parsed = AgentHours.parse(hours)
    assert (hours_text(parsed, "zh"), hours_text(parsed, "en")) == (zh, en)


# The number as it was keyed


@pytest.mark.parametrize(
    ("keys", "number", "verdict"),
    [
        ("11010519491231002*", "11010519491231002X", None),
        ("320102195006150014", "320102195006150014", None),
        ("110105194912310021", "", "invalid"),
        ("1101051949123100", "", "too_short"),
        ("1", "", "too_short"),
        ("110105491231002", "", "fifteen_places"),
        ("1101*", "", "star"),
        ("110*05194912310021", "", "star"),
        ("1101051949123100**", "", "star"),
        ("11010549123100*", "", "star"),
        ("**", "", "star"),
        ("1101051949123100211", "", "invalid"),
        ("110105abc", "", "invalid"),
    ],
)
def test_a_number_as_it_is_keyed(keys: str, number: str, verdict: str | None) -> None:
    assert keyed_id_number(keys, TODAY) == (number, verdict)


def test_the_day_is_beijings() -> None:
    assert beijing_day(NOW) == TODAY
    assert beijing_day(NOW + 17_599) == TODAY
    assert beijing_day(NOW + 17_600) == date(2026, 11, 19)
