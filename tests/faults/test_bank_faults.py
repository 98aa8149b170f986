"""A bank that answers badly, late, or not at all, each way by itself; and one long gone."""

from collections.abc import Iterator
from typing import Any

import pytest

from ivr.cards.records import Holder
from simulator.engine import HttpTransport
from tests.faults.callers import Caller, Tally
from tests.faults.city import BANKS, City, a_city
from tests.faults.endings import ask_again
from tests.faults.healing import Stopwatch
from tests.faults.scale import BANK_SECONDS, LONG, SEED
from tests.faults.storm import judge, these_call
from tests.faults.tripwire import wait_until
from tests.hotline import is_paused

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

Behaviour = dict[str, Any]
WAYS: list[Behaviour] = [
    {"kind": "late", "seconds": BANK_SECONDS + 2},  # 200, after our timeout
    {"kind": "hang"},
    {"kind": "reset"},
    {"kind": "down"},
    {"kind": "garbage", "form": "megabyte"},
    {"kind": "garbage", "form": "broken"},
    {"kind": "garbage", "form": "cut"},
    {"kind": "throttle", "retry_after": 6},
    {"kind": "throttle", "retry_after": 2, "as_date": True},
    {"kind": "fail", "status": 408},
    {"kind": "fail", "status": 503},
    {"kind": "acknowledge_later", "after_seconds": 1},
]


def test_each_way_to_answer_badly() -> None:
    """Two notices meet each; all of them end in one block and the bank's own word of it."""
    with a_city(2 * len(WAYS), SEED) as city:
        tally = Tally()
        for place, way in enumerate(WAYS):
            _meets(city, tally, way, city.holders[2 * place : 2 * place + 2])
        ask_again(city)
        judge(city, tally, "each way to answer badly", ways=len(WAYS))


def _meets(city: City, tally: Tally, way: Behaviour, holders: list[Holder]) -> None:
    """The next notices of these holders, and no others, are answered in that way."""
    for holder in holders:
        bank = holder.cards[0].bank
        city.bank.client.mixes(bank, [{**way, "count": 1}])
        caller = Caller(city.base_url, holder, tally, HttpTransport())
        assert caller.calls_once().heard == "filed"
        _wait_until_met(city, bank)


def _wait_until_met(city: City, bank: str) -> None:
    wait_until(lambda: city.bank.client.behaviour(bank) == [], "the behaviour to be met")


@pytest.fixture
def city() -> Iterator[City]:
    with a_city(120 if LONG else 20, SEED) as running:
        yield running


def test_a_bank_is_gone_for_long(city: City) -> None:
    """After ten failures in ten seconds only a probe goes out; when the bank is back, everything
    that waited goes out at once, whatever the list says.
    """
    tally = Tally()
    stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
    city.bank.kill()
    these_call(city, city.holders, tally=tally)
    wait_until(lambda: all(is_paused(city.hotline, bank) for bank in BANKS), "both banks paused")
    city.bank.start()
    stopwatch.starts("bank is back after a pause")
    judge(city, tally, "bank gone for long", stopwatch)
    assert not any(is_paused(city.hotline, bank) for bank in BANKS)
