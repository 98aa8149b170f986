"""A call that somebody recorded, request by request, and plays again after its report is over."""

from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.acts.report import Refusal, ReportRequest
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.notice import NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import a_card, a_holder, an_app, enrol, hotline_of, settings
from tests.redis_server import RedisServer
from tests.store.conftest import notices_of
from tests.web.conftest import ID_KEYS, PhoneCall, Twilio

HOLDER = a_holder(a_card("1111"), a_card("2222", "ccb"))


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), HOLDER)


def a_week_passes(redis: Redis) -> None:
    """The call and the suspension end by themselves; the sweep has told of it."""
    redis.delete(*redis.keys("call:*"), *redis.keys("loss:*"))
    for request in redis.keys("request:*"):
        first, _, cards = plain(redis.get(request)).partition(" ")
        redis.set(request, f"{int(first) - 7 * keys.DAY} {cards}", keepttl=True)


def a_new_card_replaces_the_old(app: Flask, redis: Redis) -> None:
    """The holder is removed with the old card, and imported with the new one."""
    redis.delete(*redis.keys("holder:*"), *redis.keys("card:*"))
    enrol(hotline_of(app), a_holder(a_card("3333")))


def reports(app: Flask, last4: str, origin: str) -> Refusal | None:
    service = hotline_of(app).service
    known = service.look_up(HOLDER.id_number)
    assert known is not None
    ref = next(ref for ref, card in known.cards.items() if card.last4 == last4)
    request = ReportRequest(known.ref, ref, "phone", origin, "zh")
    return service.report_loss(request, known).refusal


def test_the_same_request_files_nothing_more(app: Flask, redis: Redis) -> None:
    assert reports(app, "1111", "CA1") is None
    assert reports(app, "1111", "CA1") is None, "and is told of its own report while that runs"
    a_week_passes(redis)
    hotline_of(app).service.release_due()
    before = sorted(redis.keys("report:*") + redis.keys("notice:*"))

    assert reports(app, "1111", "CA1") is Refusal.REPLAYED
    assert sorted(redis.keys("report:*") + redis.keys("notice:*")) == before
    assert redis.keys("loss:*") == []
    assert reports(app, "1111", "CA2") is None, "a call of its own"


def test_a_card_the_bank_unblocked_is_reported_again_but_not_by_the_first_call(
    app: Flask, redis: Redis
) -> None:
    assert reports(app, "1111", "CA1") is None
    (first,) = (n for n in notices_of(hotline_of(app)) if n.kind is NoticeKind.LOSS_REPORTED)
    number = next(card.number for card in HOLDER.cards if card.last4 == "1111")
    at = redis.time()[0] + 1
    event = BankEvent("evt-1", "icbc", UNBLOCKED, at, card_number=number, outlet="1")
    assert hotline_of(app).service.hear(event) == "applied"

    assert reports(app, "1111", "CA2") is None
    assert len(redis.keys("report:*")) == 2
    overtaken = hotline_of(app).outbox.find(first.id)
    assert overtaken is not None
    assert overtaken.state is NoticeState.CLOSED
    assert reports(app, "1111", "CA1") is Refusal.ALREADY
    assert hotline_of(app).service.hear(replace(event, id="evt-2", at=at + 1)) == "applied"
    assert reports(app, "1111", "CA1") is Refusal.ALREADY
    assert len(redis.keys("report:*")) == 2


def test_a_call_may_report_every_card_of_its_holder(app: Flask) -> None:
    assert [reports(app, last4, "CA1") for last4 in ("1111", "2222")] == [None, None]


def test_a_week_later_it_reports_no_other_card_either(app: Flask, redis: Redis) -> None:
    assert reports(app, "1111", "CA1") is None
    a_week_passes(redis)
    a_new_card_replaces_the_old(app, redis)
    assert reports(app, "3333", "CA1") is Refusal.REPLAYED
    assert len(redis.keys("report:*")) == 1
    assert reports(app, "3333", "CA2") is None, "a call of its own"


def test_it_is_remembered_as_long_as_the_report(app: Flask, redis: Redis) -> None:
    reports(app, "1111", "CA-secret")
    (request,), (report,) = redis.keys("request:*"), redis.keys("report:*")
    assert abs(redis.ttl(request) - redis.ttl(report)) <= 1
    assert redis.ttl(request) > 1000 * keys.DAY
    assert "secret" not in plain(request)


def test_a_played_back_call_hears_no_success(redis: Redis, redis_server: RedisServer) -> None:
    """Every request is genuine: signed by Twilio, a week ago."""
    app = an_app(settings(redis_server.url), a_holder())
    PhoneCall(Twilio(app)).to_report()
    a_week_passes(redis)
    again = PhoneCall(Twilio(app)).to_confirmation().presses("1")
    again.does_not_hear("挂失成功")
    assert redis.keys("loss:*") == []
    assert len(redis.keys("report:*")) == 1


def test_a_played_back_call_does_not_report_the_card_that_replaced_the_first(
    redis: Redis, redis_server: RedisServer
) -> None:
    app = an_app(settings(redis_server.url), a_holder())
    PhoneCall(Twilio(app)).to_report()
    a_week_passes(redis)
    a_new_card_replaces_the_old(app, redis)
    PhoneCall(Twilio(app)).to_confirmation().presses("1").does_not_hear("挂失成功")
    assert redis.keys("loss:*") == []
    assert len(redis.keys("report:*")) == 1


def test_a_caller_whose_bank_unblocks_the_card_meanwhile_is_not_asked_to_confirm_again(
    app: Flask, redis: Redis
) -> None:
    """One call files one report of a card: what it would confirm could not be filed."""
    call = PhoneCall(Twilio(app)).dials().presses("1", "1", ID_KEYS, "1", "1").hears("挂失成功")
    number = next(card.number for card in HOLDER.cards if card.last4 == "1111")
    event = BankEvent("evt-1", "icbc", UNBLOCKED, redis.time()[0] + 1, card_number=number)
    assert hotline_of(app).service.hear(event) == "applied"
    call.presses("", "", "1", "1")
    call.hears("尾号1111的卡已经挂失", "已经在银行网点解挂", "95588").does_not_hear(
        "确认挂失请按1", "挂失成功"
    )
    assert len(redis.keys("report:*")) == 1
