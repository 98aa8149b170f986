"""Report a card lost: whether that is allowed, and what follows from it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ivr.beijing import beijing_day
from ivr.cards.block import ENDED, Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange, Owed, Timed, text_about
from ivr.cards.id_number import is_under_16
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import Notice, NoticeKind, NoticeState
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
    REPLAYED = "replayed"  # this very request filed its report, and that is over
    OVER_LIMIT = "over_limit"  # the caller has reported other holders lately, and must prove more
    NEEDS_A_PERSON = "needs_a_person"  # not in its normal state, or nobody could tell its bank


# A request, or call, that reports several cards does so within this. A caller is done in minutes,
# and a call is forgotten after as long without a turn.
REQUEST_SECONDS: Final = 3600


@dataclass(frozen=True)
class ReportRequest:
    """Somebody asks that a card be reported lost. It names the card and says nothing of it: what
    is known of holder and card is read when the report is filed.

    `origin` is the idempotency key (a call's id): two requests with the same one file one report.
    `by`: the keyed calling number, by which all its reports can be found; empty if there is none.
    """

    holder_ref: str
    card_ref: str
    channel: str
    origin: str
    language: str
    by: str = ""


@dataclass(frozen=True)
class Origin:
    """Whose wish it is: `id` is the idempotency key of one request, or call, of a channel."""

    channel: str
    id: str


@dataclass(frozen=True)
class Fresh:
    """The random parts of a new report: a number that no report has yet, and its notice's id."""

    number: str
    notice_id: str


@dataclass(frozen=True)
class Filing:
    """What came of a request. `refusal` None: filed. `suspension`: what holds the card now.

    `keeps_deadline`: the card was suspended already, and stays so until the same moment.
    `block`: with a refusal, the block there was at that moment; None when it was filed.
    """

    refusal: Refusal | None
    suspension: Suspension | None
    keeps_deadline: bool = False
    block: Block | None = None

    @property
    def report_number(self) -> str:
        """The number of the report that holds the card; empty when there is none."""
        return self.suspension.report_number if self.suspension else ""


_BY_CARD_STATE: Final = {
    CardState.NORMAL: None,
    CardState.TEMPORARY_LOSS: Refusal.ELSEWHERE,
    CardState.FORMAL_LOSS: Refusal.FORMAL,
}


# Without a suspension, such a report has run out, whether the sweep has been there or not.
_RAN_OUT: Final = (ReportState.ACTIVE, ReportState.RELEASED)


def refusal(
    case: Case, holder: Holder, card: Card, rules: Rules, now: int, by: Origin | None = None
) -> Refusal | None:
    """Why this card may not be reported; None when it may (domain: 'card states', 'rules').

    `by`: whose wish it is, when that is known. One request files one report of a card: what it has
    reported is reported, even if the bank has unblocked it since.
    """
    if is_under_16(holder.id_number, beijing_day(now)):
        return Refusal.UNDER_16
    if by is not None and _is_own(case, by):
        return Refusal.ALREADY
    if case.suspension is not None and not is_unblocked_since(case):
        is_formal = case.suspension.kind is ReportKind.FORMAL
        return Refusal.FORMAL if is_formal else Refusal.ALREADY
    by_state = _BY_CARD_STATE.get(card.state, Refusal.NEEDS_A_PERSON)
    if by_state is None and not _is_left_to_us(case, card, rules, by):
        by_state = Refusal.NEEDS_A_PERSON
    # "It has not been reported yet" would not be true of a card that a report still suspends.
    return Refusal.ALREADY if by_state and case.suspension else by_state


def _is_left_to_us(case: Case, card: Card, rules: Rules, by: Origin | None) -> bool:
    """Whether its bank can be told, and the city's rules let this channel report this card now."""
    if by is not None and rules.channels is not None and by.channel not in rules.channels:
        return False
    ran_out = case.report is not None and case.report.state in _RAN_OUT and not case.suspension
    is_renewal = ran_out and case.block is not None and case.block.state not in ENDED
    may_be_renewed = rules.report_may_be_renewed_after_release or not is_renewal
    return card.bank in rules.banks and may_be_renewed


def report(
    case: Case,
    holder: Holder,
    card: Card,
    request: ReportRequest,
    fresh: Fresh,
    rules: Rules,
    now: int,
    *,
    earlier: Notice | None = None,
    filed_before: bool = False,
    first_filed_at: int = 0,
) -> tuple[Filing, Change]:
    """Suspends the social security function and owes the bank its notice, if the card may be
    reported. A second report changes nothing and extends nothing (domain section 1). But a card
    that the bank has unblocked since is reported to the bank again, and keeps its deadline.

    Args:
        earlier: the notice of the block there was before. It is overtaken: a late one must not
            block the card again once the bank has unblocked it.
        filed_before: this very request filed a report of this card. It may be a recorded call
            that somebody plays again: it files no other, however long ago that was.
        first_filed_at: when this very request filed its first report of any card, unix seconds;
            0 when it has filed none. Played again later, it does not report the card that has
            replaced the first one either.
    """
    suspension = case.suspension
    by = Origin(request.channel, request.origin)
    if _is_own(case, by):
        return Filing(None, suspension, _keeps_deadline(case, rules)), NOTHING
    why_not = refusal(case, holder, card, rules, now, by)
    is_over = bool(first_filed_at) and now - first_filed_at > REQUEST_SECONDS
    if why_not is None and (filed_before or is_over):
        why_not = Refusal.ALREADY if suspension else Refusal.REPLAYED
    if why_not is not None:
        return Filing(why_not, suspension, block=case.block), NOTHING
    kept = suspension.release_at if suspension else None
    if kept and kept <= now:  # Redis may keep the key a moment longer than that
        kept = None
    until = kept or now + rules.suspension_seconds
    filed = _new_report(holder, card, request, fresh, now, until)
    suspended = Suspension(ReportKind.TEMPORARY, filed.number, filed.origin, filed.release_at)
    change = all_that_follows(filed, suspended, holder, card, request.by)
    timed = Timed(filed.notice_id, filed.bank)
    change = replace(change, notice=overtaken(earlier), timed=timed)
    if kept and case.report is not None:
        change = replace(change, superseded=replace(case.report, state=ReportState.SUPERSEDED))
    return Filing(None, suspended, keeps_deadline=kept is not None), change


def _is_own(case: Case, by: Origin) -> bool:
    """Whether this very request filed the report that suspends the card."""
    suspension, report = case.suspension, case.report
    if suspension is None or not suspension.number_told or suspension.origin != by.id:
        return False
    is_known = report is not None and report.number == suspension.report_number
    return report is None or not is_known or report.channel == by.channel


def is_unblocked_since(case: Case) -> bool:
    """Whether the bank does not block the card any more, of a report that still suspends it: the
    holder had found it and may lose it again, or the bank's block has lapsed.
    """
    block, suspension = case.block, case.suspension
    is_temporary = suspension is not None and suspension.kind is ReportKind.TEMPORARY
    return is_temporary and block is not None and block.state in ENDED


def _keeps_deadline(case: Case, rules: Rules) -> bool:
    """Whether the report of this very request had taken over an earlier one's deadline."""
    report = case.report
    full = rules.suspension_seconds
    return report is not None and report.release_at - report.reported_at < full


def overtaken(earlier: Notice | None) -> NoticeChange | None:
    """The notice of an earlier block is closed, and no person needs to look at it."""
    if earlier is None:
        return None
    is_open = earlier.state is NoticeState.OPEN
    state = NoticeState.CLOSED if is_open else None
    return NoticeChange(earlier, state=state, needs_person=False)


def _new_report(
    holder: Holder, card: Card, request: ReportRequest, fresh: Fresh, now: int, release_at: int
) -> LossReport:
    return LossReport(
        number=fresh.number,
        holder_ref=request.holder_ref,
        card_ref=request.card_ref,
        bank=card.bank,
        reported_at=now,
        release_at=release_at,
        channel=request.channel,
        origin=request.origin,
        notice_id=fresh.notice_id,
        card_last4=card.last4,
        holder_last4=holder.last4,
        language=request.language,
    )


def all_that_follows(
    filed: LossReport, suspension: Suspension | None, holder: Holder, card: Card, by: str = ""
) -> Change:
    """The block starts again, even if the bank confirmed it for an earlier report: the card may
    have been unblocked or moved to another bank since, and we may not know that yet.
    """
    now, number, card_ref, bank = filed.reported_at, filed.number, filed.card_ref, filed.bank
    body = reported_body(filed, holder, card)
    told = Owed(NoticeKind.LOSS_REPORTED, bank, now, body, number, card_ref, filed.notice_id)
    fields = {"report": number, "card": card_ref, "bank": bank,
              "channel": filed.channel, "origin": filed.origin, "by": by}  # fmt: skip
    return Change(
        suspension=suspension,
        block=Block(card_ref, bank, BlockState.NOTIFIED, number, filed.notice_id, now),
        report=filed,
        owes=(told, text_about(filed, TEXT_FILED, now)),
        journal=(Entry("loss_reported", fields),),
    )
