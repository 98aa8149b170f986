"""Hear a bank's news of a card."""

from dataclasses import replace
from typing import Final, Literal

from ivr.cards.acts.replace_card import replace_card
from ivr.cards.acts.step import step
from ivr.cards.acts.take import take
from ivr.cards.acts.whose import Whose
from ivr.cards.bank_event import BLOCKED, MEANS, BankEvent
from ivr.cards.block import Block, BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange, Reissue
from ivr.cards.errors import FormalLossStaysError, NotThisBanksError
from ivr.cards.loss import ReportKind, ReportState, Suspension
from ivr.cards.notice import Notice, NoticeState
from ivr.cards.records import CardState
from ivr.cards.rules import Rules
from ivr.cards.words import TEXT_DECOUPLED, TEXT_FORMAL_WITHDRAWN

EventStatus = Literal["applied", "duplicate", "stale"]


def hear(
    case: Case,
    notice: Notice | None,
    event: BankEvent,
    rules: Rules,
    now: int,
    *,
    heard_before: bool,
    whose: Whose | None = None,
) -> tuple[EventStatus, Change]:
    """Believes a bank's event, once. The same event again is a "duplicate", and an event that
    later news has overtaken is "stale". Neither changes anything.

    `notice` is the notice that the block belongs to; `whose`: what the directory has of the card,
    for a report that the bank took, for a new card and for one that is normal again.

    Raises:
        FormalLossStaysError: in this city no formal loss is withdrawn.
        NotThisBanksError: `whose` is needed, and the directory has no such card.
        UnlawfulTransitionError: the block cannot make this step.
    """
    if heard_before:
        return "duplicate", NOTHING
    change = _news(case, notice, event, rules, now, whose)
    status: EventStatus = "stale" if change == NOTHING else "applied"
    fields = {"type": event.type, "answer": status, "card": case.card_ref, "bank": event.bank,
              "id": event.id}  # fmt: skip
    return status, replace(change, journal=(*change.journal, Entry("bank_event", fields)))


def _news(
    case: Case,
    notice: Notice | None,
    event: BankEvent,
    rules: Rules,
    now: int,
    whose: Whose | None,
) -> Change:
    meaning = MEANS[event.type]
    if meaning in (BlockEvent.TAKEN, BlockEvent.REPLACED):
        change = _of_the_directory(case, notice, event, rules, now, whose)
    else:
        change = _of_the_block(case, event, rules, now)
    if meaning is BlockEvent.FORMAL_WITHDRAWN:
        change = _normal_again(case, change, whose, rules)
    if change == NOTHING:
        return NOTHING
    if change.notice is None:
        change = replace(change, notice=_settled_by(meaning, notice))
    if meaning in _AT_ITS_TIME and change.block is not None:
        # When it happened, not when we heard of it: a report may have come in between.
        change = replace(change, block=replace(change.block, changed_at=min(event.at, now)))
    return change


def _of_the_directory(
    case: Case,
    notice: Notice | None,
    event: BankEvent,
    rules: Rules,
    now: int,
    whose: Whose | None,
) -> Change:
    if whose is None:
        raise NotThisBanksError
    if MEANS[event.type] is BlockEvent.TAKEN:
        return take(case, notice, event, whose, rules, now)
    return replace_card(case, notice, event, whose, now)


def _of_the_block(case: Case, event: BankEvent, rules: Rules, now: int) -> Change:
    meaning = MEANS[event.type]
    if meaning is BlockEvent.FORMAL_LOSS and case.block is None:  # never reported to us
        first = Block(case.card_ref, event.bank, BlockState.UNBLOCKED, "", "", now)
        case = replace(case, block=first)
    if case.block is None or _is_overtaken(case, case.block, event):
        return NOTHING
    if meaning is BlockEvent.FORMAL_WITHDRAWN:
        return _restored(case, case.block, rules, now)
    change = step(case, meaning, now)
    if change == NOTHING:
        return NOTHING
    if meaning is BlockEvent.FORMAL_LOSS:
        return _without_end(case, change)
    ends = meaning is BlockEvent.UNBLOCKED and rules.decoupling_ends_suspension
    return _lifted(case, now) or change if ends else change


# They tell of a moment at the bank.
_AT_ITS_TIME: Final = (
    BlockEvent.UNBLOCKED,
    BlockEvent.LAPSED,
    BlockEvent.FORMAL_LOSS,
    BlockEvent.FORMAL_WITHDRAWN,
    BlockEvent.REPLACED,
)


def _is_overtaken(case: Case, block: Block, event: BankEvent) -> bool:
    """News about an earlier report of the card, or from before what it would put an end to."""
    if event.type == BLOCKED:
        return event.report_number != block.report_number
    meaning = MEANS[event.type]
    if meaning in (BlockEvent.UNBLOCKED, BlockEvent.LAPSED):
        return case.report is not None and event.at < case.report.reported_at
    is_of_the_old_card = meaning is BlockEvent.FORMAL_LOSS and block.state is BlockState.REPLACED
    is_of_one_before = meaning is BlockEvent.FORMAL_WITHDRAWN
    return (is_of_the_old_card or is_of_one_before) and event.at < block.changed_at


def _settled_by(meaning: BlockEvent, notice: Notice | None) -> NoticeChange | None:
    """After the bank's event no person needs to look at the notice. All but "blocked" also closes
    a notice that is still open.
    """
    if notice is None:
        return None
    says_blocked = meaning in (BlockEvent.BLOCKED, BlockEvent.TAKEN)
    is_overtaken = not says_blocked and notice.state is NoticeState.OPEN
    return NoticeChange(
        notice, state=NoticeState.CLOSED if is_overtaken else None, needs_person=False
    )


def _without_end(case: Case, change: Change) -> Change:
    """A formal report supersedes a temporary one: no 7-day release any more (domain section 1)."""
    report = case.report
    number = report.number if report else ""
    suspension = Suspension(ReportKind.FORMAL, number, origin="bank", release_at=None)
    if report is None or report.state is not ReportState.ACTIVE:
        return replace(change, suspension=suspension)
    superseded = replace(report, state=ReportState.SUPERSEDED)
    return replace(change, suspension=suspension, report=superseded)


def _lifted(case: Case, now: int) -> Change | None:
    """Unblocked at an outlet where the city's rule ends the suspension too; None when no temporary
    report suspends the card.
    """
    report, suspension = case.report, case.suspension
    if report is None or suspension is None or suspension.number_told != report.number:
        return None
    change = step(case, BlockEvent.UNBLOCKED, now, text=TEXT_DECOUPLED)
    fields = {"report": report.number, "card": report.card_ref, "bank": report.bank}
    return replace(
        change,
        lifted=True,
        report=replace(report, state=ReportState.RELEASED),
        journal=(*change.journal, Entry("loss_released", fields)),
    )


def _normal_again(case: Case, change: Change, whose: Whose | None, rules: Rules) -> Change:
    """The directory may know of the formal loss too, or alone."""
    is_stale = change == NOTHING and case.block is not None
    if whose is None or whose.card.state is not CardState.FORMAL_LOSS or is_stale:
        return change
    if not rules.formal_loss_may_be_withdrawn:
        raise FormalLossStaysError
    card = replace(whose.card, state=CardState.NORMAL)
    cards = tuple(card if known is whose.card else known for known in whose.holder.cards)
    holder = replace(whose.holder, cards=cards)
    return replace(change, reissue=Reissue(whose.holder_ref, holder, case.card_ref, card))


def _restored(case: Case, block: Block, rules: Rules, now: int) -> Change:
    """The formal loss was taken back: the social security function is active again. The block
    stays, until the bank says that it unblocks.
    """
    if block.state is BlockState.FORMAL_LOSS and not rules.formal_loss_may_be_withdrawn:
        raise FormalLossStaysError
    change = step(case, BlockEvent.FORMAL_WITHDRAWN, now, text=TEXT_FORMAL_WITHDRAWN)
    if change == NOTHING:
        return NOTHING
    fields = {"report": block.report_number, "card": block.card_ref, "bank": block.bank}
    entry = Entry("formal_loss_withdrawn", fields)
    return replace(change, lifted=case.suspension is not None, journal=(*change.journal, entry))
