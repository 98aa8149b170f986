"""An operator takes a report back: what comes of it in every state, and what is never touched."""

from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from ivr.cards.acts.withdraw import Decision, Withdrawal, withdraw
from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange, Owed
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind, NoticeState
from tests.cards.acts.builders import (
    EVERY_BLOCK,
    EVERY_NOTICE,
    NOW,
    OTHER_NUMBER,
    a_block,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    a_suspension,
    a_text,
)

LI: Final = Decision("Li", "a prank", confirmed_by="Wang")
TOLD: Final[dict[str, Any]] = {
    "report_number": "12345670", "action": "block_financial_function", "card": {"number": "A1"},
}  # fmt: skip
# What suspends the card now.
COLUMNS: Final = ("this report", "nothing", "a later report", "made formal", "the bank's formal")
SUSPENDED_BY: Final = {
    "this report": a_suspension(),
    "nothing": None,
    "a later report": a_suspension(report_number=OTHER_NUMBER, origin="CA2"),
    "made formal": a_formal_suspension(),
    "the bank's formal": a_formal_suspension(""),
}

# fmt: off
# The report now: what comes of a withdrawal. Only of the report that suspends the card anything.
COMES_TO: Final = {
    #              this report  nothing      a later      made formal  the bank's
    "active":     ("WITHDRAWN", "RELEASED",  "OVERTAKEN", "OVERTAKEN", "OVERTAKEN"),
    "released":   ("RELEASED",  "RELEASED",  "RELEASED",  "RELEASED",  "RELEASED"),
    "superseded": ("OVERTAKEN", "OVERTAKEN", "OVERTAKEN", "OVERTAKEN", "OVERTAKEN"),
    "withdrawn":  ("ALREADY",   "ALREADY",   "ALREADY",   "ALREADY",   "ALREADY"),
    "closed":     ("OVERTAKEN", "OVERTAKEN", "OVERTAKEN", "OVERTAKEN", "OVERTAKEN"),
}

# The block now: the block then; "" as it was. What the bank has blocked, only the bank unblocks.
BLOCK_THEN: Final = {
    "none":          "",
    "notified":      "withdrawn",
    "received":      "withdrawn",
    "blocked":       "",
    "refused":       "withdrawn",
    "undeliverable": "withdrawn",
    "unblocked":     "",
    "formal_loss":   "",
    "withdrawn":     "",
    "lapsed":        "",
    "replaced":      "",
}

# The notice to block now: the notice then. What is open is not sent any more.
NOTICE_THEN: Final = {
    "open":          NoticeState.CLOSED,
    "delivered":     None,
    "refused":       None,
    "undeliverable": None,
    "closed":        None,
}
# fmt: on


def test_the_tables_are_whole() -> None:
    assert list(COMES_TO) == list(ReportState)
    assert tuple(SUSPENDED_BY) == COLUMNS
    assert tuple(BLOCK_THEN) == EVERY_BLOCK
    assert tuple(NOTICE_THEN) == EVERY_NOTICE


def suspended(block: str) -> Case:
    return replace(a_case(block), suspension=a_suspension(), report=a_report())


def withdrawn(report: LossReport, block: str, notice: str) -> Change:
    """All that follows."""
    says = {name: value for name, value in TOLD.items() if name != "action"}
    body = {"type": "card.report_withdrawn", "timestamp": "2026-11-22T08:30:00Z", "data": says}
    line = {"report": "12345670", "card": "card-1", "bank": "icbc"}
    decision = {"by": "Li", "confirmed_by": "Wang", "reason": "a prank"}
    then = BLOCK_THEN[block]
    stepped = replace(a_block(block), state=BlockState(then), changed_at=NOW) if then else None
    kind = NoticeKind.REPORT_WITHDRAWN
    return Change(
        lifted=True,
        block=stepped,
        report=replace(report, state=ReportState.WITHDRAWN),
        owes=(Owed(kind, "icbc", NOW, body, "12345670", "card-1"), a_text("text_withdrawn")),
        notice=NoticeChange(a_notice(notice), state=NOTICE_THEN[notice], needs_person=False),
        journal=(
            Entry("report_withdrawn", {**line, **decision}),
            *((Entry("block_withdrawn", line),) if then else ()),
        ),
    )


@pytest.mark.parametrize(("block", "notice"), list(product(EVERY_BLOCK, EVERY_NOTICE)))
def test_all_that_follows(block: str, notice: str) -> None:
    found = withdraw(suspended(block), a_report(), a_notice(notice), TOLD, LI, NOW)
    assert found == (Withdrawal.WITHDRAWN, withdrawn(a_report(), block, notice))
    assert "block_financial_function" not in str(found)


@pytest.mark.parametrize(("state", "by"), list(product(COMES_TO, COLUMNS)))
def test_what_comes_of_it(state: str, by: str) -> None:
    report = a_report(state=ReportState(state))
    for block in EVERY_BLOCK:
        case = replace(a_case(block), suspension=SUSPENDED_BY[by])
        came_to, change = withdraw(case, report, a_notice(), TOLD, LI, NOW)
        assert came_to == Withdrawal[COMES_TO[state][COLUMNS.index(by)]]
        assert (change == NOTHING) is (came_to is not Withdrawal.WITHDRAWN)


def test_twice_is_once() -> None:
    _, change = withdraw(suspended("blocked"), a_report(), a_notice(), TOLD, LI, NOW)
    assert change.report is not None
    after = replace(suspended("blocked"), suspension=None, report=change.report)
    again = withdraw(after, change.report, a_notice("closed"), TOLD, LI, NOW)
    assert again == (Withdrawal.ALREADY, NOTHING)


def test_the_block_of_another_report_is_left_alone() -> None:
    other = replace(suspended("notified"), block=a_block(report_number=OTHER_NUMBER))
    _, change = withdraw(other, a_report(), None, {}, LI, NOW)
    assert (change.block, change.notice, change.lifted) == (None, None, True)


def test_an_objection_is_kept_with_the_report() -> None:
    disputed = a_report(disputed_at=NOW - 60)
    _, change = withdraw(suspended("blocked"), disputed, None, TOLD, LI, NOW)
    assert change.report is not None
    assert change.report.disputed_at == NOW - 60
