"""One record that nobody can read: it is named, an operator sees it, and all others go on."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis
from structlog.testing import capture_logs
from werkzeug.test import Client

from app import create_operations
from ivr.cards.loss import LossReport
from ivr.cards.notice import NoticeKind, Outcome
from ivr.store import keys
from ivr.store.bank_health import PAUSE_AFTER
from ivr.store.unreadable import UnreadableRecordError
from tests.bank_side import BankSide, Records
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.store.conftest import end_suspension

ZHANG = a_holder(a_card("5678", "icbc"))
LI = a_holder(a_card("9999", "icbc"), id_number=an_id_number(serial="004"))

Damage = Callable[[Redis, str], object]


def set_to(text: str) -> Damage:
    return lambda redis, key: redis.set(key, text, keepttl=True)


def make_a_list(redis: Redis, key: str) -> None:
    redis.delete(key)
    redis.rpush(key, "not what it was")


DAMAGES = {
    "half": set_to('{"number": "1'),
    "another's": set_to('{"something": "else"}'),
    "no record": set_to("[]"),
    "not text": lambda redis, key: redis.set(key, b"\xff\xfe"),
    "another kind": make_a_list,
}


def operators(app: Flask) -> Client:
    """Their own listener, on the same records."""
    return Client(create_operations(hotline_of(app).settings))


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG, LI)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Damage:
    return DAMAGES[str(request.param)]


def warnings(app: Flask) -> list[str]:
    hotline = hotline_of(app)
    return [f"{key} cannot be read" for key in hotline.condition.unreadable()]


def both_reported(records: Records) -> tuple[LossReport, LossReport]:
    bad, good = records.reports_lost(ZHANG), records.reports_lost(LI)
    return bad, good


@pytest.mark.parametrize("kind", ["report", "loss", "block"])
def test_the_other_suspension_that_is_over_is_told(
    app: Flask, records: Records, redis: Redis, damage: Damage, kind: str
) -> None:
    bad, good = both_reported(records)
    for report in (bad, good):
        end_suspension(redis, report)
    place = {
        "report": keys.report(bad.number),
        "loss": keys.loss(bad.card_ref),
        "block": keys.block(bad.card_ref),
    }[kind]
    damage(redis, place)
    with capture_logs() as logged:
        told = [records.hotline.service.release_due() for _ in range(3)]

    assert told == [1, 0, 0]
    (released,) = records.notices(NoticeKind.LOSS_RELEASED)
    assert released.report_number == good.number
    named = [line["record"] for line in logged if line["event"] == "record_unreadable"]
    assert len(named) == 1, "once"
    assert warnings(app) == [f"{named[0]} cannot be read"]
    assert named[0] in (place, keys.report(bad.number))
    assert redis.zscore(keys.DEADLINES, bad.number) is not None, "looked at again once it is mended"


def test_the_pages_of_blocks_go_on(
    app: Flask, records: Records, redis: Redis, damage: Damage
) -> None:
    bad, good = both_reported(records)
    damage(redis, keys.block(bad.card_ref))
    shown = BankSide(app, "icbc").every_block()
    assert [block["report_number"] for block in shown] == [good.number]
    assert warnings(app) == [f"{keys.block(bad.card_ref)} cannot be read"]


@pytest.mark.parametrize("kind", ["card", "holder", "record"])
def test_the_pages_of_blocks_go_on_without_a_holder(
    app: Flask, records: Records, redis: Redis, kind: str
) -> None:
    bad, good = both_reported(records)
    if kind == "record":
        redis.hset(keys.holder(bad.holder_ref), "record", "unsealed")
    else:
        make_a_list(
            redis, {"card": keys.card(bad.card_ref), "holder": keys.holder(bad.holder_ref)}[kind]
        )
    shown = BankSide(app, "icbc").every_block()
    assert [block["report_number"] for block in shown] == [good.number]
    assert len(warnings(app)) == 1


@pytest.mark.parametrize("field", ["id", "kind", "created_at", "sealed_body", "state"])
def test_the_other_notices_are_listed_and_sent(
    app: Flask, records: Records, redis: Redis, field: str
) -> None:
    bad, good = both_reported(records)
    outbox = records.hotline.outbox
    redis.hdel(keys.notice(bad.notice_id), field)
    assert [n.id for n in outbox.find_all([bad.notice_id, good.notice_id])] == [good.notice_id]
    assert outbox.claim(bad.notice_id, 20) is None
    assert outbox.claim(good.notice_id, 20) is not None
    assert warnings(app) == [f"{keys.notice(bad.notice_id)} cannot be read"]


def test_an_attempt_nobody_can_read_hides_no_other(app: Flask, records: Records) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.RECEIVED)
    records.hotline.redis.rpush(keys.attempts(report.notice_id), "{}")
    (attempt,) = records.hotline.outbox.attempts(report.notice_id)
    assert attempt.outcome is Outcome.RECEIVED
    assert warnings(app) == [f"{keys.attempts(report.notice_id)} cannot be read"]


def test_who_asks_for_that_very_record_finds_out(
    app: Flask, records: Records, redis: Redis
) -> None:
    bad, good = both_reported(records)
    redis.set(keys.loss(bad.card_ref), "{}", keepttl=True)
    service = records.hotline.service
    with pytest.raises(UnreadableRecordError):
        service.look_up(ZHANG.id_number)
    assert service.look_up(LI.id_number) is not None
    assert warnings(app) == [f"{keys.loss(bad.card_ref)} cannot be read"]
    assert good.number


def test_metrics_and_pauses_go_on(app: Flask, redis: Redis) -> None:
    redis.hset(keys.COUNTERS, "event:odd", "many")
    redis.hset(keys.bank_health("icbc"), mapping={"failures": "many", "since": "long"})
    redis.hset(keys.bank_health("ccb"), mapping={"failures": PAUSE_AFTER, "since": 1})
    said = operators(app).get("/metrics").get_data(as_text=True)
    assert 'hotline_bank_paused{bank="icbc"} 0.0' in said
    assert 'hotline_bank_paused{bank="ccb"} 1.0' in said
    assert warnings(app) == [f"{keys.bank_health('icbc')} cannot be read"]


def test_a_worker_nobody_can_read_is_no_worker(app: Flask, redis: Redis) -> None:
    redis.sadd("rq:workers", "rq:worker:odd", "rq:worker:list")
    redis.hset("rq:worker:odd", mapping={"queues": "texts", "last_heartbeat": "yesterday"})
    redis.rpush("rq:worker:list", "x")
    said = operators(app).get("/readyz").get_json()["problems"]
    assert "no worker listens for texts to holders" in said


def test_operators_see_it_until_it_was_not_met_for_an_hour(app: Flask, redis: Redis) -> None:
    redis.zadd(keys.UNREADABLE, {"report:1": redis.time()[0], "report:2": redis.time()[0] - 3700})
    assert warnings(app) == ["report:1 cannot be read"]
    assert json.loads(operators(app).get("/readyz").get_data())["status"] == "not ready"


def test_a_suspended_rq_is_seen(app: Flask, redis: Redis) -> None:
    redis.set("rq:suspended", "1")
    assert any("rq resume" in line for line in operators(app).get("/readyz").get_json()["problems"])
