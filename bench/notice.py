"""From filing a report to its receipt by the bank, and how fast a backlog goes out. The floor:
the same body from a list in the same Redis, by BLPOP and a POST over a kept-open connection.
"""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.floor_worker import QUEUE
from bench.place import BenchCity, file_report, folder, held, wait_for
from bench.table import milliseconds, percentile, show, spread, times
from ivr.cards.records import Holder
from ivr.store import keys
from tests.faults.city import Process

BANK = "icbc"
ROUNDS = 3
ONE_BY_ONE = 60  # in each round
BACKLOG = 200
WORKERS = (1, 2, 4, 8)
LONGEST = 60.0  # seconds for anything
FLOOR, HOTLINE = "floor", "hotline"


@dataclass
class Taken:
    """Seconds of single notices, and notices a second of each round's backlog."""

    seconds: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


Key = tuple[str, int]  # what, workers


def measure() -> None:
    """Prints a table: times of single notices, and rates of a backlog, by number of workers."""
    taken: dict[Key, Taken] = {(what, n): Taken() for n in WORKERS for what in (FLOOR, HOTLINE)}
    for workers in WORKERS:
        _with_workers(workers, taken[FLOOR, workers], taken[HOTLINE, workers])
    _show(taken)


def _with_workers(workers: int, floor: Taken, hotline: Taken) -> None:
    holders = ROUNDS * (ONE_BY_ONE + BACKLOG) + 20
    environ = {"WORKERS_PER_BANK": str(workers)}
    with (
        folder() as place,
        BenchCity(place, holders, environ=environ) as city,
        _floor_workers(city, place, workers) as programs,
    ):
        people = iter(city.holders)
        _one_by_one([_report(city, next(people)) for _ in range(20)], Taken())  # warms up
        for _ in range(ROUNDS):
            _one_by_one([_listed(city) for _ in range(ONE_BY_ONE)], floor)
            _one_by_one([_report(city, next(people)) for _ in range(ONE_BY_ONE)], hotline)
            _wait_until_quiet(city)
            floor.rates.append(_floor_rate(city, programs))
            hotline.rates.append(_rate(city, [next(people) for _ in range(BACKLOG)]))


Sending = Callable[[], tuple[float, float, Callable[[], float | None]]]


def _one_by_one(sendings: list[Sending], taken: Taken) -> None:
    """Each is sent when the one before has arrived, so that nothing ever waits in line."""
    for send in sendings:
        started, committed, arrival = send()
        found: list[float] = []
        wait_for(lambda: _came(arrival, found), "a notice", LONGEST, pause=0.01)  # noqa: B023
        taken.seconds.append(found[0] - started)
        taken.commits.append(committed - started)


def _came(arrival: Callable[[], float | None], found: list[float]) -> bool:
    at = arrival()
    found += [] if at is None else [at]
    return bool(found)


def _report(city: BenchCity, holder: Holder) -> Sending:
    def send() -> tuple[float, float, Callable[[], float | None]]:
        started = time.monotonic()
        number = file_report(city.hotline, holder)
        committed = time.monotonic()
        return started, committed, lambda: city.swift.first_arrivals(BANK).get(number)

    return send


def _listed(city: BenchCity) -> Sending:
    def send() -> tuple[float, float, Callable[[], float | None]]:
        started = time.monotonic()
        notice_id = _push(city)
        committed = time.monotonic()
        return started, committed, lambda: city.swift.first_arrivals_by_id("floor").get(notice_id)

    return send


def _push(city: BenchCity) -> str:
    notice_id = secrets.token_hex(16)
    city.hotline.redis.rpush(QUEUE, f"{notice_id} {BODY}")
    return notice_id


def _rate(city: BenchCity, holders: list[Holder]) -> float:
    """Notices a second, from letting the workers go to the last arrival."""
    with held(city.processes["worker"].pid):
        numbers = {file_report(city.hotline, holder) for holder in holders}
        started = time.monotonic()
    wait_for(lambda: numbers <= set(city.swift.first_arrivals(BANK)), "all", LONGEST, 0.2)
    arrived = city.swift.first_arrivals(BANK)
    _wait_until_quiet(city)
    return len(numbers) / (max(arrived[number] for number in numbers) - started)


def _floor_rate(city: BenchCity, programs: list[Process]) -> float:
    with ExitStack() as holding:
        for program in programs:
            holding.enter_context(held(program.pid))
        ids = {_push(city) for _ in range(BACKLOG)}
        started = time.monotonic()
    wait_for(lambda: ids <= set(city.swift.first_arrivals_by_id("floor")), "all", LONGEST, 0.2)
    arrived = city.swift.first_arrivals_by_id("floor")
    return len(ids) / (max(arrived[each] for each in ids) - started)


def _wait_until_quiet(city: BenchCity) -> None:
    """Until nothing is owed any more, texts to holders included."""
    wait_for(lambda: not city.hotline.redis.zcard(keys.NOTICES_OPEN), "quiet", LONGEST)


@contextmanager
def _floor_workers(city: BenchCity, place: Path, count: int) -> Iterator[list[Process]]:
    url = f"{city.swift.url}/floor/notices"
    command = [sys.executable, "-m", "bench.floor_worker", city.store.url, url]
    programs = [
        Process(f"floor {n}", command, dict(os.environ), place / "floor.log") for n in range(count)
    ]
    for program in programs:
        program.start()
    try:
        yield programs
    finally:
        for program in programs:
            program.kill()


BODY = json.dumps({"type": "card.loss_reported", "timestamp": "2026-11-22T08:30:00Z"}) + " " * 500


def _show(taken: dict[Key, Taken]) -> None:
    rows = []
    for (what, workers), found in taken.items():
        floor = taken[FLOOR, workers]
        p50, p99 = (percentile(found.seconds, share) for share in (0.5, 0.99))
        rate, floor_rate = (sum(rates) / ROUNDS for rates in (found.rates, floor.rates))
        rows.append(
            (
                what,
                str(workers),
                milliseconds(percentile(found.commits, 0.5)),
                milliseconds(p50),
                times(p50, percentile(floor.seconds, 0.5)),
                milliseconds(p99),
                times(p99, percentile(floor.seconds, 0.99)),
                f"{rate:.0f}",
                spread(found.rates),
                f"1/{times(floor_rate, rate)}",
            )
        )
    columns = ("what", "workers", "commit ms", "p50 ms", "x floor", "p99 ms", "x floor")
    title = f"Notices to one bank, {ROUNDS} rounds: one at a time, then a backlog of {BACKLOG}"
    show(title, (*columns, "notices/s", "rounds", "of floor"), rows)
