"""The disk of Redis is full: nobody hears "reported" for what is not on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ivr.store import keys
from simulator.engine import HttpTransport
from tests.faults.callers import Caller, Tally
from tests.faults.city import City
from tests.faults.full_disk import FullDiskRedis
from tests.faults.healing import Stopwatch
from tests.faults.scale import LONG, SEED
from tests.faults.storm import everybody_calls, judge
from tests.faults.tripwire import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

HOLDERS = 60 if LONG else 12
ROOM_FOR_NO_REPORT = 200  # bytes: half a write fits, so a torn transaction is left to be mended
ROOM_FOR_SOME = 20_000


@dataclass(frozen=True)
class Place:
    city: City
    disk: FullDiskRedis


@pytest.fixture
def place() -> Iterator[Place]:
    with TemporaryDirectory(prefix="city-") as folder:
        disk = FullDiskRedis(Path(folder) / "d")
        with City(Path(folder), HOLDERS, SEED, disk) as city:
            yield Place(city, disk)


def test_a_full_disk(place: Place) -> None:
    """Full at the confirming key, full before the first word, full in the middle of many calls."""
    city, disk, tally = place.city, place.disk, Tally()
    _full_at_the_confirming_key(place, tally)
    _full_at_the_first_ring(place, tally)
    disk.is_freed()
    wait_until(disk.is_up, "Redis with room on its disk")
    city.wait_until_ready()
    stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
    _full_among_many_calls(place, tally)
    disk.is_freed()
    wait_until(disk.is_up, "Redis with room on its disk")
    stopwatch.starts("Redis back with room on its disk", needs_a_call=True)
    everybody_calls(city, tally=tally)
    judge(city, tally, "full disk", stopwatch, redis_ended=disk.ended)
    assert "AOF" in disk.log.read_text(encoding="utf-8"), "it ended for another reason"


def _full_at_the_confirming_key(place: Place, tally: Tally) -> None:
    """The transaction is cut off in the middle of its write."""
    caller = _a_call(place.city, tally, 0).to_confirmation()
    caller.call.run_to_silence()
    place.disk.fills_up(ROOM_FOR_NO_REPORT)
    told = caller.confirms().listens()
    assert told.heard in ("unknown", "not blocked"), told
    wait_until(place.disk.is_up, "Redis as it was before")
    assert place.city.hotline.redis.zcard(keys.DEADLINES) == 0, "half a report is on record"


def _full_at_the_first_ring(place: Place, tally: Tally) -> None:
    """Redis ends at the first write of each call, and is back before the next."""
    for number in range(3):
        wait_until(place.disk.is_up, "Redis as it was before")
        told = _a_call(place.city, tally, number).calls_once()
        assert told.heard == "not blocked", told


def _full_among_many_calls(place: Place, tally: Tally) -> None:
    place.disk.fills_up(ROOM_FOR_SOME)
    for number in range(HOLDERS):
        _a_call(place.city, tally, number).calls_once()


def _a_call(city: City, tally: Tally, number: int) -> Caller:
    return Caller(city.base_url, city.holders[number], tally, HttpTransport())
