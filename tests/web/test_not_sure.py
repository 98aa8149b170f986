"""A number that may be lost again is never spoken, and nobody is told of its report."""

import shutil
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import NoticeState
from ivr.store import keys
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.codec import plain
from tests.bank_side import BankSide
from tests.builders import a_card, a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.store.conftest import notices_of
from tests.web.conftest import ID_KEYS, OTHER_SID, PhoneCall, Twilio
from tests.workers.builders import Nobody, a_delivery, deliver

UNSURE = "暂时无法确认挂失是否成功，请当作没有成功"


@pytest.fixture(params=["no replica", "no journal"])
def app(
    request: pytest.FixtureRequest, redis: Redis, redis_server: RedisServer, tmp_path: Path
) -> Flask:
    """Reports are filed, and nobody can be sure of them."""
    assert redis.dbsize() == 0
    place = tmp_path / "journal"
    place.mkdir()
    least = {"no replica": "1", "no journal": "0"}[request.param]
    app = an_app(
        settings(redis_server.url, wait_for_replicas=least, journal_dir=str(place)), a_holder()
    )
    if request.param == "no journal":
        shutil.rmtree(place)
    return app


def number_on_record(redis: Redis) -> str:
    (key,) = redis.keys("report:*")
    return plain(key).partition(":")[2]


def test_not_to_who_filed_it_nor_by_status_nor_to_who_calls_again(app: Flask, redis: Redis) -> None:
    filing = PhoneCall(Twilio(app)).to_confirmation().presses("1").hears(UNSURE)
    number = number_on_record(redis)
    filing.does_not_hear(number).presses("2").hears(UNSURE).does_not_hear(number)
    status = PhoneCall(Twilio(app), OTHER_SID).dials().presses("1", "2", ID_KEYS)
    status.hears(UNSURE).does_not_hear(number, "已临时挂失")
    again = PhoneCall(Twilio(app), f"{OTHER_SID[:-1]}9").dials().presses("1", "1", ID_KEYS)
    again.hears(UNSURE).does_not_hear(number, "已经挂失")


def test_no_bank_and_no_holder_is_told_of_it(app: Flask) -> None:
    PhoneCall(Twilio(app)).to_confirmation().presses("1")
    hotline = hotline_of(app)
    for notice in notices_of(hotline):
        deliver(hotline, a_delivery(hotline, notice.queue, Nobody(), str))
        assert hotline.outbox.attempts(notice.id) == []
    assert {n.state for n in notices_of(hotline)} == {NoticeState.OPEN}


def test_once_it_is_sure_it_is_told(app: Flask, redis: Redis, redis_server: RedisServer) -> None:
    PhoneCall(Twilio(app)).to_confirmation().presses("1").hears(UNSURE)
    with pytest.raises(OutcomeUnknownError):
        hotline_of(app).service.make_sure(number_on_record(redis))
    (key,) = hotline_of(app).settings.data_keys
    careful = an_app(settings(redis_server.url, data_keys=key.get_secret_value()))
    call = PhoneCall(Twilio(careful), OTHER_SID).dials().presses("1", "2", ID_KEYS)
    call.hears("社保功能已临时挂失", number_on_record(redis))


def test_one_redis_alone_is_asked_nothing_more(redis: Redis, redis_server: RedisServer) -> None:
    PhoneCall(Twilio(an_app(settings(redis_server.url), a_holder()))).to_report()
    assert redis.get(keys.MADE_SURE) is None


@pytest.mark.usefixtures("redis")
def test_a_list_of_cards_does_not_say_so_either(redis_server: RedisServer) -> None:
    wallet = a_holder(a_card("1111"), a_card("2222", "ccb"))
    app = an_app(settings(redis_server.url, wait_for_replicas="1"), wallet)
    PhoneCall(Twilio(app)).dials().presses("1", "1", ID_KEYS, "1", "1").hears(UNSURE)
    again = PhoneCall(Twilio(app), OTHER_SID).dials().presses("1", "1", ID_KEYS)
    again.hears("1111").does_not_hear("已经挂失").presses("1").hears(UNSURE)


def test_nor_does_the_list_for_the_bank(app: Flask, redis: Redis) -> None:
    PhoneCall(Twilio(app)).to_confirmation().presses("1")
    answer = BankSide(app, "icbc").asks_for_blocks()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert number_on_record(redis) not in answer.text


def test_an_operator_is_told_that_it_may_be_lost(app: Flask, redis: Redis) -> None:
    PhoneCall(Twilio(app)).to_confirmation().presses("1")
    runner = app.test_cli_runner()
    said = runner.invoke(args=["reports", "show", number_on_record(redis)])
    assert "NOT SURE" in said.output
