"""100 banks with `max_in_flight` 8: processes and memory of the delivery worker (PSS, its
supervisor included) while all banks are busy; then the others' time from filing to the bank's
having read it, while one bank never answers and while it does, in alternating rounds with the
same notices.
"""

import os
import time
from statistics import median
from typing import Final

from bench.city import City, file_at_rate
from bench.machine import CORES, QUICK, a_folder
from bench.table import Page, milliseconds, percentile, ratios

BANKS: Final = tuple(f"bank{number:02d}" for number in range(100))
HANGING, *OTHERS = BANKS
ROUNDS: Final = ("well", "hang") if QUICK else ("well", "hang", "hang", "well")
SECONDS: Final = 2 if QUICK else 6
PER_SECOND: Final = int(os.environ.get("BENCH_NOTICES", "99"))  # to the others, by turns
TO_HANGING: Final = 10
FILERS: Final = 3
STILL_SECONDS: Final = 1.0


def measure(page: Page) -> None:
    """Processes, memory, and the others' p99."""
    taken: dict[str, list[list[float]]] = {"well": [], "hang": []}
    with a_folder() as folder, City(folder, BANKS) as city:
        each = SECONDS * PER_SECOND
        first = city.knows(len(BANKS), BANKS)  # so that every bank has been reached before
        others = city.knows(each * len(ROUNDS), OTHERS)
        its_own = city.knows(SECONDS * TO_HANGING * len(ROUNDS), (HANGING,))
        city.starts("worker", "clock")
        city.files_at_once(first)
        _wait_until_still(city)
        for how in ROUNDS:
            city.bank.behaves(HANGING, how)
            mine = [its_own.pop() for _ in range(SECONDS * TO_HANGING)]
            seconds, memory = _round(city, [others.pop() for _ in range(each)], mine)
            taken[how].append(seconds)
            city.bank.behaves(HANGING, "well")
            _wait_until_still(city)
        processes = len(city.programs["worker"].children())
    _show(page, taken, processes, memory)


def _round(city: City, others: list[str], its_own: list[str]) -> tuple[list[float], float]:
    """-> seconds of each notice to the others, and MB in the midst of it."""
    with city.filers(FILERS + 1) as pool:
        beside = pool.submit(file_at_rate, its_own, TO_HANGING)
        parts = [others[place::FILERS] for place in range(FILERS)]
        filing = [pool.submit(file_at_rate, part, PER_SECOND / FILERS) for part in parts]
        time.sleep(SECONDS / 2)
        memory = city.programs["worker"].memory()
        began = {number: at for part in filing for number, at in part.result()}
        beside.result()
    until = time.monotonic() + 30
    arrived: dict[str, float] = {}
    while len(arrived) < len(began) and time.monotonic() < until:
        time.sleep(0.3)
        arrived = {
            n: at for bank in OTHERS for n, at in city.bank.first(bank).items() if n in began
        }
    never = time.monotonic()
    return [arrived.get(number, never) - at for number, at in began.items()], memory


def _wait_until_still(city: City) -> None:
    """Until nothing has arrived anywhere for a while."""
    until, before = time.monotonic() + 30, -1
    while time.monotonic() < until:
        now = len(city.bank.texts()) + sum(len(city.bank.arrivals(bank)) for bank in BANKS)
        if now == before:
            return
        before = now
        time.sleep(STILL_SECONDS)


def _show(page: Page, taken: dict[str, list[list[float]]], processes: int, memory: float) -> None:
    p99s = {how: [percentile(s, 0.99) for s in rounds] for how, rounds in taken.items()}
    rows = []
    for how, rounds in taken.items():
        seconds = [each for found in rounds for each in found]
        rows.append((how, len(seconds), milliseconds(percentile(seconds, 0.5)),
                     milliseconds(percentile(seconds, 0.99)),
                     " ".join(map(milliseconds, p99s[how]))))  # fmt: skip
    title = (
        f"{PER_SECOND} notices a second to 99 banks, {TO_HANGING} to one more, {SECONDS} s rounds; "
        f"{processes} worker processes and their supervisor, {memory:.0f} MB"
    )
    page.table(title, ("the one bank", "notices", "p50 ms", "p99 ms", "rounds' p99"), rows)
    page.at_most("processes for 100 banks and the texts", processes, CORES + 1, digits=0)
    page.at_most("memory for 100 banks", memory, 150, " MB", digits=0)
    page.at_most("others' p99 while one hangs, x", ratios(p99s["hang"], p99s["well"]), 1.5)
    page.at_most("others' p50 while one hangs, x", _p50s(taken["hang"]) / _p50s(taken["well"]), 1.5)


def _p50s(rounds: list[list[float]]) -> float:
    return median(percentile(seconds, 0.5) for seconds in rounds)
