"""Take a report back, because an operator says so: the holder never made it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from ivr.cards.acts.report import overtaken
from ivr.cards.acts.step import step
from ivr.cards.block import BlockEvent
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, text_about
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import Notice, NoticeKind
from ivr.cards.notice_bodies import later_body
from ivr.cards.words import TEXT_WITHDRAWN


class Withdrawal(StrEnum):
    """What comes of a withdrawal. Only the first changes anything."""

    WITHDRAWN = "withdrawn"
    ALREADY = "already withdrawn"
    RELEASED = "released"  # its 7 days are over
    OVERTAKEN = "overtaken"  # a formal loss or a later report holds the card, or it was replaced
    UNKNOWN = "unknown"  # there is no such report


_OVER: Final = {
    ReportState.WITHDRAWN: Withdrawal.ALREADY,
    ReportState.RELEASED: Withdrawal.RELEASED,
    ReportState.SUPERSEDED: Withdrawal.OVERTAKEN,
    ReportState.CLOSED: Withdrawal.OVERTAKEN,
}


@dataclass(frozen=True)
class Decision:
    """An operator's word on a report: who, why, and which second operator confirmed it."""

    by: str
    reason: str
    confirmed_by: str = ""


def withdraw(
    case: Case,
    report: LossReport,
    notice: Notice | None,
    first_told: Mapping[str, Any],
    decision: Decision,
    now: int,
) -> tuple[Withdrawal, Change]:
    """The social security function is active again, and bank and holder are told. Whether to
    unblock is the bank's to decide; but nobody asks it to block any more. NOTHING unless this
    report suspends the card.

    `notice` is the one that asked the bank to block, `first_told` its `data`; empty when that
    cannot be read any more.
    """
    if (is_over := over(case, report)) is not None:
        return is_over, NOTHING
    block = case.block
    is_its_block = block is not None and block.report_number == report.number
    taken = step(case, BlockEvent.WITHDRAWN, now) if is_its_block else NOTHING
    kind = NoticeKind.REPORT_WITHDRAWN
    body = later_body(kind, report, first_told, now)
    told = Owed(kind, report.bank, now, body, report.number, report.card_ref)
    return Withdrawal.WITHDRAWN, replace(
        taken,
        lifted=True,
        report=replace(report, state=ReportState.WITHDRAWN),
        owes=(told, text_about(report, TEXT_WITHDRAWN, now)),
        notice=overtaken(notice),
        journal=(decided("report_withdrawn", report, decision), *taken.journal),
    )


def over(case: Case, report: LossReport) -> Withdrawal | None:
    """Why there is nothing to take back; None while this report suspends the card."""
    by_state = _OVER.get(report.state)
    if by_state is not None or case.suspension is None:  # by time, and nobody was told yet
        return by_state or Withdrawal.RELEASED
    return None if case.suspension.number_told == report.number else Withdrawal.OVERTAKEN


def decided(event: str, report: LossReport, decision: Decision) -> Entry:
    """The journal's line about an operator's decision."""
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank,
              "by": decision.by, "confirmed_by": decision.confirmed_by,
              "reason": decision.reason}  # fmt: skip
    return Entry(event, fields)
