"""`flask limits`: what operators see of the limits, and what they may take back."""

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis

from ivr.store import keys
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.card_site import Browser


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


def typed(app: Flask, *words: str, given: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["limits", *words], input=given)


def test_a_quiet_line(app: Flask) -> None:
    assert typed(app, "show").output.splitlines() == [
        "closed",
        "look-ups in 15 minutes  0 found, 0 missed",
        "reports this hour       0",
        "the usual hour          not known yet",
    ]


def test_a_line_that_is_searched(app: Flask, redis: Redis) -> None:
    limiting = hotline_of(app).limiting
    limiting.watch()
    redis.hincrby(keys.COUNTERS, "lookup:missed", 60)
    hour = redis.time()[0] // 3600
    redis.hset(keys.WATCHED, mapping={f"hour:{hour - 1}": "0", f"hour:{hour}": "7"})
    redis.hset(keys.COUNTERS, "event:loss_reported", 9)
    limiting.watch()
    first, lookups, reports, usual = typed(app, "show").output.splitlines()
    assert first.startswith("OPEN for ")
    assert lookups.endswith("0 found, 60 missed")
    assert reports.endswith(" 2")
    assert usual.endswith("7.0, of 1 hours")

    assert typed(app, "close").output == "The breaker is closed.\n"
    assert not redis.exists(keys.BREAKER)
    assert limiting.standing().missed == 0


@pytest.mark.parametrize("number", ["+8613900139000", "139 0013 9000", "hidden"])
def test_a_number_is_forgotten(app: Flask, redis: Redis, number: str) -> None:
    caller = hotline_of(app).limiting.caller("" if number == "hidden" else "+8613900139000")
    redis.set(keys.reported_by(caller.ref), "1:x")
    assert typed(app, "forget", given=number + "\n").output == "Forgotten.\n"
    assert typed(app, "forget", given=number).output == "Nothing is counted of this number.\n"


def test_an_address_is_forgotten(app: Flask) -> None:
    browser = Browser(app)
    browser.address = "2001:db8::7"
    browser.enters()
    assert typed(app, "forget", given="2001:db8::8\n").output == "Forgotten.\n"
    assert typed(app, "forget", given="2001:db8::8").output.startswith("Nothing is counted")


def test_an_id_number_is_forgotten(app: Flask, redis: Redis) -> None:
    number = a_holder().id_number
    ref = hotline_of(app).service.holder_ref(number)
    places = (keys.looked_up(ref), keys.code_asked(ref), keys.mistaken(ref))
    for place in places:
        redis.zadd(place, {"call:CA1": 1})
    assert typed(app, "forget", "--id-number", given=number + "\n").output == "Forgotten.\n"
    assert not redis.exists(*places)
    told = typed(app, "forget", "--id-number", given="110105194912310021\n")
    assert told.exit_code == 2
    assert "110105194912310021" not in told.output


def test_the_hours_around_a_closing_are_not_usual(app: Flask, redis: Redis) -> None:
    limiting, hour = hotline_of(app).limiting, redis.time()[0] // 3600
    redis.hset(keys.WATCHED, mapping={f"hour:{hour - 2}": 0, f"hour:{hour - 1}": 4})
    redis.hset(keys.WATCHED, mapping={f"hour:{hour}": 8})
    redis.hset(keys.COUNTERS, "event:loss_reported", 44)
    typed(app, "close")
    limiting.watch()
    assert limiting.standing().usual_hours == []


def test_what_is_no_number_is_not_repeated(app: Flask) -> None:
    told = typed(app, "forget", given="11010519491231002X\n")
    assert told.exit_code == 1
    assert told.output == "Error: This is no telephone number.\n"
