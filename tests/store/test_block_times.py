"""From a report to its bank's word "blocked": what is counted, what is not, what is made of it."""

import pytest
from redis import Redis

from ivr.cards.acts.withdraw import Decision
from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_LOSS,
    FORMAL_WITHDRAWN,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.notice import NoticeState, Outcome
from ivr.store import keys
from ivr.store.block_times import BOUNDS, BlockTimes, Histogram, Times
from tests.bank_side import Records, new_id
from tests.builders import a_card, a_holder, an_id_number, settings
from tests.hotline import open_hotline

CARD = a_card("5678", "icbc")
ZHANG = a_holder(CARD)
LI = a_holder(a_card("9999", "ccb"), id_number=an_id_number(serial="004"))


@pytest.fixture
def records(redis: Redis) -> Records:
    rules = "formal_loss_may_be_withdrawn = true"
    records = Records(open_hotline(settings("unix:///unused", rules=rules), redis))
    records.enrols(ZHANG, LI)
    return records


@pytest.fixture
def times(records: Records) -> BlockTimes:
    return records.hotline.block_times


def tells(records: Records, kind: str, at: float, number: str = "") -> str:
    card = "" if number else CARD.number
    told = BankEvent(new_id(), "icbc", kind, int(at), report_number=number, card_number=card)
    return records.hotline.service.hear(told)


def earlier(records: Records, notice_id: str, milliseconds: int) -> None:
    """The report was filed so much earlier."""
    records.hotline.redis.hincrby(keys.notice(notice_id), "asked_ms", -milliseconds)


def for_ever(records: Records) -> Histogram:
    none = Histogram((), 0)
    return records.hotline.condition.figures().block_times.get("icbc", none)


def counted(records: Records) -> int:
    return sum(for_ever(records).counts)


def test_an_answer_that_says_blocked_is_counted(records: Records, times: BlockTimes) -> None:
    report = records.reports_lost(ZHANG)
    earlier(records, report.notice_id, 42_000)
    assert times.last_day("icbc") is None

    records.bank_answers(report, Outcome.BLOCKED)
    assert times.last_day("icbc") == Times(1, p50=45, p95=45)
    assert times.last_day("ccb") is None
    assert counted(records) == 1
    assert 42 <= for_ever(records).seconds < 45


def test_so_is_an_event_that_comes_later(records: Records, times: BlockTimes) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.RECEIVED)
    earlier(records, report.notice_id, 3_000_000)

    tells(records, BLOCKED, report.reported_at, report.number)
    assert times.last_day("icbc") == Times(1, p50=3600, p95=3600)
    tells(records, BLOCKED, report.reported_at, report.number)
    assert counted(records) == 1


def test_a_word_after_the_report_was_refused_or_withdrawn_counts_too(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.REFUSED)
    records.hotline.service.withdraw(report.number, Decision("Li", "why"))

    tells(records, BLOCKED, report.reported_at, report.number)
    assert counted(records) == 1


def test_what_the_banks_own_service_line_took_is_not(records: Records) -> None:
    """Neither a report of its own, nor its word for one that it was asked about."""
    report = records.reports_lost(ZHANG)
    tells(records, TEMPORARY_LOSS, report.reported_at)
    assert records.state(report) == "blocked"
    tells(records, UNBLOCKED, report.reported_at)
    tells(records, TEMPORARY_LOSS, report.reported_at + 1)

    assert counted(records) == 0


def test_nor_is_a_formal_loss_taken_back(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    tells(records, FORMAL_LOSS, report.reported_at)
    tells(records, FORMAL_WITHDRAWN, records.hotline.outbox.now() + 1)

    assert records.state(report) == "blocked"
    assert counted(records) == 0


def test_nor_is_a_report_restored_after_a_split(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    redis = records.hotline.redis
    redis.delete(keys.loss(report.card_ref), keys.block(report.card_ref),
                 keys.report(report.number), keys.notice(report.notice_id))  # fmt: skip
    redis.delete(*redis.keys("request:*"))
    assert records.hotline.service.restore(report) == "filed"

    records.bank_answers(report, Outcome.BLOCKED)
    assert records.state(report) == "blocked"
    assert counted(records) == 0


def test_a_clock_that_was_put_back_counts_as_no_time(records: Records, times: BlockTimes) -> None:
    report = records.reports_lost(ZHANG)
    earlier(records, report.notice_id, -60_000)

    records.bank_answers(report, Outcome.BLOCKED)
    assert times.last_day("icbc") == Times(1, p50=BOUNDS[0], p95=BOUNDS[0])
    assert for_ever(records).seconds == 0


def test_half_and_95_of_100_are_confirmed_within_what_is_said(
    records: Records, times: BlockTimes
) -> None:
    records.took("icbc", {30: 50, 60: 44, 3600: 6})
    assert times.last_day("icbc") == Times(100, p50=30, p95=3600)
    records.took("icbc", {60: 26})
    assert times.last_day("icbc") == Times(126, p50=60, p95=60)


def test_beyond_72_hours_nothing_is_promised(records: Records, times: BlockTimes) -> None:
    report = records.reports_lost(ZHANG)
    earlier(records, report.notice_id, 300_000_000)
    records.bank_answers(report, Outcome.BLOCKED)
    assert times.last_day("icbc") == Times(1, p50=None, p95=None)


def test_a_day_later_it_is_forgotten_but_for_the_sum(times: BlockTimes, redis: Redis) -> None:
    hour = int(redis.time()[0]) // 3600
    redis.hset(keys.block_hour("icbc", hour - 24), "30000", 1)
    redis.hset(keys.block_hour("icbc", hour - 25), "30000", 1)
    assert times.last_day("icbc") == Times(1, p50=30, p95=30)


@pytest.mark.parametrize("kind", ["block_times", "block_hour"])
def test_no_wrong_record_stops_the_banks_word(
    records: Records, times: BlockTimes, kind: str
) -> None:
    redis = records.hotline.redis
    hour = int(redis.time()[0]) // 3600
    names = {"block_times": [keys.block_times("icbc")],
             "block_hour": [keys.block_hour("icbc", hour + more) for more in range(2)]}  # fmt: skip
    for name in names[kind]:
        redis.set(name, "another kind")
    report = records.reports_lost(ZHANG)

    records.bank_answers(report, Outcome.BLOCKED)
    assert records.state(report) == "blocked"
    assert records.notice_state(report) is NoticeState.DELIVERED
    assert names[kind][0] in records.hotline.condition.unreadable()
    other = records.reports_lost(LI)
    notice = records.notice(other.notice_id)
    records.settles(notice, Outcome.BLOCKED)
    assert times.last_day("ccb") is not None
