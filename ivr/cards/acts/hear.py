"""Hear a bank's news of a card."""

from dataclasses import replace
from typing import Literal

from ivr.cards.acts.step import step
from ivr.cards.bank_event import BLOCKED, MEANS, BankEvent
from ivr.cards.block import Block, BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.loss import ReportKind, ReportState, Suspension
from ivr.cards.notice import Notice, NoticeState

EventStatus = Literal["applied", "duplicate", "stale"]


def hear(
    case: Case, notice: Notice | None, event: BankEvent, now: int, *, heard_before: bool
) -> tuple[EventStatus, Change]:
    """Believes a bank's event, once. The same event again is a "duplicate", and an event that
    later news has overtaken is "stale". Neither changes anything.

    `notice` is the notice that the block belongs to.

    Raises:
        UnlawfulTransitionError: the block cannot make this step.
    """
    if heard_before:
        return "duplicate", NOTHING
    change = _news(case, notice, event, now)
    status: EventStatus = "stale" if change == NOTHING else "applied"
    fields = {"type": event.type, "answer": status, "card": case.card_ref, "bank": event.bank,
              "id": event.id}  # fmt: skip
    return status, replace(change, journal=(*change.journal, Entry("bank_event", fields)))


def _news(case: Case, notice: Notice | None, event: BankEvent, now: int) -> Change:
    meaning = MEANS[event.type]
    if meaning is BlockEvent.FORMAL_LOSS and case.block is None:  # never reported to us
        first = Block(case.card_ref, event.bank, BlockState.UNBLOCKED, "", "", now)
        case = replace(case, block=first)
    if case.block is None or _is_overtaken(case, event):
        return NOTHING
    change = step(case, meaning, now)
    if change == NOTHING:
        return NOTHING
    change = replace(change, notice=_settled_by(meaning, notice))
    if meaning is BlockEvent.UNBLOCKED and change.block is not None:
        # When it happened, not when we heard of it: a report may have come in between.
        change = replace(change, block=replace(change.block, changed_at=min(event.at, now)))
    return _without_end(case, change) if meaning is BlockEvent.FORMAL_LOSS else change


def _is_overtaken(case: Case, event: BankEvent) -> bool:
    """News about an earlier report of the card, or an unblocking from before the report."""
    if event.type == BLOCKED:
        return case.block is None or event.report_number != case.block.report_number
    is_unblocking = MEANS[event.type] is BlockEvent.UNBLOCKED
    return is_unblocking and case.report is not None and event.at < case.report.reported_at


def _settled_by(meaning: BlockEvent, notice: Notice | None) -> NoticeChange | None:
    """After the bank's event no person needs to look at the notice. An unblocking or a formal
    loss also closes a notice that is still open.
    """
    if notice is None:
        return None
    is_overtaken = meaning is not BlockEvent.BLOCKED and notice.state is NoticeState.OPEN
    return NoticeChange(
        notice, state=NoticeState.CLOSED if is_overtaken else None, needs_person=False
    )


def _without_end(case: Case, change: Change) -> Change:
    """A formal report supersedes a temporary one: no 7-day release any more (domain section 1)."""
    report = case.report
    number = report.number if report else ""
    suspension = Suspension(ReportKind.FORMAL, number, origin="bank", release_at=None)
    if report is None or report.state is not ReportState.ACTIVE:
        return replace(change, suspension=suspension)
    superseded = replace(report, state=ReportState.SUPERSEDED)
    return replace(change, suspension=suspension, report=superseded)
