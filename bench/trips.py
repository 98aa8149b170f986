"""Round trips to Redis: how often a program waits for an answer of it. Web and worker reach Redis
through proxies that count; what is asked in one go (a pipeline, a script) is one trip. For each
turn the most frequent count of 15 calls one after another. A notice's: all trips of the worker
(the sweep has its own connection) over a backlog, divided by its notices.
"""

import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from bench.city import BANK, BANKS_ONLY, City
from bench.counting import CountingProxy
from bench.machine import QUICK, a_folder, wait_for
from bench.notice import ONE_WORKER
from bench.phone import Call, Line
from bench.table import Page
from simulator.stack import embedded

CALLS: Final = 15
BACKLOG: Final = 200 if QUICK else 1000
SECONDS: Final = 2.0 if QUICK else 4.0
STEPS: Final = ("dials", "language", "main menu", "ID number", "confirms: filed")


def measure(page: Page) -> None:
    """Trips by turn, and a notice under a backlog."""
    with a_folder() as folder, City(folder) as city:
        counted = _by_turn(city, folder)
        a_notice, notices = _of_a_notice(city, folder)
    usual = {step: Counter(counts).most_common(1)[0][0] for step, counts in counted.items()}
    rows: list[tuple[object, ...]] = [(step, usual[step], f"{min(counts)}-{max(counts)}")
            for step, counts in counted.items()]  # fmt: skip
    rows.append((f"a notice, of a backlog of {notices}", f"{a_notice:.2f}", "-"))
    page.table("Round trips to Redis", ("of", "round trips", "range"), rows)
    *others, filing = usual.values()
    page.at_most("any turn but filing", max(others), 2, digits=0)
    page.at_most("filing turn", filing, 3, digits=0)
    page.at_most("a notice under a backlog", a_notice, 4)


def _by_turn(city: City, folder: Path) -> dict[str, list[int]]:
    proxy = CountingProxy(embedded.socket_of(folder))
    people = city.knows(CALLS)
    city.starts("web", environ={"REDIS_URL": proxy.url, "WEB_CONCURRENCY": "1"})
    line, counted = Line(city.base_url), defaultdict(list)
    for id_number in people:
        call = Call(city.base_url)
        keys = (None, "2", "1", id_number.replace("X", "*"), "1")
        for step, pressed in zip(STEPS, keys, strict=True):
            before = proxy.round_trips
            call.hears(line.ask(call.request(pressed)))
            counted[step].append(proxy.round_trips - before)
    line.close()
    city.programs.pop("web").stop()
    proxy.close()
    return counted


def _of_a_notice(city: City, folder: Path) -> tuple[float, int]:
    proxy = CountingProxy(embedded.socket_of(folder))
    people = city.knows(BACKLOG)
    told = {"REDIS_URL": proxy.url, **ONE_WORKER}
    city.starts("worker", environ=told, arguments=BANKS_ONLY)
    city.starts("clock")
    already, before = len(city.bank.arrivals(BANK)), proxy.round_trips
    with city.programs["worker"].held():
        city.files_at_once(people)
    until = time.monotonic() + SECONDS
    wait_for(lambda: len(city.bank.arrivals(BANK)) - already >= BACKLOG
             or time.monotonic() > until, "the backlog")  # fmt: skip
    time.sleep(0.2)  # for the last to be settled
    notices = len(city.bank.arrivals(BANK)) - already
    return (proxy.round_trips - before) / notices, notices
