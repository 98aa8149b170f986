"""Everybody calls while things go wrong; then all must add up, and the figures are printed."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from ivr.cards.records import Holder
from simulator.engine import HttpTransport
from tests.faults.audit import Findings, as_line, audit, wait_until_calm
from tests.faults.callers import Caller, Tally
from tests.faults.city import City
from tests.faults.healing import Stopwatch

LINES = 6
TRIES = 60  # a caller who is cut off calls again
CALM_SECONDS = 180.0


@dataclass
class Storm:
    """Does one deed after another while callers are on the line: one for every few calls."""

    rng: Random
    deeds: list[Callable[[], None]]
    every: int
    done: dict[str, int] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def strikes_before(self, call_number: int) -> None:
        """The line that draws the deed waits for it; the other lines go on talking."""
        if call_number % self.every:
            return
        with self._one_at_a_time:
            deed = self.rng.choice(self.deeds)
            deed()
            self.done[deed.__name__] = self.done.get(deed.__name__, 0) + 1


def everybody_calls(city: City, storm: Storm | None = None, tally: Tally | None = None) -> Tally:
    """Every holder calls, six at a time, again and again until a report number is heard."""
    return these_call(city, city.holders, storm, tally)


def these_call(
    city: City, holders: list[Holder], storm: Storm | None = None, tally: Tally | None = None
) -> Tally:
    """As `everybody_calls`, some of them; adds to `tally`."""
    tally, transport = tally or Tally(), HttpTransport()

    def one(numbered: tuple[int, Holder]) -> None:
        number, holder = numbered
        if storm:
            storm.strikes_before(number)
        _calls_until_told(city, holder, tally, transport)

    with ThreadPoolExecutor(LINES) as lines:
        list(lines.map(one, enumerate(holders, 1)))
    transport.close()
    return tally


def _calls_until_told(city: City, holder: Holder, tally: Tally, transport: HttpTransport) -> None:
    for attempt in range(TRIES):
        caller = Caller(city.base_url, holder, tally, transport)
        if caller.calls_once(twice=attempt == 0 and holder.id_number[-2] in "02468").number:
            return
        time.sleep(0.5)


def judge(
    city: City, tally: Tally, name: str, stopwatch: Stopwatch | None = None, **figures: object
) -> Findings:
    """Everybody was told a number, and all adds up."""
    findings = adds_up(city, tally, name, stopwatch, **figures)
    assert findings.told == len(city.holders), f"somebody never heard a number\n{last_words(city)}"
    return findings


def adds_up(
    city: City, tally: Tally, name: str, stopwatch: Stopwatch | None = None, **figures: object
) -> Findings:
    """Waits until all is calm, audits, prints the figures, and insists that all adds up."""
    calm = wait_until_calm(city, CALM_SECONDS)
    if stopwatch is not None:
        figures["seconds_to_heal"] = stopwatch.ends()
    findings = audit(city, tally)
    prints(name, as_line(findings, heard=tally.heard, calm_seconds=round(calm, 1), **figures))
    assert findings.faults == [], last_words(city)
    return findings


def prints(name: str, figures: str) -> None:
    """One line about a run, past pytest's capturing when it runs with -s."""
    print(f"\n{name}: {figures}", flush=True)


def last_words(city: City) -> str:
    """The ends of all logs, for whoever must find out why."""
    logs = {p.name: p.said()[-3000:] for p in city.processes.values()}
    return "\n".join(f"--- {name}\n{text}" for name, text in logs.items())
