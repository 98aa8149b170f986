"""The bank's own service line took a report: what follows, for every state of the card."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.hear import hear
from ivr.cards.acts.report import Fresh
from ivr.cards.acts.whose import Whose
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry
from ivr.cards.errors import NotThisBanksError
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import NoticeState
from ivr.cards.records import Card, Holder
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    BANK,
    CARD_REF,
    EVERY_BLOCK,
    NOW,
    OTHER_NUMBER,
    RELEASE_AT,
    REPORTED_AT,
    WEEK,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    an_event,
)

CARD: Final = Card("A12345678", BANK, "6222021234565678", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
WHOSE: Final = Whose("holder-1", ZHANG, CARD, Fresh(OTHER_NUMBER, "ntc-2"), "zh")
RULES: Final = Rules((BANK,), WEEK)
AT: Final = NOW - 10

# The block now: what follows while a report suspends the card, after its 7 days, and when it was
# withdrawn. "new": a report with a number of its own; "kept": one with the old deadline.
# fmt: off
COLUMNS: Final = ("active", "released", "withdrawn")
TAKEN: Final = {
    #                 "active"   "released" "withdrawn"
    "none":          ("new",     "new",     "new"),
    "notified":      ("blocked", "new",     "new"),
    "received":      ("blocked", "new",     "new"),
    "blocked":       ("stale",   "new",     "new"),
    "refused":       ("blocked", "new",     "new"),
    "undeliverable": ("blocked", "new",     "new"),
    "unblocked":     ("kept",    "new",     "new"),
    "formal_loss":   ("stale",   "stale",   "stale"),
    "withdrawn":     ("blocked", "new",     "new"),
    "lapsed":        ("kept",    "new",     "new"),
    "replaced":      ("kept",    "new",     "new"),
}
# fmt: on


def the_case(block: str, report: str) -> Case:
    """A report that ran out did so a minute before the bank took its own."""
    if block == "none":
        return a_case("none")
    if report == "active":
        return a_case(block)
    release_at = AT - 60 if report == "released" else RELEASE_AT
    known = a_report(state=ReportState(report), release_at=release_at)
    return a_case(block, suspension=None, report=known)


def taken(case: Case, at: int = AT, notice: str = "open") -> tuple[str, Change]:
    now = a_notice(notice) if case.block else None
    event = an_event("taken", at=at)
    return hear(case, now, event, RULES, NOW, heard_before=False, whose=WHOSE)


def the_report(until: int) -> LossReport:
    return LossReport(
        OTHER_NUMBER, "holder-1", CARD_REF, BANK, AT, until, "bank", "icbc:evt-1", "ntc-2",
        "5678", "002X", "zh",
    )  # fmt: skip


@pytest.mark.parametrize(("block", "report"), list(product(TAKEN, COLUMNS)))
def test_all_that_follows(block: str, report: str) -> None:
    case = the_case(block, report)
    came_to = TAKEN[block][COLUMNS.index(report)]
    status, change = taken(case)
    assert status == ("stale" if came_to == "stale" else "applied")
    if came_to == "stale":
        assert replace(change, journal=()) == NOTHING
    elif came_to == "blocked":
        assert change.block is not None
        assert change.block.state is BlockState.BLOCKED
        assert [owed.body["prompt"] for owed in change.owes] == ["text_blocked"]
        assert (change.suspension, change.report) == (None, None)
    else:
        a_report_begins(case, change, until=RELEASE_AT if came_to == "kept" else AT + WEEK)


def a_report_begins(case: Case, change: Change, until: int) -> None:
    """It is on record, blocked by its bank, and told to the holder; no bank is asked to block."""
    origin = "icbc:evt-1"
    assert change.suspension == Suspension(ReportKind.TEMPORARY, OTHER_NUMBER, origin, until)
    assert change.report == the_report(until)
    assert change.block == Block(CARD_REF, BANK, BlockState.BLOCKED, OTHER_NUMBER, "ntc-2", AT)
    assert [owed.body.get("prompt") for owed in change.owes] == ["text_taken"]
    assert [entry.event for entry in change.journal] == [
        "loss_reported", "block_blocked", "bank_event",
    ]  # fmt: skip
    assert (change.notice and change.notice.state) == (NoticeState.CLOSED if case.block else None)
    is_running = case.suspension is not None
    assert (change.superseded is not None) == is_running


def test_the_table_is_whole() -> None:
    assert tuple(TAKEN) == EVERY_BLOCK


@pytest.mark.parametrize("block", EVERY_BLOCK)
def test_a_formal_loss_outranks_it(block: str) -> None:
    case = a_case(block, suspension=a_formal_suspension())
    assert replace(taken(case)[1], journal=()) == NOTHING


# When the bank took it: whether it is news of a card in this state.
@pytest.mark.parametrize(
    ("block", "report", "at", "is_news"),
    [
        ("none", "", NOW - WEEK, False),  # its 7 days are over
        ("none", "", NOW - WEEK + 1, True),
        ("notified", "active", REPORTED_AT - 1, False),  # our notice is on its way
        ("notified", "active", REPORTED_AT, True),
        ("unblocked", "active", REPORTED_AT + 59, False),  # that block is the one that ended
        ("unblocked", "active", REPORTED_AT + 60, True),
        ("replaced", "active", REPORTED_AT + 59, False),
        (
            "blocked",
            "released",
            AT - 61,
            False,
        ),  # while the earlier report ran: nothing is extended
        ("blocked", "released", AT - 60, True),
        ("withdrawn", "withdrawn", REPORTED_AT - 1, False),
        ("withdrawn", "withdrawn", REPORTED_AT, True),
        ("blocked", "superseded", REPORTED_AT + 59, False),  # before the formal loss was withdrawn
        ("blocked", "superseded", REPORTED_AT + 60, True),
    ],
)
def test_when_it_was_taken(block: str, report: str, at: int, *, is_news: bool) -> None:
    assert taken(the_case(block, report), at)[0] == ("applied" if is_news else "stale")


def test_a_card_that_left_the_directory_is_nobodys() -> None:
    with pytest.raises(NotThisBanksError):
        hear(a_case("none"), None, an_event("taken"), RULES, NOW, heard_before=False)


def test_the_texts_are_in_the_language_of_the_report_before() -> None:
    case = the_case("unblocked", "active")
    english = replace(case, report=a_report(language="en"))
    change = taken(english)[1]
    assert change.report is not None
    assert change.report.language == "en"
    assert Entry("block_blocked", {"report": OTHER_NUMBER, "card": CARD_REF, "bank": BANK}) in (
        change.journal
    )
