"""Who may report which card lost, all that follows when it is, and that else nothing does."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from ivr.cards.acts.report import Filing, Fresh, Refusal, ReportRequest, refusal, report
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, Timed
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import NoticeKind
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    EVERY_BLOCK,
    NOW,
    RELEASE_AT,
    WEEK,
    a_block,
    a_case,
    a_formal_suspension,
    a_report,
    a_suspension,
    a_text,
)

RULES: Final = Rules(banks=("ccb", "icbc"), suspension_seconds=WEEK)
FRESH: Final = Fresh("12345670", "ntc-1")
CARD: Final = Card("A12345678", "icbc", "6222021234565678", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
PERSONAL: Final = (ZHANG.id_number, ZHANG.name, ZHANG.phone, CARD.number, CARD.bank_account)

FILED: Final = "filed"
# What suspends the card now, and whether its bank can be told.
COLUMNS: Final = (
    ("nothing", "known"), ("nothing", "unknown"), ("another call", "known"),
    ("another call", "unknown"), ("a formal loss", "known"), ("a formal loss", "unknown"),
)  # fmt: skip

# fmt: off
# The card's state in the directory: what becomes of a grown-up's wish to report it.
A_PERSON: Final = "needs_a_person"
ANSWERS: Final = {
    #                          suspended by nothing      by another call's      by a formal loss
    #                          bank known   unknown      known      unknown     known     unknown
    CardState.SEALED:         (A_PERSON,    A_PERSON,    "already", "already", "formal", "formal"),
    CardState.NORMAL:         (FILED,       A_PERSON,    "already", "already", "formal", "formal"),
    CardState.FORMAL_LOSS:    ("formal",    "formal",    "already", "already", "formal", "formal"),
    CardState.LOCKED:         (A_PERSON,    A_PERSON,    "already", "already", "formal", "formal"),
    CardState.TEMPORARY_LOSS: ("elsewhere", "elsewhere", "already", "already", "formal", "formal"),
    CardState.CANCELLED:      (A_PERSON,    A_PERSON,    "already", "already", "formal", "formal"),
}
# fmt: on
EVERY_WISH: Final = [(state, *column) for state, column in product(ANSWERS, COLUMNS)]
SUSPENDED_BY: Final = {
    "nothing": None,
    "another call": a_suspension(origin="CA2", report_number="87654321"),
    "a formal loss": a_formal_suspension(),
}
BANKS: Final = {"known": "icbc", "unknown": "abc"}

# Moments of an hour around midnight in Beijing, where it is 16:00 UTC; the birthday begins there.
MIDNIGHT: Final = 1_795_363_200  # 2026-11-23 00:00 in Beijing
BORN_ON_THE_23RD: Final = "110105201011230017"  # 2010-11-23
AGES: Final = {MIDNIGHT - 1: "15", MIDNIGHT: "16", MIDNIGHT + 3600: "16"}


REQUEST: Final = ReportRequest("holder-1", "card-1", "phone", "CA1", "zh", "caller-1")


def answer_to(state: CardState, by: str, bank: str) -> str:
    return ANSWERS[state][COLUMNS.index((by, bank))]


def a_card(state: CardState, bank: str) -> Card:
    return replace(CARD, state=state, bank=BANKS[bank])


def is_reported_again(state: CardState, by: str, bank: str, block: str) -> bool:
    """The one way to report a suspended card: its bank does not block it any more."""
    is_free = block in ("unblocked", "lapsed", "replaced")
    return is_free and (state, by, bank) == (CardState.NORMAL, "another call", "known")


def the_case(block: str, by: str) -> Case:
    """A card in any state; `by`: what suspends it."""
    return replace(a_case(block), suspension=SUSPENDED_BY[by])


NEW_REPORT: Final = LossReport(
    number="12345670",
    holder_ref="holder-1",
    card_ref="card-1",
    bank="icbc",
    reported_at=NOW,
    release_at=NOW + 604_800,
    channel="phone",
    origin="CA1",
    notice_id="ntc-1",
    card_last4="5678",
    holder_last4="002X",
    language="zh",
    state=ReportState.ACTIVE,
)
NEW_SUSPENSION: Final = Suspension(ReportKind.TEMPORARY, "12345670", "CA1", NOW + 604_800)

# design.md section 2, "Notice to a bank": the agreed document, and nothing else.
DOCUMENT: Final[dict[str, Any]] = {
    "type": "card.loss_reported",
    "timestamp": "2026-11-22T08:30:00Z",
    "data": {
        "report_number": "12345670",
        "kind": "temporary",
        "action": "block_financial_function",
        "reported_at": "2026-11-22T08:30:00Z",
        "social_security_release_at": "2026-11-29T08:30:00Z",
        "channel": "phone",
        "card": {"number": "A12345678", "bank_account": "6222021234565678", "city_code": "110100"},
        "holder": {"social_security_number": "11010519491231002X", "name": "张三"},
    },
}


# The block names this notice, so its id is given here.
TO_THE_BANK: Final = Owed(
    NoticeKind.LOSS_REPORTED, "icbc", NOW, DOCUMENT, "12345670", "card-1", id="ntc-1"
)
ALL_THAT_FOLLOWS: Final = Change(
    suspension=NEW_SUSPENSION,
    block=Block("card-1", "icbc", BlockState.NOTIFIED, "12345670", "ntc-1", NOW),
    report=NEW_REPORT,
    owes=(TO_THE_BANK, a_text("text_filed")),
    notice=None,
    reminder=None,
    answered=None,
    journal=(
        Entry(
            "loss_reported",
            {"report": "12345670", "card": "card-1", "bank": "icbc", "channel": "phone",
             "origin": "CA1", "by": "caller-1"},
        ),
    ),
    timed=Timed("ntc-1", "icbc"),
)  # fmt: skip


# Lost again within the 7 days: all of it is new, but for the deadline.
SUSPENDED_AGAIN: Final = replace(NEW_SUSPENSION, release_at=RELEASE_AT)
ALL_THAT_FOLLOWS_AGAIN: Final = replace(
    ALL_THAT_FOLLOWS,
    suspension=SUSPENDED_AGAIN,
    report=replace(NEW_REPORT, release_at=RELEASE_AT),
    superseded=a_report(state=ReportState.SUPERSEDED),
    owes=(
        replace(
            TO_THE_BANK,
            body={
                **DOCUMENT,
                "data": {**DOCUMENT["data"], "social_security_release_at": "2026-11-29T07:30:00Z"},
            },
        ),
        a_text("text_filed"),
    ),
)


def test_the_table_is_whole() -> None:
    assert list(ANSWERS) == list(CardState)
    assert list(COLUMNS) == list(product(SUSPENDED_BY, BANKS))


@pytest.mark.parametrize(("state", "by", "bank"), EVERY_WISH)
def test_who_may_report(state: CardState, by: str, bank: str) -> None:
    """Whatever the bank did for an earlier report. Who may not changes nothing."""
    answer, card = answer_to(state, by, bank), a_card(state, bank)
    for block in EVERY_BLOCK:
        case = the_case(block, by)
        found = report(case, ZHANG, card, REQUEST, FRESH, RULES, NOW)
        may = refusal(case, ZHANG, card, RULES, NOW)
        if is_reported_again(state, by, bank, block):
            assert found == (Filing(None, SUSPENDED_AGAIN, True), ALL_THAT_FOLLOWS_AGAIN)
            assert may is None
        elif answer == FILED:
            assert found == (Filing(None, NEW_SUSPENSION), ALL_THAT_FOLLOWS), block
            assert may is None
        else:
            refused = Filing(Refusal(answer), SUSPENDED_BY[by], block=case.block)
            assert found == (refused, NOTHING), block
            assert may == answer


@pytest.mark.parametrize(("now", "age"), AGES.items())
def test_a_child_never_reports_and_is_none_from_the_birthday_in_beijing(now: int, age: str) -> None:
    child = replace(ZHANG, id_number=BORN_ON_THE_23RD)
    for state, by, bank in EVERY_WISH:
        case, card = the_case("none", by), a_card(state, bank)
        answer = "under_16" if age == "15" else answer_to(state, by, bank)
        filing, change = report(case, child, card, REQUEST, FRESH, RULES, now)
        assert filing.refusal == (None if answer == FILED else answer), (by, state, bank)
        assert refusal(case, child, card, RULES, now) == filing.refusal
        assert (change == NOTHING) == (answer != FILED)


def test_the_same_call_gets_its_own_report_even_where_none_could_be_made_today() -> None:
    """It asked twice: its report stands, and nothing is extended."""
    child = replace(ZHANG, id_number="110105202011230017")
    own = a_suspension(origin="CA1", report_number="55555551")
    for block, state, bank, holder in product(EVERY_BLOCK, CardState, BANKS, (ZHANG, child)):
        case = replace(a_case(block), suspension=own)
        found = report(case, holder, a_card(state, bank), REQUEST, FRESH, RULES, NOW)
        assert found == (Filing(None, own), NOTHING), f"block {block}, {state!r}, bank {bank}"
        assert found[0].report_number == "55555551"


def test_the_same_call_gets_its_report_again_and_is_told_the_same_of_its_deadline() -> None:
    """It took over an earlier report's deadline, and asks a second time."""
    found = report(
        Case("card-1", SUSPENDED_AGAIN, a_block("notified"), ALL_THAT_FOLLOWS_AGAIN.report),
        ZHANG, CARD, REQUEST, FRESH, RULES, NOW + 60,
    )  # fmt: skip
    assert found == (Filing(None, SUSPENDED_AGAIN, keeps_deadline=True), NOTHING)


@pytest.mark.parametrize(("left", "keeps"), [(1, True), (0, False), (-1, False)])
def test_a_deadline_that_is_over_is_not_kept(left: int, keeps: bool) -> None:
    """Redis may keep a key a moment longer than its deadline, and takes no life of 0 seconds. The
    earlier report is then released like any other.
    """
    case = the_case("unblocked", "another call")
    assert case.suspension is not None
    case = replace(case, suspension=replace(case.suspension, release_at=NOW + left))
    filing, change = report(case, ZHANG, CARD, REQUEST, FRESH, RULES, NOW)
    assert filing.suspension is not None
    assert filing.suspension.release_at == (NOW + 1 if keeps else NOW + WEEK)
    assert (filing.keeps_deadline, change.superseded is not None) == (keeps, keeps)


def test_once_the_7_days_are_over_the_same_call_reports_anew() -> None:
    found = report(the_case("blocked", "nothing"), ZHANG, CARD, REQUEST, FRESH, RULES, NOW)
    assert found == (Filing(None, NEW_SUSPENSION), ALL_THAT_FOLLOWS)


def test_whoever_is_refused_learns_which_report_holds_the_card() -> None:
    for by, number in (
        ("nothing", ""),
        ("another call", "87654321"),
        ("a formal loss", "12345670"),
    ):
        card = a_card(CardState.LOCKED, "known")
        filing, _ = report(the_case("blocked", by), ZHANG, card, REQUEST, FRESH, RULES, NOW)
        assert filing.report_number == number


def test_every_word_of_the_request_ends_where_it_belongs() -> None:
    """Another card, bank, channel, language, call, number and deadline than everywhere above."""
    card = Card("B00004321", "ccb", "6227000000004321", "320100")
    li = Holder("320102195006150014", "李四", "+8613900139002", (card,))
    request = ReportRequest("holder-2", "card-2", "web", "web-7", "en", "caller-2")
    rules = Rules(banks={"ccb": ...}, suspension_seconds=3 * 86_400)
    _, change = report(
        Case("card-2"), li, card, request, Fresh("76543210", "ntc-9"), rules, NOW + 5
    )

    end = NOW + 5 + 3 * 86_400
    assert change.suspension == Suspension(ReportKind.TEMPORARY, "76543210", "web-7", end)
    assert change.block == Block("card-2", "ccb", BlockState.NOTIFIED, "76543210", "ntc-9", NOW + 5)
    assert change.report == LossReport(
        "76543210", "holder-2", "card-2", "ccb", NOW + 5, end, "web", "web-7", "ntc-9", "4321",
        "0014", "en", ReportState.ACTIVE,
    )  # fmt: skip
    bank, text = change.owes
    assert (bank.kind, bank.bank, bank.at, bank.report_number, bank.card_ref, bank.id) == (
        "card.loss_reported", "ccb", NOW + 5, "76543210", "card-2", "ntc-9",
    )  # fmt: skip
    assert bank.body == {
        "type": "card.loss_reported",
        "timestamp": "2026-11-22T08:30:05Z",
        "data": {
            "report_number": "76543210",
            "kind": "temporary",
            "action": "block_financial_function",
            "reported_at": "2026-11-22T08:30:05Z",
            "social_security_release_at": "2026-11-25T08:30:05Z",
            "channel": "web",
            "card": {
                "number": "B00004321",
                "bank_account": "6227000000004321",
                "city_code": "320100",
            },
            "holder": {"social_security_number": "320102195006150014", "name": "李四"},
        },
    }
    said = {"prompt": "text_filed", "report_number": "76543210"}
    assert text == Owed(NoticeKind.TEXT, "ccb", NOW + 5, said, "76543210", "card-2", id="")
    told = {"report": "76543210", "card": "card-2", "bank": "ccb", "channel": "web",
            "origin": "web-7", "by": "caller-2"}  # fmt: skip
    assert change.journal == (Entry("loss_reported", told),)


@pytest.fixture
def in_beijing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own clock is set to Beijing time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_beijing")
def test_banks_are_told_times_in_utc_wherever_the_machine_stands() -> None:
    _, change = report(Case("card-1"), ZHANG, CARD, REQUEST, FRESH, RULES, NOW)
    assert change.owes[0].body == DOCUMENT


def test_personal_values_are_in_the_notice_and_nowhere_else() -> None:
    """And in no repr, for what is printed is logged."""
    found = report(Case("card-1"), ZHANG, CARD, REQUEST, FRESH, RULES, NOW)
    bank, text = found[1].owes
    for value in PERSONAL:
        assert value not in repr(found)
        assert value not in repr(text.body)
        assert value not in repr(REQUEST)
    without = replace(found[1], owes=(replace(bank, body={}), text))
    assert not [value for value in PERSONAL if value in everything(without)]
    assert [value for value in PERSONAL if value in everything(bank.body)] == [
        ZHANG.id_number, ZHANG.name, CARD.number, CARD.bank_account,
    ]  # fmt: skip


def everything(thing: Any) -> str:
    """All that is in it, repr or no repr."""
    if hasattr(thing, "__dataclass_fields__"):
        return everything(vars(thing))
    if isinstance(thing, dict):
        return " ".join(everything(each) for each in thing.values())
    if isinstance(thing, tuple | list):
        return " ".join(map(everything, thing))
    return str(thing)


@pytest.mark.parametrize(
    ("ago", "why_not"),
    [(0, None), (3600, None), (3601, Refusal.REPLAYED), (WEEK, Refusal.REPLAYED)],
)
def test_a_request_reports_other_cards_for_an_hour(ago: int, why_not: Refusal | None) -> None:
    """Later it is a recorded call, and the card may have replaced the one that was reported."""
    filing, change = report(
        a_case("none"), ZHANG, CARD, REQUEST, FRESH, RULES, NOW, first_filed_at=NOW - ago
    )
    assert filing.refusal == why_not
    assert (change == NOTHING) is bool(why_not)
