"""A storm: each second kill -9 of a random process (a web worker, a delivery process, the sweep;
now and then Redis), while callers report cards; who is killed is started again at once, as a
supervisor would. From the last kill on: how long until the last notice of a report that was told
has arrived, and the last of its two texts.
"""

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Final

from bench.callers import mixed, people_for, play
from bench.city import BANK, EVERY, City
from bench.machine import QUICK, a_folder
from bench.table import Page

SECONDS: Final = 5 if QUICK else 60
PER_SECOND: Final = 4.0
REDIS_EVERY: Final = 10  # kills
LONGEST: Final = 60 if QUICK else 120
TEXTS_A_REPORT: Final = 2


def measure(page: Page) -> None:
    """The slowest notice and text after the last kill."""
    calls = int(SECONDS * PER_SECOND)
    with a_folder() as folder, City(folder) as city:
        people = city.knows(people_for(calls))
        city.starts(*EVERY)
        callers = mixed(city.base_url, people)
        storm = Storm(city)
        storm.start()
        traffic = play(callers, calls, PER_SECOND, patience=40)
        storm.join()
        notices, texts = _arrived(city, set(traffic.numbers), storm.last)
    told, killed = len(set(traffic.numbers)), dict(storm.killed)
    rows = [(what, len(found), f"{max(found.values(), default=0):.1f}", told - len(found))
            for what, found in (("notice", notices), ("texts", texts))]  # fmt: skip
    victims = ", ".join(f"{count} {name}" for name, count in killed.items())
    title = (
        f"After {SECONDS} s of a kill -9 a second ({victims}): {told} reports told, "
        f"{traffic.failed} broken requests made again"
    )
    columns = ("", "reports", f"slowest after the last kill, s (waited {LONGEST})", "never")
    page.table(title, columns, rows)
    page.at_most("slowest notice after the last kill", _slowest(notices, told), 20, " s", digits=1)
    page.at_most("slowest text after the last kill", _slowest(texts, told), 40, " s", digits=1)


class Storm(threading.Thread):
    """One kill a second."""

    def __init__(self, city: City) -> None:
        super().__init__(daemon=True)
        self._city = city
        self._rng = Random(12333)
        self.killed: Counter[str] = Counter()
        self.last = 0.0

    def run(self) -> None:
        for number in range(1, SECONDS + 1):
            time.sleep(1)
            name = self._rng.choice(("web", "worker", "clock"))
            self._kill("redis" if number % REDIS_EVERY == REDIS_EVERY // 2 else name)
            self.last = time.monotonic()

    def _kill(self, name: str) -> None:
        program = self._city.programs[name]
        children = program.children() if name in ("web", "worker") else []
        if children:
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(children), signal.SIGKILL)
        else:
            program.kill()
            program.start()
        self.killed[name] += 1


def _arrived(city: City, told: set[str], last: float) -> tuple[dict[str, float], dict[str, float]]:
    """Report -> seconds from the last kill to its first notice, and to its second text."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        time.sleep(0.5)
        notices = {n: max(at - last, 0) for n, at in city.bank.first(BANK).items() if n in told}
        texts = _texts(city, told, last)
        if len(notices) == len(texts) == len(told):
            break
    return notices, texts


def _texts(city: City, told: set[str], last: float) -> dict[str, float]:
    moments: dict[str, list[float]] = {number: [] for number in told}
    for found in city.bank.texts():
        moments.get(found.report, []).append(max(found.at - last, 0))
    return {n: at[TEXTS_A_REPORT - 1] for n, at in moments.items() if len(at) >= TEXTS_A_REPORT}


def _slowest(found: dict[str, float], told: int) -> float:
    return max(found.values(), default=0.0) if len(found) == told else float(LONGEST)
