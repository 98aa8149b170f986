"""One record that nobody can read: it is named, an operator sees it, and all others go on."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ResponseError
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
from tests.hotline import claimed, ringing
from tests.redis_server import RedisServer
from tests.store.conftest import end_suspension
from tests.web.conftest import PhoneCall, Twilio
from tests.web.test_health import all_is_well
from tests.workers.builders import sweep_of

ZHANG = a_holder(a_card("5678", "icbc"))
LI = a_holder(a_card("9999", "icbc"), id_number=an_id_number(serial="004"))
WANG = a_holder(a_card("7777", "ccb"), id_number=an_id_number(serial="006"))

Damage = Callable[[Redis, str], object]


def set_to(text: str) -> Damage:
    return lambda redis, key: redis.set(key, text, keepttl=True)


def make_a_list(redis: Redis, key: str) -> None:
    """Of a list, which no other test asks for, a text."""
    was_a_list = redis.type(key) == b"list"
    redis.delete(key)
    redis.set(key, "x") if was_a_list else redis.rpush(key, "not what it was")


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
    return an_app(settings(redis_server.url), ZHANG, LI, WANG)


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
        redis.set(keys.holder(bad.holder_ref), "unsealed")
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
    assert [c.notice.id for c in claimed(records.hotline)] == [good.notice_id]
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


OF_ONE_REPORT: dict[str, Callable[[LossReport], str]] = {
    "notice": lambda bad: keys.notice(bad.notice_id),
    "attempts": lambda bad: keys.attempts(bad.notice_id),
    "report": lambda bad: keys.report(bad.number),
    "loss": lambda bad: keys.loss(bad.card_ref),
    "block": lambda bad: keys.block(bad.card_ref),
}
# What is counted or listed again: nobody's report, and nobody's notice, hangs on it.
BESIDE = (
    keys.COUNTERS, keys.NOTICE_QUEUES, keys.BANKS_BACK, keys.bank_health("icbc"),
    keys.bank_health("texts"), keys.owed("bank-icbc"), keys.open_in("bank-icbc"),
    "rq:queue:bank-icbc", "rq:queues",
)  # fmt: skip
READ_BY_OPERATORS = (
    keys.COUNTERS, keys.NOTICE_QUEUES, keys.bank_health("icbc"), keys.owed("bank-icbc"),
    keys.stuck("bank-icbc"), keys.TEXTS_REFUSED, keys.AWAITING, keys.DEADLINES, keys.UNREADABLE,
    keys.SWEEP_ALIVE, keys.blocks("gone"), keys.owed("bank-gone"),
)  # fmt: skip
READ_BY_THE_SWEEP = (
    keys.NOTICE_QUEUES, keys.BANKS_BACK, keys.BANKS_FAILING, keys.bank_health("icbc"),
    keys.owed("bank-icbc"), keys.open_in("bank-icbc"), keys.stuck("bank-icbc"), keys.AWAITING,
    keys.DEADLINES, keys.NOTICES_STUCK, keys.UNREADABLE,
)  # fmt: skip


def lose_all_jobs(redis: Redis) -> None:
    redis.delete(*redis.keys("rq:*"))


@pytest.mark.parametrize("key", READ_BY_THE_SWEEP)
def test_a_key_of_another_kind_stops_no_ringing(
    app: Flask, records: Records, redis: Redis, key: str
) -> None:
    records.reports_lost(ZHANG)
    good = records.reports_lost(WANG)
    lose_all_jobs(redis)
    redis.zadd(keys.NOTICES_OPEN, {"gone": 1})  # is taken off every list
    make_a_list(redis, key)
    sweep = sweep_of(records.hotline)
    for _ in range(2):
        sweep.round()
    assert good.notice_id in ringing(records.hotline, "bank-ccb")
    assert f"{key} cannot be read" in warnings(app)


@pytest.mark.parametrize("kind", OF_ONE_REPORT)
def test_a_report_of_another_kind_stops_no_other(
    app: Flask, records: Records, redis: Redis, kind: str
) -> None:
    """The sweep rings and tells of both ends; the bad notice does not stand before the others."""
    bad, good = both_reported(records)
    for report in (bad, good):
        records.bank_answers(report, Outcome.FAILED, again_in=0)
        end_suspension(redis, report)
    lose_all_jobs(redis)
    now = redis.time()[0]
    redis.zadd(keys.NOTICES_STUCK, {bad.notice_id: now, good.notice_id: now})
    key = OF_ONE_REPORT[kind](bad)
    make_a_list(redis, key)
    sweep = sweep_of(records.hotline)
    with capture_logs() as logged:
        for _ in range(2):
            sweep.round()
    assert good.notice_id in [c.notice.id for c in claimed(records.hotline)]
    assert good.number in {n.report_number for n in records.notices(NoticeKind.LOSS_RELEASED)}
    told = [line["notice"] for line in logged if line["event"] == "notice_stuck"]
    assert good.notice_id in told
    assert warnings(app) == [f"{key} cannot be read"]
    assert [line["record"] for line in logged if line["event"] == "record_unreadable"] == [key]
    assert redis.zscore(keys.NOTICES_OPEN, bad.notice_id) is not None, "still owed"


def test_many_notices_of_another_kind_hide_no_other(records: Records, redis: Redis) -> None:
    """As many as there is room for in a queue, all due for longer."""
    _, good = both_reported(records)
    for n in range(200):
        make_a_list(redis, keys.notice(f"bad-{n}"))
        for listed in (keys.NOTICES_OPEN, keys.open_in("bank-icbc")):
            redis.zadd(listed, {f"bad-{n}": 1})
    found = [c.notice.id for _ in range(3) for c in claimed(records.hotline)]
    assert good.notice_id in found


def test_a_notice_of_another_kind_is_claimed_by_nobody_and_named(
    app: Flask, records: Records, redis: Redis
) -> None:
    bad, good = both_reported(records)
    make_a_list(redis, keys.notice(bad.notice_id))
    assert [c.notice.id for c in claimed(records.hotline)] == [good.notice_id]
    assert warnings(app) == [f"{keys.notice(bad.notice_id)} cannot be read"]


@pytest.mark.parametrize("key", BESIDE)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.BLOCKED])
def test_what_is_beside_a_case_stops_no_change_of_it(
    records: Records, redis: Redis, key: str, outcome: Outcome
) -> None:
    report = records.reports_lost(ZHANG)
    redis.hset(keys.bank_health("icbc"), mapping={"failures": PAUSE_AFTER, "since": 1})
    make_a_list(redis, key)
    records.bank_answers(report, outcome, again_in=60 if outcome is Outcome.FAILED else None)
    assert len(records.hotline.outbox.attempts(report.notice_id)) == 1
    assert records.is_owed(report.notice_id) is (outcome is Outcome.FAILED)
    later = records.reports_lost(LI)
    assert records.is_owed(later.notice_id)
    assert records.suspension(later) is not None


def test_a_bank_that_fails_is_counted_when_it_could_not_be_read(
    app: Flask, records: Records, redis: Redis
) -> None:
    report = records.reports_lost(ZHANG)
    redis.hset(keys.bank_health("icbc"), mapping={"failures": "many", "since": "long"})
    redis.hset(keys.COUNTERS, "event:notice_failed", "many")
    records.bank_answers(report, Outcome.FAILED, again_in=60)
    assert len(records.hotline.outbox.attempts(report.notice_id)) == 1
    records.hotline.condition.news()
    assert set(warnings(app)) == {
        f"{keys.bank_health('icbc')} cannot be read", f"{keys.COUNTERS} cannot be read",
    }  # fmt: skip


@pytest.mark.parametrize(
    "key", [keys.NOTICES_OPEN, keys.DEADLINES, keys.JOURNAL, keys.blocks("icbc")]
)
def test_what_a_case_rests_on_is_written_wholly_or_not_at_all(
    app: Flask, records: Records, redis: Redis, key: str
) -> None:
    make_a_list(redis, key)
    before = set(redis.scan_iter())
    with pytest.raises(ResponseError):
        records.reports_lost(ZHANG)
    assert set(redis.scan_iter()) == before | {keys.UNREADABLE.encode()}
    assert warnings(app) == [f"{key} cannot be read"]


@pytest.mark.parametrize("key", READ_BY_OPERATORS)
def test_operators_see_a_key_of_another_kind_and_all_the_rest(
    app: Flask, records: Records, redis: Redis, key: str
) -> None:
    workers = all_is_well(redis)
    records.reports_lost(ZHANG)
    redis.sadd(keys.NOTICE_QUEUES, "bank-gone")
    records.hotline.text_line.fails("401")
    redis.hset(keys.bank_health("ccb"), mapping={"failures": PAUSE_AFTER, "since": 1})
    make_a_list(redis, key)
    browser = operators(app)
    said = browser.get("/metrics").get_data(as_text=True)
    assert "hotline_redis_up 1.0" in said
    assert 'hotline_bank_paused{bank="ccb"} 1.0' in said
    response = browser.get("/readyz")
    assert response.status_code == 200, workers
    listed = response.get_json()["warnings"]
    assert f"{key} cannot be read" in listed
    assert any(line.startswith("bank ccb fails") for line in listed)
    assert key == keys.TEXTS_REFUSED or any("(401)" in line for line in listed)


@pytest.mark.parametrize("kind", [*OF_ONE_REPORT, "notices_of", "journal"])
def test_the_story_of_a_report_names_what_cannot_be_read(
    app: Flask, records: Records, redis: Redis, kind: str
) -> None:
    bad = records.reports_lost(ZHANG)
    records.bank_answers(bad, Outcome.BLOCKED)
    more = {"notices_of": keys.notices_of(bad.number), "journal": keys.JOURNAL}
    key = more[kind] if kind in more else OF_ONE_REPORT[kind](bad)
    make_a_list(redis, key)
    shown = app.test_cli_runner().invoke(args=["reports", "show", bad.number])
    assert shown.output.endswith(f"Error: {key} cannot be read.\n")
    assert warnings(app) == [f"{key} cannot be read"]


def test_a_caller_is_heard_whatever_is_counted(app: Flask, redis: Redis) -> None:
    make_a_list(redis, keys.COUNTERS)
    assert PhoneCall(Twilio(app)).to_report().report_number
