"""Kills and breaks real processes while callers report lost cards; then everything must add up.

`make test` runs a short round of each; `make faults` (FAULTS=long) many more. FAULTS_SEED
repeats a run's choices.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from ivr.cards.records import Holder
from simulator.engine import HttpWire
from tests.faults.audit import Findings, as_line, audit, wait_until_calm
from tests.faults.callers import Caller, Tally
from tests.faults.city import BANKS, City

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", "12333"))
LINES = 6
TRIES = 40  # a caller who is cut off calls again
CALM_SECONDS = 120.0


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


@pytest.fixture
def city() -> Iterator[City]:
    with (
        tempfile.TemporaryDirectory(prefix="city-") as folder,
        City(Path(folder), holders=2000 if LONG else 60, seed=SEED) as running,
    ):
        yield running


def everybody_calls(city: City, storm: Storm | None = None) -> Tally:
    """Every holder calls, six at a time, again and again until a report number is heard."""
    tally, wire = Tally(), HttpWire()

    def one(numbered: tuple[int, Holder]) -> None:
        number, holder = numbered
        if storm:
            storm.strikes_before(number)
        _calls_until_told(city, holder, tally, wire)

    with ThreadPoolExecutor(LINES) as lines:
        list(lines.map(one, enumerate(city.holders, 1)))
    wire.close()
    return tally


def _calls_until_told(city: City, holder: Holder, tally: Tally, wire: HttpWire) -> None:
    for attempt in range(TRIES):
        caller = Caller(city.base_url, holder, tally, wire)
        if caller.calls_once(twice=attempt == 0 and holder.id_number[-2] in "02468").number:
            return
        time.sleep(0.5)


def judge(city: City, tally: Tally, name: str, **figures: object) -> Findings:
    """Waits until all is calm, audits, prints the figures, and insists that all adds up."""
    calm = wait_until_calm(city, CALM_SECONDS)
    findings = audit(city, tally)
    print(
        f"\n{name}: {as_line(findings, heard=tally.heard, calm_seconds=round(calm, 1), **figures)}"
    )
    assert findings.faults == []
    assert findings.told == len(city.holders), "somebody never heard a report number"
    return findings


class Deeds:
    """What can go wrong, as verbs."""

    def __init__(self, city: City, rng: Random) -> None:
        self.city = city
        self.rng = rng

    def kills_the_web(self) -> None:
        self._kill_and_start("web")

    def kills_a_web_worker(self) -> None:
        self._kill_a_child("web")

    def kills_the_worker(self) -> None:
        self._kill_and_start("worker")

    def kills_one_delivery(self) -> None:
        self._kill_a_child("worker")

    def kills_the_sweep(self) -> None:
        self._kill_and_start("clock")

    def restarts_redis(self) -> None:
        self.city.redis.restart()

    def pauses_redis(self) -> None:
        process = self.city.redis.process
        if process is None:
            raise RuntimeError("Redis is not running")
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.choice((10, 60)) if LONG else 4)
        process.send_signal(signal.SIGCONT)

    def flushes_the_queues(self) -> None:
        redis = self.city.hotline.redis
        for pattern in ("rq:queue:*", "rq:job:*"):
            for key in redis.scan_iter(match=pattern):
                redis.delete(key)

    def restarts_the_bank(self) -> None:
        self.city.bank.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.city.bank.start()

    def _kill_and_start(self, name: str) -> None:
        self.city.processes[name].kill()
        self.city.processes[name].start()

    def _kill_a_child(self, name: str) -> None:
        children = self.city.processes[name].children()
        if children:
            try:
                os.kill(self.rng.choice(children), signal.SIGKILL)
            except ProcessLookupError:
                return  # it had just ended by itself


def test_nothing_breaks(city: City) -> None:
    tally = everybody_calls(city)
    judge(city, tally, "calm")
    assert tally.heard == {"filed": len(city.holders)}


def test_processes_are_killed_at_random(city: City) -> None:
    rng = Random(SEED)
    deeds = Deeds(city, rng)
    killing = [
        deeds.kills_the_web,
        deeds.kills_a_web_worker,
        deeds.kills_the_worker,
        deeds.kills_one_delivery,
        deeds.kills_the_sweep,
        deeds.flushes_the_queues,
    ]
    storm = Storm(rng, killing, every=9)
    judge(city, everybody_calls(city, storm), "killed at random", kills=storm.done)


def test_redis_is_killed_at_random(city: City) -> None:
    rng = Random(SEED)
    deeds = Deeds(city, rng)
    storm = Storm(rng, [deeds.restarts_redis, deeds.kills_one_delivery], every=20)
    judge(city, everybody_calls(city, storm), "Redis killed", kills=storm.done)


def test_the_bank_misbehaves(city: City) -> None:
    rng = Random(SEED)
    deeds = Deeds(city, rng)
    for bank in BANKS:
        city.bank.client.mixes(
            bank,
            [
                {"kind": "fail", "status": 503, "probability": 0.1},
                {"kind": "reset", "probability": 0.1},
                {"kind": "garbage", "form": "broken", "probability": 0.05},
                {"kind": "garbage", "form": "cut", "probability": 0.05},
                {"kind": "throttle", "retry_after": 1, "probability": 0.1},
                {"kind": "late", "seconds": 3, "probability": 0.05},
            ],
        )
    storm = Storm(rng, [deeds.kills_one_delivery, deeds.restarts_the_bank], every=20)
    tally = everybody_calls(city, storm)
    for bank in BANKS:
        city.bank.client.behaves(bank, "normal")
    judge(city, tally, "bank misbehaves", deeds=storm.done)


def test_two_sweeps_and_paused_redis(city: City) -> None:
    second = city.processes["clock"].twin("clock-2")
    second.start()
    deeds = Deeds(city, Random(SEED))
    storm = Storm(deeds.rng, [deeds.pauses_redis], every=300 if LONG else 30)
    try:
        tally = everybody_calls(city, storm)
        judge(city, tally, "two sweeps, Redis paused", pauses=storm.done)
    finally:
        second.stop()
