"""What Redis knows of the journal's files: whose they are, until when, and how each one ends.

It is what the files are held against: somebody who changes all of them has not changed this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline

from ivr.store import keys
from ivr.store.archive import BEGINNING, KINDS, ArchiveError, Name
from ivr.store.codec import plain, whole
from ivr.store.unreadable import naming

_ID: Final = "id"
_UNTIL: Final = "until"


@dataclass(frozen=True)
class Kept:
    """until: entries of before that moment stand in the files and nowhere else, unix seconds; 0
    when there is none. last: the hash of the last line of each kind's chain. ends: of each file.
    """

    archive_id: str = ""
    until: int = 0
    last: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(KINDS, BEGINNING))
    ends: Mapping[Name, str] = field(default_factory=dict)


class Moved:
    """Reads and writes it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def read(self) -> Kept:
        """All of it."""
        with naming(self._redis, keys.ARCHIVE):
            found = self._redis.hgetall(keys.ARCHIVE)
        said = {plain(name): plain(value) for name, value in found.items()}
        ends = {Name(*name.split()): end for name, end in said.items() if " " in name}
        last = {kind: said.get(kind, BEGINNING) for kind in KINDS}
        return Kept(said.get(_ID, ""), whole(said.get(_UNTIL)), last, ends)

    def ask(self, pipe: Pipeline) -> None:
        """Puts the question in a pipeline; `archive_and_until` reads its answer."""
        pipe.hmget(keys.ARCHIVE, _ID, _UNTIL)

    def archive_and_until(self, answer: Any = None) -> tuple[str, int]:
        """Whose files have the journal ("" for nobody's), and until when, unix seconds."""
        if answer is None:
            with naming(self._redis, keys.ARCHIVE):
                answer = self._redis.hmget(keys.ARCHIVE, _ID, _UNTIL)
        return plain(answer[0] or ""), whole(answer[1])

    def claim(self, archive_id: str, until: int, ends: Mapping[Name, str]) -> None:
        """This archive has the journal from now on, with the files it holds already.

        Raises:
            ArchiveError: another one has it.
        """
        self._redis.hsetnx(keys.ARCHIVE, _ID, archive_id)
        if self.archive_and_until()[0] != archive_id:
            raise ArchiveError(
                "another directory has the older journal: one machine alone may have ARCHIVE_DIR; "
                "if that directory is lost for good, `redis-cli DEL archive` begins a new one"
            )
        if ends:
            self.add(until, ends)

    def add(self, until: int, ends: Mapping[Name, str]) -> None:
        """The files of one more day are on the disk. All of it is written, or nothing."""
        found: dict[Any, Any] = {_field(name): end for name, end in ends.items()}
        last = {name.kind: ends[name] for name in sorted(ends)}
        self._redis.hset(keys.ARCHIVE, mapping=found | last | {_UNTIL: until})

    def forget(self, names: Iterable[Name]) -> None:
        """The time of these files is over."""
        self._redis.hdel(keys.ARCHIVE, *map(_field, names))


def _field(name: Name) -> str:
    return f"{name.kind} {name.day}"
