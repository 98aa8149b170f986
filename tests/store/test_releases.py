"""The end of the 7 days: told exactly once, however many sweeps look, and however late."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from ivr.cards.bank_event import FORMAL_LOSS, UNBLOCKED, BankEvent
from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind, NoticeState, Outcome
from ivr.store import keys
from ivr.store.deadlines import EARLIEST, STRETCH
from ivr.store.outbox import bank_queue
from tests.bank_side import Records, new_id
from tests.builders import a_card, a_holder, an_id_number, settings
from tests.hotline import open_hotline

ZHANG = a_holder(a_card("5678", "icbc"))
CARD = ZHANG.cards[0]


@pytest.fixture
def records(redis: Redis) -> Records:
    records = Records(open_hotline(settings("unix:///unused"), redis))
    records.enrols(ZHANG)
    return records


def told_of(records: Records) -> list[dict[str, Any]]:
    """What the bank is told of releases."""
    outbox = records.hotline.outbox
    return [outbox.body(notice) for notice in records.notices(NoticeKind.LOSS_RELEASED)]


def ends(records: Records, report: LossReport) -> None:
    """Redis has ended the suspension; nobody has looked yet."""
    assert records.hotline.redis.delete(keys.loss(report.card_ref)) == 1


def tells(records: Records, kind: str, report: LossReport) -> None:
    at = report.reported_at + 1
    event = BankEvent(new_id(), "icbc", kind, at, card_number=CARD.number)
    assert records.hotline.service.hear(event) == "applied"


def test_bank_and_holder_are_told_once(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.BLOCKED)
    ends(records, report)
    assert records.hotline.service.release_due() == 1
    assert records.hotline.service.release_due() == 0
    (notice,) = records.notices(NoticeKind.LOSS_RELEASED)
    assert notice.queue == bank_queue("icbc")
    assert notice.state is NoticeState.OPEN
    assert records.texts().count("text_released") == 1
    assert records.report_state(report) == ReportState.RELEASED
    assert records.journal().count("loss_released") == 1


def test_the_financial_function_stays_blocked(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.BLOCKED)
    records.seven_days_pass(report)
    assert records.state(report) == BlockState.BLOCKED


def test_the_bank_is_asked_to_do_nothing(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.seven_days_pass(report)
    (body,) = told_of(records)
    assert body["type"] == "card.loss_released"
    assert body["data"]["report_number"] == report.number
    assert body["data"]["card"]["number"] == CARD.number
    assert "action" not in body["data"]


def test_it_is_told_even_when_the_first_notice_is_forgotten(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.hotline.redis.delete(keys.notice(report.notice_id))
    records.seven_days_pass(report)
    (body,) = told_of(records)
    assert body["data"]["report_number"] == report.number


def test_not_before_the_suspension_has_ended(records: Records) -> None:
    """The key is the truth, not the clock of whoever looks."""
    report = records.reports_lost(ZHANG)
    records.hotline.redis.zadd(keys.DEADLINES, {report.number: 1})
    assert records.hotline.service.release_due() == 0
    assert records.report_state(report) == ReportState.ACTIVE


def test_a_later_report_of_the_card_does_not_hide_it(records: Records) -> None:
    first = records.reports_lost(ZHANG)
    ends(records, first)
    second = records.reports_lost(ZHANG)
    assert records.hotline.service.release_due() == 1
    assert records.report_state(first) == ReportState.RELEASED
    assert records.report_state(second) == ReportState.ACTIVE
    assert records.suspension(second) is not None


def test_an_unblocked_card_is_released_all_the_same(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    tells(records, UNBLOCKED, report)
    records.seven_days_pass(report)
    assert records.report_state(report) == ReportState.RELEASED
    assert records.state(report) == BlockState.UNBLOCKED


def test_a_formal_report_is_never_released(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    tells(records, FORMAL_LOSS, report)
    records.hotline.redis.zadd(keys.DEADLINES, {report.number: 1})
    assert records.hotline.service.release_due() == 0
    assert told_of(records) == []


def test_a_release_and_a_formal_report_at_once_leave_one_truth(redis: Redis) -> None:
    """Whichever commits first, the report's state says what was told."""
    for _ in range(20):
        redis.flushall()
        records = Records(open_hotline(settings("unix:///unused"), redis))
        records.enrols(ZHANG)
        report = records.reports_lost(ZHANG)
        ends(records, report)
        with ThreadPoolExecutor(2) as both:
            released = both.submit(records.hotline.service.release_due)
            both.submit(tells, records, FORMAL_LOSS, report).result()
        expected = ReportState.RELEASED if released.result() else ReportState.SUPERSEDED
        assert records.report_state(report) == expected
        assert len(told_of(records)) == released.result()


def test_many_sweeps_at_once_after_a_day_down(records: Records) -> None:
    holders = [
        a_holder(a_card(f"{n:04}"), id_number=an_id_number(serial=f"{n:03}")) for n in range(40)
    ]
    records.enrols(*holders)
    reports = [records.reports_lost(holder) for holder in holders]
    for report in reports:
        ends(records, report)
    with ThreadPoolExecutor(4) as sweeps:
        rounds = [sweeps.submit(records.hotline.service.release_due) for _ in range(8)]
        assert sum(each.result() for each in rounds) == 40
    assert len(told_of(records)) == 40


def test_every_deadline_is_looked_at_in_turn(records: Records) -> None:
    """A suspension that is gone early, far down the list, is found within a few rounds."""
    report = records.reports_lost(ZHANG)
    later = {f"{n:08}": 1 + n for n in range(EARLIEST + 2 * STRETCH)}
    records.hotline.redis.zadd(keys.DEADLINES, later)
    ends(records, report)
    rounds = 2 + len(later) // STRETCH
    assert sum(records.hotline.service.release_due() for _ in range(rounds)) == 1


def test_active_again_is_not_said_of_a_card_reported_anew(records: Records) -> None:
    """The sweep was down when the 7 days ended, and the holder has lost the card again."""
    first = records.reports_lost(ZHANG)
    ends(records, first)
    records.reports_lost(ZHANG)
    assert records.hotline.service.release_due() == 1
    assert "text_released" not in records.texts()


def test_a_notice_nobody_can_open_keeps_no_other_from_its_release(records: Records) -> None:
    """Sealed under a data key that was dropped too early."""
    first = records.reports_lost(ZHANG)
    records.hotline.redis.hset(keys.notice(first.notice_id), "sealed_body", "unreadable")
    ends(records, first)
    assert records.hotline.service.release_due() == 1
    assert told_of(records)[0]["data"]["report_number"] == first.number


def test_a_deadline_without_a_report_is_forgotten(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.hotline.redis.delete(keys.report(report.number))
    assert records.hotline.service.release_due() == 0
    assert records.hotline.redis.zcard(keys.DEADLINES) == 0
