"""The connection to Redis breaks at each line of a delivery, and the process lives on."""

import pytest

from simulator.engine import HttpTransport
from tests.faults.audit import read_records
from tests.faults.callers import Caller, Tally
from tests.faults.city import City
from tests.faults.deeds import set_trap
from tests.faults.spots import ANSWER_TO_A_CLAIM, DELIVERY
from tests.faults.storm import adds_up
from tests.faults.tripwire import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_the_line_breaks_and_the_delivery_finishes_all_the_same(
    wired_city: City, wired_tally: Tally
) -> None:
    """No sweep is there to ring again: whoever heard the bell claims, and whoever made the attempt
    writes it down, once. Only a claim whose answer is lost waits for its lease to end and a bell.
    """
    city = wired_city
    for spot, holder in zip(DELIVERY, city.holders, strict=False):
        city.processes["clock"].kill()
        trap = set_trap(city, city.redis_wire, "worker", spot, lambda _pid: None)
        caller = Caller(city.base_url, holder, wired_tally, HttpTransport())
        number = caller.calls_once().number
        trap.wait()
        if spot == ANSWER_TO_A_CLAIM:
            city.processes["clock"].start()
        _wait_for_block(city, number, spot.name)
    city.processes["clock"].start()
    adds_up(city, wired_tally, "line to Redis breaks in a delivery", breaks=len(DELIVERY))
    notices = [n for some in read_records(city).notices.values() for n in some]
    assert {notice.attempts_made for notice in notices} == {1}


def _wait_for_block(city: City, number: str, broken: str) -> None:
    def is_blocked() -> bool:
        entries = read_records(city).journal.get(number, [])
        return any(entry["event"] == "block_blocked" for entry in entries)

    wait_until(is_blocked, f"the block, after the line broke {broken}", 30)
