"""Report a card lost: may it be, and what follows when it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ivr.beijing import beijing_day
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, text_about
from ivr.cards.id_number import is_under_16
from ivr.cards.loss import LossReport, ReportKind, Suspension
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import reported_body
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.rules import Rules
from ivr.cards.words import TEXT_FILED


class Refusal(StrEnum):
    """Why a card is not reported now."""

    UNDER_16 = "under_16"  # a guardian reports, with the household book
    ALREADY = "already"  # our own temporary report is running
    FORMAL = "formal"  # it outranks a temporary report
    ELSEWHERE = "elsewhere"  # reported through another channel, says the directory
    REPLAYED = "replayed"  # this very request filed a report of the card, which is over
    NEEDS_A_PERSON = "needs_a_person"  # not in its normal state, or nobody could tell its bank


@dataclass(frozen=True)
class ReportRequest:
    """Somebody asks that a card be reported lost.

    `origin` is the idempotency key (a call's id): asked twice under the same, filed once.
    """

    holder_ref: str
    holder: Holder
    card: Card
    channel: str
    origin: str
    language: str


@dataclass(frozen=True)
class Fresh:
    """What chance gives to a new report: a number nobody has yet, and its notice's id."""

    number: str
    notice_id: str


@dataclass(frozen=True)
class Filing:
    """What came of a request. `refusal` None: filed. `suspension`: what holds the card now."""

    refusal: Refusal | None
    suspension: Suspension | None

    @property
    def report_number(self) -> str:
        """Of the report that holds the card; empty when none does."""
        return self.suspension.report_number if self.suspension else ""


_BY_CARD_STATE: Final = {
    CardState.NORMAL: None,
    CardState.TEMPORARY_LOSS: Refusal.ELSEWHERE,
    CardState.FORMAL_LOSS: Refusal.FORMAL,
}


def refusal(case: Case, holder: Holder, card: Card, rules: Rules, now: int) -> Refusal | None:
    """Why this card may not be reported; None when it may (domain: 'card states', 'rules')."""
    if is_under_16(holder.id_number, beijing_day(now)):
        return Refusal.UNDER_16
    if case.suspension is not None:
        is_formal = case.suspension.kind is ReportKind.FORMAL
        return Refusal.FORMAL if is_formal else Refusal.ALREADY
    by_state = _BY_CARD_STATE.get(card.state, Refusal.NEEDS_A_PERSON)
    if by_state is None and card.bank not in rules.banks:
        return Refusal.NEEDS_A_PERSON
    return by_state


def report(
    case: Case,
    request: ReportRequest,
    fresh: Fresh,
    rules: Rules,
    now: int,
    *,
    filed_before: bool = False,
) -> tuple[Filing, Change]:
    """Suspends the social security function and owes the bank its notice, if the card may be
    reported. A second report changes nothing and extends nothing (domain section 1).

    `filed_before`: a report of this card was filed by this very request. It may be a call somebody
    recorded and plays again: it files no other, however long ago that was.
    """
    suspension = case.suspension
    if suspension is not None and suspension.origin == request.origin:
        return Filing(None, suspension), NOTHING
    why_not = refusal(case, request.holder, request.card, rules, now)
    if why_not is None and filed_before:
        why_not = Refusal.REPLAYED
    if why_not is not None:
        return Filing(why_not, suspension), NOTHING
    filed = _new_report(case.card_ref, request, fresh, rules, now)
    suspended = Suspension(ReportKind.TEMPORARY, filed.number, filed.origin, filed.release_at)
    return Filing(None, suspended), _filed(filed, suspended, request)


def _new_report(
    card_ref: str, request: ReportRequest, fresh: Fresh, rules: Rules, now: int
) -> LossReport:
    return LossReport(
        number=fresh.number,
        holder_ref=request.holder_ref,
        card_ref=card_ref,
        bank=request.card.bank,
        reported_at=now,
        release_at=now + rules.suspension_seconds,
        channel=request.channel,
        origin=request.origin,
        notice_id=fresh.notice_id,
        card_last4=request.card.last4,
        holder_last4=request.holder.last4,
        language=request.language,
    )


def _filed(filed: LossReport, suspension: Suspension, request: ReportRequest) -> Change:
    """The block begins anew, whatever the bank confirmed for an earlier report: since then the
    card may have been unblocked, or moved to another bank, without our knowing yet.
    """
    now, number, card_ref, bank = filed.reported_at, filed.number, filed.card_ref, filed.bank
    body = reported_body(filed, request.holder, request.card)
    told = Owed(NoticeKind.LOSS_REPORTED, bank, now, body, number, card_ref, filed.notice_id)
    fields = {"report": number, "card": card_ref, "bank": bank,
              "channel": filed.channel, "origin": filed.origin}  # fmt: skip
    return Change(
        suspension=suspension,
        block=Block(card_ref, bank, BlockState.NOTIFIED, number, filed.notice_id, now),
        report=filed,
        owes=(told, text_about(filed, TEXT_FILED, now)),
        journal=(Entry("loss_reported", fields),),
    )
