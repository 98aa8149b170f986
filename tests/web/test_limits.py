"""The limits at the voice door: whose number it is, and what a turn costs."""

import pytest
from flask import Flask
from redis import Redis

from ivr.store import keys
from tests.builders import a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, OTHER_SID, PhoneCall, Twilio, Wire, hotline_behind

NOBODYS = an_id_number(serial="110")
CARD_TAIL = "最后6位"


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


def to_the_number(call: PhoneCall) -> PhoneCall:
    return call.dials().presses("1", "1")


def from_own_phone(app: Flask, number: str, **more: str) -> PhoneCall:
    """A call whose breaker is open, from a number written like this."""
    hotline_of(app).redis.set(keys.BREAKER, "lookups", ex=900)
    call = PhoneCall(Twilio(app))
    call.caller = number
    to_the_number(call)
    return call.asks(call.target, ID_KEYS, **more)


@pytest.mark.parametrize("number", ["+8613800138001", "13800138001", "008613800138001"])
def test_the_holders_phone_is_known_however_it_is_written(app: Flask, number: str) -> None:
    from_own_phone(app, number).hears("确认请按1")


@pytest.mark.parametrize("verdict", ["TN-Validation-Failed-A", "TN-Validation-Failed"])
def test_a_number_that_failed_is_nobodys(app: Flask, verdict: str) -> None:
    from_own_phone(app, "+8613800138001", StirVerstat=verdict).hears(CARD_TAIL)


@pytest.mark.parametrize("verdict", ["TN-Validation-Passed-A", "No-TN-Validation"])
def test_a_number_that_nobody_doubts_counts(app: Flask, verdict: str) -> None:
    from_own_phone(app, "+8613800138001", StirVerstat=verdict).hears("确认请按1")


def test_the_calling_number_stands_nowhere(app: Flask, redis: Redis) -> None:
    call = PhoneCall(Twilio(app))
    to_the_number(call).presses(NOBODYS, "1", ID_KEYS, "1").hears("挂失成功")
    place = keys.reported_by(hotline_of(app).limiting.caller(call.caller).ref)
    assert redis.exists(place)
    names = b" ".join(redis.scan_iter())
    values = b" ".join(redis.dump(key) or b"" for key in redis.scan_iter())
    assert call.caller[1:].encode() not in names + values


@pytest.mark.parametrize("factor", ["none", "text_code"])
def test_a_second_factor_costs_no_trip_more_whoever_has_the_number(wire: Wire, factor: str) -> None:
    app = an_app(settings(wire.url, second_factor=factor), a_holder())
    twilio = Twilio(app)
    hotline = hotline_behind(PhoneCall(twilio))
    hotline.redis.set(keys.BREAKER, "lookups", ex=900)
    to_the_number(PhoneCall(twilio, OTHER_SID)).presses(ID_KEYS, "111111", "345678")
    costs = []
    for sid, keyed in (("CA-of-nobody", NOBODYS), ("CA-of-somebody", ID_KEYS)):
        call = to_the_number(PhoneCall(twilio, sid))
        trips = []
        for pressed in (keyed, "111111", "222222", "333333"):
            before = wire.round_trips
            call.presses(pressed)
            trips.append(wire.round_trips - before)
        costs.append(trips)
    assert costs == [[2, 2, 2, 2], [2, 2, 2, 2]]


def test_a_proof_delivered_twice_counts_once(app: Flask, redis: Redis) -> None:
    redis.set(keys.BREAKER, "lookups", ex=900)
    call = to_the_number(PhoneCall(Twilio(app))).presses(ID_KEYS, "111111").hears("不一致")
    for _ in range(3):
        call.repeats().hears("不一致")
    call.presses("345678").hears("确认请按1")
    assert redis.zcard(keys.missed(hotline_of(app).limiting.caller(call.caller).ref)) == 1


def test_a_limit_that_another_call_filled_meanwhile(app: Flask, redis: Redis) -> None:
    """Asked whether to report, the caller confirms; two others were reported in the meantime."""
    call = PhoneCall(Twilio(app)).to_confirmation()
    now = redis.time()[0]
    ref = hotline_of(app).limiting.caller(call.caller).ref
    redis.set(keys.reported_by(ref), f"{now}:one {now}:two")
    call.presses("1").hears("还没有挂失").presses("").hears(CARD_TAIL)
    assert not redis.keys("loss:*")
    call.presses("345678").hears("确认请按1").presses("1").hears("挂失成功")
    assert len(redis.keys("loss:*")) == 1
    assert redis.hget(keys.COUNTERS, "limit:reports") == b"1"
