"""The same loss by telephone and by text: the same on record, and one report of both at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import NoticeKind
from ivr.store import keys
from ivr.store.codec import plain
from tests.bank_side import Records
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import PhoneCall, Twilio
from tests.web.test_texts import PHONE, Pocket

OF_THE_CHANNEL = ("channel", "origin", "by")
OF_CHANCE = ("number", "report_number", "report", "notice", "notice_id", "holder_ref", "card_ref",
             "card", "holder", "cards", "id", "sealed_body")  # fmt: skip
OF_THE_MOMENT = ("reported_at", "release_at", "changed_at", "created_at", "tried_since",
                 "timestamp", "social_security_release_at", "at")  # fmt: skip
LEFT_OUT = {*OF_THE_CHANNEL, *OF_CHANCE, *OF_THE_MOMENT}


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


def by_phone(app: Flask) -> None:
    call = PhoneCall(Twilio(app))
    call.caller = PHONE
    call.to_report()


def by_text(app: Flask) -> None:
    Pocket(Twilio(app)).texts("挂失").texts("是").reads("已挂失")


def without(known: Any) -> Any:
    """What is not of the channel, of chance or of the moment."""
    if isinstance(known, dict):
        return {n: without(v) for n, v in known.items() if plain(n) not in LEFT_OUT}
    return known


def on_record(app: Flask) -> dict[str, Any]:
    """All that a report leaves, field by field."""
    records, outbox = Records(hotline_of(app)), hotline_of(app).outbox
    (report,) = records.reports()
    owed = sorted(outbox.find_all(outbox.every_id()), key=lambda notice: notice.kind)
    entries: Any = hotline_of(app).redis.xrange(keys.JOURNAL)
    return {
        "report": without(asdict(report)),
        "block": without(asdict(records.block(report) or report)),
        "suspension": without(asdict(records.suspension(report) or report)),
        "lasts": report.release_at - report.reported_at,
        "notices": [without(asdict(notice)) for notice in owed],
        "told": [without(outbox.body(n)) for n in owed if n.kind is not NoticeKind.TEXT],
        "account": [
            (n := outbox.body(notice)["data"])["card"] | n["holder"]
            for notice in owed
            if notice.kind is NoticeKind.LOSS_REPORTED
        ],
        "texts": records.texts(),
        "reported": [without(f) for _, f in entries if f[b"event"] == b"loss_reported"],
    }


def test_the_same_loss_leaves_the_same_records(
    app: Flask, redis: Redis, redis_server: RedisServer
) -> None:
    by_phone(app)
    phoned = on_record(app)
    redis.flushall()
    other = an_app(settings(redis_server.url), a_holder())
    by_text(other)
    assert on_record(other) == phoned
    assert len(phoned["notices"]) == 2
    assert phoned["texts"] == ["text_filed"]


def test_both_at_the_same_instant_make_one_report(app: Flask) -> None:
    call, pocket = PhoneCall(Twilio(app)), Pocket(Twilio(app))
    call.caller = PHONE
    call.to_confirmation()
    pocket.texts("挂失")
    with ThreadPoolExecutor(2) as pool:
        called, texted = pool.submit(call.presses, "1"), pool.submit(pocket.texts, "是")
        called.result()
        texted.result()
    (report,) = Records(hotline_of(app)).reports()
    assert report.number in call.said
    assert report.number in pocket.said.replace(" ", "")
    assert on_record(app)["texts"] == ["text_filed"]


def test_a_yes_from_many_processes_makes_one_report(app: Flask) -> None:
    """Twilio repeats a request that it believes lost."""
    pocket = Pocket(Twilio(app))
    pocket.texts("挂失")
    phones = [Pocket(Twilio(app)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda phone: phone.texts("是", "SM" + "c" * 32), phones))
    (report,) = Records(hotline_of(app)).reports()
    assert {phone.said for phone in phones} == {phones[0].said}
    assert report.number in phones[0].said
