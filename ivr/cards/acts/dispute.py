"""The holder says "it was not me": an objection to a report that runs. It releases nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ivr.cards.acts.withdraw import Decision, decided, over
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, text_about
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import later_body
from ivr.cards.words import TEXT_DISPUTED

Objection = Literal["recorded", "known", "over"]


def dispute(
    case: Case, report: LossReport, first_told: Mapping[str, Any], channel: str, now: int
) -> tuple[Objection, Change]:
    """Records an objection once, for operators to decide on, and tells bank and holder of it. That
    it is the holder's own, the channel has made sure of. NOTHING when there is one already, or
    when this report does not suspend the card any more.

    `first_told` is the `data` of the report's first notice; empty when it cannot be read any more.
    """
    if over(case, report) is not None:
        return "over", NOTHING
    if report.disputed_at:
        return "known", NOTHING
    kind = NoticeKind.REPORT_DISPUTED
    body = later_body(kind, report, first_told, now)
    told = Owed(kind, report.bank, now, body, report.number, report.card_ref)
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank,
              "channel": channel}  # fmt: skip
    return "recorded", Change(
        report=replace(report, disputed_at=now),
        owes=(told, text_about(report, TEXT_DISPUTED, now)),
        journal=(Entry("report_disputed", fields),),
    )


def dismiss(report: LossReport, decision: Decision) -> Change:
    """Closes an objection, and the report runs on; NOTHING when none is open."""
    if not report.disputed_at or report.state is not ReportState.ACTIVE:
        return NOTHING
    return Change(
        report=replace(report, disputed_at=0),
        journal=(decided("dispute_dismissed", report, decision),),
    )
