"""Redis falls silent for a while, and two sweeps are at work."""

from random import Random

import pytest

from tests.faults.callers import Tally
from tests.faults.city import a_city
from tests.faults.deeds import Deeds
from tests.faults.healing import Stopwatch
from tests.faults.scale import LONG, SEED
from tests.faults.storm import Storm, everybody_calls, judge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("seconds", [10, 60] if LONG else [10])
def test_redis_is_silent(seconds: int) -> None:
    """SIGSTOP: connections stay open and nothing answers. Who calls meanwhile hears so."""
    with a_city(200 if LONG else 24, SEED) as city:
        second = city.processes["clock"].twin("clock-2")
        city.processes["clock-2"] = second
        second.start()
        tally = Tally()
        stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
        deeds = Deeds(city, Random(SEED), stopwatch, pause=seconds)
        storm = Storm(deeds.rng, [deeds.pauses_redis], every=60 if LONG else 12)
        everybody_calls(city, storm, tally)
        name = f"two sweeps, Redis silent for {seconds} s"
        judge(city, tally, name, stopwatch, deeds=storm.done)
