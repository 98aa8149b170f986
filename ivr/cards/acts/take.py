"""Take over a temporary report that the bank's own service line took: the bank has blocked."""

from dataclasses import replace
from typing import Final

from ivr.cards.acts.report import Fresh, overtaken
from ivr.cards.acts.step import step
from ivr.cards.acts.whose import Whose
from ivr.cards.bank_event import BankEvent
from ivr.cards.block import ENDED, Block, BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, text_about
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import Notice
from ivr.cards.rules import Rules
from ivr.cards.words import TEXT_TAKEN

CHANNEL: Final = "bank"  # whose service line took it


def take(
    case: Case, notice: Notice | None, event: BankEvent, whose: Whose, rules: Rules, now: int
) -> Change:
    """Suspends the card for the 7 days from the report to the bank, and puts it on record under a
    number of ours. Nobody asks the bank to block. While a report runs, it only says that the bank
    has blocked: nothing is extended. NOTHING for news that a formal loss or later news outranks.

    `notice` is the one of the block there is; a report that begins anew overtakes it.
    """
    at = min(event.at, now)
    if _is_formal(case) or at < _earliest(case) or at + rules.suspension_seconds <= now:
        return NOTHING
    if case.suspension is not None and case.block is not None and case.block.state not in ENDED:
        return step(case, BlockEvent.TAKEN, now)
    return replace(_filed(case, event, whose, at, rules, now), notice=overtaken(notice))


def _is_formal(case: Case) -> bool:
    is_blocked_for_it = case.block is not None and case.block.state is BlockState.FORMAL_LOSS
    is_suspended_for_it = case.suspension is not None and case.suspension.release_at is None
    return is_blocked_for_it or is_suspended_for_it


def _earliest(case: Case) -> int:
    """When this can have been taken at the earliest, unix seconds, to be news of the card."""
    block, report = case.block, case.report
    if block is None:
        return 0
    if report is None or block.state in ENDED:
        return block.changed_at
    if case.suspension is not None or report.state is ReportState.WITHDRAWN:
        return report.reported_at
    return max(report.release_at if report.state in _RAN_OUT else 0, block.changed_at)


_RAN_OUT: Final = (ReportState.ACTIVE, ReportState.RELEASED)


def _filed(case: Case, event: BankEvent, whose: Whose, at: int, rules: Rules, now: int) -> Change:
    kept = case.suspension.release_at if case.suspension else None
    until = kept if kept and kept > now else at + rules.suspension_seconds
    filed = _report(case, event, whose, at, until)
    change = Change(
        suspension=Suspension(ReportKind.TEMPORARY, filed.number, filed.origin, until),
        block=Block(
            case.card_ref, event.bank, BlockState.BLOCKED, filed.number, filed.notice_id, at
        ),
        report=filed,
        owes=(text_about(filed, TEXT_TAKEN, now),),
        journal=_entries(filed),
    )
    if case.suspension is None or case.report is None:
        return change
    return replace(change, superseded=replace(case.report, state=ReportState.SUPERSEDED))


def _report(case: Case, event: BankEvent, whose: Whose, at: int, until: int) -> LossReport:
    fresh: Fresh = whose.fresh
    return LossReport(
        number=fresh.number,
        holder_ref=whose.holder_ref,
        card_ref=case.card_ref,
        bank=event.bank,
        reported_at=at,
        release_at=until,
        channel=CHANNEL,
        origin=f"{event.bank}:{event.id}",
        notice_id=fresh.notice_id,  # of a notice that is never owed: it tells reports apart
        card_last4=whose.card.last4,
        holder_last4=whose.holder.last4,
        language=case.report.language if case.report else whose.language,
    )


def _entries(filed: LossReport) -> tuple[Entry, Entry]:
    fields = {"report": filed.number, "card": filed.card_ref, "bank": filed.bank}
    by = {"channel": filed.channel, "origin": filed.origin}
    return Entry("loss_reported", {**fields, **by}), Entry("block_blocked", fields)
