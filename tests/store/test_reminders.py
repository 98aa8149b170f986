"""A bank that took a notice and never said "blocked" is asked again, no more than it needs."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from ivr.cards.acts.remind import FOR_AT_MOST
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.block import Block
from ivr.cards.loss import LossReport
from ivr.cards.notice import NoticeState, Outcome
from ivr.store import keys
from ivr.store.codec import dump, load
from tests.bank_side import Records, new_id
from tests.builders import a_card, a_holder, an_id_number, settings
from tests.hotline import open_hotline, ringing
from tests.redis_server import RedisServer

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
    assert records.hotline.service.remind_due() == 0
    time_to_ask(records, received)
    assert records.hotline.service.remind_due() == 1
    assert state_of(records, received) is NoticeState.OPEN
    assert received.notice_id in ringing(records.hotline, "bank-icbc")
    assert records.hotline.service.remind_due() == 0


def test_blocked_at_last_ends_the_asking(records: Records, received: LossReport) -> None:
    time_to_ask(records, received)
    records.hotline.service.remind_due()
    records.bank_answers(received, Outcome.BLOCKED)
    assert records.hotline.redis.zcard(keys.AWAITING) == 0
    assert state_of(records, received) is NoticeState.DELIVERED


def test_a_card_unblocked_meanwhile_is_not_asked_about(
    records: Records, received: LossReport
) -> None:
    time_to_ask(records, received)
    at = received.reported_at + 1
    told = BankEvent(new_id(), "icbc", UNBLOCKED, at, card_number=ZHANG.cards[0].number)
    assert records.hotline.service.hear(told) == "applied"
    assert records.hotline.service.remind_due() == 0
    assert state_of(records, received) is NoticeState.DELIVERED


def test_after_3_days_a_person_must_look(records: Records, received: LossReport) -> None:
    changed(records, received, FOR_AT_MOST + 10)
    time_to_ask(records, received)
    assert records.hotline.service.remind_due() == 0
    assert records.hotline.redis.zscore(keys.NOTICES_STUCK, received.notice_id) is not None
    assert records.hotline.redis.zcard(keys.AWAITING) == 0


def test_an_open_notice_keeps_its_age_and_its_attempts(
    records: Records, received: LossReport
) -> None:
    """The bank was asked again and answers 500 ever since: it must be given up some time."""
    time_to_ask(records, received)
    assert records.hotline.service.remind_due() == 1
    records.bank_answers(received, Outcome.FAILED, again_in=60)
    redis, key = records.hotline.redis, keys.notice(received.notice_id)
    before = redis.hgetall(key)
    time_to_ask(records, received)
    assert records.hotline.service.remind_due() == 0
    assert redis.hgetall(key) == before
    assert redis.zcount(keys.AWAITING, records.hotline.outbox.now(), "+inf") == 1


def test_the_3_days_count_from_when_the_bank_took_it(
    records: Records, received: LossReport
) -> None:
    taken_at = changed(records, received, FOR_AT_MOST - 60).changed_at
    time_to_ask(records, received)
    assert records.hotline.service.remind_due() == 1
    assert records.notice(received.notice_id).tried_since == taken_at


def changed(records: Records, report: LossReport, seconds_ago: int) -> Block:
    """The bank took the notice that long ago."""
    key = keys.block(report.card_ref)
    block = load(Block, records.hotline.redis.get(key) or "")
    long_ago = replace(block, changed_at=block.changed_at - seconds_ago)
    records.hotline.redis.set(key, dump(long_ago))
    return long_ago


def test_good_news_takes_it_off_a_persons_list(records: Records, received: LossReport) -> None:
    redis = records.hotline.redis
    redis.zadd(keys.NOTICES_STUCK, {received.notice_id: 1})
    records.settles(records.notice(received.notice_id), Outcome.BLOCKED)
    assert redis.zcard(keys.NOTICES_STUCK) == 0


def damage_block(records: Records, report: LossReport) -> None:
    records.hotline.redis.set(keys.block(report.card_ref), "{}")


def damage_notice(records: Records, report: LossReport) -> None:
    records.hotline.redis.hdel(keys.notice(report.notice_id), "id")


def seal_under_a_dropped_key(records: Records, report: LossReport) -> None:
    other = open_hotline(settings("unix:///unused"), records.hotline.redis).vault
    records.hotline.redis.hset(
        keys.notice(report.notice_id), "sealed_body", other.seal({}, keys.notice(report.notice_id))
    )


@pytest.mark.parametrize("damage", [damage_block, damage_notice, seal_under_a_dropped_key])
def test_a_record_nobody_can_read_keeps_no_other_waiting(
    records: Records, received: LossReport, damage: Any
) -> None:
    li = a_holder(a_card("9999", "icbc"), id_number=an_id_number(serial="004"))
    records.enrols(li)
    other = records.reports_lost(li)
    records.bank_answers(other, Outcome.RECEIVED)
    records.hotline.redis.zadd(keys.AWAITING, {received.notice_id: 1, other.notice_id: 2}, xx=True)
    damage(records, received)
    records.hotline.service.remind_due()
    assert records.notice(other.notice_id).state is NoticeState.OPEN
    assert records.hotline.redis.zcount(keys.AWAITING, "-inf", records.hotline.outbox.now()) == 0


def test_a_bank_is_asked_while_others_are_settled_all_the_time(
    records: Records, received: LossReport, redis_server: RedisServer
) -> None:
    """Every notice that is settled changes the list of those waited for."""
    over = threading.Event()

    def settle_others() -> None:
        with redis_server.client() as redis:
            while not over.is_set():
                redis.zadd(keys.AWAITING, {"ntc-other": 1e12})

    others = threading.Thread(target=settle_others)
    others.start()
    asked = []
    for _ in range(20):
        records.hotline.redis.hset(keys.notice(received.notice_id), "state", NoticeState.DELIVERED)
        time_to_ask(records, received)
        asked.append(records.hotline.service.remind_due())
    over.set()
    others.join()
    assert asked == [1] * 20
