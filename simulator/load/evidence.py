"""What is on record after a load: reports and notices in Redis, the bank's ledger, the calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from simulator.load.calls import CallRecord


@dataclass(frozen=True)
class Report:
    """`report:<number>`, with the number that the card's suspension names ("": no suspension)."""

    number: str
    card_ref: str
    bank: str
    notice_id: str
    origin: str
    reported_at: float
    suspended_by: str


@dataclass(frozen=True)
class Notice:
    """`notice:<id>` of a loss report; `is_owed`: still in `notices:open`."""

    id: str
    report_number: str
    state: str
    is_owed: bool


@dataclass(frozen=True)
class Receipt:
    """One arrival of a loss report's notice at the bank; `at` in unix seconds."""

    bank: str
    webhook_id: str
    report_number: str
    verified: bool
    effect: str
    at: float

    @property
    def is_carried_out(self) -> bool:
        """The account was blocked then, by this arrival or an earlier one of the same notice."""
        return self.verified and self.effect in ("blocked", "duplicate", "late", "formal")


@dataclass(frozen=True)
class Evidence:
    """All evidence of one moment. None: that side was not looked at. `silent` names the sides that
    did not answer.

    `effects`: how often a report blocked an account; `blocked_cards`: card number -> the report
    that blocked it last.
    """

    calls: tuple[CallRecord, ...]
    started_at: float
    reports: Mapping[str, Report] | None = None
    notices: Mapping[str, Notice] | None = None
    receipts: tuple[Receipt, ...] | None = None
    effects: Mapping[str, int] = field(default_factory=dict)
    blocked_cards: Mapping[str, str] = field(default_factory=dict, repr=False)
    silent: tuple[str, ...] = ()

    @cached_property
    def call_by_sid(self) -> Mapping[str, CallRecord]:
        return {call.sid: call for call in self.calls}

    @cached_property
    def ours(self) -> tuple[Report, ...]:
        """The reports that calls of this load filed."""
        reports = (self.reports or {}).values()
        return tuple(report for report in reports if report.origin in self.call_by_sid)

    @cached_property
    def receipts_of(self) -> Mapping[str, list[Receipt]]:
        """Verified arrivals by report number, oldest first."""
        found: dict[str, list[Receipt]] = {}
        for receipt in sorted(self.receipts or (), key=lambda receipt: receipt.at):
            if receipt.verified:
                found.setdefault(receipt.report_number, []).append(receipt)
        return found

    @cached_property
    def card_of(self) -> Mapping[str, str]:
        """Report number -> the card it blocked, as the bank has it."""
        return {number: card for card, number in self.blocked_cards.items() if number}

    def unsettled(self) -> int:
        """How many of our reports still wait for their bank."""
        if self.receipts is None:
            return 0
        return sum(not self.is_received(report) for report in self.ours)

    def is_received(self, report: Report) -> bool:
        """The bank carried the notice out, or refused it for good."""
        arrivals = self.receipts_of.get(report.number, [])
        return any(r.is_carried_out or r.effect == "refused" for r in arrivals)
