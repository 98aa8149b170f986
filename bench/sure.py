"""What it costs to make sure of a report before its number is told: this machine's journal, a
replica, and, for comparison, asking three sentinels which primary they name (fencing).
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from redis.sentinel import SentinelConnectionPool

from bench.place import SEED, file_report, folder
from bench.table import milliseconds, percentile, show, times
from ivr.cards.records import Holder
from ivr.made_up import made_up_holder
from ivr.store.cardholders_csv import CardLine
from tests.builders import settings
from tests.faults.watched_redis import WatchedRedis
from tests.hotline import Hotline, open_hotline

FILINGS: Final = 400  # of each kind, in turn


def measure() -> None:
    """Prints one table: a filing made sure of in each way, beside one that is not."""
    with folder() as place:
        store = WatchedRedis(place / "watched")
        store.start()
        try:
            seconds = _file_in_turn(place, store)
        finally:
            store.stop()
    floor = seconds["nothing"]
    rows = [
        (
            name,
            *(milliseconds(percentile(values, share)) for share in (0.5, 0.95)),
            times(percentile(values, 0.5), percentile(floor, 0.5)),
        )
        for name, values in seconds.items()
    ]
    columns = ("made sure by", "p50 ms", "p95 ms", "of nothing, p50")
    show(f"A filing under Sentinel, {FILINGS} of each kind in turn", columns, rows)


def _file_in_turn(place: Path, store: WatchedRedis) -> dict[str, list[float]]:
    journal = place / "journal"
    journal.mkdir()
    nothing = open_hotline(settings(store.url, wait_for_replicas="0"))
    keys = nothing.settings.data_keys[0].get_secret_value()

    def like(replicas: int, journal_dir: str) -> Hotline:
        more = {"data_keys": keys, "journal_dir": journal_dir}
        return open_hotline(settings(store.url, wait_for_replicas=str(replicas), **more))

    ways: dict[str, tuple[Hotline, Callable[[Hotline], object]]] = {
        "nothing": (nothing, lambda _hotline: None),
        "the journal": (like(0, str(journal)), lambda _hotline: None),
        "a replica": (like(1, ""), lambda _hotline: None),
        "a replica and the journal": (like(1, str(journal)), lambda _hotline: None),
        "a replica and the sentinels": (like(1, ""), _ask_sentinels),
    }
    holders = _enrolled(nothing, (FILINGS + 1) * len(ways))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(FILINGS + 1):  # the first of each opens connections
        for name, (hotline, then) in ways.items():
            holder = next(holders)
            began = time.perf_counter()
            file_report(hotline, holder)
            then(hotline)
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def _ask_sentinels(hotline: Hotline) -> object:
    pool = hotline.redis.connection_pool
    if not isinstance(pool, SentinelConnectionPool):
        raise TypeError("there are no sentinels")
    return pool.sentinel_manager.states(pool.service_name)


def _enrolled(hotline: Hotline, count: int) -> Iterator[Holder]:
    rng = Random(SEED)
    holders = [made_up_holder(rng, ("icbc",)) for _ in range(count)]
    hotline.holders.put_all([CardLine(number, holder) for number, holder in enumerate(holders, 2)])
    return iter(holders)
