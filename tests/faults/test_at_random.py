"""Kills and breaks real processes at random while callers report lost cards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.faults.callers import Tally
from tests.faults.city import BANKS, City, a_city
from tests.faults.deeds import Deeds
from tests.faults.endings import ask_again
from tests.faults.healing import Stopwatch
from tests.faults.scale import BANK_SECONDS, LONG, SEED
from tests.faults.storm import Storm, everybody_calls, judge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

Choice = Callable[[Deeds], list[Callable[[], None]]]


@contextmanager
def a_storm(city: City, choice: Choice, every: int) -> Iterator[tuple[Storm, Tally, Deeds]]:
    """A storm of these deeds over a city, with its stopwatch running."""
    tally, rng = Tally(), Random(SEED)
    stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
    deeds = Deeds(city, rng, stopwatch)
    yield Storm(rng, choice(deeds), every), tally, deeds


def killing(deeds: Deeds) -> list[Callable[[], None]]:
    return [
        deeds.kills_the_web,
        deeds.kills_a_web_worker,
        deeds.kills_a_web_worker_at_a_line,
        deeds.kills_the_worker,
        deeds.kills_one_delivery,
        deeds.kills_a_delivery_at_a_line,
        deeds.kills_the_sweep,
        deeds.flushes_the_queues,
    ]


def weather(city: City, name: str, choice: Choice, every: int) -> None:
    """Everybody calls through a storm; then the city must be whole."""
    with a_storm(city, choice, every) as (storm, tally, deeds):
        everybody_calls(city, storm, tally)
        city.redis_wire.clear()
        city.bank_wire.clear()
        judge(
            city,
            tally,
            name,
            deeds.stopwatch,
            deeds=storm.done,
            kills_at_lines=deeds.kills_at_spots,
        )


def test_nothing_breaks() -> None:
    """The floor: what it is like when nothing goes wrong, and texts are sent exactly once."""
    with a_city(200 if LONG else 12, SEED, wired=True) as city:
        tally = everybody_calls(city)
        findings = judge(city, tally, "calm")
        assert tally.heard == {"filed": len(city.holders)}
        assert findings.texts_again == 0


def test_processes_are_killed_at_random() -> None:
    with a_city(2000 if LONG else 40, SEED, wired=True) as city:
        weather(city, "killed at random", killing, every=8)


def test_redis_is_killed_at_random() -> None:
    with a_city(400 if LONG else 40, SEED, wired=True) as city:
        weather(
            city,
            "Redis killed",
            lambda deeds: [deeds.restarts_redis, deeds.kills_one_delivery],
            every=10 if LONG else 20,
        )


MISBEHAVIOUR = [
    {"kind": "fail", "status": 503, "probability": 0.1},
    {"kind": "reset", "probability": 0.1},
    {"kind": "garbage", "form": "broken", "probability": 0.05},
    {"kind": "garbage", "form": "cut", "probability": 0.05},
    {"kind": "throttle", "retry_after": 1, "probability": 0.1},
    {"kind": "late", "seconds": BANK_SECONDS + 1, "probability": 0.05},
]


def test_the_bank_misbehaves_at_random() -> None:
    with a_city(300 if LONG else 20, SEED, wired=True) as city:
        for bank in BANKS:
            city.bank.client.mixes(bank, MISBEHAVIOUR)
        with a_storm(
            city,
            lambda deeds: [deeds.kills_one_delivery, deeds.restarts_the_bank],
            every=20 if LONG else 10,
        ) as (storm, tally, deeds):
            everybody_calls(city, storm, tally)
            for bank in BANKS:
                city.bank.client.behaves(bank, "normal")
            ask_again(city)
            judge(city, tally, "bank misbehaves", deeds.stopwatch, deeds=storm.done)
