"""One confirmation for several cards, request by request: what a lost answer may not change."""

import pytest
from flask import Flask
from redis import Redis

from ivr.store import keys
from tests.builders import a_card, a_holder, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, SID, PhoneCall, Twilio


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder(a_card("1111"), a_card("2222", "ccb")))


def at_the_confirmation(app: Flask) -> PhoneCall:
    call = PhoneCall(Twilio(app)).dials().presses("1", "1", ID_KEYS, "3")
    return call.hears("挂失2张卡", "确认请按1")


def put_back(redis: Redis, saved: dict[bytes | str, bytes | str]) -> None:
    """The call as it was stored."""
    for name, value in saved.items():
        redis.hset(keys.call(SID), name, value)


def test_the_same_request_twice_is_answered_alike(app: Flask, redis: Redis) -> None:
    call = at_the_confirmation(app).presses("1").hears("尾号1111挂失成功", "尾号2222挂失成功")
    first = call.said
    assert call.repeats().said == first
    assert len(redis.keys(keys.report("*"))) == 2


def test_a_turn_that_filed_and_was_not_saved_is_told_again(app: Flask, redis: Redis) -> None:
    """The caller may then press anything, or nothing: the reports are on record."""
    call = at_the_confirmation(app)
    saved, target = redis.hgetall(keys.call(SID)), call.target
    first = call.presses("1").said
    redis.delete(keys.call(SID))
    put_back(redis, saved)
    call.asks(target, "2")
    assert call.said.partition("/voice")[0] == first.partition("/voice")[0]
    assert len(redis.keys(keys.report("*"))) == 2


def test_the_second_of_two_is_not_lost_with_the_answer(app: Flask, redis: Redis) -> None:
    """A process was killed between them: what was confirmed is finished."""
    call = at_the_confirmation(app)
    saved, target = redis.hgetall(keys.call(SID)), call.target
    call.presses("1")
    for name in (*redis.keys(keys.loss("*"))[:1], keys.call(SID)):
        redis.delete(name)
    put_back(redis, saved)
    call.asks(target, "").hears("尾号1111", "尾号2222")
