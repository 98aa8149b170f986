"""The web is killed at each interesting line of the turn that files a report."""

import pytest

from ivr.cards.records import Holder
from simulator.engine import HttpTransport
from tests.faults.callers import Caller, Tally
from tests.faults.city import City
from tests.faults.deeds import set_trap
from tests.faults.spots import WEB
from tests.faults.storm import adds_up, these_call
from tests.faults.tripwire import Spot

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def a_call(city: City, holder: Holder, tally: Tally) -> Caller:
    return Caller(city.base_url, holder, tally, HttpTransport()).to_confirmation()


def test_another_web_worker_takes_the_call_over(wired_city: City, wired_tally: Tally) -> None:
    """Twilio asks the fallback: the same call goes on, and ends in one report."""
    for spot, holder in zip(WEB, wired_city.holders[: len(WEB)], strict=True):
        caller = a_call(wired_city, holder, wired_tally)
        trap = set_trap(wired_city, wired_city.redis_wire, "web", spot)
        caller.confirms()
        trap.wait()
        if caller.times_asked() > 1:
            assert spot.name == WEB[0].name, "a report that is on disk was asked for again"
            caller.confirms()
        assert caller.listens().heard == "filed", spot.name
    adds_up(wired_city, wired_tally, "web worker killed at each line", kills=len(WEB))


def test_no_web_is_left_to_answer(wired_city: City, wired_tally: Tally) -> None:
    """The caller is cut off, calls again, and hears the truth about the first call."""
    for spot, holder in zip(WEB, wired_city.holders[len(WEB) : 2 * len(WEB)], strict=True):
        _is_cut_off(wired_city, wired_tally, holder, spot)
        before = dict(wired_tally.heard)
        these_call(wired_city, [holder], tally=wired_tally)
        heard = {k for k, n in wired_tally.heard.items() if n > before.get(k, 0)}
        if spot.moment != "sent":  # where both are right
            assert heard == {"filed" if spot == WEB[0] else "already"}, spot.name
    adds_up(wired_city, wired_tally, "whole web killed at each line", kills=len(WEB))


def _is_cut_off(city: City, tally: Tally, holder: Holder, spot: Spot) -> None:
    caller = a_call(city, holder, tally)
    web = city.processes["web"]
    trap = set_trap(city, city.redis_wire, "web", spot, lambda _pid: web.kill())
    caller.confirms()
    trap.wait()
    assert caller.listens().heard == "cut off", spot.name
    web.start()
    city.wait_until_ready()
