"""The primary Redis dies under callers; another takes over, and everything must add up."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.faults.city import City
from tests.faults.scale import LONG, SEED
from tests.faults.storm import Storm, everybody_calls, judge
from tests.faults.watched_redis import WatchedRedis

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

HOLDERS = 600 if LONG else 40
CALLS_FOR_EACH_KILL = 150 if LONG else 25


@dataclass(frozen=True)
class SentinelCity:
    """A city whose records lie on a primary and two replicas, under three sentinels."""

    city: City
    store: WatchedRedis

    def kills_the_primary(self) -> None:
        """kill -9; once another has taken over, the dead one comes back and follows it."""
        dead = self.store.kill_the_primary()
        self.store.wait_for_another_primary()
        dead.start()
        self.store.wait_until_whole()


@pytest.fixture
def sentinel_city() -> Iterator[SentinelCity]:
    with tempfile.TemporaryDirectory(prefix="city-") as folder:
        store = WatchedRedis(Path(folder) / "watched")
        with City(Path(folder), HOLDERS, SEED, store) as city:
            yield SentinelCity(city, store)


def test_no_report_is_lost_when_the_primary_dies(sentinel_city: SentinelCity) -> None:
    storm = Storm(Random(SEED), [sentinel_city.kills_the_primary], every=CALLS_FOR_EACH_KILL)
    tally = everybody_calls(sentinel_city.city, storm)
    judge(sentinel_city.city, tally, "primary killed", kills=storm.done)
    assert sum(storm.done.values()) == HOLDERS // CALLS_FOR_EACH_KILL
