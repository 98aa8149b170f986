"""The sweep is killed while it releases and while it rings."""

import pytest

from tests.faults.audit import read_records
from tests.faults.callers import Tally
from tests.faults.city import City
from tests.faults.deeds import set_trap
from tests.faults.endings import end_suspensions, release_faults, wait_for_releases
from tests.faults.healing import Stopwatch
from tests.faults.spots import RELEASE, RINGING
from tests.faults.storm import adds_up, prints, these_call

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_the_sweep_dies_while_it_rings(wired_city: City, wired_tally: Tally) -> None:
    """No worker is there and every job is lost: only the sweep can get the notices going."""
    city = wired_city
    stopwatch = Stopwatch(city.hotline.redis, lambda: wired_tally.helped_at)
    for spot, holder in zip(RINGING, city.holders[12:], strict=False):
        city.processes["worker"].kill()
        these_call(city, [holder], tally=wired_tally)
        trap = set_trap(city, city.redis_wire, "clock", spot)
        city.hotline.redis.delete(*city.hotline.redis.keys("rq:*"))
        trap.wait()
        stopwatch.starts("sweep killed")
        for name in ("worker", "clock"):
            city.restarts(name)
    adds_up(city, wired_tally, "sweep killed while it rings", stopwatch, kills=len(RINGING))


def test_the_sweep_dies_while_it_releases(wired_city: City, wired_tally: Tally) -> None:
    """A release is told exactly once, wherever the first sweep to see it died."""
    city = wired_city
    known = set(read_records(city).reports)
    these_call(city, city.holders[14:20], tally=wired_tally)
    adds_up(city, wired_tally, "before the releases")
    reports = [r for n, r in read_records(city).reports.items() if n not in known]
    for place, spot in enumerate(RELEASE):
        trap = set_trap(city, city.redis_wire, "clock", spot)
        end_suspensions(city, reports[place * 3 : place * 3 + 3])
        trap.wait()
        city.restarts("clock")
    wait_for_releases(city, len(reports))
    faults = release_faults(city, [report.number for report in reports])
    prints("sweep killed while it releases", f"{len(reports)} releases, {len(faults)} faults")
    assert faults == []
