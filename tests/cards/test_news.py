"""What subscribers are told of a card: read off what an act decides, whichever act it is."""

from dataclasses import replace
from typing import Any, Final

import pytest

from ivr.cards.acts.hear import hear
from ivr.cards.acts.release import release
from ivr.cards.acts.report import Fresh, ReportRequest, report
from ivr.cards.acts.restore import restore
from ivr.cards.acts.whose import Whose
from ivr.cards.acts.withdraw import Decision, withdraw
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, CardNews, Change
from ivr.cards.news import Named, with_news
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    CARD_REF,
    NOW,
    NUMBER,
    RELEASE_AT,
    WEEK,
    a_block,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    a_suspension,
    an_event,
)

CARD: Final = Card("A12345678", "icbc", "6222021234565678", "330106")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
RULES: Final = Rules(
    ["icbc"],
    WEEK,
    decoupling_ends_suspension=True,
    formal_loss_may_be_withdrawn=True,
    subscribers={"subscriber:a": ("3301",), "subscriber:b": ("1101", "3301"), "subscriber:c": ()},
)
REQUEST: Final = ReportRequest("holder-1", CARD_REF, "phone", "CA1", "zh")
FRESH: Final = Fresh("87654321", "ntc-2")
WHOSE: Final = Whose("holder-1", ZHANG, CARD, FRESH, "zh")
NAMED: Final = Named(CARD.number, CARD.city)
TOLD: Final = {"card": {"number": CARD.number, "city_code": CARD.city_code}}
NEW: Final = {"new_card_number": "B87654321", "new_bank_account": "6222029999990000"}

FORMAL: Final = a_case("formal_loss", suspension=a_formal_suspension())
ENDED: Final = a_case("unblocked")


def heard(case: Case, news: str, whose: Whose | None = None, **more: Any) -> Change:
    notice = a_notice() if case.block else None
    event = an_event(news, **more)
    return hear(case, notice, event, RULES, NOW, heard_before=False, whose=whose)[1]


def filed(case: Case) -> Change:
    return report(case, ZHANG, CARD, REQUEST, FRESH, RULES, NOW)[1]


def normal_again() -> Change:
    """The formal loss stood in the directory alone."""
    lost = replace(CARD, state=CardState.FORMAL_LOSS)
    whose = replace(WHOSE, holder=replace(ZHANG, cards=(lost,)), card=lost)
    return heard(Case(CARD_REF), "formal withdrawn", whose)


LI: Final = Decision("Li", "a prank")
OVER: Final = a_case("blocked", suspension=None)
LATER: Final = a_report(number="87654321", notice_id="ntc-2", reported_at=NOW, release_at=NOW + 9)

CASES: Final[dict[str, tuple[Case, Change, str]]] = {
    "reported": (Case(CARD_REF), filed(Case(CARD_REF)), "card.suspended"),
    "reported again, to the same end": (ENDED, filed(ENDED), ""),
    "taken by the bank": (Case(CARD_REF), heard(Case(CARD_REF), "taken", WHOSE), "card.suspended"),
    "taken while it runs": (a_case(), heard(a_case(), "taken", WHOSE), ""),
    "restored": (
        Case(CARD_REF), restore(Case(CARD_REF), a_report(), ZHANG, CARD, NOW)[1], "card.suspended"
    ),
    "restored, to another end": (
        a_case(), restore(a_case(), LATER, ZHANG, CARD, NOW)[1], "card.suspended"
    ),
    "restored, overtaken": (FORMAL, restore(FORMAL, a_report(), ZHANG, CARD, NOW)[1], ""),
    "formal": (a_case("blocked"), heard(a_case("blocked"), "formal loss"), "card.formal_loss"),
    "formal, never reported": (
        Case(CARD_REF), heard(Case(CARD_REF), "formal loss"), "card.formal_loss"
    ),
    "formal again": (FORMAL, heard(FORMAL, "formal loss"), ""),
    "formal withdrawn": (FORMAL, heard(FORMAL, "formal withdrawn", WHOSE), "card.released"),
    "formal withdrawn, of the directory alone": (Case(CARD_REF), normal_again(), ""),
    "run out": (OVER, release(OVER, a_report(), TOLD, NOW), "card.released"),
    "run out, and reported again since": (
        a_case(suspension=a_suspension(report_number="87654321")),
        release(
            a_case(suspension=a_suspension(report_number="87654321")), a_report(), TOLD, NOW
        ),
        "",
    ),
    "withdrawn": (
        a_case(), withdraw(a_case(), a_report(), a_notice(), TOLD, LI, NOW)[1],
        "card.report_withdrawn",
    ),
    "decoupled": (a_case("blocked"), heard(a_case("blocked"), "unblocked"), "card.released"),
    "lapsed": (a_case("blocked"), heard(a_case("blocked"), "lapsed"), ""),
    "blocked": (a_case(), heard(a_case()
    , "blocked"), ""),
    "replaced": (a_case(), heard(a_case(), "replaced", WHOSE, **NEW), "card.replaced"),
    "replaced, never lost": (
        Case(CARD_REF), heard(Case(CARD_REF), "replaced", WHOSE, **NEW), "card.replaced"
    ),
    "nothing": (a_case(), NOTHING, ""),
}  # fmt: skip


def told(name: str, named: Named = NAMED, rules: Rules = RULES) -> Change:
    case, change, _ = CASES[name]
    if name.startswith("replaced"):
        named = replace(named, new_number=NEW["new_card_number"])
    return with_news(case, change, named, rules, NOW)


@pytest.mark.parametrize("name", CASES)
def test_what_each_act_is_to_subscribers(name: str) -> None:
    _, change, kind = CASES[name]
    after = told(name)
    added = after.owes[len(change.owes) :]
    assert after.owes[: len(change.owes)] == change.owes
    assert [(owed.kind, owed.bank) for owed in added] == (
        [(kind, "subscriber:a"), (kind, "subscriber:b")] if kind else []
    )
    assert after.news == (CardNews(NoticeKind(kind), "3301") if kind else None)
    if not kind:
        assert after == change


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("reported", {"until": iso(NOW + WEEK)}),
        ("taken by the bank", {"until": iso(NOW - 10 + WEEK)}),
        ("restored", {"until": iso(RELEASE_AT)}),
        ("formal", {"until": None}),
        ("run out", {}),
        ("withdrawn", {}),
        ("replaced", {"new_card_number": "B87654321"}),
    ],
)
def test_what_they_are_told(name: str, more: dict[str, Any]) -> None:
    """No name, no ID number, no reason, no report's number."""
    owed = told(name).owes[-1]
    data = {"card_number": CARD.number, "at": iso(NOW), **more}
    assert owed.body == {"type": CASES[name][2], "timestamp": iso(NOW), "data": data}
    assert owed.card_ref == CARD_REF
    assert owed.report_number in (NUMBER, "87654321")


def test_a_card_of_another_city_is_told_to_nobody_and_stands_on_its_own_list() -> None:
    _, change, _ = CASES["reported"]
    after = told("reported", Named(CARD.number, "4403"))
    assert after.owes == change.owes
    assert after.news == CardNews(NoticeKind.SUSPENDED, "4403")


def test_a_card_whose_number_nobody_knows_is_told_to_nobody() -> None:
    _, change, _ = CASES["formal"]
    assert told("formal", Named("", "3301")) == change


def test_no_number_is_seen_by_chance() -> None:
    assert CARD.number not in repr(NAMED)
    assert CARD.number not in repr(told("reported").owes)


def test_the_block_says_nothing_to_it() -> None:
    """News is of the social security function alone."""
    case = a_case(block=a_block("blocked"))
    assert with_news(case, Change(block=a_block("lapsed")), NAMED, RULES, NOW).news is None
