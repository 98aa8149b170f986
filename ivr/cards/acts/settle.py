"""Settle one attempt to deliver a notice."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ivr.cards.acts.step import step
from ivr.cards.block import Block, BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.notice import NEEDS_A_PERSON, Attempt, Notice, NoticeKind, NoticeState, Outcome

# What one attempt makes of the notice, and what it means for the block. FAILED closes it only
# when no further attempt is due.
CLOSED_BY: Final = {
    Outcome.RECEIVED: (NoticeState.DELIVERED, BlockEvent.RECEIVED),
    Outcome.BLOCKED: (NoticeState.DELIVERED, BlockEvent.BLOCKED),
    Outcome.REFUSED: (NoticeState.REFUSED, BlockEvent.REFUSED),
    Outcome.FAILED: (NoticeState.UNDELIVERABLE, BlockEvent.GAVE_UP),
}
GOOD_NEWS: Final = (Outcome.RECEIVED, Outcome.BLOCKED)


def settle(
    case: Case,
    notice: Notice,
    earlier: Sequence[Attempt],
    attempt: Attempt,
    next_due: int | None,
    now: int,
) -> Change:
    """Writes down one attempt and all that follows from it; NOTHING when it was written already.

    Args:
        case: the card the notice is about.
        earlier: the attempts that are written down.
        next_due: when to try again after a failure, unix seconds; None gives up.
    """
    if attempt.claim and any(known.claim == attempt.claim for known in earlier):
        return NOTHING
    is_test = notice.kind is NoticeKind.TEST
    next_due = None if is_test else next_due  # whoever tries sees what came of it, and sends again
    is_open = notice.state is NoticeState.OPEN
    # Attempts may overlap when a lease has ended, so only good news may change a closed notice.
    is_news = is_open or attempt.outcome in GOOD_NEWS
    again = attempt.outcome is Outcome.FAILED and next_due is not None
    change, block = NOTHING, case.block if _is_about_the_block(notice, case) else None
    if is_news and not again and block is not None:
        change = step(case, _meaning(attempt, earlier), now)
    state = CLOSED_BY[attempt.outcome][0] if is_news and not again else None
    written = NoticeChange(
        notice,
        attempt,
        state=state,
        due=next_due if again and is_open else None,
        needs_person=_needs_person(state, change.block or block, notice),
    )
    entry = _entry(notice, attempt)
    journal = (entry, *change.journal)
    answered = _is_answered(attempt)
    if is_test and not answered:  # says nothing of how the bank takes what is real
        answered = None
    return replace(change, notice=written, answered=answered, journal=journal)


def _is_answered(attempt: Attempt) -> bool | None:
    """None: nothing was sent, because it was not known or not readable what, or to whom."""
    is_refused_here = attempt.outcome is Outcome.REFUSED and attempt.status is None
    if is_refused_here or not attempt.was_sent:
        return None
    return attempt.outcome is not Outcome.FAILED


def _needs_person(state: NoticeState | None, block: Block | None, notice: Notice) -> bool | None:
    """None, as it was: of a notice that is open nobody has to look at it, and when a late receipt
    leaves the block refused, nobody else would look. A test is its bank's own to look at.
    """
    if notice.kind is NoticeKind.TEST:
        return None
    if state in NEEDS_A_PERSON:
        return True
    is_refused = block is not None and block.state is BlockState.REFUSED
    return None if state is None or notice.state is NoticeState.OPEN or is_refused else False


def _is_about_the_block(notice: Notice, case: Case) -> bool:
    """A notice of an earlier report says nothing of the block there is now."""
    is_latest = case.block is not None and case.block.notice_id == notice.id
    return notice.kind is NoticeKind.LOSS_REPORTED and is_latest


def _meaning(attempt: Attempt, earlier: Sequence[Attempt]) -> BlockEvent:
    """An earlier attempt without an answer may have reached the bank and blocked the card: then a
    refusal does not prove that nothing is blocked.
    """
    if attempt.outcome is Outcome.REFUSED and any(tried.status is None for tried in earlier):
        return BlockEvent.GAVE_UP
    return CLOSED_BY[attempt.outcome][1]


def _entry(notice: Notice, attempt: Attempt) -> Entry:
    fields = {"notice": notice.id, "report": notice.report_number, "bank": notice.bank,
              "kind": notice.kind, "status": str(attempt.status or attempt.answer)}  # fmt: skip
    return Entry(f"notice_{attempt.outcome}", fields)
