"""A bank that took a notice and never said "blocked" is asked again, no more than it needs."""

from dataclasses import replace

import pytest
from redis import Redis

from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.block import Block
from ivr.cards.loss import LossReport
from ivr.cards.notice import NoticeState, Outcome
from ivr.store import keys
from ivr.store.codec import dump, load
from ivr.store.hotline import open_hotline
from ivr.store.reminders import FOR_AT_MOST
from tests.bank_side import Records, new_id
from tests.builders import a_card, a_holder, settings

ZHANG = a_holder(a_card("5678", "icbc"))


@pytest.fixture
def records(redis: Redis) -> Records:
    records = Records(open_hotline(settings("unix:///unused"), redis))
    records.enrols(ZHANG)
    return records


@pytest.fixture
def received(records: Records) -> LossReport:
    """A report whose notice the bank took without a word about the block."""
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.RECEIVED)
    return report


def time_to_ask(records: Records, report: LossReport) -> None:
    """The ten minutes are over."""
    records.hotline.redis.zadd(keys.AWAITING, {report.notice_id: 1}, xx=True)


def state_of(records: Records, report: LossReport) -> NoticeState:
    notice = records.hotline.outbox.find(report.notice_id)
    assert notice is not None
    return notice.state


def test_it_is_asked_again_under_the_same_id(records: Records, received: LossReport) -> None:
    assert records.hotline.reminders.send_due() == 0
    time_to_ask(records, received)
    assert records.hotline.reminders.send_due() == 1
    assert state_of(records, received) is NoticeState.OPEN
    assert received.notice_id in records.hotline.outbox.ringing("bank-icbc")
    assert records.hotline.reminders.send_due() == 0


def test_blocked_at_last_ends_the_asking(records: Records, received: LossReport) -> None:
    time_to_ask(records, received)
    records.hotline.reminders.send_due()
    records.bank_answers(received, Outcome.BLOCKED)
    assert records.hotline.redis.zcard(keys.AWAITING) == 0
    assert state_of(records, received) is NoticeState.DELIVERED


def test_a_card_unblocked_meanwhile_is_not_asked_about(
    records: Records, received: LossReport
) -> None:
    time_to_ask(records, received)
    at = received.reported_at + 1
    told = BankEvent(new_id(), "icbc", UNBLOCKED, at, card_number=ZHANG.cards[0].number)
    assert records.hotline.blocks.apply(told) == "applied"
    assert records.hotline.reminders.send_due() == 0
    assert state_of(records, received) is NoticeState.DELIVERED


def test_after_3_days_a_person_must_look(records: Records, received: LossReport) -> None:
    key = keys.block(received.card_ref)
    block = load(Block, records.hotline.redis.get(key) or "")
    long_ago = replace(block, changed_at=block.changed_at - FOR_AT_MOST - 10)
    records.hotline.redis.set(key, dump(long_ago))
    time_to_ask(records, received)
    assert records.hotline.reminders.send_due() == 0
    assert records.hotline.redis.zscore(keys.NOTICES_STUCK, received.notice_id) is not None
    assert records.hotline.redis.zcard(keys.AWAITING) == 0
