"""Calls on both sites while the network is cut, and what all that comes to afterwards."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.records import Holder
from ivr.store import keys
from ivr.store.codec import load
from simulator.engine import HttpTransport
from tests.faults.audit import read_reports
from tests.faults.callers import Caller, Tally
from tests.faults.city import BANKS
from tests.faults.split_city import SENTINELS, SITES, SplitCity

LINES: Final = 6  # callers on the line at once, on each site
CALLS_A_SECOND: Final = 2.0  # on each site

Cut = Callable[[SplitCity, float], None]


def parted(some: tuple[str, ...], others: tuple[str, ...]) -> Cut:
    """A cut that lasts so many seconds and then heals."""

    def cut(city: SplitCity, seconds: float) -> None:
        city.network.cut(some, others)
        time.sleep(seconds)
        city.network.heal(some, others)

    return cut


def _primary_stands_still(city: SplitCity, seconds: float) -> None:
    pid = city.nodes["r1"].pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(min(seconds, 20))
    os.kill(pid, signal.SIGCONT)


def _bad_lines(city: SplitCity, seconds: float) -> None:
    """The primary's lines drop everything every other moment: all that passes comes late."""
    others = ("r2", "r3", *SENTINELS, *SITES)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        city.network.cut(("r1",), others)
        time.sleep(0.3)
        city.network.heal(("r1",), others)
        time.sleep(0.5)


_FAR: Final = ("r3", *SENTINELS, "w2")
CUTS: Final[dict[str, Cut]] = {
    "1": parted(("r1", "r2", "w1"), _FAR),
    "2": parted(("r1", "w1"), ("r2", *_FAR)),
    "3": parted(("r2", "w1"), ("r1", *_FAR)),
    "4": parted(("r1",), SENTINELS),
    "4b": parted(("r1", "r2"), ("r3", *SENTINELS)),
    "5": parted(("r1", "r2", "w1"), _FAR),  # with WAIT 2 and min-replicas-to-write 2
    "6": _primary_stands_still,
    "7": _bad_lines,
    "9": parted(("r1", "r2", "s1", "s2", "w1"), ("r3", "s3", "w2")),
}


@dataclass
class Site:
    """What the callers of one site heard; busy: since when nobody was helped, and the longest."""

    tally: Tally = field(default_factory=Tally)
    told_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)

    @property
    def busy_seconds(self) -> float:
        """The longest time between two calls that were helped while others were not."""
        helped = sorted(self.told_at)
        gaps = pairwise(helped)
        return max((b - a for a, b in gaps if any(a < r < b for r in self.refused_at)), default=0)


@contextmanager
def calls_at(city: SplitCity) -> Iterator[dict[str, Site]]:
    """People call on both sites all the time, each holder until a number is heard."""
    sites = {name: Site() for name in SITES}
    over = threading.Event()
    half = len(city.holders) // len(SITES)
    threads = []
    for number, (name, site) in enumerate(sites.items()):
        waiting = iter(city.holders[number * half : (number + 1) * half])
        lock = threading.Lock()
        for _ in range(LINES):
            work = (city.base_urls[name], waiting, lock, site, over)
            threads.append(threading.Thread(target=_calls, args=work, daemon=True))
    for thread in threads:
        thread.start()
    yield sites
    over.set()
    for thread in threads:
        thread.join(60)


def _calls(
    url: str, waiting: Iterator[Holder], lock: threading.Lock, site: Site, over: threading.Event
) -> None:
    transport = HttpTransport()
    while not over.is_set():
        with lock:
            holder = next(waiting, None)
        if holder is None:
            return
        while not over.is_set():
            began = time.monotonic()
            told = Caller(url, holder, site.tally, transport).calls_once()
            ended = time.monotonic()
            (site.told_at if told.number else site.refused_at).append(ended)
            over.wait(max(0.0, LINES / CALLS_A_SECOND - (ended - began)))
            if told.number:
                break
    transport.close()


@dataclass
class Outcome:
    """Figures of one cut, and what does not add up, by report number.

    lost: told, and not on record. orphans: a bank or a holder was told, and it is not on record.
    doubled: a card with two running reports, or a report that blocked twice at the bank.
    unblocked: told, and missing from the bank's list of blocks.
    """

    told: int
    lost: list[str]
    orphans: list[str]
    doubled: list[str]
    unblocked: list[str]
    busy: dict[str, float]

    @property
    def found(self) -> dict[str, list[str]]:
        return {"lost": self.lost, "orphans": self.orphans, "doubled": self.doubled,
                "not_blocked": self.unblocked}  # fmt: skip


def outcome(city: SplitCity, sites: dict[str, Site]) -> Outcome:
    """Compares what was heard, told to banks and texted with what is on record now."""
    hotline = city.hotline
    reports = read_reports(hotline)
    told = {n: card for site in sites.values() for n, card in site.tally.told.items()}
    heard_of = {n for bank in BANKS for n in city.bank.client.effects(bank)}
    heard_of |= {number for number, _ in city.texts.counts()}
    lost = [n for n, card in told.items() if not _stands(reports.get(n), card, city)]
    active = Counter(r.card_ref for r in reports.values() if r.state is ReportState.ACTIVE)
    effects = [city.bank.client.effects(bank) for bank in BANKS]
    twice = [n for of in effects for n, count in of.items() if count > 1]
    listed = {ref for bank in BANKS for ref in hotline.redis.zrange(keys.blocks(bank), 0, -1)}
    return Outcome(
        told=len(told),
        lost=lost,
        orphans=sorted(heard_of - reports.keys()),
        doubled=[ref for ref, count in active.items() if count > 1] + twice,
        unblocked=[n for n in told if n in reports and reports[n].card_ref.encode() not in listed],
        busy={name: round(site.busy_seconds, 1) for name, site in sites.items()},
    )


def _stands(report: LossReport | None, card_number: str, city: SplitCity) -> bool:
    """Whether a report is on record and its card is suspended."""
    if report is None or report.card_ref != city.hotline.holders.card_ref(card_number):
        return False
    loss = city.hotline.redis.get(keys.loss(report.card_ref))
    return loss is not None and load(Suspension, loss).kind is ReportKind.TEMPORARY
