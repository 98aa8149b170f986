"""The journal: one stream entry for every event that matters, for audit. No personal values."""

from collections.abc import Iterator
from typing import Final, cast

from redis import Redis

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.doorbell import Command
from ivr.store.unreadable import naming

PAGE: Final = 1000
_Page = list[tuple[bytes, dict[bytes, bytes]]]


class Journal:
    """Appends an entry in the transaction of the change it records; trims old entries."""

    def __init__(self, redis: Redis, retention_seconds: int) -> None:
        self._redis = redis
        self._retention_seconds = retention_seconds

    def write(self, entry: Entry) -> list[Command]:
        """The commands that append an entry and count its event."""
        words = [word for pair in entry.fields.items() if pair[1] for word in pair]
        return [
            ("XADD", keys.JOURNAL, "*", "event", entry.event, *words),
            ("HINCRBY", keys.COUNTERS, f"event:{entry.event}", 1),
        ]

    def between(self, since: float, until: float) -> Iterator[tuple[float, Entry]]:
        """Entries of that time (unix seconds), oldest first, each with its moment."""
        start, end = str(int(since * 1000)), str(int(until * 1000))
        while page := self._page(start, end, PAGE):
            yield from map(_read, page)
            start = f"({plain(page[-1][0])}"

    def begins_at(self) -> float | None:
        """The moment of the oldest entry that was not trimmed yet; None when there is none."""
        page = self._page("-", "+", 1)
        return _read(page[0])[0] if page else None

    def _page(self, start: str, end: str, count: int) -> _Page:
        with naming(self._redis, keys.JOURNAL):
            return cast("_Page", self._redis.xrange(keys.JOURNAL, start, end, count=count))

    def trim(self, now: float) -> None:
        """Forgets what is older than the retention; approximate, so that it costs nothing."""
        oldest = int((now - self._retention_seconds) * 1000)
        with naming(self._redis, keys.JOURNAL):
            self._redis.xtrim(keys.JOURNAL, minid=str(max(oldest, 0)), approximate=True)


def _read(row: tuple[bytes, dict[bytes, bytes]]) -> tuple[float, Entry]:
    entry_id, found = row
    fields = {plain(name): plain(value) for name, value in found.items()}
    milliseconds = int(plain(entry_id).partition("-")[0])
    return milliseconds / 1000, Entry(fields.pop("event", ""), fields)
