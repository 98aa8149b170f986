"""One bank's notices while another bank never answers and has a backlog, beside the same city
in which the other bank is quiet. The design's bar: the p99 changes by less than 2 times.
"""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench.place import BenchCity, file_report, folder, wait_for
from bench.table import milliseconds, percentile, show, times
from ivr.store.outbox import TEXTS_QUEUE

WELL, HANGING = "icbc", "ccb"
ROUNDS: Final = 4
BACKLOG: Final = 200
SECONDS: Final = 20.0  # the first 10 of them before the hanging bank is paused
PER_SECOND: Final = 5  # each notice brings two texts: 15 deliveries, far below saturation
WORKERS: Final = 4
WARMING: Final = 20
LONGEST: Final = 60.0


@dataclass
class Taken:
    """Seconds from filing to receipt in every round."""

    rounds: list[list[float]] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        return [seconds for taken in self.rounds for seconds in taken]


def measure() -> None:
    """Prints a table: delivery times without and with a hanging bank, and their ratio."""
    without, beside = Taken(), Taken()
    attempts = 0
    for number in range(ROUNDS * 2):
        hanging = number % 4 in (1, 2)  # neither kind always comes first
        seconds, tried = _round(hanging=hanging)
        (beside if hanging else without).rounds.append(seconds)
        attempts += tried
    _show(without, beside, attempts)


def _round(*, hanging: bool) -> tuple[list[float], int]:
    """-> seconds of the healthy bank's notices, and attempts on the hanging one."""
    count = int(SECONDS * PER_SECOND) + WARMING
    with folder() as place, _city(place, count + BACKLOG) as city:
        city.swift.client.behaves(HANGING, "hang")
        if hanging:
            _make_a_backlog(city, count)
        _at_a_steady_rate(city, 0, WARMING)
        seconds = _at_a_steady_rate(city, WARMING, count)
        return seconds, _attempts(city)


def _city(place: Path, holders: int) -> BenchCity:
    environ = {"WORKERS_PER_BANK": str(WORKERS)}
    return BenchCity(place, holders, banks=(WELL, HANGING), environ=environ)


def _make_a_backlog(city: BenchCity, first: int) -> None:
    """Reports for the hanging bank, of holders with their card there."""
    for holder in city.holders[first:]:
        (card,) = holder.cards
        file_report(city.hotline, replace(holder, cards=(replace(card, bank=HANGING),)))
    wait_for(lambda: _attempts(city) > 0, "the first attempt on the hanging bank", LONGEST)
    wait_for(lambda: not _texts_owed(city), "the backlog's texts", LONGEST, 0.1)


def _texts_owed(city: BenchCity) -> bool:
    """Whether the backlog's texts are still being sent: they are no part of what is compared."""
    outbox = city.hotline.outbox
    return bool(outbox.due(TEXTS_QUEUE, outbox.now(), 1))


def _attempts(city: BenchCity) -> int:
    return len(city.swift.first_arrivals_by_id(HANGING))


def _at_a_steady_rate(city: BenchCity, first: int, end: int) -> list[float]:
    """Files a report every 1/PER_SECOND s; -> how long each notice took to arrive."""
    started: dict[str, float] = {}
    begun = time.monotonic()
    for place in range(first, end):
        time.sleep(max(begun + (place - first) / PER_SECOND - time.monotonic(), 0))
        at = time.monotonic()
        started[file_report(city.hotline, city.holders[place])] = at
    wait_for(lambda: set(started) <= set(city.swift.first_arrivals(WELL)), "all", LONGEST, 0.1)
    arrived = city.swift.first_arrivals(WELL)
    return [arrived[number] - at for number, at in started.items()]


def _show(without: Taken, beside: Taken, attempts: int) -> None:
    rows = []
    for what, taken in (("the other bank quiet", without), ("the other bank hangs", beside)):
        p50, p99 = (percentile(taken.seconds, share) for share in (0.5, 0.99))
        p99s = [percentile(seconds, 0.99) for seconds in taken.rounds]
        rows.append(
            (
                what,
                str(len(taken.seconds)),
                milliseconds(p50),
                times(p50, percentile(without.seconds, 0.5)),
                milliseconds(p99),
                times(p99, percentile(without.seconds, 0.99)),
                " ".join(milliseconds(p99) for p99 in p99s),
            )
        )
    title = (
        f"Bulkhead: {PER_SECOND} notices a second to one bank, {ROUNDS} rounds of {SECONDS:.0f} s; "
        f"the hanging one has {BACKLOG} waiting and took {attempts} attempts"
    )
    columns = ("", "notices", "p50 ms", "x quiet", "p99 ms", "x quiet", "p99 ms of each round")
    show(title, columns, rows)
