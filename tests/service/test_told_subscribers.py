"""Subscribers are told of each step of a card's suspension, once, with the change or not at all:
the whole hotline on a real Redis.
"""

import time
from dataclasses import replace
from typing import Any, Final

import pytest
from redis import Redis

from ivr.cards.acts.withdraw import Decision
from ivr.cards.notice import NoticeKind, NoticeState, subscriber
from ivr.cards.notice_bodies import iso
from ivr.cards.records import CardState
from ivr.store import keys
from ivr.store.outbox import queue_of
from tests.bank_side import BankSide, Records, reissued
from tests.builders import SUBSCRIBERS, a_holder, an_app, hotline_of, settings
from tests.hotline import claimed
from tests.redis_server import RedisServer
from tests.subscriber_side import SubscriberSide

ZHANG: Final = a_holder()
CARD: Final = ZHANG.cards[0]
LI: Final = Decision("Li", "a prank")
RULES: Final = "formal_loss_may_be_withdrawn = true\ndecoupling_ends_suspension = true"


class City:
    """A bank, two card centres, and a clinic that only asks."""

    def __init__(self, server: RedisServer, *, rules: str = RULES) -> None:
        app = an_app(settings(server.url, rules=rules, subscribers=SUBSCRIBERS), ZHANG)
        self.records = Records(hotline_of(app))
        self.bank = BankSide(app, "icbc")
        self.centre, self.elsewhere, self.clinic = (
            SubscriberSide(app, name) for name in ("centre", "elsewhere", "clinic")
        )

    def told(self) -> list[str]:
        """The types of what the centre of the card's city is told; nobody else is told anything."""
        assert self.elsewhere.owed() == self.clinic.owed() == []
        return sorted(body["type"] for body in self.centre.owed())

    def data(self, kind: str) -> dict[str, Any]:
        (found,) = [body["data"] for body in self.centre.owed() if body["type"] == kind]
        assert found.pop("card_number") == CARD.number
        assert abs(time.time() - moment(found.pop("at"))) < 60
        return dict(found)


def moment(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


@pytest.fixture
def city(redis: Redis, redis_server: RedisServer) -> City:
    assert redis.dbsize() == 0
    return City(redis_server)


def test_a_report_and_its_end(city: City) -> None:
    report = city.records.reports_lost(ZHANG)
    assert city.data("card.suspended") == {"until": iso(report.release_at)}
    city.records.seven_days_pass(report)
    city.records.hotline.service.release_due()
    assert city.told() == ["card.released", "card.suspended"]
    assert city.data("card.released") == {}


def test_a_report_and_its_withdrawal(city: City) -> None:
    report = city.records.reports_lost(ZHANG)
    for _ in range(2):
        city.records.hotline.service.withdraw(report.number, LI)
    assert city.told() == ["card.report_withdrawn", "card.suspended"]


def test_a_report_of_the_bank_and_decoupling(city: City) -> None:
    at = int(time.time()) - 3600
    for event in ("evt_1", "evt_1", "evt_2"):
        city.bank.takes_report(CARD, at, event)
    assert city.data("card.suspended") == {"until": iso(at + 604_800)}
    city.bank.unblocked(CARD, time.time())
    assert city.told() == ["card.released", "card.suspended"]


def test_the_bank_s_report_that_runs_out(city: City) -> None:
    city.bank.takes_report(CARD, time.time())
    (report,) = city.records.reports()
    city.records.seven_days_pass(report)
    assert city.told() == ["card.released", "card.suspended"]


def test_where_decoupling_ends_nothing_it_is_not_told(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    city = City(redis_server, rules="decoupling_ends_suspension = false")
    city.records.reports_lost(ZHANG)
    city.bank.unblocked(CARD, time.time() + 1)
    assert city.told() == ["card.suspended"]
    city.records.reports_lost(ZHANG)  # again, until the same moment
    assert city.told() == ["card.suspended"]


def test_a_formal_loss_and_its_withdrawal(city: City) -> None:
    city.records.reports_lost(ZHANG)
    city.bank.formally_lost(CARD, time.time() + 1)
    assert city.data("card.formal_loss") == {"until": None}
    told = {"card_number": CARD.number, "at": iso(time.time() + 2), "outlet": "7"}
    city.bank.tells("formal_loss.withdrawn", told)
    assert city.told() == ["card.formal_loss", "card.released", "card.suspended"]


def test_a_new_card(city: City) -> None:
    city.records.reports_lost(ZHANG)
    city.bank.replaced(CARD, reissued(CARD, "B12345678"), time.time() + 1)
    assert city.data("card.replaced") == {"new_card_number": "B12345678"}
    assert city.told() == ["card.replaced", "card.suspended"]


def test_a_formal_loss_of_the_directory_alone_was_never_told(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    city = City(redis_server)
    lost = replace(CARD, state=CardState.FORMAL_LOSS)
    city.records.enrols(replace(ZHANG, cards=(lost,)))
    told = {"card_number": CARD.number, "at": iso(time.time()), "outlet": "7"}
    assert city.bank.tells("formal_loss.withdrawn", told).get_json() == {"status": "applied"}
    assert city.told() == []


def test_when_the_first_notice_is_gone_the_directory_names_the_card(
    city: City, redis: Redis
) -> None:
    report = city.records.reports_lost(ZHANG)
    redis.delete(keys.notice(report.notice_id))
    city.records.seven_days_pass(report)
    assert city.told() == ["card.released", "card.suspended"]


def test_of_a_holder_who_left_too_the_release_goes_on(city: City, redis: Redis) -> None:
    report = city.records.reports_lost(ZHANG)
    redis.delete(keys.notice(report.notice_id), *redis.keys("holder:*"), *redis.keys("card:*"))
    city.records.seven_days_pass(report)
    assert city.records.report_state(report) == "released"
    assert city.told() == ["card.suspended"]


def test_it_is_a_notice_like_any_other(city: City) -> None:
    """In a queue of its own, under a name that no bank can have."""
    report = city.records.reports_lost(ZHANG)
    hotline = city.records.hotline
    who = subscriber("centre")
    assert queue_of(who) == "subscriber-centre"
    (claim,) = claimed(hotline, "subscriber-centre")
    assert (claim.notice.kind, claim.notice.bank) == (NoticeKind.SUSPENDED, who)
    assert claim.notice.report_number == report.number
    assert claim.notice.id in hotline.outbox.ids_of(report.number)
    assert hotline.outbox.banks() == {"icbc", who}
    assert claim.notice.state is NoticeState.OPEN
    standings = hotline.condition.figures().standings
    assert (standings[who].owed, standings["icbc"].owed) == (1, 1)
    assert hotline.condition.queues_without_a_worker()["subscriber-centre"] == "subscriber centre"
    assert "subscriber-clinic" not in hotline.condition.queues_without_a_worker()


def test_a_ping(city: City) -> None:
    notice = city.records.notice(city.records.hotline.service.ping(subscriber("centre")))
    assert (notice.queue, notice.kind) == ("subscriber-centre", NoticeKind.PING)


def test_one_that_left_the_file_with_notices_open_is_named(city: City) -> None:
    city.records.reports_lost(ZHANG)
    known = city.records.hotline.settings
    gone = known.model_copy(update={"subscribers": {}})
    left = type(city.records.hotline).open(gone).condition.banks_left_behind()
    assert left == {"subscriber:centre": 1}
