"""A card that an import moves to another city while it is suspended: whose list it stands on, what
a check says, and who is told of its end; on a real Redis.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any, Final

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.acts.withdraw import Decision
from ivr.cards.records import Holder
from ivr.store import keys
from ivr.store.cases import Guard
from ivr.store.looks import Look
from tests.bank_side import BankSide, Records, reissued
from tests.builders import SUBSCRIBERS, a_card, a_holder, an_app, enrol, hotline_of, settings
from tests.redis_server import RedisServer
from tests.subscriber_side import SubscriberSide

ZHANG: Final = a_holder()
(CARD,) = ZHANG.cards
MOVED: Final = a_holder(replace(CARD, city_code="330106"))
RULES: Final = "formal_loss_may_be_withdrawn = true\ndecoupling_ends_suspension = true"
SUSPENDED: Final = [CARD.number]


class City:
    """Beijing's card centre, and that of Hangzhou, where the card moves to."""

    def __init__(self, app: Flask) -> None:
        self.records = Records(hotline_of(app))
        self.bank = BankSide(app, "icbc")
        self.left, self.new = SubscriberSide(app, "centre"), SubscriberSide(app, "elsewhere")
        self.both = SubscriberSide(app, "clinic")

    def moves(self, holder: Holder = MOVED) -> None:
        enrol(self.records.hotline, holder)

    def lists(self) -> tuple[list[Any], list[Any]]:
        """The numbers on the list of the city it left, and of the new one."""
        return self.numbers(self.left), self.numbers(self.new)

    def numbers(self, whose: SubscriberSide) -> list[Any]:
        return [each["card_number"] for each in whose.every_suspension()]

    def index(self) -> list[bytes]:
        found: Any = self.records.hotline.redis.zrange(keys.SUSPENDED, 0, -1)
        return list(found)

    def on(self, *cities: str) -> list[bytes]:
        ref = self.records.card_ref(CARD)
        return [f"{city}:{ref}".encode() for city in cities]


@pytest.fixture
def city(redis: Redis, redis_server: RedisServer) -> City:
    assert redis.dbsize() == 0
    return City(an_app(settings(redis_server.url, rules=RULES, subscribers=SUBSCRIBERS), ZHANG))


def test_it_stands_on_the_list_of_the_city_it_is_in_now(city: City) -> None:
    city.records.reports_lost(ZHANG)
    assert city.lists() == (SUSPENDED, [])
    city.moves()
    assert city.lists() == ([], SUSPENDED)
    assert city.index() == city.on("3301")
    city.moves(ZHANG)
    assert city.lists() == (SUSPENDED, [])


def test_a_check_is_answered_by_the_city_of_now(city: City) -> None:
    city.records.reports_lost(ZHANG)
    city.moves()
    assert city.new.hears(CARD)["suspended"] is True
    assert city.left.hears(CARD) == {"suspended": False}


def test_a_move_is_no_event(city: City) -> None:
    """It is suspended still: nobody is told that it is not, nor that it is again."""
    city.records.reports_lost(ZHANG)
    city.moves()
    assert [body["type"] for body in city.left.owed()] == ["card.suspended"]
    assert city.new.owed() == []


def test_a_card_that_is_not_suspended_comes_on_no_list(city: City) -> None:
    report = city.records.reports_lost(ZHANG)
    city.records.hotline.redis.delete(keys.loss(report.card_ref))
    city.moves()
    assert city.index() == []


ENDS: Final[dict[str, Callable[[City], object]]] = {
    "by time": lambda city: (
        city.records.hotline.redis.delete(keys.loss(city.records.card_ref(CARD))),
        city.records.hotline.redis.zadd(keys.DEADLINES, {city.records.reports()[0].number: 1}),
        city.records.hotline.service.release_due(),
    ),
    "withdrawn": lambda city: city.records.hotline.service.withdraw(
        city.records.reports()[0].number, Decision("Li", "a prank")
    ),
    "decoupled": lambda city: city.bank.unblocked(CARD, time.time() + 1),
}


def test_of_a_card_that_nobody_can_read_the_city_it_was_reported_in_is_told(city: City) -> None:
    report = city.records.reports_lost(ZHANG)
    city.records.hotline.redis.set(keys.card(report.card_ref), "x")
    ENDS["withdrawn"](city)
    assert "card.report_withdrawn" in [body["type"] for body in city.left.owed()]


@pytest.mark.parametrize("end", ENDS)
def test_the_city_of_now_is_told_of_the_end(city: City, end: str) -> None:
    city.records.reports_lost(ZHANG)
    city.moves()
    ENDS[end](city)
    assert len(city.new.owed()) == 1
    assert city.index() == []
    assert city.lists() == ([], [])


def test_a_formal_loss_goes_along(city: City) -> None:
    city.bank.formally_lost(CARD, time.time())
    city.moves()
    assert city.lists() == ([], SUSPENDED)
    city.bank.replaced(CARD, reissued(CARD, "B12345678"), time.time() + 2)
    assert city.lists() == ([], [])
    assert [body["type"] for body in city.new.owed()] == ["card.replaced"]


def test_a_new_card_keeps_the_city_that_an_import_brought(city: City) -> None:
    """It was lost itself before its bank told that it replaces another."""
    new = replace(a_card("4321", head="B8765"), city_code="330106")
    city.moves(a_holder(new))
    city.records.reports_lost(a_holder(new))
    city.bank.replaced(CARD, new, time.time() + 1)
    assert city.lists() == ([], [new.number])
    assert city.new.hears(new)["suspended"] is True


def test_a_list_that_nobody_can_write_stops_no_import(city: City, redis: Redis) -> None:
    city.records.reports_lost(ZHANG)
    redis.delete(keys.SUSPENDED)
    redis.set(keys.SUSPENDED, "x")
    city.moves()
    assert city.new.hears(CARD)["suspended"] is True


@pytest.mark.parametrize("is_legacy", [False, True])
def test_a_removed_holder_comes_back_in_another_city(city: City, is_legacy: bool) -> None:
    report = city.records.reports_lost(ZHANG)
    if is_legacy:
        forgets_the_city(city)
    look = Look("operator", "Li", "cardholders remove")
    city.records.hotline.removal.remove(report.holder_ref, look)
    assert city.lists() == ([], [])
    city.moves()
    assert city.numbers(city.both) == SUSPENDED
    assert city.lists() == ([], SUSPENDED)
    assert city.index() == city.on("3301")


def test_a_card_whose_city_was_not_kept_moves_like_any_other(city: City) -> None:
    city.records.reports_lost(ZHANG)
    forgets_the_city(city)
    assert city.lists() == (SUSPENDED, [])
    city.moves()
    assert city.numbers(city.both) == SUSPENDED
    assert city.lists() == ([], SUSPENDED)
    assert city.index() == city.on("3301")


def test_an_end_is_told_to_the_city_that_an_import_brings_meanwhile(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import comes after the card's city was read, and before the end is committed."""
    city.records.reports_lost(ZHANG)
    holders = city.records.hotline.holders
    read = holders.city_of

    def city_of(card_ref: str) -> tuple[str, tuple[Guard, ...]]:
        found = read(card_ref)
        city.moves()
        return found

    monkeypatch.setattr(holders, "city_of", city_of)
    ENDS["withdrawn"](city)
    assert [body["type"] for body in city.new.owed()] == ["card.report_withdrawn"]
    assert city.index() == []


def forgets_the_city(city: City) -> None:
    """Its record is one from before the city was kept there."""
    ref = city.records.card_ref(CARD)
    owner = city.records.hotline.holders.owner_of(ref)
    assert owner is not None
    city.records.hotline.redis.set(keys.card(ref), owner._replace(city="").record)


DEEDS: Final[dict[str, Callable[[City], object]]] = {
    "a report": lambda city: city.records.reports_lost(ZHANG),
    "a formal loss": lambda city: city.bank.formally_lost(CARD, time.time() + 1),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_whichever_is_first_one_list_has_it(
    redis: Redis, redis_server: RedisServer, deed: str
) -> None:
    for _ in range(10):
        redis.flushall()
        known = settings(redis_server.url, rules=RULES, subscribers=SUBSCRIBERS)
        city, importer = City(an_app(known, ZHANG)), hotline_of(an_app(known))
        at_once(partial(DEEDS[deed], city), partial(enrol, importer, MOVED))
        assert city.index() == city.on("3301")


def at_once(*deeds: Callable[[], object]) -> None:
    ready = Barrier(len(deeds))

    def does(deed: Callable[[], object]) -> None:
        ready.wait()
        deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        for done in [pool.submit(does, deed) for deed in deeds]:
            done.result()
