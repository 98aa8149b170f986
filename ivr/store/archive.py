"""The journal's older days, in files of one machine: a chain in which nothing changes unnoticed.

Two files a UTC day, for they are kept for different times: `looks-2026-11-22.jsonl.gz`, who looked
at whom, and `reports-2026-11-22.jsonl.gz`, all else. Each line is JSON with the SHA-256 of the line
before it; a file begins with that of the last line of the file before. This module knows the files,
and mover.py when they are written.
"""

import fcntl
import gzip
import hashlib
import json
import os
import re
import secrets
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any, Final, NamedTuple

from ivr.cards.change import Entry
from ivr.errors import HotlineError
from ivr.store.looks import LOOKED_UP

LOOKS: Final = "looks"
REPORTS: Final = "reports"
KINDS: Final = (LOOKS, REPORTS)
BEGINNING: Final = "0" * 64  # the hash before the first line of a chain
DAY: Final = 24 * 3600
_ID: Final = "archive.id"
_NAME: Final = re.compile(rf"({'|'.join(KINDS)})-([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})\.jsonl\.gz")

EntryId = tuple[int, int]  # as Redis gives them, in order: milliseconds, and a number
Numbered = tuple[EntryId, Entry]


class ArchiveError(HotlineError):
    """The files of the journal are not as they must be; says which, and what to do."""


class MisfitError(ArchiveError):
    """A line of the archive is not the one that was written, or one is missing; says which."""


class Name(NamedTuple):
    """One file: what it holds, and its UTC day as 2026-11-22."""

    kind: str
    day: str

    @property
    def file(self) -> str:
        return f"{self.kind}-{self.day}.jsonl.gz"

    @property
    def begins(self) -> float:
        """The first moment of its day, unix seconds."""
        return datetime.fromisoformat(self.day).replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Checked:
    """What was found to fit: files and lines; the last hash of each kind."""

    files: int
    lines: int
    ends: Mapping[str, str]


def kind_of(event: str) -> str:
    """In which file of a day an entry stands."""
    return LOOKS if event == LOOKED_UP else REPORTS


def day_of(unix_seconds: float) -> str:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(unix_seconds, UTC).date().isoformat()


class Archive:
    """The directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self, kind: str = "") -> list[Name]:
        """The files there are (of a kind), oldest first."""
        found = self.directory.glob("*.jsonl.gz") if self.directory.is_dir() else ()
        matches = filter(None, (_NAME.fullmatch(file.name) for file in found))
        names = (Name(match[1], match[2]) for match in matches)
        return sorted((n for n in names if kind in ("", n.kind)), key=lambda n: (n.day, n.kind))

    def own_id(self) -> str:
        """What tells this directory from any other; "" before anything was kept in it."""
        with suppress(FileNotFoundError):
            return (self.directory / _ID).read_text(encoding="ascii").strip()
        return ""

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Only one process writes at a time: False when another one does. Makes the directory, and
        its id, when they are not there. A killed process holds nothing.

        Raises:
            OSError: it cannot be written.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.directory / _ID, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if os.fstat(descriptor).st_size == 0:
                os.write(descriptor, f"{secrets.token_hex(16)}\n".encode())
                os.fsync(descriptor)
                sync(self.directory)
            yield True
        finally:
            os.close(descriptor)

    def entries(
        self, known: Collection[Name], after: EntryId, until: EntryId, words: Collection[str] = ()
    ) -> Iterator[Numbered]:
        """Entries after one id and before another, in order, of the files that are `known`: any
        other was put there by somebody else. `words`: only those in whose line one of these
        stands, anywhere.

        Raises:
            MisfitError: a file cannot be read to its end.
        """
        sought = [word.encode() for word in words]
        names = [name for name in self.names() if name in known]
        each = (
            self._in_files([name for name in names if name.kind == kind], after, until, sought)
            for kind in KINDS
        )
        return merge(*each, key=lambda numbered: numbered[0])

    def _in_files(
        self, names: Iterable[Name], after: EntryId, until: EntryId, words: Collection[bytes]
    ) -> Iterator[Numbered]:
        for name in names:
            if (name.begins + DAY) * 1000 > after[0] and name.begins * 1000 <= until[0]:
                for line in self.lines(name):
                    if not words or any(word in line for word in words):
                        entry_id, entry = _read(line)
                        if after < entry_id < until:
                            yield entry_id, entry

    def lines(self, name: Name) -> Iterator[bytes]:
        """A file's lines, without what ends them.

        Raises:
            MisfitError: it ends too early, or is no such file.
        """
        number = 0
        try:
            with gzip.open(self.directory / name.file) as file:
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n"):
                        raise MisfitError(f"{name.file} line {number}: is cut off")
                    yield line[:-1]
        except FileNotFoundError:
            raise MisfitError(f"{name.file}: is missing") from None
        except (EOFError, gzip.BadGzipFile, OSError, zlib.error) as error:
            what = type(error).__name__
            raise MisfitError(f"{name.file} after line {number}: cannot be read ({what})") from None

    def end_of(self, name: Name, before: str | None = None) -> str:
        """The hash of a file's last line, when each of its lines has that of the one before.

        before: what its first line must have; None for whatever it has.

        Raises:
            MisfitError: the first line that does not fit.
        """
        return self._walk(name, before)[0]

    def check(self, ends: Mapping[Name, str], until: float) -> Checked:
        """Walks the chain. `ends`: the last hash of each file that was kept, as Redis has it; none,
        when it knows nothing: then what is missing at either end cannot be seen. Files of days
        that have not been moved yet (from `until` on, unix seconds) are none of the chain.

        Raises:
            MisfitError: the first line that does not fit.
        """
        files, lines, last = 0, 0, {}
        for kind in KINDS:
            known = {name: end for name, end in ends.items() if name.kind == kind}
            there = (name for name in self.names(kind) if name.begins < until)
            names = sorted({*known, *there})
            before: str | None = None
            for name in names:
                end, count = self._walk(name, before)
                if known and end != known.get(name):
                    raise MisfitError(_not_as_kept(name, count, is_known=name in known))
                files, lines, before = files + 1, lines + count, end
            last[kind] = before or BEGINNING
        return Checked(files, lines, last)

    def _walk(self, name: Name, before: str | None) -> tuple[str, int]:
        count = 0
        for count, line in enumerate(self.lines(name), 1):
            said = _before(line)
            if said is None:
                raise MisfitError(f"{name.file} line {count}: is no line of the journal")
            if said != (said if before is None else before):
                raise MisfitError(_does_not_follow(name, count))
            before = digest(line)
        if before is None or not count:
            raise MisfitError(f"{name.file}: is empty")
        return before, count


def _not_as_kept(name: Name, count: int, *, is_known: bool) -> str:
    if not is_known:
        return f"{name.file}: was never written by the archive, or its time is over; it is not read"
    return f"{name.file} line {count}: is not the last line that was written, or was changed"


def _does_not_follow(name: Name, count: int) -> str:
    if count == 1:
        return f"{name.file} line 1: does not follow the file before it"
    what = f"line {count - 1} was changed, or is not the one before it any more"
    return f"{name.file} line {count}: does not follow: {what}"


class DayFile:
    """One day's file while it is written: nobody sees it before it is whole and on the disk."""

    def __init__(self, archive: Archive, name: Name, before: str) -> None:
        """`before`: the hash that its first line begins with."""
        self._archive = archive
        self.name = name
        self._first, self.end = before, before
        self.lines = 0
        self._place = archive.directory / name.file
        self._unfinished = self._place.with_suffix(".unfinished")
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._raw = os.fdopen(descriptor, "wb")
        # Neither a name nor a time: the same entries are the same bytes.
        self._file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)

    def add(self, entry_id: str, entry: Entry) -> None:
        """One more entry; `entry_id` is its id in Redis: milliseconds, a dash and a number."""
        fields = {"at": entry_id, "event": entry.event, "fields": dict(entry.fields),
                  "before": self.end}  # fmt: skip
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        self._file.write(line + b"\n")
        self.end = digest(line)
        self.lines += 1

    def keep(self) -> None:
        """Gives it its name, once it is on the disk. A file of that name must be the same one.

        Raises:
            ArchiveError: another file has its name.
            OSError: it could not be written.
        """
        self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        if self._place.exists():
            self._make_sure_it_is_the_same()
        elif self.lines:
            self._unfinished.rename(self._place)
        self._unfinished.unlink(missing_ok=True)

    def drop(self) -> None:
        """Ends without a file."""
        for file in (self._file, self._raw):  # what a full disk did not take goes with them
            with suppress(OSError, ValueError):
                file.close()
        self._unfinished.unlink(missing_ok=True)

    def _make_sure_it_is_the_same(self) -> None:
        with suppress(MisfitError):
            if self._archive.end_of(self.name, self._first) == self.end:
                return
        raise ArchiveError(
            f"{self._place} is there already and does not hold what Redis has of that day: put it "
            "aside, and the day is written again"
        )


def digest(line: bytes) -> str:
    """The hash of one line."""
    return hashlib.sha256(line).hexdigest()


def sync(directory: Path) -> None:
    """New names in a directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _before(line: bytes) -> str | None:
    try:
        said = json.loads(line)["before"]
    except (ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, str) else None


def id_of(text: str) -> EntryId:
    """An entry's id as Redis writes it. Raises: ValueError."""
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)


def _read(line: bytes) -> Numbered:
    """One line as it was journalled.

    Raises:
        MisfitError: it is none.
    """
    try:
        known: Any = json.loads(line)
        return id_of(known["at"]), Entry(known["event"], known["fields"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MisfitError("a line of the archive cannot be read: `flask audit verify`") from None
