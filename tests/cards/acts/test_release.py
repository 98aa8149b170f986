"""The 7 days are over: who is told what, once, and when nobody is told anything."""

from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from ivr.cards.acts.release import release
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed
from ivr.cards.loss import ReportState
from ivr.cards.notice import NoticeKind
from tests.cards.acts.builders import (
    CARD_REF,
    EVERY_BLOCK,
    NOW,
    OTHER_NUMBER,
    a_case,
    a_formal_suspension,
    a_report,
    a_suspension,
    a_text,
)

NOBODY: Final = ""
# What suspends the card now.
COLUMNS: Final = ("this report", "nothing", "a later report", "made formal", "the bank's formal")

# fmt: off
# The report now: who is told that its suspension is over. Whatever the deadline says, nobody is
# while it lasts; and "active again" is not told to the holder of a card that is not.
TOLD: Final = {
    #              this report  nothing            a later report  made formal  the bank's formal
    "active":     (NOBODY,      "bank and holder", "neither",      NOBODY,      "neither"),
    "released":   (NOBODY,      NOBODY,            NOBODY,         NOBODY,      NOBODY),
    "superseded": (NOBODY,      NOBODY,            NOBODY,         NOBODY,      NOBODY),
    "withdrawn":  (NOBODY,      NOBODY,            NOBODY,         NOBODY,      NOBODY),
    "closed":     (NOBODY,      NOBODY,            NOBODY,         NOBODY,      NOBODY),
}
# fmt: on
SUSPENDED_BY: Final = {
    "this report": a_suspension(),
    "nothing": None,
    "a later report": a_suspension(report_number=OTHER_NUMBER, origin="CA2"),
    "made formal": a_formal_suspension(),
    "the bank's formal": a_formal_suspension(""),
}

CORE: Final = {
    "report_number": "12345670",
    "kind": "temporary",
    "reported_at": "2026-11-22T07:30:00Z",
    "social_security_release_at": "2026-11-29T07:30:00Z",
    "channel": "phone",
}
ACCOUNT: Final = {
    "card": {"number": "A12345678", "bank_account": "6222021234565678", "city_code": "110100"},
    "holder": {"social_security_number": "11010519491231002X", "name": "张三"},
}
TO_BLOCK: Final = {"action": "block_financial_function"}

# What the first notice said, what this one says. The bank is never asked to block again.
SAYS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "all that is agreed": ({**CORE, **TO_BLOCK, **ACCOUNT}, {**CORE, **ACCOUNT}),
    "more, in a later release": ({**CORE, **TO_BLOCK, "x": 1}, {**CORE, "x": 1}),
    "nothing but the action": (TO_BLOCK, CORE),
    "nothing anybody can read": ({}, CORE),
}


def to_the_bank(says: dict[str, Any]) -> Owed:
    body = {"type": "card.loss_released", "timestamp": "2026-11-22T08:30:00Z", "data": says}
    return Owed(NoticeKind.LOSS_RELEASED, "icbc", NOW, body, "12345670", "card-1")


def released(told: str, says: dict[str, Any]) -> Change:
    """Nothing becomes of the block: it stays."""
    if told == NOBODY:
        return NOTHING
    line = {"report": "12345670", "card": "card-1", "bank": "icbc"}
    owes = (to_the_bank(says), a_text("text_released")) if told == "bank and holder" else ()
    return Change(
        report=a_report(state=ReportState.RELEASED),
        owes=owes,
        journal=(Entry("loss_released", line),),
    )


def test_the_table_is_whole() -> None:
    assert list(TOLD) == list(ReportState)
    assert tuple(SUSPENDED_BY) == COLUMNS


@pytest.mark.parametrize(("state", "by"), list(product(TOLD, COLUMNS)))
def test_who_is_told(state: str, by: str) -> None:
    """However far the block is, and whichever report is the card's latest."""
    report = a_report(state=ReportState(state))
    for block, (first_told, says) in product(EVERY_BLOCK, SAYS.values()):
        expected = released(TOLD[state][COLUMNS.index(by)], says)
        for latest in (report, a_report(number=OTHER_NUMBER), None):
            case = replace(a_case(block), suspension=SUSPENDED_BY[by], report=latest)
            assert release(case, report, first_told, NOW) == expected, f"block {block}"


@pytest.mark.parametrize("first", SAYS)
def test_the_bank_is_told_what_it_was_told_first_without_the_action(first: str) -> None:
    first_told, says = SAYS[first]
    bank, _ = release(Case(CARD_REF), a_report(), first_told, NOW).owes
    assert bank.body["data"] == says
    assert "block_financial_function" not in str(bank.body)


def test_it_is_told_once() -> None:
    """A report that was just released is not released again."""
    change = release(Case(CARD_REF), a_report(), {}, NOW)
    assert change.report is not None
    assert release(Case(CARD_REF), change.report, {}, NOW) == NOTHING
