"""A person sends a notice again: when it is owed, and when it would do harm."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.send_again import send_again
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange, Reminder
from ivr.cards.loss import ReportState
from ivr.cards.notice import Notice, NoticeKind, NoticeState
from tests.cards.acts.builders import (
    EVERY_BLOCK,
    EVERY_NOTICE,
    NOW,
    a_case,
    a_notice,
    a_notice_of_an_earlier_report,
    a_report,
    a_step,
)

# fmt: off
# The block now: whether its closed notice is owed again, and the block then.
SENT: Final = {
    "none":          ("left alone", ""),
    "notified":      ("sent",       ""),
    "received":      ("sent",       ""),
    "blocked":       ("sent",       ""),  # the bank may have lost it; the id lets it see
    "refused":       ("sent",       "notified"),
    "undeliverable": ("sent",       "notified"),
    "unblocked":     ("left alone", ""),  # a late notice must not block the card again
    "formal_loss":   ("left alone", ""),
    "withdrawn":     ("left alone", ""),  # nobody asks for a block any more
    "lapsed":        ("left alone", ""),  # the bank would say "blocked", as it did
    "replaced":      ("left alone", ""),
}

# The notice now: whether a person can send it again. Closed: overtaken by events.
CAN_BE_SENT: Final = {
    "open":          False,
    "delivered":     True,
    "refused":       True,
    "undeliverable": True,
    "closed":        False,
}

# Notices that do not ask for the block there is: whether they are owed again, in every state.
OTHERS: Final = {
    "to block, of an earlier report": (a_notice_of_an_earlier_report(), "left alone"),
    "of a release":                   (a_notice(kind=NoticeKind.LOSS_RELEASED, id="ntc-2"), "sent"),
    "a ping":                         (a_notice(kind=NoticeKind.PING, id="ntc-2"), "sent"),
    "a text":                         (a_notice(kind=NoticeKind.TEXT, id="ntc-2"), "sent"),
}
# fmt: on


def owed_again(notice: Notice) -> NoticeChange:
    """Due at once, with 72 hours ahead of it, and off the list of what a person must look at. What
    was never delivered has been owed all the time.
    """
    is_delivered = notice.state is NoticeState.DELIVERED
    return NoticeChange(
        notice,
        state=NoticeState.OPEN,
        due=NOW,
        since=NOW,
        owed_since=NOW if is_delivered else notice.created_at,
        needs_person=False,
    )


def resent(notice: Notice) -> Entry:
    return Entry("notice_resent", {"notice": notice.id, "bank": "icbc"})


def test_the_tables_are_whole() -> None:
    assert tuple(SENT) == EVERY_BLOCK
    assert tuple(CAN_BE_SENT) == EVERY_NOTICE


@pytest.mark.parametrize("block", SENT)
def test_the_notice_of_the_block(block: str) -> None:
    sent, then = SENT[block]
    for state in EVERY_NOTICE:
        case, notice = a_case(block), a_notice(state)
        step = a_step(case, then)
        # A bank that took the notice and stays silent is asked again in 10 minutes, as before.
        reminder = Reminder(notice.id, NOW + 600) if block == "received" else None
        journal = (resent(notice), *step.journal)
        expected = replace(step, notice=owed_again(notice), reminder=reminder, journal=journal)
        is_sent = sent == "sent" and CAN_BE_SENT[state]
        found = send_again(case, notice, NOW)
        assert found == (expected if is_sent else NOTHING), f"notice {state}"


@pytest.mark.parametrize("block", EVERY_BLOCK[1:])
def test_no_bank_is_asked_to_block_for_a_withdrawn_report(block: str) -> None:
    """Not even one that has blocked: it may have unblocked since, because it was told."""
    withdrawn = a_report(state=ReportState.WITHDRAWN)
    for state in EVERY_NOTICE:
        case = replace(a_case(block), suspension=None, report=withdrawn)
        assert send_again(case, a_notice(state), NOW) == NOTHING


@pytest.mark.parametrize("which", OTHERS)
def test_any_other_notice_leaves_the_block_alone(which: str) -> None:
    like, sent = OTHERS[which]
    for state, block in product(EVERY_NOTICE, EVERY_BLOCK):
        notice = a_notice(state, id=like.id, kind=like.kind, report_number=like.report_number)
        expected = Change(notice=owed_again(notice), journal=(resent(notice),))
        is_sent = sent == "sent" and CAN_BE_SENT[state]
        found = send_again(a_case(block), notice, NOW)
        assert found == (expected if is_sent else NOTHING), f"notice {state}, block {block}"
