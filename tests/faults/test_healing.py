"""One fault at a time under steady calls: how long until all is as if nothing had been."""

from random import Random

import pytest

from tests.faults.callers import Tally
from tests.faults.city import a_city
from tests.faults.deeds import Deeds
from tests.faults.healing import Stopwatch
from tests.faults.scale import LONG, SEED
from tests.faults.storm import Storm, everybody_calls, judge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

# One for every so many calls; more calls than a fault lasts, so that calls go on meanwhile.
DEEDS = ["kills_one_delivery", "kills_the_worker", "kills_a_delivery_at_a_line", "restarts_redis"]
TIMES = 10 if LONG else 1
CALLS_BETWEEN = 10


def test_each_fault_heals() -> None:
    """The next fault waits until the last one's wound is healed; the other lines go on talking."""
    with a_city(len(DEEDS) * TIMES * CALLS_BETWEEN, SEED, wired=True) as city:
        tally = Tally()
        stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
        deeds = Deeds(city, Random(SEED), stopwatch)
        in_turn = iter(DEEDS * TIMES)

        def one_fault() -> None:
            stopwatch.rests()
            getattr(deeds, next(in_turn))()

        storm = Storm(deeds.rng, [one_fault], every=CALLS_BETWEEN)
        everybody_calls(city, storm, tally)
        judge(city, tally, "one fault at a time", stopwatch, faults=storm.done["one_fault"])
