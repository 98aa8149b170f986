"""CPU of a whole mixed call in web, worker, sweep and Redis (utime and stime of /proc/PID/stat,
children included), over some hundred calls, 25 a second, until the last notice has arrived. What
the same programs use while nothing goes on is part of it, and named.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from bench.callers import REPORTS_A_CALL, TURNS_A_CALL, Caller, mixed, people_for, play
from bench.city import BANK, EVERY, City
from bench.machine import QUICK, a_folder, wait_for
from bench.table import Page

CALLS: Final = 50 if QUICK else 250
PER_SECOND: Final = 25.0
IDLE_SECONDS: Final = 2.0 if QUICK else 5.0
OURS: Final = ("web", "worker", "clock", "redis")


def measure(page: Page) -> None:
    """Milliseconds of CPU a call, by program and summed."""
    with a_folder() as folder, City(folder) as city:
        people = city.knows(people_for(CALLS))
        city.starts(*EVERY)
        callers = mixed(city.base_url, people)
        city.warms_up()
        time.sleep(2)
        idle = _used(city, IDLE_SECONDS, lambda: time.sleep(IDLE_SECONDS))
        begun = time.monotonic()
        used = _used(city, CALLS, lambda: _calls(city, callers))
        seconds = time.monotonic() - begun
    rows = [(name, f"{used[name] * 1000:.2f}", f"{idle[name] * seconds / CALLS * 1000:.2f}")
            for name in OURS]  # fmt: skip
    whole = sum(used.values()) * 1000
    rows.append(("sum", f"{whole:.2f}", f"{sum(idle.values()) * seconds / CALLS * 1000:.2f}"))
    title = (
        f"CPU a mixed call ({TURNS_A_CALL:.1f} turns, {REPORTS_A_CALL:.2f} reports), {CALLS} calls "
        f"at {PER_SECOND:.0f} a second"
    )
    page.table(title, ("program", "ms a call", "of these idle"), rows)
    page.at_most("CPU a mixed call", whole, 13, " ms", digits=1)


def _used(city: City, share: float, act: Callable[[], None]) -> dict[str, float]:
    """Seconds of CPU that each used meanwhile, divided by `share`."""
    before = {name: city.programs[name].cpu() for name in OURS}
    act()
    return {name: (city.programs[name].cpu() - before[name]) / share for name in OURS}


def _calls(city: City, callers: Iterator[Caller]) -> None:
    numbers = play(callers, CALLS, PER_SECOND).numbers
    wait_for(lambda: set(numbers) <= set(city.bank.first(BANK)), "every notice", 60, 0.2)
