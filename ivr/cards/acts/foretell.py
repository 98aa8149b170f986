"""Foretell the end of a suspension: the holder is told a day before, by day, and once.

Who has not found the card by then needs a formal report, or its social security function works
again in whoever's hands it is.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

from ivr.beijing import BEIJING
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, text_about
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.words import TEXT_ENDING

AHEAD: Final = 24 * 3600  # seconds before the end
SHORTEST: Final = 3 * 24 * 3600  # seconds; of a shorter suspension the holder heard just now
BEGINS: Final = time(8)  # Beijing time
ENDS: Final = time(20)
LAST: Final = time(21)  # so long for what would be due in the night


def foretold_until(now: float) -> int | None:
    """The suspensions that end by this moment (unix seconds) are foretold now; None at night, when
    nobody is woken. What would be foretold at night is foretold in the evening before.
    """
    at = datetime.fromtimestamp(now, BEIJING)
    if BEGINS <= at.time() < ENDS:
        return int(now) + AHEAD
    if not ENDS <= at.time() < LAST:
        return None
    morning = datetime.combine(at.date() + timedelta(days=1), BEGINS, BEIJING)
    return int(morning.timestamp()) + AHEAD


def foretell(case: Case, report: LossReport, now: int) -> Change:
    """Tells the holder once that a report which suspends the card ends soon; NOTHING when it does
    not, when the holder objects to it, or when it never was to last for days.
    """
    held_by = case.suspension.number_told if case.suspension else ""
    runs = report.state is ReportState.ACTIVE and held_by == report.number
    if not runs or report.disputed_at or report.reminded_at or report.release_at <= now:
        return NOTHING
    if report.release_at - report.reported_at < SHORTEST:
        return NOTHING
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank}
    return Change(
        report=replace(report, reminded_at=now),
        owes=(text_about(report, TEXT_ENDING, now),),
        journal=(Entry("end_foretold", fields),),
    )
