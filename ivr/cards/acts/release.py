"""Release a card: the 7 days are over, and bank and holder are told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, text_about
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import later_body
from ivr.cards.words import TEXT_RELEASED


def release(case: Case, report: LossReport, first_told: Mapping[str, Any], now: int) -> Change:
    """Tells bank and holder once that a suspension is over; NOTHING while it lasts, or when they
    were told already. Where another report suspends the card since, neither is told.

    The suspension's key in Redis is the truth, not the deadline. `first_told` is the `data` of
    the report's first notice; empty when it cannot be read any more.
    """
    held_by = case.suspension.report_number if case.suspension else ""
    if report.state is not ReportState.ACTIVE or held_by == report.number:
        return NOTHING
    kind = NoticeKind.LOSS_RELEASED
    body = later_body(kind, report, first_told, now)
    told = Owed(kind, report.bank, now, body, report.number, report.card_ref)
    # If the card was reported again meanwhile, "active again" would not be true.
    owes = () if case.suspension else (told, text_about(report, TEXT_RELEASED, now))
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank}
    return Change(
        report=replace(report, state=ReportState.RELEASED),
        owes=owes,
        journal=(Entry("loss_released", fields),),
    )
