"""Who got as far as the confirmation and hung up is told that nothing was reported."""

import json
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import NoticeKind, NoticeState
from ivr.prompts.catalogue import load_catalogue
from ivr.store import keys
from tests.bank_side import Records
from tests.builders import a_holder, an_app, hotline_of, names_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, OTHER_SID, SID, PhoneCall, Twilio
from workers.delivery import OvertakenError
from workers.texts import TextWriter


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


def hangs_up(call: PhoneCall) -> None:
    form = [("CallSid", call.sid), ("CallStatus", "completed")]
    assert call.twilio.posts("/voice/status", form).status_code == 204


def owed(records: Records) -> list[Any]:
    return [records.hotline.outbox.body(text) for text in records.notices(NoticeKind.TEXT)]


def writer_of(records: Records, *, are_answered: bool = True) -> TextWriter:
    hotline = records.hotline
    return TextWriter(
        hotline.cases, hotline.holders, load_catalogue(), names_of(hotline),
        hotline.spoken_languages, are_answered=are_answered,
    )  # fmt: skip


def test_one_text_says_that_nothing_was_reported(call: PhoneCall, records: Records) -> None:
    hangs_up(call.to_confirmation())
    (content,) = owed(records)
    written = json.loads(writer_of(records).write(content))
    assert written["to"] == a_holder().phone
    assert "尾号5678的社保卡，没有确认，卡没有挂失" in written["text"]
    assert "回复“挂失”" in written["text"]
    (text,) = records.notices(NoticeKind.TEXT)
    assert text.created_at > records.hotline.outbox.now() + 30, "who was cut off calls again"


def test_where_nobody_can_answer_it_does_not_ask_to(call: PhoneCall, records: Records) -> None:
    hangs_up(call.to_confirmation())
    (content,) = owed(records)
    words = json.loads(writer_of(records, are_answered=False).write(content))["text"]
    assert "请再拨12333" in words
    assert words.endswith("请勿回复。")


def test_in_the_language_of_the_call(call: PhoneCall, records: Records) -> None:
    hangs_up(call.dials().presses("2", "1", ID_KEYS))
    (content,) = owed(records)
    assert "NOT been reported" in writer_of(records).write(content)


def test_once_a_day_whoever_calls(twilio: Twilio, records: Records) -> None:
    for sid in (SID, OTHER_SID):
        hangs_up(PhoneCall(twilio, sid).to_confirmation())
    assert len(owed(records)) == 1


def test_twilio_may_tell_it_twice(call: PhoneCall, records: Records) -> None:
    call.to_confirmation()
    hangs_up(call)
    hangs_up(call)
    assert len(owed(records)) == 1


def test_a_text_that_could_not_be_owed_is_not_taken_for_told(
    call: PhoneCall, records: Records, redis: Redis
) -> None:
    """What is owed and that it was told today are written together, or neither is."""
    redis.set(keys.NOTICES_OPEN, "another kind of record")
    hangs_up(call.to_confirmation())
    assert owed(records) == []
    redis.delete(keys.NOTICES_OPEN)
    hangs_up(call)
    assert len(owed(records)) == 1


@pytest.mark.parametrize(
    "keys_pressed", [(), ("1",), ("1", "1"), ("1", "2"), ("1", "1", ID_KEYS, "2")]
)
def test_nobody_else_is_told(
    call: PhoneCall, records: Records, keys_pressed: tuple[str, ...]
) -> None:
    """Who did not come so far, or said no."""
    hangs_up(call.dials().presses(*keys_pressed))
    assert owed(records) == []


def test_who_has_reported_is_not(call: PhoneCall, records: Records) -> None:
    hangs_up(call.to_report())
    assert records.texts() == ["text_filed"]


def test_a_report_whose_answer_was_lost_is_one(call: PhoneCall, records: Records) -> None:
    """The call still asks, and the card is reported."""
    call.to_confirmation()
    records.reports_lost(a_holder())
    hangs_up(call)
    assert records.texts() == ["text_filed"]


def test_who_reports_it_meanwhile_is_not_told(call: PhoneCall, records: Records) -> None:
    hangs_up(call.to_confirmation())
    (content,) = owed(records)
    records.reports_lost(a_holder())
    with pytest.raises(OvertakenError):
        writer_of(records).write(content)


def test_an_hour_later_it_is_not_told(call: PhoneCall, records: Records) -> None:
    hangs_up(call.to_confirmation())
    (content,) = owed(records)
    with pytest.raises(OvertakenError):
        writer_of(records).write({**content, "until": 1})


def test_a_landline_is_sent_nothing(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url), a_holder(phone="+861065251234"))
    hangs_up(PhoneCall(Twilio(app)).to_confirmation())
    assert owed(Records(hotline_of(app))) == []


def test_who_has_not_proven_enough_causes_no_text(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, second_factor="card_tail"), a_holder())
    call = PhoneCall(Twilio(app)).dials().presses("1", "1", ID_KEYS)
    hangs_up(call)
    assert owed(Records(hotline_of(app))) == []


def test_its_record_goes_soon_when_it_is_closed(call: PhoneCall, records: Records) -> None:
    """It is of no report, so a removal would not find it."""
    hangs_up(call.to_confirmation())
    (text,) = records.notices(NoticeKind.TEXT)
    assert records.hotline.service.drop(text.id)
    assert records.notice(text.id).state is NoticeState.CLOSED
    assert 0 < records.hotline.redis.ttl(keys.notice(text.id)) <= keys.CLOSED_CODE_SECONDS


@pytest.mark.parametrize(("key", "language"), [("1", "zh"), ("2", "en")])
def test_the_language_of_a_call_is_that_of_later_texts(
    call: PhoneCall, records: Records, key: str, language: str
) -> None:
    report = records.reports_lost(a_holder())
    hangs_up(call.dials().presses(key, "2", ID_KEYS))
    assert records.hotline.spoken_languages.of(report.holder_ref) == language
