"""Settle one attempt to deliver a notice."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ivr.cards.acts.step import step
from ivr.cards.block import BlockEvent
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
    """Writes down one attempt and all that follows from it; NOTHING when it stands there already.

    Args:
        case: the card the notice is about.
        earlier: the attempts that are written down.
        next_due: when to try again after a failure, unix seconds; None gives up.
    """
    if attempt.claim and any(known.claim == attempt.claim for known in earlier):
        return NOTHING
    is_open = notice.state is NoticeState.OPEN
    # Two attempts may overlap, when a lease ended: what is closed only good news can change.
    is_news = is_open or attempt.outcome in GOOD_NEWS
    again = attempt.outcome is Outcome.FAILED and next_due is not None
    change = NOTHING
    if is_news and not again and _is_about_the_block(notice, case):
        change = step(case, _meaning(attempt, earlier), now)
    state = CLOSED_BY[attempt.outcome][0] if is_news and not again else None
    written = NoticeChange(
        notice,
        attempt,
        state=state,
        due=next_due if again and is_open else None,
        needs_person=None if state is None else state in NEEDS_A_PERSON,
    )
    is_the_banks = attempt.was_sent and notice.kind is not NoticeKind.TEXT
    answered = attempt.outcome is not Outcome.FAILED if is_the_banks else None
    entry = _entry(notice, attempt)
    return replace(change, notice=written, bank_answered=answered, journal=(entry, *change.journal))


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
