"""The same loss by telephone and on the website: the same is on record, field by field."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import Notice
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.web.card_site import Browser, entries
from tests.web.conftest import PhoneCall, Twilio

Reports = Callable[[Flask], object]


def by_telephone(app: Flask) -> object:
    return PhoneCall(Twilio(app)).to_report()


def on_the_website(app: Flask) -> object:
    return Browser(app).to_receipt()


def left_by(app: Flask) -> dict[str, Any]:
    """All that a report leaves, but for what is another each time: numbers, ids and moments."""
    hotline, report = hotline_of(app), Town(app).the_report()
    reading = hotline.cases.of_card(report.card_ref)
    suspension, block = reading.case.suspension, reading.case.block
    assert suspension is not None
    assert block is not None
    names = hotline.redis.zrange(keys.NOTICES_OPEN, 0, -1)
    notices = hotline.outbox.find_all([plain(name) for name in names])
    told = [notice for notice in notices if notice.report_number == report.number]
    return {
        "report": known(report), "suspension": known(suspension), "block": known(block),
        "lasts": report.release_at - report.reported_at,
        "seconds": hotline.redis.ttl(keys.loss(report.card_ref)) // 10,
        "notices": sorted((n.kind, n.queue, *told_in(app, n)) for n in told),
        "journal": [sorted(e) for e in entries(hotline.redis) if e["event"] != "looked_up"],
        "deadlines": hotline.redis.zcard(keys.DEADLINES),
        "blocks": hotline.redis.zcard(keys.blocks(report.bank)),
    }  # fmt: skip


DIFFER = ("number", "report_number", "origin", "channel", "notice_id", "at")


def known(record: object) -> dict[str, Any]:
    return {
        name: value for name, value in vars(record).items()
        if name not in DIFFER and not name.endswith("_at")
    }  # fmt: skip


def told_in(app: Flask, notice: Notice) -> list[str]:
    """The fields of a notice, and what they say where that is the same each time."""
    body: Mapping[str, Any] = hotline_of(app).outbox.body(notice)
    inside = body.get("data", body)
    return [f"{name}: {inside[name]}" if name in ("card", "holder", "kind", "action", "prompt")
            else name for name in sorted(inside)]  # fmt: skip


@pytest.fixture
def apps(redis: Redis, redis_server: RedisServer) -> Callable[[], Flask]:
    """Each time a hotline on an empty Redis, with the same holder; keys of its own."""
    kept = settings(redis_server.url)

    def fresh() -> Flask:
        redis.flushall()
        return an_app(kept, a_holder())

    return fresh


def test_the_same_loss_leaves_the_same_records(apps: Callable[[], Flask]) -> None:
    left = []
    for reports in (by_telephone, on_the_website):
        reports(app := apps())
        left.append(without_references(left_by(app)))
    assert left[0] == left[1]
    assert len(left[0]["notices"]) == 2, "one for the bank, one text"


def without_references(left: dict[str, Any]) -> dict[str, Any]:
    """An empty Redis gives other references to the same people."""
    for record in ("report", "block", "suspension"):
        left[record] = {n: v for n, v in left[record].items() if not n.endswith("_ref")}
    return left


@pytest.mark.parametrize("first", [by_telephone, on_the_website])
def test_who_is_second_hears_of_the_first(app: Flask, first: Reports) -> None:
    first(app)
    number = Town(app).the_report().number
    call = PhoneCall(Twilio(app), "CA" + "7" * 32).dials()
    call.presses("1", "1", "11010519491231002*").hears("已经挂失", f"编号{number}")
    Browser(app).enters().proves().sees("已经挂失", f"编号{number}")
    Town(app).the_report()


def test_the_two_differ_in_channel_and_origin_alone(apps: Callable[[], Flask]) -> None:
    seen = {}
    for reports in (by_telephone, on_the_website):
        reports(app := apps())
        report = Town(app).the_report()
        seen[report.channel] = report.origin
    assert seen.keys() == {"phone", "web"}
    assert len(seen["web"]) == 32
