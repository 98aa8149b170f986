"""Mixed calls at a fixed rate on this machine, the generator beside them: open loop, so a turn's
time counts from the moment it was due, and a caller presses a key each second, as long as a call
lasts. Then everything is counted: each report number a caller heard is exactly one notice at the
bank. BENCH_SECONDS and BENCH_CALLS (a second) change length and rate.
"""

import os
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from bench.callers import LONGEST_CALL, TURNS_A_CALL, Traffic, mixed, people_for, play
from bench.city import BANK, EVERY, City
from bench.machine import QUICK, a_folder, wait_for
from bench.table import Page, milliseconds, percentile

REACH: Final = 80
PER_SECOND: Final = float(os.environ.get("BENCH_CALLS", str(REACH)))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "3" if QUICK else "60"))
CALLS: Final = int(PER_SECOND * SECONDS)


def measure(page: Page) -> None:
    """Times of turns, and whether everything adds up."""
    with a_folder() as folder, City(folder) as city:
        people = city.knows(people_for(CALLS))
        city.starts(*EVERY)
        callers = mixed(city.base_url, people)
        city.warms_up()
        time.sleep(2)
        already = len(city.bank.arrivals(BANK))
        begun = time.monotonic()
        traffic = play(callers, CALLS, PER_SECOND, patience=1)
        seconds = time.monotonic() - begun
        told = set(traffic.numbers)
        with suppress(TimeoutError):  # then they are counted as lost
            wait_for(lambda: told <= set(city.bank.first(BANK)), "every notice", 60, 0.5)
        time.sleep(1)  # for what would come twice
        notices = Counter(found.report for found in city.bank.arrivals(BANK)[already:])
    _show(page, traffic, seconds, notices)


def _show(page: Page, traffic: Traffic, seconds: float, notices: Counter[str]) -> None:
    told, turns = set(traffic.numbers), len(traffic.seconds)
    rate = CALLS / (seconds - LONGEST_CALL)  # one of the last ones is among the longest
    p50, p95, p99 = (percentile(traffic.seconds, share) for share in (0.5, 0.95, 0.99))
    lost = len(told - notices.keys())
    wrong = lost + len(notices.keys() - told) + sum(n > 1 for n in notices.values())
    row = (f"{rate:.1f}", f"{rate * TURNS_A_CALL:.0f}", turns, milliseconds(p50),
           milliseconds(p95), milliseconds(p99), len(told), notices.total(), wrong)  # fmt: skip
    columns = ("calls/s", "turns/s", "turns", "p50 ms", "p95 ms", "p99 ms", "reports told",
               "notices", "lost, double or untold")  # fmt: skip
    title = f"{CALLS} mixed calls, {PER_SECOND:.0f} a second for {SECONDS:.0f} s"
    page.table(title, columns, [row])
    page.at_least("calls/s", round(rate, 1), REACH, digits=1)
    page.at_most("p99 of a turn", p99 * 1000, 150, " ms", digits=0)
    page.at_most("lost, double or untold reports", wrong, 0, digits=0)
