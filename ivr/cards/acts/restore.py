"""Restore a report that was told and that Redis lost in a failover."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ivr.cards.acts.report import all_that_follows, overtaken
from ivr.cards.acts.take import CHANNEL
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import Change, Entry, text_about
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import Notice
from ivr.cards.records import Card, Holder
from ivr.cards.words import TEXT_TAKEN

Restored = Literal["filed", "recorded"]


def restore(
    case: Case,
    report: LossReport,
    holder: Holder,
    card: Card | None,
    now: int,
    *,
    earlier: Notice | None = None,
    request_filed_another: bool = False,
) -> tuple[Restored, Change]:
    """Files a report again under its own number, notice id and deadline, or puts it on record as
    superseded when the card has moved on: a later report or a formal loss suspends it, it was
    replaced, or the request was repeated on the other side and filed another one. An earlier
    report is superseded by this one, for the later one holds the card.

    A report that the bank itself took asks the bank for nothing, this time either. A card whose
    holder decoupled it at the bank after the report, or whose block lapsed, stays unblocked; only
    its social security function is suspended again, until the deadline that was told.

    Args:
        report: as it was filed.
        card: as the directory has it now; None when the holder has no such card any more.
        earlier: the notice of the block there is.
        request_filed_another: the same request is on record with another report.
    """
    is_overtaken = case.suspension is not None and not _is_later(case, report)
    is_overtaken |= _is_after(case, report, (BlockState.REPLACED,))
    if card is None or request_filed_another or is_overtaken:
        over = replace(report, state=ReportState.SUPERSEDED)
        return "recorded", Change(recorded=over, journal=(_entry(report, "loss_recorded"),))
    is_blocked_by_its_bank = report.channel == CHANNEL and report.bank == card.bank
    report = replace(report, bank=card.bank)  # it may have moved since: only this one can block it
    suspension = _suspension(report, now)
    if _is_unblocked_after(case, report):
        change = _unblocked_as_it_is(case, report, suspension)
    elif is_blocked_by_its_bank:
        change = replace(_blocked_as_it_was(report, suspension, now), notice=overtaken(earlier))
    else:
        change = all_that_follows(report, suspension, holder, card)
        change = replace(change, notice=overtaken(earlier))
    if case.suspension is not None and case.report is not None:
        before = replace(case.report, state=ReportState.SUPERSEDED)
        change = replace(change, superseded=before)
    return "filed", change


def _is_later(case: Case, report: LossReport) -> bool:
    """Whether it was filed after the temporary report that suspends the card. There it could be
    filed only because the bank had unblocked the card, or the other report was not there.
    """
    suspension, running = case.suspension, case.report
    if suspension is None or running is None or suspension.number_told != running.number:
        return False
    return running.reported_at < report.reported_at


def _unblocked_as_it_is(case: Case, report: LossReport, suspension: Suspension | None) -> Change:
    """The block is this report's from now on, and stays unblocked: nobody is told."""
    number, notice_id = report.number, report.notice_id
    block = case.block and replace(case.block, report_number=number, notice_id=notice_id)
    entries = (_entry(report, "loss_reported"),)
    return Change(suspension=suspension, block=block, report=report, journal=entries)


def _blocked_as_it_was(report: LossReport, suspension: Suspension | None, now: int) -> Change:
    """The bank's own service line took it: the bank has blocked, and is asked for nothing."""
    return Change(
        suspension=suspension,
        block=Block(
            report.card_ref, report.bank, BlockState.BLOCKED, report.number, report.notice_id,
            report.reported_at,
        ),
        report=report,
        owes=(text_about(report, TEXT_TAKEN, now),),
        journal=(_entry(report, "loss_reported"),),
    )  # fmt: skip


def _suspension(report: LossReport, now: int) -> Suspension | None:
    """None when its time is over by now: the report is then released like any other."""
    if report.release_at <= now:
        return None
    kind, end = ReportKind.TEMPORARY, report.release_at
    return Suspension(kind, report.number, report.origin, end)


def _is_unblocked_after(case: Case, report: LossReport) -> bool:
    """Whether the bank unblocked the card after this report, by the time it told us."""
    return _is_after(case, report, (BlockState.UNBLOCKED, BlockState.LAPSED))


def _is_after(case: Case, report: LossReport, states: Sequence[BlockState]) -> bool:
    """Whether the block came into one of these states after the report."""
    block = case.block
    return block is not None and block.state in states and block.changed_at > report.reported_at


def _entry(report: LossReport, event: str) -> Entry:
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank,
              "channel": report.channel, "origin": report.origin}  # fmt: skip
    return Entry(event, fields)
