"""Remind a bank that took a notice and never said "blocked".

A 2xx is only a receipt. If the bank's word is lost, or a proxy answered in its place, the holder
would wait for ever; a bank that did block answers the repeated notice with "blocked".
"""

from typing import Final

from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.change import Change, Entry, NoticeChange, Reminder, owed_again
from ivr.cards.notice import Notice, NoticeState

FIRST_AFTER: Final = 600  # seconds for a bank to say "blocked" after it took a notice
THEN_EVERY: Final = 3600  # seconds
FOR_AT_MOST: Final = 72 * 3600  # seconds: as long as a notice is tried; then a person must look


def remind(case: Case, notice: Notice | None, notice_id: str, now: int) -> Change:
    """Asks again under the same webhook-id. Stops asking when the bank has spoken, when the notice
    is gone, or after 3 days, when a person must look.
    """
    block, later = case.block, Reminder(notice_id, now + THEN_EVERY)
    waits = block and block.notice_id == notice_id and block.state is BlockState.RECEIVED
    if notice is None or block is None or not waits:
        return Change(reminder=Reminder(notice_id, None))
    if notice.state is NoticeState.OPEN:  # on its way already
        return Change(reminder=later)
    if now - block.changed_at >= FOR_AT_MOST:
        return Change(
            notice=NoticeChange(notice, needs_person=True), reminder=Reminder(notice_id, None)
        )
    entry = Entry("notice_asked_again", {"notice": notice_id, "bank": notice.bank})
    again = owed_again(notice, now, since=block.changed_at)
    return Change(notice=again, reminder=later, journal=(entry,))
