"""Slow connections, and callers who are served meanwhile, behind the proxy that is required."""

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attack.city import ProcfileCity
from tests.attack.phone import Phone
from tests.attack.scale import LONG
from tests.attack.slow import KINDS, BufferingProxy, slow_connections
from tests.attack.tally import Tally

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

MANY = 400 if LONG else 100  # the web has 32 threads
CALLERS = 40 if LONG else 10


def callers_served(city: ProcfileCity, via: str, count: int, seconds: float) -> int:
    """How many of so many honest calls, at once, reach the question for their ID number."""

    def calls(number: int) -> bool:
        caller = f"+86138{number:08}"
        phone = Phone(city.base_url, caller, via=via, seconds=seconds)
        try:
            return phone.dials().presses("2", "1").step == "report_id"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            phone.door.closes()

    with ThreadPoolExecutor(5) as at_once:
        return sum(at_once.map(calls, range(count)))


def test_slow_connections_keep_nobody_waiting(city: ProcfileCity) -> None:
    tally = Tally("slow connections, behind the proxy")
    with BufferingProxy(city.base_url) as proxy:
        assert callers_served(city, proxy.url, 1, 20) == 1
        with slow_connections(proxy.url, MANY) as kinds:
            served = callers_served(city, proxy.url, CALLERS, 20)
    for kind in kinds:
        tally.note(kind, "the proxy", got_through=False)
    tally.note("callers meanwhile", "the proxy", got_through=served < CALLERS, saw=served)
    tally.prints()
    assert tally.through == []


def test_without_the_proxy_they_do(city: ProcfileCity) -> None:
    """The control, and why operations.md requires it; afterwards the web is as before."""
    tally = Tally("slow connections, no proxy")
    with slow_connections(city.base_url, 60 * len(KINDS)):
        served = callers_served(city, "", 5, 1.5)
    tally.note("callers meanwhile", "the web", got_through=served < 5, saw=f"{served} of 5 served")
    tally.prints()
    assert tally.through != []
    assert callers_served(city, "", 3, 30) == 3
