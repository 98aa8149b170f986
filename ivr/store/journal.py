"""The journal: one stream entry for every event that matters, for audit. No personal values.

Older days are moved to files (archive.py); who reads does not see the difference.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, Final, cast

from redis import Redis

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.archive import Archive, EntryId, Numbered, id_of
from ivr.store.codec import plain
from ivr.store.doorbell import Command
from ivr.store.moved import Moved
from ivr.store.unreadable import WrongKindError, answers, naming

PAGE: Final = 1000  # entries in one round trip
TRIMMED_AT_ONCE: Final = 10_000  # entries; Redis serves others in between
_END: Final = 2**62  # no id is as high
_Page = list[tuple[bytes, dict[bytes, bytes]]]


class Journal:
    """Appends an entry in the transaction of the change it records; trims old entries."""

    def __init__(
        self, redis: Redis, retention_seconds: int, archive: Archive | None = None
    ) -> None:
        """`retention_seconds`: how long Redis keeps it when nobody moves it to files."""
        self._redis = redis
        self._retention_seconds = retention_seconds
        self._archive = archive
        self._moved = Moved(redis)

    def write(self, entry: Entry) -> list[Command]:
        """The commands that append an entry and count its event."""
        words = [word for pair in entry.fields.items() if pair[1] for word in pair]
        return [
            ("XADD", keys.JOURNAL, "*", "event", entry.event, *words),
            ("HINCRBY", keys.COUNTERS, f"event:{entry.event}", 1),
        ]

    def note(self, *entries: Entry) -> None:
        """Appends entries that no change brings with it, in one round trip."""
        with naming(self._redis, keys.JOURNAL), self._redis.pipeline() as pipe:
            for entry in entries:
                for words in self.write(entry):
                    pipe.execute_command(*words)
            pipe.execute()

    def between(
        self, since: float, until: float, words: Collection[str] = ()
    ) -> Iterator[tuple[float, Entry]]:
        """Entries of that time (unix seconds), oldest first, each with its moment. `words`: only
        those with one of these in a field.

        Raises:
            MisfitError: a file of the archive cannot be read.
        """
        after, end = (int(since * 1000), -1), (int(until * 1000), _END)
        while after < end:
            found, moved = self._page(after, end)
            if moved > after[0]:  # what of it is not in Redis any more, or will not be in a moment
                till = min(end, (moved, -1))
                if self._archive:
                    known = self._moved.read().ends
                    yield from _about(words, self._archive.entries(known, after, till, words))
                after = (moved, -1)
                continue
            yield from _about(words, found)
            if not found:
                return
            after = found[-1][0]

    def in_redis(self, since: float, until: float = _END / 1000) -> Iterator[Numbered]:
        """What Redis has of that time, with the ids."""
        after, end = (int(since * 1000), -1), (round(until * 1000), _END)
        while found := self._page(after, end)[0]:
            yield from found
            after = found[-1][0]

    def begins_at(self) -> float | None:
        """The moment of the oldest entry that can still be read here; None when there is none."""
        first = next(self.between(0, _END / 1000), None)
        return None if first is None else first[0]

    def redis_begins_at(self) -> float | None:
        """The moment of the oldest entry that is still in Redis; None when there is none."""
        first = next(self.in_redis(0), None)
        return None if first is None else first[0][0] / 1000

    def elsewhere_until(self) -> float:
        """What is older than this moment (unix seconds) lies in an archive that this machine does
        not have; 0 when there is no such thing.
        """
        archive_id, until = self._moved.archive_and_until()
        return until if archive_id and not self._is_here(archive_id) else 0

    def trim(self, now: float) -> None:
        """Forgets what stands in files; what is older than the retention, when nobody keeps any."""
        archive_id, until = self._moved.archive_and_until()
        oldest = until if archive_id else max(int(now - self._retention_seconds), 0)
        with naming(self._redis, keys.JOURNAL):
            while self._trimmed(oldest):
                pass
            if archive_id:
                self._redis.xtrim(keys.JOURNAL, minid=oldest * 1000, approximate=False)

    def _trimmed(self, oldest: int) -> int:
        return self._redis.xtrim(
            keys.JOURNAL, minid=oldest * 1000, approximate=True, limit=TRIMMED_AT_ONCE
        )

    def _page(self, after: EntryId, end: EntryId) -> tuple[list[Numbered], int]:
        """The next entries, and until when (milliseconds) files of this machine have the journal;
        that is asked last, so that nothing was trimmed unseen.
        """
        start = f"({after[0]}-{after[1]}" if after[1] >= 0 else str(after[0])
        with naming(self._redis, keys.JOURNAL), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(keys.JOURNAL, start, str(end[0]), count=PAGE)
            self._moved.ask(pipe)
            rows, kept = cast("tuple[_Page, Any]", answers(pipe))
            for key, answer in ((keys.JOURNAL, rows), (keys.ARCHIVE, kept)):
                if isinstance(answer, Exception):
                    raise WrongKindError(key)
        archive_id, until = self._moved.archive_and_until(kept)
        return [_read(row) for row in rows], until * 1000 if self._is_here(archive_id) else 0

    def _is_here(self, archive_id: str) -> bool:
        return bool(archive_id and self._archive and self._archive.own_id() == archive_id)


def _about(words: Collection[str], found: Iterable[Numbered]) -> Iterator[tuple[float, Entry]]:
    for entry_id, entry in found:
        named = chain.from_iterable(value.split() for value in entry.fields.values())
        if not words or not frozenset(words).isdisjoint(named):
            yield entry_id[0] / 1000, entry


def _read(row: tuple[bytes, dict[bytes, bytes]]) -> Numbered:
    entry_id, found = row
    fields = {plain(name): plain(value) for name, value in found.items()}
    return id_of(plain(entry_id)), Entry(fields.pop("event", ""), fields)
