"""The checks: what must add up after a load. Each is a pure function of the evidence.

A side that was not to be looked at (None) is not judged; the summary says so.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from simulator.engine import Level
from simulator.load.claims import Claim, Heard
from simulator.load.evidence import Evidence, Report

CLOCK_SLACK: Final = 0.001  # the bank writes milliseconds


@dataclass(frozen=True)
class Discrepancy:
    """One thing that does not add up: the check that found it, and what exactly."""

    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}"


def side_silent(evidence: Evidence) -> Iterator[str]:
    """Every side that was to be looked at has answered."""
    yield from evidence.silent


def success_without_record(evidence: Evidence) -> Iterator[str]:
    """When a caller hears a number as a success, this call's own report is on record."""
    if evidence.reports is None:
        return
    for call in evidence.calls:
        for number in sorted(call.numbers(Claim.FILED)):
            filed = evidence.reports.get(number)
            if filed is None or filed.origin != call.sid:
                yield f"call {call.sid} heard that report {number} was filed"
            elif filed.suspended_by != number:
                yield f"report {number} of call {call.sid} suspends nothing"


def failure_with_record(evidence: Evidence) -> Iterator[str]:
    """A caller who confirmed and only heard "NOT blocked by this call" has filed no report."""
    filed = {report.origin: report.number for report in evidence.ours}
    for call in evidence.calls:
        claims = {heard.claim for heard in call.heard}
        denied = Claim.NOT_FILED in claims and not claims & {Claim.FILED, Claim.ALREADY}
        if denied and call.confirmed and call.sid in filed:
            yield f"call {call.sid} heard a failure, and report {filed[call.sid]} exists"


def record_unconfirmed(evidence: Evidence) -> Iterator[str]:
    """No card is blocked that its holder did not confirm."""
    for report in evidence.ours:
        if not evidence.call_by_sid[report.origin].confirmed:
            yield f"report {report.number} of call {report.origin}"
    confirmed = {card for call in evidence.calls if call.confirmed for card in call.cards}
    called = {card for call in evidence.calls for card in call.cards}
    for number, card in evidence.card_of.items():
        filed = (evidence.reports or {}).get(number)
        is_new = filed is not None and filed.reported_at >= int(evidence.started_at)
        if is_new and card in called - confirmed:
            yield f"report {number} blocked the card of a caller who never confirmed"


def record_of_another_card(evidence: Evidence) -> Iterator[str]:
    """The card that the bank blocked is one of the caller's."""
    for report in evidence.ours:
        card = evidence.card_of.get(report.number)
        if card is not None and card not in evidence.call_by_sid[report.origin].cards:
            yield f"report {report.number} of call {report.origin}"


def record_twice(evidence: Evidence) -> Iterator[str]:
    """Within the 7 days one card has one report."""
    for card_ref, times in Counter(report.card_ref for report in evidence.ours).items():
        if times > 1:
            numbers = [r.number for r in evidence.ours if r.card_ref == card_ref]
            yield f"{times} reports of one card: {', '.join(sorted(numbers))}"


def record_without_notice(evidence: Evidence) -> Iterator[str]:
    """Every report owes, or has owed, its bank one notice."""
    if evidence.notices is None:
        return
    for report in evidence.ours:
        notice = evidence.notices.get(report.notice_id)
        if notice is None or notice.report_number != report.number:
            yield f"report {report.number}"


def record_without_receipt(evidence: Evidence) -> Iterator[str]:
    """After the settling time each report reached its bank, which carried it out or refused."""
    if evidence.receipts is None:
        return
    for report in evidence.ours:
        if not evidence.is_received(report):
            yield f"report {report.number} at {report.bank}{_state(evidence, report)}"


def notice_without_report(evidence: Evidence) -> Iterator[str]:
    """Nothing tells a bank of a report that is not on record."""
    if evidence.reports is None:
        return
    for notice in (evidence.notices or {}).values():
        if notice.report_number not in evidence.reports:
            yield f"notice {notice.id} of report {notice.report_number}"
    for number, arrivals in evidence.receipts_of.items():
        is_new = arrivals[-1].at >= evidence.started_at
        if is_new and number not in evidence.reports:
            yield f"{arrivals[0].bank} received a notice of report {number}"


def receipt_unverified(evidence: Evidence) -> Iterator[str]:
    """Everything that the bank receives is signed by the hotline."""
    for receipt in evidence.receipts or ():
        if not receipt.verified and receipt.at >= evidence.started_at:
            yield f"{receipt.bank} could not verify {receipt.webhook_id}"


def effect_twice(evidence: Evidence) -> Iterator[str]:
    """However often a notice arrives, it blocks once."""
    for number, times in evidence.effects.items():
        if times > 1:
            yield f"report {number} blocked its account {times} times"


def blocked_too_early(evidence: Evidence) -> Iterator[str]:
    """Domain: never say that the bank has blocked before the bank has acknowledged."""
    if evidence.receipts is None:
        return
    for call in evidence.calls:
        for heard in call.heard:
            if heard.claim is Claim.BLOCKED and heard.number and _is_early(evidence, heard):
                yield f"call {call.sid} heard it of report {heard.number}"


def another_number(evidence: Evidence) -> Iterator[str]:
    """ "Already reported" and the status name the report that suspends the caller's own card."""
    if evidence.reports is None:
        return
    for call in evidence.calls:
        for number in sorted(call.numbers(Claim.ALREADY) | call.numbers(Claim.STATUS)):
            report = evidence.reports.get(number)
            if report is None or report.suspended_by != number:
                yield f"call {call.sid} heard {number}, which suspends nothing"
            elif not _is_of(evidence, report, call.cards):
                yield f"call {call.sid} heard {number}, which is of somebody else's card"


def http_error(evidence: Evidence) -> Iterator[str]:
    """A caller never hears an HTTP error: every request gets an answer below 400."""
    for call in evidence.calls:
        for turn in call.turns:
            if turn.status >= 400 or turn.status == 0:
                told = turn.status or turn.failure
                yield f"call {call.sid}, {turn.step} {turn.repeat}: {told}"


def twilio_error(evidence: Evidence) -> Iterator[str]:
    """Nothing that Twilio's debugger would list as an error."""
    for call in evidence.calls:
        for fault in call.faults:
            if fault.level is Level.ERROR:
                yield f"call {call.sid}: {fault}"


def limit_met(evidence: Evidence) -> Iterator[str]:
    """Honest callers are not held back. A deployment that asks everybody for a second factor
    (SECOND_FACTOR) is none for this load.
    """
    for call in evidence.calls:
        if any(heard.claim is Claim.MORE_ASKED for heard in call.heard):
            yield f"call {call.sid} was asked for a second factor"


CHECKS: Final[Mapping[str, Callable[[Evidence], Iterator[str]]]] = {
    "a side that could not be asked": side_silent,
    "a success without a record": success_without_record,
    "a failure with a record": failure_with_record,
    "a record nobody confirmed": record_unconfirmed,
    "a record of another card": record_of_another_card,
    "two records of one card": record_twice,
    "a record without a notice": record_without_notice,
    "a record without a bank receipt": record_without_receipt,
    "a notice without a report": notice_without_report,
    "a receipt without a good signature": receipt_unverified,
    "an effect twice at the bank": effect_twice,
    '"blocked" heard before the bank\'s receipt': blocked_too_early,
    "another report's number": another_number,
    "an HTTP error answered to Twilio": http_error,
    "an error in Twilio's debugger": twilio_error,
    "an honest caller who met a limit": limit_met,
}


def _is_early(evidence: Evidence, heard: Heard) -> bool:
    arrivals = evidence.receipts_of.get(heard.number, [])
    done_at = next((r.at for r in arrivals if r.is_carried_out), float("inf"))
    return heard.at < done_at - CLOCK_SLACK


def _is_of(evidence: Evidence, report: Report, cards: tuple[str, ...]) -> bool:
    """By the bank's word; without it, by the call that filed it; True if nobody can tell."""
    card = evidence.card_of.get(report.number)
    if card is not None:
        return card in cards
    origin = evidence.call_by_sid.get(report.origin)
    return origin is None or origin.cards == cards


def _state(evidence: Evidence, report: Report) -> str:
    notice = (evidence.notices or {}).get(report.notice_id)
    return f" (its notice is {notice.state})" if notice else ""


def find_discrepancies(evidence: Evidence) -> list[Discrepancy]:
    """Runs every check; what does not add up, in their order."""
    return [Discrepancy(name, what) for name, check in CHECKS.items() for what in check(evidence)]
