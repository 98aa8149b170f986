"""The same loss by telephone, on the website and by text: the same is on record, field by field."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import combinations
from typing import Any, Final

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.loss import LossReport
from ivr.cards.notice import Notice
from ivr.cards.notice_bodies import iso
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import a_holder, an_app, enrol, hotline_of, settings
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.web.card_site import Browser, entries
from tests.web.conftest import PhoneCall, Twilio
from tests.web.test_texts import Pocket

Reports = Callable[[Flask], object]
TIMES: Final = 50  # that two channels report at one moment, of each pair


def by_telephone(app: Flask) -> object:
    return PhoneCall(Twilio(app)).to_report()


def on_the_website(app: Flask) -> object:
    return Browser(app).to_receipt()


def by_text(app: Flask) -> object:
    return Pocket(Twilio(app)).texts("挂失").texts("是").reads("已挂失")


CHANNELS: Final[Mapping[str, Reports]] = {
    "phone": by_telephone, "web": on_the_website, "text": by_text,
}  # fmt: skip
# Which channel it was, the request, and who asked: nothing else may differ.
DIFFER: Final = ("channel", "origin", "by")


def left_by(app: Flask) -> Any:
    """All that a report leaves; numbers, ids and moments, others each time, are named."""
    hotline, report = hotline_of(app), Town(app).the_report()
    case = hotline.cases.of_card(report.card_ref).case
    assert case.suspension is not None
    assert case.block is not None
    notices = notices_of(app, report)
    left = {
        "report": asdict(report),
        "suspension": asdict(case.suspension),
        "block": asdict(case.block),
        "notices": [
            {**asdict(n), "sealed_body": hotline.outbox.body(n), "due": due_of(app, n)}
            for n in notices
        ],
        "journal": [e for e in entries(hotline.redis) if e["event"] != "looked_up"],
        "deadlines": hotline.redis.zrange(keys.DEADLINES, 0, -1, withscores=True),
        "blocks": hotline.redis.zrange(keys.blocks(report.bank), 0, -1, withscores=True),
        "minutes": -(-Town(app).seconds_left(report) // 60),
    }  # fmt: skip
    names = {report.number: "the number"}
    names |= {notice.id: f"notice {place}" for place, notice in enumerate(notices)}
    for at, name in ((report.reported_at, "reported"), (report.release_at, "released")):
        names |= {str(at): name, str(float(at)): name, iso(at): name}
    return named(left, names)


def named(value: Any, names: Mapping[str, str]) -> Any:
    """The same with names for what differs by itself, and without what may differ."""
    match value:
        case dict():
            return {key: named(inner, names) for key, inner in value.items() if key not in DIFFER}
        case list() | tuple():
            return [named(inner, names) for inner in value]
    text = plain(value) if isinstance(value, bytes) else str(value)
    return names.get(text, text)


def notices_of(app: Flask, report: LossReport) -> list[Notice]:
    found = [notice for notice in all_open(app) if notice.report_number == report.number]
    return sorted(found, key=lambda notice: notice.queue)


def all_open(app: Flask) -> list[Notice]:
    names = hotline_of(app).redis.zrange(keys.NOTICES_OPEN, 0, -1)
    return list(hotline_of(app).outbox.find_all([plain(name) for name in names]))


def due_of(app: Flask, notice: Notice) -> Any:
    return hotline_of(app).redis.zscore(keys.NOTICES_OPEN, notice.id)


@pytest.fixture
def fresh(redis: Redis, redis_server: RedisServer) -> Callable[[], Flask]:
    """Each time the hotline with the same holder and no report; references stay what they are."""
    app = an_app(settings(redis_server.url))

    def wiped() -> Flask:
        names = {plain(name) for name in redis.scan_iter()} - {keys.VAULT}
        for name in names:
            redis.delete(name)
        enrol(hotline_of(app), a_holder())
        return app

    return wiped


@pytest.mark.parametrize("other", ["web", "text"])
def test_the_same_loss_leaves_the_same_records(fresh: Callable[[], Flask], other: str) -> None:
    left = []
    for channel in ("phone", other):
        CHANNELS[channel](app := fresh())
        assert Town(app).the_report().channel == channel
        left.append(left_by(app))
    assert left[0] == left[1]
    assert [n["queue"] for n in left[0]["notices"]] == ["bank-icbc", "texts"]


def test_no_more_than_these_differ(fresh: Callable[[], Flask]) -> None:
    """The comparison leaves out three fields and no more."""
    by_telephone(app := fresh())
    report = asdict(Town(app).the_report())
    assert report.keys() - left_by(app)["report"].keys() == {"channel", "origin"}
    filed = [e for e in entries(hotline_of(app).redis) if e["event"] == "loss_reported"]
    (told,) = [e for e in left_by(app)["journal"] if e["event"] == "loss_reported"]
    assert filed[0].keys() - told.keys() <= set(DIFFER)


@pytest.mark.parametrize("first", CHANNELS)
def test_who_is_second_hears_of_the_first(app: Flask, first: str) -> None:
    CHANNELS[first](app)
    number = Town(app).the_report().number
    call = PhoneCall(Twilio(app), "CA" + "7" * 32).dials()
    call.presses("1", "1", "11010519491231002*").hears("已经挂失", f"编号{number}")
    Browser(app).enters().proves().sees("已经挂失", f"编号{number}")
    pocket = Pocket(Twilio(app)).texts("挂失", sid="SM" + "7" * 32)
    pocket.reads("已临时挂失", f"挂失编号{number[:4]} {number[4:]}")
    Town(app).the_report()


def before_the_report(app: Flask, channel: str) -> Callable[[], object]:
    """Everything up to the last key, form or text; what is returned sends it."""
    if channel == "phone":
        call = PhoneCall(Twilio(app)).to_confirmation()
        return lambda: call.presses("1")
    if channel == "web":
        browser = Browser(app).to_check()
        return browser.fills
    pocket = Pocket(Twilio(app)).texts("挂失")
    return lambda: pocket.texts("是")


@pytest.mark.parametrize("pair", [*combinations(CHANNELS, 2), tuple(CHANNELS)])
def test_at_the_same_instant_one_report_is_made(
    fresh: Callable[[], Flask], pair: tuple[str, ...]
) -> None:
    """One of them files, the others hear of it; one notice to the bank, one text."""
    for _ in range(TIMES):
        app = fresh()
        ready = [before_the_report(app, channel) for channel in pair]
        at_once(ready)
        report = Town(app).the_report()
        assert report.channel in pair
        assert [n.queue for n in notices_of(app, report)] == ["bank-icbc", "texts"]
        about = [n.report_number for n in all_open(app) if n.report_number]
        assert about == [report.number] * 2
        events = [e["event"] for e in entries(hotline_of(app).redis)]
        assert events.count("loss_reported") == 1


def at_once(deeds: list[Callable[[], object]]) -> None:
    """All of them at one moment, each in a thread."""
    gate = threading.Barrier(len(deeds))

    def does(deed: Callable[[], object]) -> object:
        gate.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        list(pool.map(does, deeds))
