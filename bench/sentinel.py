"""Callers report lost cards while the primary Redis is killed, three times, under Sentinel: what
was acknowledged and lost, what was done twice, and how long callers heard that we are busy.
"""

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from bench.place import EVERY_KIND, by_shell, folder, for_the_procfile, procfile
from bench.table import show
from ivr.cards.records import Holder
from simulator.engine import HttpTransport
from tests.faults.audit import Findings, audit, wait_until_calm
from tests.faults.callers import Caller, Tally, Told
from tests.faults.city import City
from tests.faults.watched_redis import DOWN_AFTER_MILLISECONDS, WatchedRedis

KILLS: Final = 3
LINES: Final = 6
CALM_BEFORE: Final = 4.0  # seconds of calls before each kill
HOLDERS: Final = 3000
AGAIN_AFTER: Final = 0.25  # seconds: an impatient caller
NEXT_AFTER: Final = 0.4  # seconds between two callers on a line: about 10 reports a second
CALM_SECONDS: Final = 180.0
GOOD: Final = ("filed", "already")


class PatientCity(City):
    """The fault tests' city and its sandbox bank, which counts effects, as the Procfile says."""

    def _environ(self) -> dict[str, str]:
        return {**super()._environ(), **for_the_procfile()}

    def _commands(self) -> dict[str, list[str]]:
        return {kind: by_shell(procfile()[kind]) for kind in EVERY_KIND}


@dataclass
class TimedTally(Tally):
    """A tally that also remembers when each call ended."""

    ends: list[tuple[float, str]] = field(default_factory=list)

    def note(self, holder: Holder, told: Told) -> None:
        super().note(holder, told)
        self.ends.append((time.monotonic(), told.heard))


@dataclass(frozen=True)
class Kill:
    """Seconds from a kill to a new primary, to the last bad call, and until all servers are in step
    again (`whole`). `longest_gap`: the longest time in which no caller heard a report number.
    """

    new_primary: float
    longest_gap: float
    last_bad: float
    bad_calls: int
    whole: float


def measure() -> None:
    """Prints a table of kills and one of counts."""
    with folder() as place:
        store = WatchedRedis(place / "watched")
        with PatientCity(place, HOLDERS, 12333, store) as city:
            tally = TimedTally()
            kills, at, called = _storm(city, store, tally)
            calm = wait_until_calm(city, CALM_SECONDS)
            city.holders = called
            findings = audit(city, tally)
    _show_kills([_told(tally, moment, *rest) for moment, *rest in at])
    _show_counts(findings, tally, calm, kills)


def _storm(
    city: City, store: WatchedRedis, tally: TimedTally
) -> tuple[int, list[tuple[float, float, float]], list[Holder]]:
    """-> kills; (when killed, seconds to another primary, seconds until whole); who called."""
    over = threading.Event()
    called: list[Holder] = []
    holders = iter(city.holders)
    lock = threading.Lock()
    transport = HttpTransport()

    def take() -> Holder | None:
        with lock:
            holder = None if over.is_set() else next(holders, None)
            called.extend([holder] if holder else [])
        return holder

    def line() -> None:
        while holder := take():
            while not Caller(city.base_url, holder, tally, transport).calls_once().number:
                time.sleep(AGAIN_AFTER)
            time.sleep(NEXT_AFTER)

    with ThreadPoolExecutor(LINES) as lines:
        going = [lines.submit(line) for _ in range(LINES)]
        try:
            moments = list(_kills(store))
            time.sleep(CALM_BEFORE)
        finally:
            over.set()
        for each in going:
            each.result()
    transport.close()
    return len(moments), moments, called


def _kills(store: WatchedRedis) -> Iterator[tuple[float, float, float]]:
    for _ in range(KILLS):
        time.sleep(CALM_BEFORE)
        dead = store.kill_the_primary()
        killed = time.monotonic()
        store.wait_for_another_primary()
        taken_over = time.monotonic()
        dead.start()
        store.wait_until_whole()
        yield killed, taken_over - killed, time.monotonic() - killed


def _told(tally: TimedTally, killed: float, new_primary: float, whole: float) -> Kill:
    """What callers heard in the time after one kill, until the next."""
    after = [(at - killed, heard) for at, heard in tally.ends if at - killed < whole]
    good = sorted(at for at, heard in after if heard in GOOD)
    bad = [at for at, heard in after if heard not in GOOD and at > 0]
    gaps = [later - at for at, later in pairwise(good) if later > 0]
    return Kill(new_primary, max(gaps), max(bad, default=0.0), len(bad), whole)


def _show_kills(kills: list[Kill]) -> None:
    rows = [
        (
            str(number),
            f"{kill.new_primary:.1f}",
            f"{kill.longest_gap:.1f}",
            f"{kill.last_bad:.1f}",
            str(kill.bad_calls),
            f"{kill.whole:.1f}",
        )
        for number, kill in enumerate(kills, 1)
    ]
    columns = ("kill", "new primary s", "no report for s", "last busy s", "busy calls", "whole s")
    show(
        f"The primary killed under {LINES} lines of callers; seconds after each kill "
        f"(sentinels wait {DOWN_AFTER_MILLISECONDS} ms before they call it dead)",
        columns,
        rows,
    )
    busy = statistics.mean(kill.last_bad for kill in kills)
    print(f"\nCallers heard that we are busy for {busy:.1f} s on average after a kill.")


def _show_counts(findings: Findings, tally: TimedTally, calm: float, kills: int) -> None:
    heard = ", ".join(f"{what} {count}" for what, count in sorted(tally.heard.items()))
    rows = [
        ("kills of the primary", str(kills)),
        ("reports callers were told of", str(findings.told)),
        ("acknowledged and lost", str(len(findings.lost))),
        ("blocked twice at a bank", str(len(findings.double_effects))),
        ("filed and confirmed by nobody", str(len(findings.unasked))),
        ("stuck", str(len(findings.stuck))),
        ("journal entries missing or double", str(len(findings.journal_gaps))),
        ("calls by what was heard", heard),
        ("seconds until nothing was owed", f"{calm:.1f}"),
    ]
    show("What was counted after the storm", ("what", "count"), rows)
    for fault in findings.faults[:10]:
        print(fault)
