"""A delivery is killed at each interesting line between the pop of its job and the end."""

from collections.abc import Callable

import pytest

from simulator.engine import HttpTransport
from tests.faults.callers import Caller, Tally
from tests.faults.city import City
from tests.faults.deeds import set_trap
from tests.faults.healing import Stopwatch
from tests.faults.process import kill_9
from tests.faults.spots import DELIVERY, POSTING
from tests.faults.storm import adds_up
from tests.faults.tripwire import Spot, Tripwire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

# While the bank works on the POST it may carry the notice out early or late: both with a kill.
WORKING = POSTING[1]
CASES = [
    *((spot, "normal") for spot in (*DELIVERY, *POSTING)),
    (WORKING, "slow"),
    (WORKING, "late"),
]


def test_a_delivery_dies_at_each_line(wired_city: City, wired_tally: Tally) -> None:
    """Whoever comes by next dies; the notice comes due again and blocks the card once."""
    city = wired_city
    stopwatch = Stopwatch(city.hotline.redis, lambda: wired_tally.helped_at)
    for (spot, behaviour), holder in zip(CASES, city.holders, strict=False):
        if behaviour != "normal":
            city.bank.client.behaves(holder.cards[0].bank, behaviour, seconds=1, count=1)
        trap = set_trap(city, _wire_of(city, spot), "worker", spot, _kills(stopwatch))
        caller = Caller(city.base_url, holder, wired_tally, HttpTransport())
        assert caller.calls_once().heard == "filed"
        trap.wait()
    adds_up(city, wired_tally, "delivery killed at each line", stopwatch, kills=len(CASES))


def _wire_of(city: City, spot: Spot) -> Tripwire:
    return city.bank_wire if spot in POSTING else city.redis_wire


def _kills(stopwatch: Stopwatch) -> Callable[[int], None]:
    def kill(pid: int) -> None:
        kill_9(pid)
        stopwatch.starts("worker killed")

    return kill
