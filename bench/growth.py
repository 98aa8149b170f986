"""Does it stay as fast when much is stored? Two hotlines on this machine, measured by turns: one
with little, one with much (the table says how much). Holders come by the product's import; open
reports are copies of one really filed and delivered (without its closed notices), and, with all
its keys, of one whose bank has not answered for so long that it is paused. Measured: turns a
second (dial, menus, ID number), the time from filing to the other bank while the first is down,
and one round of the sweep, which should cost what is due and not what is stored.
"""

import logging
import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Final, NamedTuple

import structlog

from bench.city import City, file_at_rate, write_people
from bench.clones import Cloning
from bench.machine import QUICK, a_folder, wait_for
from bench.phone import Call, rate, turn_all
from bench.table import Page, percentile, ratios
from workers.sweep import open_sweep

WELL, DOWN = "icbc", "down"
SCALE: Final = 50 if QUICK else 1
ROUNDS: Final = 2 if QUICK else 3
CALLS: Final = 200 if QUICK else 300
PER_SECOND: Final = 20
SECONDS: Final = 3
PAUSED_AFTER: Final = 20  # failures, and more
PAUSE_SECONDS: Final = 20
CHUNK: Final = 100_000
CLOSED: Final = ("notice:", "attempts:", "notices_of:")
COPY_SECONDS: Final = float(os.environ.get("BENCH_COPY_SECONDS", "30"))
IMPORT_SECONDS: Final = float(os.environ.get("BENCH_IMPORT_SECONDS", "45"))
TURNS: Final = ("dial, menus and ID number, turns/s", "filing to the other bank, p50 ms",
                "a round of the sweep, ms")  # fmt: skip


class Size(NamedTuple):
    """How much is stored."""

    holders: int
    reports: int
    owed: int


SMALL: Final = Size(10_000 // SCALE, 1000 // SCALE, 200 // SCALE)
LARGE: Final = Size(1_000_000 // SCALE, 500_000 // SCALE, 100_000 // SCALE)


def measure(page: Page) -> None:
    """The large one beside the small one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as opened:
        cities = [_open(opened) for _ in (SMALL, LARGE)]
        begun = time.monotonic()
        sizes = [_import(city, size) for city, size in zip(cities, (SMALL, LARGE), strict=True)]
        time.sleep(max(begun + PAUSE_SECONDS - time.monotonic(), 0))  # it is paused by then
        filled = [_fill(city, size) for city, size in zip(cities, sizes, strict=True)]
        taken = _by_turns([(c, people) for c, (people, _) in zip(cities, filled, strict=True)])
    rows = [(what, f"{median(small):.1f}", f"{median(large):.1f}", f"{ratios(large, small):.2f}")
            for what, (small, large) in taken.items()]  # fmt: skip
    names = [f"{s.holders} holders, {s.reports} open reports, {s.owed} owed" for _, s in filled]
    page.table(f"Much stored beside little, {ROUNDS} rounds", ("what", *names, "ratio"), rows)
    turns, notices, sweep = ([*taken[what]] for what in TURNS)
    page.at_least("turns/s, much stored, x little", ratios(turns[1], turns[0]), 0.9)
    page.at_most("other bank's p50, x little", ratios(notices[1], notices[0]), 1.1)
    page.at_most("a sweep round, x little", ratios(sweep[1], sweep[0]), 1.1)


def _open(opened: ExitStack) -> City:
    """With a bank that does not answer."""
    folder = opened.enter_context(a_folder())
    city = opened.enter_context(City(folder, (WELL, DOWN)))
    city.redis.config_set("auto-aof-rewrite-percentage", "0")  # or it is rewritten meanwhile
    city.starts("web", "worker", "clock")
    city.bank.behaves(DOWN, "hang")
    city.files(city.knows(PAUSED_AFTER, (DOWN,)))
    return city


def _fill(city: City, size: Size) -> tuple[list[str], Size]:
    """Reports; -> people with a card at the well bank, and what it came to."""
    people = city.knows(ROUNDS * (PER_SECOND * SECONDS + CALLS) + 1, (WELL,))
    (unlucky,) = city.knows(1, (DOWN,))
    cloning = Cloning(city.redis)
    owed = cloning.with_copies(lambda: _file(city, unlucky, 1), size.owed, COPY_SECONDS)
    count = size.reports - owed
    delivered = cloning.with_copies(
        lambda: _file(city, people.pop(), 2), count, COPY_SECONDS, without=CLOSED
    )
    return people, size._replace(reports=owed + delivered, owed=owed)


def _file(city: City, id_number: str, texts: int) -> None:
    """And waits until its texts have been sent: no copy shall owe any."""
    (number,) = city.files([id_number])
    wait_for(lambda: sum(t.report == number for t in city.bank.texts()) >= texts, "texts")
    time.sleep(0.5)  # for the last to be settled


def _import(city: City, size: Size) -> Size:
    """As many as there is time for; the next file is written while one is imported."""
    begun, done, count = time.monotonic(), 0, size.holders
    sizes = [CHUNK] * (count // CHUNK) + [count % CHUNK] * (count % CHUNK > 0)
    with ProcessPoolExecutor(1) as pool:
        files = [city.folder / f"people{number}.csv" for number in range(len(sizes))]
        seeds = range(1000, 1000 + len(sizes))
        written = pool.map(write_people, files, sizes, [(WELL, DOWN)] * len(sizes), seeds)
        for file, lines, _ in zip(files, sizes, written, strict=True):
            city.imports(file)
            file.unlink()
            done += lines
            if time.monotonic() - begun > IMPORT_SECONDS:
                pool.shutdown(cancel_futures=True)
                break
    return size._replace(holders=done)


Taken = dict[str, tuple[list[float], list[float]]]


def _by_turns(cities: list[tuple[City, list[str]]]) -> Taken:
    taken: Taken = defaultdict(lambda: ([], []))
    sweeps = [open_sweep(city.settings) for city, _ in cities]
    for sweep in sweeps:
        sweep.round()  # the first looks after old things too
    for _ in range(ROUNDS):
        for place, (city, people) in enumerate(cities):
            callers = [people.pop() for _ in range(CALLS)]
            taken[TURNS[0]][place].append(_turns(city, callers))
            reported = [people.pop() for _ in range(PER_SECOND * SECONDS)]
            taken[TURNS[1]][place].append(_p50(city, reported))
            begun = time.perf_counter()
            for _ in range(10):
                sweeps[place].round()
            taken[TURNS[2]][place].append((time.perf_counter() - begun) * 100)
    return dict(taken)


def _turns(city: City, people: list[str]) -> float:
    calls = [Call(city.base_url) for _ in people]
    keys = (None, "2", "1", [number.replace("X", "*") for number in people])
    return median(rate(turn_all(calls, pressed)) for pressed in keys)


def _p50(city: City, people: list[str]) -> float:
    with city.filers(1) as pool:
        due = dict(pool.submit(file_at_rate, people, PER_SECOND).result())
    until = time.monotonic() + 20
    while not due.keys() <= (arrived := city.bank.first(WELL)).keys() and time.monotonic() < until:
        time.sleep(0.2)
    late = time.monotonic()
    return percentile([arrived.get(n, late) - at for n, at in due.items()], 0.5) * 1000
