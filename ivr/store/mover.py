"""Moves the journal's older days from Redis to files, and deletes files whose time is over.

A day is moved when its first moment is as old as that: so Redis never has more than so many days.
It is written whole, is on the disk under its name, and is known to Redis (moved.py) before anything
of it is trimmed. Whoever is killed in between does it again, and it comes to the same file.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ivr.store.archive import DAY, KINDS, Archive, DayFile, Name, day_of, kind_of, sync
from ivr.store.journal import PAGE, Journal
from ivr.store.moved import Kept, Moved

_A_MOMENT: Final = 0.001  # entries are told apart by milliseconds


class Mover:
    """Moves in small steps, so that the clock process does all else in between."""

    def __init__(
        self,
        journal: Journal,
        moved: Moved,
        archive: Archive | None,
        *,
        in_redis_seconds: int,
        lives: Mapping[str, int],
    ) -> None:
        """`archive`: None on a machine that keeps none. `lives`: how long the files of each kind
        are kept, in seconds.
        """
        self._journal = journal
        self._moved = moved
        self._archive = archive
        self._in_redis_seconds = in_redis_seconds
        self._lives = lives

    def steps(self, now: float) -> Iterator[None]:
        """Moves all that is old enough at `now` (unix seconds); a page of the journal in each step.
        Does nothing while another process does it.

        Raises:
            ArchiveError: another directory has the journal, or a file is not what it must be.
            OSError: the disk is full, or cannot be written: Redis keeps what is not moved.
        """
        if self._archive is None:
            return
        if not self._archive.own_id() and self._next_day(now) is None:
            return  # nothing is there, and nothing needs a directory yet
        with self._archive.held() as is_ours:
            if not is_ours:
                return
            yield from self._claim(self._archive)
            while (day := self._next_day(now)) is not None:
                yield from self._move(self._archive, day)
            self._journal.trim(now)  # if somebody was killed before that
            self._forget_old(self._archive, now)

    def _claim(self, archive: Archive) -> Iterator[None]:
        """A Redis that knows of no files (any more) learns of those there are."""
        ends = {}
        if not self._moved.archive_and_until()[0]:
            for name in archive.names():
                ends[name] = archive.end_of(name)
                yield
        until = max((name.begins + DAY for name in ends), default=0)
        self._moved.claim(archive.own_id(), int(until), ends)

    def _next_day(self, now: float) -> str | None:
        first = next(self._journal.in_redis(self._moved.read().until), None)
        if first is None:
            return None
        day = day_of(first[0][0] / 1000)
        return day if Name("", day).begins <= now - self._in_redis_seconds else None

    def _move(self, archive: Archive, day: str) -> Iterator[None]:
        last, begins = self._moved.read().last, Name("", day).begins
        files: dict[str, DayFile] = {}
        try:
            for kind in KINDS:
                files[kind] = DayFile(archive, Name(kind, day), last[kind])
            found = self._journal.in_redis(begins, begins + DAY - _A_MOMENT)
            for count, (entry_id, entry) in enumerate(found, 1):
                files[kind_of(entry.event)].add("{}-{}".format(*entry_id), entry)
                if count % PAGE == 0:
                    yield
            for file in files.values():
                file.keep()
            sync(archive.directory)
        finally:
            for file in files.values():
                file.drop()
        self._moved.add(int(begins + DAY), {f.name: f.end for f in files.values() if f.lines})
        self._journal.trim(0)

    def _forget_old(self, archive: Archive, now: float) -> None:
        """Redis forgets them first: a file it does not know is no misfit when it is that old."""
        kept: Kept = self._moved.read()
        known = {*kept.ends, *archive.names()}
        over = [n for n in known if n.begins + DAY < now - self._lives[n.kind]]
        if over:
            self._moved.forget(over)
        for name in over:
            (archive.directory / name.file).unlink(missing_ok=True)
