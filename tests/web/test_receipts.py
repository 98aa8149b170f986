"""What Twilio tells of texts later: recorded with the text, and seen when one did not arrive."""

from itertools import permutations

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from tests.bank_side import Records
from tests.builders import a_holder, hotline_of
from tests.hotline import claimed
from tests.web.conftest import Twilio


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


@pytest.fixture
def text(records: Records) -> Notice:
    """The text of a report, which Twilio has taken."""
    records.reports_lost(a_holder())
    (text,) = records.notices(NoticeKind.TEXT)
    records.settles(text, Outcome.RECEIVED)
    return records.notice(text.id)


def told(twilio: Twilio, notice_id: str, status: str, code: str = "") -> int:
    form = [("MessageSid", "SM1"), ("MessageStatus", status), ("From", "+8612333")]
    form += [("ErrorCode", code)] if code else []
    return twilio.posts(f"/sms/status?notice={notice_id}", form).status_code


def is_stuck(redis: Redis, text: Notice) -> bool:
    return redis.zscore(keys.NOTICES_STUCK, text.id) is not None


def test_that_it_arrived_is_recorded(
    twilio: Twilio, records: Records, text: Notice, redis: Redis
) -> None:
    for status in ("queued", "sent", "delivered"):
        assert told(twilio, text.id, status) == 204
    assert records.notice(text.id).receipt == "delivered"
    assert not is_stuck(redis, text)


@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_that_it_did_not_arrive_is_seen(
    twilio: Twilio, records: Records, text: Notice, redis: Redis, status: str
) -> None:
    for _ in range(2):
        assert told(twilio, text.id, status, "30003") == 204
    seen = records.notice(text.id)
    assert (seen.receipt, seen.state) == (f"{status} 30003", NoticeState.DELIVERED)
    assert is_stuck(redis, text)
    assert not records.is_owed(text.id), "a text is not sent again by itself"
    assert records.journal().count("undelivered_text") == 1


@pytest.mark.parametrize("order", list(permutations(["sent", "undelivered", "delivered"])))
def test_in_any_order_it_has_arrived(
    twilio: Twilio, records: Records, text: Notice, redis: Redis, order: list[str]
) -> None:
    for status in order:
        told(twilio, text.id, status)
    assert records.notice(text.id).receipt == "delivered"
    assert not is_stuck(redis, text)


def test_a_receipt_before_its_attempt_is_written_down(
    twilio: Twilio, records: Records, redis: Redis
) -> None:
    records.reports_lost(a_holder())
    (claim,) = claimed(records.hotline, "texts")
    told(twilio, claim.notice.id, "undelivered", "30005")
    attempt = Attempt(claim.notice.created_at, Outcome.RECEIVED, 201, 9, "SM1", claim=claim.id)
    records.hotline.service.settle(claim.notice.id, attempt, None)
    assert records.notice(claim.notice.id).state is NoticeState.DELIVERED
    assert is_stuck(redis, claim.notice)


def test_sent_again_it_has_another_chance(
    twilio: Twilio, records: Records, text: Notice, redis: Redis
) -> None:
    told(twilio, text.id, "undelivered", "30003")
    assert records.hotline.service.send_again(text.id)
    assert records.notice(text.id).receipt == ""
    assert not is_stuck(redis, text)


@pytest.mark.parametrize(
    ("notice_id", "status", "code"),
    [
        ("ntc-unknown", "delivered", ""),
        ("../x", "delivered", ""),
        ("", "failed", "30003"),
        ("ntc-1", "read", ""),
        ("ntc-1", "", ""),
    ],
)
def test_what_nobody_knows_is_passed_over(
    twilio: Twilio, redis: Redis, notice_id: str, status: str, code: str
) -> None:
    before = redis.dbsize()
    assert told(twilio, notice_id, status, code) == 204
    assert redis.dbsize() == before


def test_of_an_error_only_its_digits_are_kept(
    twilio: Twilio, records: Records, text: Notice
) -> None:
    told(twilio, text.id, "failed", "no such number 13800138001")
    assert records.notice(text.id).receipt == "failed"


def test_a_notice_to_a_bank_has_no_receipt(twilio: Twilio, records: Records) -> None:
    report = records.reports_lost(a_holder())
    told(twilio, report.notice_id, "failed", "30003")
    assert records.notice(report.notice_id).receipt == ""
