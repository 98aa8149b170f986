"""Send a notice again, because a person says so."""

from dataclasses import replace
from typing import Final

from ivr.cards.acts.remind import FIRST_AFTER
from ivr.cards.acts.step import step
from ivr.cards.block import ENDED, TRANSITIONS, BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Reminder, owed_again
from ivr.cards.loss import ReportState
from ivr.cards.notice import Notice, NoticeKind, NoticeState

# In these states a notice to block would do harm: the holder has been at an outlet since, or the
# report was taken back. Or the bank would answer as it did, "blocked", which is not so any more.
OVER: Final = (*ENDED, BlockState.FORMAL_LOSS, BlockState.WITHDRAWN)


def send_again(case: Case, notice: Notice, now: int, by: str = "") -> Change:
    """Owes a closed notice again, under its own id. `by`: who asked, when it was no operator.

    NOTHING when it is open already or overtaken by events: an unblocked card must not be blocked
    by a late notice.
    """
    if notice.state in (NoticeState.OPEN, NoticeState.CLOSED) or _would_block_again(notice, case):
        return NOTHING
    change, block = NOTHING, case.block
    is_its_own = block is not None and block.notice_id == notice.id
    if is_its_own and block and (block.state, BlockEvent.RESENT) in TRANSITIONS:
        change = step(case, BlockEvent.RESENT, now)
    if is_its_own and block and block.state is BlockState.RECEIVED:  # the bank may stay silent
        change = Change(reminder=Reminder(notice.id, now + FIRST_AFTER))
    who = {"by": by} if by else {}
    entry = Entry("notice_resent", {"notice": notice.id, "bank": notice.bank, **who})
    return replace(change, notice=owed_again(notice, now), journal=(entry, *change.journal))


def _would_block_again(notice: Notice, case: Case) -> bool:
    """Whether a notice to block is of an earlier report, of one that was taken back, or of a card
    unblocked since.
    """
    if notice.kind is not NoticeKind.LOSS_REPORTED:
        return False
    block = case.block
    if case.report is not None and case.report.state is ReportState.WITHDRAWN:
        return True
    return block is None or block.notice_id != notice.id or block.state in OVER
