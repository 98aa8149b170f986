"""A report is withdrawn, or disputed, on a real Redis: all of it at once, whoever comes between."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis import Redis

from ivr.cards.acts.report import Refusal, ReportRequest
from ivr.cards.acts.withdraw import Decision, Withdrawal
from ivr.cards.bank_event import BLOCKED, FORMAL_LOSS, UNBLOCKED, BankEvent
from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import Attempt, NoticeKind, NoticeState, Outcome
from ivr.cards.status import Social
from ivr.store import keys
from tests.bank_side import Records, new_id
from tests.builders import a_holder, settings
from tests.hotline import claimed, open_hotline

ZHANG = a_holder()
(CARD,) = ZHANG.cards
LI = Decision("Li", "a prank")


@pytest.fixture
def records(redis: Redis) -> Records:
    assert redis.dbsize() == 0
    return a_city(redis)


def a_city(redis: Redis) -> Records:
    records = Records(open_hotline(settings("unix:///unused"), redis))
    records.enrols(ZHANG)
    return records


def tells(records: Records, kind: str, report: LossReport) -> str:
    at = report.reported_at + 1
    named = {"report_number": report.number} if kind == BLOCKED else {"card_number": CARD.number}
    event = BankEvent(new_id(), "icbc", kind, at, **named)
    return records.hotline.service.hear(event)


def status(records: Records) -> Social:
    known = records.hotline.service.look_up(ZHANG.id_number)
    assert known is not None
    return records.hotline.service.status(known, records.card_ref(CARD)).social


def test_the_social_security_function_comes_back_at_once(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.BLOCKED)
    assert records.hotline.service.withdraw(report.number, LI) is Withdrawal.WITHDRAWN

    assert not redis.exists(keys.loss(report.card_ref))
    assert redis.zscore(keys.DEADLINES, report.number) is None
    assert redis.ttl(keys.report(report.number)) > 0
    assert records.report_state(report) is ReportState.WITHDRAWN
    assert records.state(report) is BlockState.BLOCKED, "only the bank unblocks"
    assert status(records) is Social.RESTORED
    assert records.texts() == ["text_blocked", "text_filed", "text_withdrawn"]
    assert records.journal()[-1:] == ["report_withdrawn"]
    (told,) = records.notices(NoticeKind.REPORT_WITHDRAWN)
    body = records.hotline.outbox.body(told)
    assert body["data"]["card"]["number"] == CARD.number
    assert "action" not in body["data"]


def test_again_and_again_is_once(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    came_to = [records.hotline.service.withdraw(report.number, LI) for _ in range(3)]
    assert came_to == [Withdrawal.WITHDRAWN, Withdrawal.ALREADY, Withdrawal.ALREADY]
    assert records.journal().count("report_withdrawn") == 1
    assert records.hotline.service.withdraw("00000000", LI) is Withdrawal.UNKNOWN


def test_a_bank_that_was_never_reached_is_not_asked_to_block(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.hotline.service.withdraw(report.number, LI)
    assert records.notice_state(report) is NoticeState.CLOSED
    assert not records.is_owed(report.notice_id)
    assert not records.hotline.service.send_again(report.notice_id)
    assert records.state(report) is BlockState.WITHDRAWN
    kinds = {claim.notice.kind for claim in claimed(records.hotline)}
    assert kinds == {NoticeKind.REPORT_WITHDRAWN}


def test_a_bank_that_took_the_notice_is_reminded_no_more(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.RECEIVED)
    assert redis.zscore(keys.AWAITING, report.notice_id) is not None
    records.hotline.service.withdraw(report.number, LI)
    assert redis.zscore(keys.AWAITING, report.notice_id) is None


def test_an_attempt_that_was_on_its_way_tells_the_truth(records: Records) -> None:
    """The bank blocked while the report was withdrawn: the holder hears that too."""
    report = records.reports_lost(ZHANG)
    (claim,) = claimed(records.hotline)
    records.hotline.service.withdraw(report.number, LI)
    records.settles(claim.notice, Outcome.BLOCKED)
    assert records.state(report) is BlockState.BLOCKED
    assert "text_blocked" in records.texts()
    assert not records.hotline.service.send_again(report.notice_id)


def test_a_stuck_notice_needs_nobody_any_more(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.REFUSED)
    assert redis.zcard(keys.NOTICES_STUCK) == 1
    records.hotline.service.withdraw(report.number, LI)
    assert redis.zcard(keys.NOTICES_STUCK) == 0


def asked_by(records: Records, call: str) -> ReportRequest:
    ref = records.hotline.vault.ref("id", ZHANG.id_number)
    return ReportRequest(ref, records.card_ref(CARD), "phone", call, "zh")


def test_another_call_may_report_the_card_at_once_and_the_same_one_not(records: Records) -> None:
    service = records.hotline.service
    first = service.report_loss(asked_by(records, "CA1"))
    service.withdraw(first.report_number, LI)
    assert service.report_loss(asked_by(records, "CA1")).refusal is Refusal.REPLAYED
    second = service.report_loss(asked_by(records, "CA2"))
    assert second.refusal is None
    assert second.report_number != first.report_number
    assert service.withdraw(first.report_number, LI) is Withdrawal.ALREADY
    assert records.suspension(CARD) == second.suspension
    assert records.state(CARD) is BlockState.NOTIFIED


def test_what_holds_the_card_otherwise_is_not_touched(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    tells(records, FORMAL_LOSS, report)
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    assert records.hotline.service.withdraw(report.number, LI) is Withdrawal.OVERTAKEN
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_a_later_report_is_not_touched(records: Records) -> None:
    first = records.reports_lost(ZHANG)
    tells(records, UNBLOCKED, first)
    second = records.reports_lost(ZHANG)
    assert records.hotline.service.withdraw(first.number, LI) is Withdrawal.OVERTAKEN
    assert records.report_state(second) is ReportState.ACTIVE
    assert records.hotline.service.withdraw(second.number, LI) is Withdrawal.WITHDRAWN


# --- races ---------------------------------------------------------------------------------------


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    gate = threading.Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        gate.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [done.result() for done in [pool.submit(run, deed) for deed in deeds]]


def test_a_withdrawal_and_the_release_leave_one_truth(redis: Redis) -> None:
    ends = set[ReportState]()
    for _ in range(20):
        redis.flushall()
        records = a_city(redis)
        report, service = records.reports_lost(ZHANG), records.hotline.service
        at_once(
            partial(records.seven_days_pass, report), partial(service.withdraw, report.number, LI)
        )
        service.release_due()
        state = records.report_state(report)
        ends.add(state)
        released = records.notices(NoticeKind.LOSS_RELEASED)
        withdrawn = records.notices(NoticeKind.REPORT_WITHDRAWN)
        assert (len(released), len(withdrawn)) == (
            (1, 0) if state is ReportState.RELEASED else (0, 1)
        )
        assert len(records.texts()) == 2
    assert ends <= {ReportState.RELEASED, ReportState.WITHDRAWN}


def test_a_withdrawal_and_the_banks_word_are_both_believed(redis: Redis) -> None:
    for _ in range(20):
        redis.flushall()
        records = a_city(redis)
        report, service = records.reports_lost(ZHANG), records.hotline.service
        at_once(
            partial(tells, records, BLOCKED, report), partial(service.withdraw, report.number, LI)
        )
        assert records.state(report) is BlockState.BLOCKED
        assert records.suspension(report) is None
        assert records.report_state(report) is ReportState.WITHDRAWN
        assert records.texts() == ["text_blocked", "text_filed", "text_withdrawn"]


def test_a_withdrawal_and_a_delivery_are_both_written_down(redis: Redis) -> None:
    for _ in range(20):
        redis.flushall()
        records = a_city(redis)
        report, service = records.reports_lost(ZHANG), records.hotline.service
        (claim,) = claimed(records.hotline)
        done = Attempt(int(records.hotline.outbox.now()), Outcome.BLOCKED, 200, 12, "")
        at_once(
            partial(service.settle, claim.notice.id, done, None),
            partial(service.withdraw, report.number, LI),
        )
        assert records.state(report) is BlockState.BLOCKED
        assert records.report_state(report) is ReportState.WITHDRAWN
        assert not records.is_owed(report.notice_id)


def test_a_withdrawal_never_takes_a_new_report_with_it(redis: Redis) -> None:
    for _ in range(20):
        redis.flushall()
        records = a_city(redis)
        report, service = records.reports_lost(ZHANG), records.hotline.service
        _, filing = at_once(
            partial(service.withdraw, report.number, LI),
            partial(service.report_loss, asked_by(records, "CA2")),
        )
        held = records.suspension(CARD)
        if filing.refusal is None:
            assert held == filing.suspension
            assert records.state(CARD) is BlockState.NOTIFIED
        else:
            assert filing.refusal is Refusal.ALREADY
            assert held is None
        assert records.report_state(report) is ReportState.WITHDRAWN


def test_several_operators_withdraw_once(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    came_to = at_once(*[partial(records.hotline.service.withdraw, report.number, LI)] * 4)
    assert came_to.count(Withdrawal.WITHDRAWN) == 1
    assert records.journal().count("report_withdrawn") == 1


# --- objections ----------------------------------------------------------------------------------


def test_an_objection_releases_nothing_and_is_listed(records: Records, redis: Redis) -> None:
    report, service = records.reports_lost(ZHANG), records.hotline.service
    left = redis.ttl(keys.report(report.number))
    deadline = redis.zscore(keys.DEADLINES, report.number)
    assert [service.dispute(report.number, "phone") for _ in range(2)] == ["recorded", "known"]
    assert records.suspension(report) is not None
    assert redis.zscore(keys.DEADLINES, report.number) == deadline
    assert redis.ttl(keys.report(report.number)) <= left
    assert [found.number for found in records.hotline.cases.disputed()] == [report.number]
    assert records.hotline.condition.figures().reports_disputed == 1
    assert len(records.notices(NoticeKind.REPORT_DISPUTED)) == 1
    assert records.texts() == ["text_disputed", "text_filed"]
    assert records.journal().count("report_disputed") == 1


def withdrawn(records: Records, report: LossReport) -> None:
    records.hotline.service.withdraw(report.number, LI)


def released(records: Records, report: LossReport) -> None:
    records.seven_days_pass(report)


def formally_lost(records: Records, report: LossReport) -> None:
    tells(records, FORMAL_LOSS, report)


def dismissed(records: Records, report: LossReport) -> None:
    assert records.hotline.service.dismiss(report.number, LI)


def reported_again(records: Records, report: LossReport) -> None:
    tells(records, UNBLOCKED, report)
    records.reports_lost(ZHANG)


@pytest.mark.parametrize(
    "ends",
    [withdrawn, released, formally_lost, dismissed, reported_again],
    ids=lambda e: e.__name__,
)
def test_what_is_over_leaves_the_list(
    records: Records, ends: Callable[[Records, LossReport], None]
) -> None:
    report = records.reports_lost(ZHANG)
    records.hotline.service.dispute(report.number, "phone")
    ends(records, report)
    assert records.hotline.cases.disputed() == []
    assert not records.hotline.service.dismiss(report.number, LI)
    after = records.hotline.service.dispute(report.number, "phone")
    assert after == ("recorded" if ends is dismissed else "over")


def test_a_record_from_before_there_were_objections_is_read(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    text = redis.get(keys.report(report.number))
    assert isinstance(text, bytes)
    assert text.endswith(b',"active",0,0]')
    redis.set(keys.report(report.number), text.removesuffix(b",0,0]") + b"]", keepttl=True)
    assert records.report(report.number) == replace(report, disputed_at=0)
    assert records.hotline.service.dispute(report.number, "phone") == "recorded"


def test_an_objection_comes_back_with_a_report_that_was_lost(
    records: Records, redis: Redis
) -> None:
    report, service = records.reports_lost(ZHANG), records.hotline.service
    service.dispute(report.number, "phone")
    disputed = records.report(report.number)
    redis.delete(*(key for key in redis.scan_iter() if not key.startswith((b"vault", b"holder:"))))
    assert service.restore(disputed) == "filed"
    assert records.hotline.cases.disputed() == [disputed]


# --- who called ----------------------------------------------------------------------------------


def test_a_caller_is_found_again_and_not_named(records: Records) -> None:
    service = records.hotline.service
    ref = service.caller("+8613900139009").ref
    assert ref == service.caller("+8613900139009").ref != service.caller("+8613900139008").ref
    service.report_loss(replace(asked_by(records, "CA1"), by=ref))
    (entry,) = (e for _, e in records.hotline.journal.between(0, time.time() + 60)
                if e.event == "loss_reported")  # fmt: skip
    assert entry.fields["by"] == ref
