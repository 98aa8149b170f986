"""The sweep is killed while it releases and while it rings."""

import pytest

from tests.faults.audit import read_records, wait_until_calm
from tests.faults.callers import Tally
from tests.faults.city import City
from tests.faults.deeds import set_trap
from tests.faults.endings import end_suspensions, lose, release_faults, wait_for_releases
from tests.faults.healing import Stopwatch
from tests.faults.spots import RELEASE, RESTORE, RINGING
from tests.faults.storm import adds_up, prints, these_call
from tests.faults.tripwire import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_the_sweep_dies_while_it_rings(wired_city: City, wired_tally: Tally) -> None:
    """No worker is there and every job is lost: only the sweep can get the notices going."""
    city = wired_city
    stopwatch = Stopwatch(city.hotline.redis, lambda: wired_tally.helped_at)
    for spot, holder in zip(RINGING, city.holders[20:], strict=False):
        city.processes["worker"].kill()
        these_call(city, [holder], tally=wired_tally)
        trap = set_trap(city, city.redis_wire, "clock", spot)
        city.hotline.redis.delete(*city.hotline.redis.keys("rq:*"))
        trap.wait()
        stopwatch.starts("sweep killed")
        for name in ("worker", "clock"):
            city.restarts(name)
    adds_up(city, wired_tally, "sweep killed while it rings", stopwatch, kills=len(RINGING))


def test_the_sweep_dies_while_it_restores(wired_city: City, wired_tally: Tally) -> None:
    """Redis has lost a report that was told: it is filed again once, under its own number."""
    city = wired_city
    for spot, holder in zip(RESTORE, city.holders[30:], strict=False):
        known = set(read_records(city).reports)
        these_call(city, [holder], tally=wired_tally)
        wait_until_calm(city, 60)
        (number,) = read_records(city).reports.keys() - known
        city.processes["clock"].kill()
        lose(city, number)
        trap = set_trap(city, city.redis_wire, "clock", spot)
        city.processes["clock"].start()  # it reads its journal anew, as after a failover
        trap.wait()
        city.restarts("clock")
        wait_until(lambda n=number: city.hotline.cases.find_report(n), f"report {number}", 60)  # type: ignore[misc]
    adds_up(city, wired_tally, "sweep killed while it restores", kills=len(RESTORE))


def test_the_sweep_dies_while_it_releases(wired_city: City, wired_tally: Tally) -> None:
    """A release is told exactly once, wherever the first sweep to see it died."""
    city = wired_city
    known = set(read_records(city).reports)
    these_call(city, city.holders[24:30], tally=wired_tally)
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
