"""A report that was told and lost is filed again under its own name, or known to be over."""

from dataclasses import replace

import pytest

from ivr.cards.acts.report import Fresh, ReportRequest, report
from ivr.cards.acts.restore import restore
from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.change import NoticeChange
from ivr.cards.loss import ReportState
from ivr.cards.notice import NoticeState
from tests.cards.acts.builders import (
    CARD_REF,
    NOW,
    REPORTED_AT,
    a_block,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
)
from tests.cards.acts.the_card import CARD, RULES, ZHANG

REQUEST = ReportRequest("holder-1", CARD_REF, "phone", "CA9", "zh")
_, REPORTED = report(Case(CARD_REF), ZHANG, CARD, REQUEST, Fresh("99999990", "ntc-9"), RULES, NOW)
FILED = replace(REPORTED, timed=None)  # what went between a report and its loss is no bank's time
assert FILED.report is not None
LOST = FILED.report
OVER = replace(LOST, state=ReportState.SUPERSEDED)
LATER = NOW + 3600


def test_it_is_filed_as_it_was() -> None:
    """The same number, notice, deadline, text and journal entry as the first time."""
    assert restore(Case(CARD_REF), LOST, ZHANG, CARD, LATER) == ("filed", FILED)


@pytest.mark.parametrize("left", [1, 0, -1])
def test_when_its_time_is_over_nothing_is_suspended_and_the_bank_is_told_all_the_same(
    left: int,
) -> None:
    """The block has no end of its own. The release follows as for any other report."""
    came_to, change = restore(Case(CARD_REF), LOST, ZHANG, CARD, LOST.release_at - left)
    assert came_to == "filed"
    assert (change.suspension is not None) is (left > 0)
    assert (change.report, change.block, change.owes) == (LOST, FILED.block, FILED.owes)


OTHER = {
    "another report": a_case(report=a_report(number="12345670", reported_at=NOW + 60)),
    "a formal loss": a_case("formal_loss", suspension=a_formal_suspension()),
}


@pytest.mark.parametrize("case", OTHER.values(), ids=OTHER)
def test_a_card_that_has_moved_on_keeps_its_case(case: Case) -> None:
    """Reported again on the other side, or formally lost: the number told is on record as over."""
    came_to, change = restore(case, LOST, ZHANG, CARD, LATER)
    assert came_to == "recorded"
    assert change.recorded == OVER
    assert (change.suspension, change.block, change.report, change.owes) == (None, None, None, ())
    assert [entry.event for entry in change.journal] == ["loss_recorded"]


def test_a_report_that_the_bank_took_asks_it_for_nothing() -> None:
    taken = replace(LOST, channel="bank")
    came_to, change = restore(Case(CARD_REF), taken, ZHANG, CARD, LATER)
    assert (came_to, change.report) == ("filed", taken)
    assert change.block is not None
    assert (change.block.state, change.block.changed_at) == ("blocked", LOST.reported_at)
    assert change.suspension == FILED.suspension
    assert [owed.body.get("prompt") for owed in change.owes] == ["text_taken"]


def test_unless_the_card_has_moved_to_another_bank_since() -> None:
    taken = replace(LOST, channel="bank", bank="ccb")
    _, change = restore(Case(CARD_REF), taken, ZHANG, CARD, LATER)
    assert change.block is not None
    assert (change.block.state, change.block.bank) == ("notified", CARD.bank)


@pytest.mark.parametrize("after", [-1, 0, 1])
def test_a_card_of_the_same_number_that_came_after_it(after: int) -> None:
    """Then the report is of the old one."""
    block = a_block("replaced", changed_at=LOST.reported_at + after)
    came_to, change = restore(Case(CARD_REF, block=block), LOST, ZHANG, CARD, LATER)
    assert came_to == ("recorded" if after > 0 else "filed")
    assert change.recorded == (OVER if after > 0 else None)


def test_a_lapsed_block_stays_lapsed() -> None:
    block = a_block("lapsed", changed_at=LOST.reported_at + 1)
    _, change = restore(Case(CARD_REF, block=block), LOST, ZHANG, CARD, LATER)
    assert change.block is not None
    assert (change.block.state, change.owes) == ("lapsed", ())


def test_a_card_that_was_replaced() -> None:
    assert restore(Case(CARD_REF), LOST, ZHANG, None, LATER)[1].recorded == OVER


def test_a_request_that_was_repeated_on_the_other_side_and_is_over_there() -> None:
    case = Case(CARD_REF, None, a_block("blocked"), a_report(state=ReportState.RELEASED))
    found = restore(case, LOST, ZHANG, CARD, LATER, request_filed_another=True)
    assert found[1].recorded == OVER


FOUND = a_block("unblocked", changed_at=NOW + 60)


def test_a_card_that_was_found_since_stays_unblocked() -> None:
    """Decoupled at the bank after the report: only what has a deadline of its own is as told. The
    block is this report's, so that the next report supersedes this one.
    """
    came_to, change = restore(Case(CARD_REF, None, FOUND), LOST, ZHANG, CARD, LATER)
    assert came_to == "filed"
    assert (change.suspension, change.report) == (FILED.suspension, LOST)
    assert change.block == replace(FOUND, report_number=LOST.number, notice_id=LOST.notice_id)
    assert (change.owes, change.notice, change.superseded) == ((), None, None)


def test_so_does_one_that_was_reported_before_and_again() -> None:
    case = replace(a_case("unblocked"), block=FOUND)
    came_to, change = restore(case, LOST, ZHANG, CARD, LATER)
    assert came_to == "filed"
    assert (change.suspension, change.report, change.owes) == (FILED.suspension, LOST, ())
    assert change.superseded == a_report(state=ReportState.SUPERSEDED)


@pytest.mark.parametrize("block", BlockState)
def test_the_later_report_holds_the_card_whatever_the_bank_did_for_the_earlier(
    block: BlockState,
) -> None:
    """It could be filed only after an unblocking, which this side may not have heard of."""
    case = replace(a_case(block), block=a_block(block, changed_at=REPORTED_AT))
    came_to, change = restore(case, LOST, ZHANG, CARD, LATER)
    assert came_to == "filed"
    assert (change.report, change.block, change.owes) == (LOST, FILED.block, FILED.owes)


def test_of_two_in_the_same_second_the_one_on_record_holds_the_card() -> None:
    case = a_case(report=a_report(number="12345670", reported_at=NOW))
    assert restore(case, LOST, ZHANG, CARD, LATER)[0] == "recorded"


def test_unblocked_in_the_very_second_of_the_report_is_blocked_again() -> None:
    """Nobody knows which came first, and blocking costs less."""
    case = Case(CARD_REF, None, a_block("unblocked", changed_at=NOW))
    assert restore(case, LOST, ZHANG, CARD, LATER)[1].block == FILED.block


def test_a_second_report_of_a_card_that_was_unblocked_before_it_is_filed_again() -> None:
    """The first one is still on record and runs; the second had told the bank to block again."""
    case = replace(a_case("unblocked"), block=a_block("unblocked", changed_at=NOW - 60))
    came_to, change = restore(case, LOST, ZHANG, CARD, LATER, earlier=a_notice("open"))
    assert came_to == "filed"
    assert (change.suspension, change.report, change.block, change.owes) == (
        FILED.suspension, LOST, FILED.block, FILED.owes,
    )  # fmt: skip
    assert change.superseded == a_report(state=ReportState.SUPERSEDED)
    assert change.notice == NoticeChange(
        a_notice("open"), state=NoticeState.CLOSED, needs_person=False
    )


@pytest.mark.parametrize("block", [s for s in BlockState if s is not BlockState.UNBLOCKED])
def test_the_block_of_an_earlier_report_starts_again(block: BlockState) -> None:
    """Its 7 days were over when this one was told."""
    case = Case(CARD_REF, None, a_block(block, changed_at=REPORTED_AT), None)
    assert restore(case, LOST, ZHANG, CARD, LATER) == ("filed", FILED)


def test_a_card_that_moved_to_another_bank_is_blocked_there() -> None:
    moved = replace(CARD, bank="ccb", bank_account="6227000000001111")
    _, change = restore(Case(CARD_REF), LOST, ZHANG, moved, LATER)
    assert {owed.bank for owed in change.owes} == {"ccb"}
    assert change.report is not None
    assert change.report.bank == "ccb"
