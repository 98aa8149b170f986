"""Every report that was told from this machine, on its own disk, in case Redis loses it.

A failover may choose a server that never saw a report which two others had confirmed. So whoever
tells a report's number writes it here first, and the sweep of the same machine files what is
missing again (workers/restoring.py). An entry is a report as Redis keeps it, one line of JSON:
nothing that is sealed there stands open here.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from ivr.cards.loss import LossReport, ReportState
from ivr.store.codec import dump, load

DAY: Final = 24 * 3600
MOST_KNOWN: Final = 10_000  # numbers that one process remembers having written
LOOKED: Final = "looked"  # a file that the sweep touches whenever it has looked at everything new
PROBE: Final = "probe"
LATE_SECONDS: Final = 15.0  # the sweep looks every second

log = structlog.get_logger()


class LocalJournal:
    """A directory with a file for each day; without a directory it keeps nothing."""

    def __init__(self, directory: Path | None, keep_days: int) -> None:
        """`keep_days`: how long a report may have to be filed again, at least."""
        self._directory = directory
        self._keep_days = keep_days
        self._known: dict[str, Path] = {}
        self._synced: set[Path] = set()

    @property
    def is_kept(self) -> bool:
        return self._directory is not None

    def write(self, report: LossReport) -> None:
        """Returns when the report is on this machine's disk. Any process may write at any time. A
        report that is over was told, and written, while it ran.

        Raises:
            OSError: it is not.
        """
        is_over = report.state is not ReportState.ACTIVE
        if self._directory is None or is_over or self._has(report.number):
            return
        day = time.strftime("%Y%m%d", time.gmtime())
        file = self._directory / f"reports-{day}.jsonl"
        # The first line feed ends what a process that was killed here may have left.
        _append(file, b"\n" + dump(report) + b"\n")
        if file not in self._synced:  # the name of a new file is on the disk only then
            _sync(self._directory)
            self._synced.add(file)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[report.number] = file

    def read_on(self, places: dict[str, int]) -> Iterator[LossReport]:
        """What was written since, oldest first. `places` holds how far each file has been read (in
        bytes, by name) and is moved on with each entry; an empty one reads everything.

        Raises:
            OSError: a file cannot be read; the others were, before that.
        """
        unreadable: OSError | None = None
        for file in self._files():
            try:
                yield from _read_on(file, places)
            except OSError as error:
                unreadable = error
        if unreadable is not None:
            raise unreadable

    def say_looked(self) -> None:
        """The sweep has looked at all that is new."""
        if self._directory is not None:
            (self._directory / LOOKED).touch()

    def forget_old(self, now: float) -> None:
        """Removes the files of days whose reports are all over, by Redis' clock, unix seconds."""
        for file in self._files():
            if file.stat().st_mtime < now - (self._keep_days + 1) * DAY:
                file.unlink()

    def trouble(self) -> str:
        """Why what is told here may be lost, or nothing can be told; empty when all is well."""
        if self._directory is None:
            return ""
        try:
            self._try_to_write()
        except OSError as error:
            return f"JOURNAL_DIR {self._directory} cannot be written ({error.strerror})"
        looked = self._directory / LOOKED
        if not looked.exists() or time.time() - looked.stat().st_mtime > LATE_SECONDS:
            return f"no clock on this machine looks after JOURNAL_DIR {self._directory}"
        return ""

    def _try_to_write(self) -> None:
        """To the directory and to the newest file, which may be somebody else's."""
        for place in [Path(self._directory or "") / PROBE, *self._files()[-1:]]:
            descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if place.name == PROBE:
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, b"\n")
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def _has(self, number: str) -> bool:
        """Whether this process wrote it, to a file that is still there."""
        file = self._known.get(number)
        return file is not None and file.exists()

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("reports-*.jsonl")) if self._directory else []


def _append(file: Path, line: bytes) -> None:
    """One write at the end, so that lines of several processes do not mix, and to the disk."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("the disk is full")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_on(file: Path, places: dict[str, int]) -> Iterator[LossReport]:
    with file.open("rb") as lines:
        lines.seek(places.get(file.name, 0))
        for line in lines:
            if not line.endswith(b"\n"):
                break  # somebody is just writing it
            places[file.name] = places.get(file.name, 0) + len(line)
            if line.strip() and (report := _read(line, file)):
                yield report


def _read(line: bytes, file: Path) -> LossReport | None:
    try:
        return load(LossReport, line)
    except ValueError:
        # Of a process that was killed meanwhile and told nobody; or somebody wrote to this file.
        log.warning("journal_line_unreadable", file=file.name)
        return None
