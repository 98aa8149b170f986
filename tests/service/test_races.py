"""Two things happen to one card in the same instant, on a real Redis, each by a hotline of its
own: whichever comes first, one consistent case is left, and nobody is told twice.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final

import pytest
from redis import Redis

from ivr.cards.acts.report import ReportRequest
from ivr.cards.acts.withdraw import Decision
from ivr.cards.bank_event import (
    FORMAL_LOSS,
    FORMAL_WITHDRAWN,
    LAPSED,
    REPLACED,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.errors import NotThisBanksError, UnknownCardError, UnlawfulTransitionError
from ivr.cards.loss import Suspension
from ivr.cards.notice import NoticeKind, Outcome
from ivr.store import keys
from tests.bank_side import Records, new_id
from tests.builders import SUBSCRIBERS, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.service.one_card import CARD, ZHANG, what_holds_of_one_card
from tests.store.records import check_whole

LI: Final = Decision("Li", "a prank")
NEW: Final = {"new_card_number": "B87654321", "new_bank_account": "6222029999990000"}
SAME: Final = {"new_card_number": CARD.number, "new_bank_account": "6222029999990000"}


@dataclass
class City:
    """Two processes on one Redis."""

    records: Records
    other: Hotline

    def tells(self, kind: str, hotline: Hotline, bank: str = "icbc", **named: str) -> None:
        event = BankEvent(new_id(), bank, kind, int(time.time()), card_number=CARD.number, **named)
        with suppress(UnlawfulTransitionError, NotThisBanksError):
            hotline.service.hear(event)

    def reports(self, hotline: Hotline) -> None:
        known = hotline.service.look_up(ZHANG.id_number)
        assert known is not None
        wish = ReportRequest(known.ref, self.records.card_ref(CARD), "phone", new_id(), "zh")
        with suppress(UnknownCardError):  # it has just been replaced
            hotline.service.report_loss(wish, known)

    def sweeps(self, hotline: Hotline) -> None:
        """While the suspension ends."""
        for _ in range(10):
            hotline.service.release_due()
            time.sleep(0.001)

    def withdraws(self, hotline: Hotline) -> None:
        for report in self.records.reports():
            hotline.service.withdraw(report.number, LI)


Deed = Callable[[City, Hotline], None]
DEEDS: Final[dict[str, Deed]] = {
    "a caller": City.reports,
    "another bank": lambda city, hotline: city.tells(UNBLOCKED, hotline, "ccb"),
    "an operator": City.withdraws,
    "unblocked": lambda city, hotline: city.tells(UNBLOCKED, hotline),
    "lapsed": lambda city, hotline: city.tells(LAPSED, hotline),
    "taken": lambda city, hotline: city.tells(TEMPORARY_LOSS, hotline),
    "formal loss": lambda city, hotline: city.tells(FORMAL_LOSS, hotline),
    "formal withdrawn": lambda city, hotline: city.tells(FORMAL_WITHDRAWN, hotline),
    "replaced": lambda city, hotline: city.tells(REPLACED, hotline, **NEW),
    "replaced, the same number": lambda city, hotline: city.tells(REPLACED, hotline, **SAME),
}


def nothing(_city: City) -> None:
    """The card is normal."""


def notified(city: City) -> None:
    city.reports(city.records.hotline)


def blocked(city: City) -> None:
    city.reports(city.records.hotline)
    (report,) = city.records.reports()
    city.records.bank_answers(report, Outcome.BLOCKED)


def formally_lost(city: City) -> None:
    city.tells(FORMAL_LOSS, city.records.hotline)


STARTS: Final[tuple[Callable[[City], None], ...]] = (nothing, notified, blocked, formally_lost)
RULES: Final = "formal_loss_may_be_withdrawn = true"


@pytest.fixture
def other_redis(redis_server: RedisServer) -> Iterator[Redis]:
    with redis_server.client() as client:
        yield client


def a_city(redis: Redis, other: Redis) -> City:
    redis.flushall()
    one = settings("unix:///unused", rules=RULES, subscribers=SUBSCRIBERS)
    records = Records(open_hotline(one, redis))
    records.enrols(ZHANG)
    return City(records, open_hotline(one, other))


def at_once(city: City, *deeds: Deed) -> None:
    """Each by a hotline of its own, in the same instant."""
    ready = threading.Barrier(len(deeds))

    def does(deed: Deed, hotline: Hotline) -> None:
        ready.wait()
        deed(city, hotline)

    with ThreadPoolExecutor(len(deeds)) as pool:
        both = zip(deeds, (city.records.hotline, city.other), strict=True)
        for done in [pool.submit(partial(does, deed, hotline)) for deed, hotline in both]:
            done.result()


def nobody_is_told_twice(city: City, *names: str) -> None:
    """Of each report there is one notice and one text of each kind, and one line in the journal;
    each subscriber is told once of what began, ended or took its place. Only a formal loss that a
    deed of these withdraws may begin once more, by another.
    """
    outbox = city.records.hotline.outbox
    told = []
    for notice in outbox.find_all(sorted(outbox.every_id())):
        body = outbox.body(notice)
        said = body.get("prompt") or body["data"].get("new_card_number")
        told.append((notice.report_number, notice.kind, notice.bank, said))
    if {"formal loss", "formal withdrawn"} <= set(names):
        kinds = [kind for _, kind, *_ in told]
        if kinds.count(NoticeKind.FORMAL_LOSS) == 2 and NoticeKind.RELEASED in kinds:
            told.remove(next(each for each in told if each[1] is NoticeKind.FORMAL_LOSS))
    assert len(told) == len(set(told)), told
    journal = city.records.journal()
    assert journal.count("loss_reported") == len(city.records.reports())


def check(city: City, *names: str) -> None:
    """names: of the deeds that were done at once."""
    hotline = city.records.hotline
    what_holds_of_one_card(city.records)
    nobody_is_told_twice(city, *names)
    assert check_whole(hotline.redis, hotline.holders, hotline.vault) == 1


@pytest.mark.parametrize("pair", list(combinations(DEEDS, 2)), ids=" against ".join)
def test_two_at_once(redis: Redis, other_redis: Redis, pair: tuple[str, str]) -> None:
    for start in STARTS * 2:
        city = a_city(redis, other_redis)
        start(city)
        at_once(city, *(DEEDS[name] for name in pair))
        check(city, *pair)


@pytest.mark.parametrize("name", DEEDS)
def test_the_same_twice_at_once(redis: Redis, other_redis: Redis, name: str) -> None:
    for start in STARTS * 2:
        city = a_city(redis, other_redis)
        start(city)
        at_once(city, DEEDS[name], DEEDS[name])
        check(city)


@pytest.mark.parametrize("name", DEEDS)
@pytest.mark.parametrize("start", [notified, blocked])
def test_against_the_release(
    redis: Redis, other_redis: Redis, start: Callable[[City], None], name: str
) -> None:
    """Redis ends the suspension by itself, just then."""
    for milliseconds in (1, 2, 3, 5):
        city = a_city(redis, other_redis)
        start(city)
        before = city.records.suspension(CARD)
        redis.pexpire(keys.loss(city.records.card_ref(CARD)), milliseconds)
        at_once(city, DEEDS[name], City.sweeps)
        while not is_over(city, before):
            time.sleep(0.001)
        city.records.hotline.service.release_due()
        check(city)


def is_over(city: City, suspension: Suspension | None) -> bool:
    """Whether that suspension does not hold the card any more."""
    return city.records.suspension(CARD) != suspension
