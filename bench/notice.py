"""From the confirming key to the bank: the moment the confirming turn's request is sent until the
bank has read the notice, while nothing else is going on; floor and hotline by turns, one at a
time. The floor: its web (as in `turn`) with MULTI(SET, RPUSH), then a worker with BLPOP, the
signature of `standardwebhooks` and a POST by urllib3 over a kept-open connection. One clock for
all processes (CLOCK_MONOTONIC). The hotline's worker delivers to banks only.
"""

import time
from typing import Final

from bench.city import BANKS_ONLY, City
from bench.machine import QUICK, a_folder, python
from bench.phone import Call, Line, bring_to_confirm
from bench.table import Page, milliseconds, percentile
from bench.turn import start_rival

NOTICES: Final = 25 if QUICK else 120
REST: Final = 0.03  # seconds until it is looked whether a notice has arrived


def measure(page: Page) -> None:
    """p50 and p95 of both, and how many times the floor's."""
    with a_folder() as folder, City(folder) as city:
        people = city.knows(NOTICES + 10)
        city.starts("web", "worker", "clock", environ=ONE_WORKER, arguments=BANKS_ONLY)
        floor = start_rival(city, "floor_web", FLOOR_OWES="1")
        url = f"{city.bank.url}/floor/notices"
        city.runs("floor", python("bench.rivals.floor_worker", city.redis_url, url))
        calls = bring_to_confirm(city.base_url, people)
        time.sleep(2.5)  # callers listen before they confirm
        floors, ours = _by_turns(city, floor, calls)
    _show(page, floors, ours)


ONE_WORKER: Final = {"WORKER_PROCESSES": "1"}


def _by_turns(city: City, floor: str, calls: list[Call]) -> tuple[list[float], list[float]]:
    """The first 10 of each warm up."""
    lines = [Line(url) for url in (floor, city.base_url)]
    floors, ours = [], []
    for call in calls:
        beside = Call(floor)
        sent = lines[0].ask(beside.request(None)).sent
        floors.append(_arrival(city, "floor", "webhook_id", beside.sid) - sent)
        answer = lines[1].ask(call.request("1"))
        call.hears(answer)
        ours.append(_arrival(city, city.banks[0], "report", call.number) - answer.sent)
    for line in lines:
        line.close()
    return floors[10:], ours[10:]


def _arrival(city: City, bank: str, by: str, name: str) -> float:
    """Asks seldom, for asking disturbs what is measured."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        time.sleep(REST)
        for found in reversed(city.bank.arrivals(bank)):
            if getattr(found, by) == name:
                time.sleep(REST)
                return found.at
    raise TimeoutError(f"the notice {name} never reached {bank}")


def _show(page: Page, floors: list[float], ours: list[float]) -> None:
    rows = []
    for who, found in (("floor", floors), ("hotline", ours)):
        shares = [(percentile(found, s), percentile(floors, s)) for s in (0.5, 0.95, 0.99)]
        cells = [cell for value, floor in shares
                 for cell in (milliseconds(value), f"{value / floor:.2f}")]  # fmt: skip
        rows.append((who, *cells))
    columns = ("who", "p50 ms", "x floor", "p95 ms", "x floor", "p99 ms", "x floor")
    page.table(f"Confirming key to bank, idle, {len(ours)} notices each", columns, rows)
    for share, reach in ((0.5, 1.4), (0.95, 1.8)):
        value = percentile(ours, share) / percentile(floors, share)
        page.at_most(f"p{share * 100:.0f}, x floor", value, reach)
