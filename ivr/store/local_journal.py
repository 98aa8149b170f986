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

from ivr.cards.loss import LossReport
from ivr.store.codec import dump, load

DAY: Final = 24 * 3600
MOST_KNOWN: Final = 10_000  # numbers that one process remembers having written

log = structlog.get_logger()


class LocalJournal:
    """A directory with a file for each day; without a directory it keeps nothing."""

    def __init__(self, directory: Path | None, keep_days: int) -> None:
        """`keep_days`: how long a report may have to be filed again, at least."""
        self._directory = directory
        self._keep_days = keep_days
        self._known: set[str] = set()

    @property
    def is_kept(self) -> bool:
        return self._directory is not None

    def write(self, report: LossReport) -> None:
        """Returns when the report is on this machine's disk. Any process may write at any time.

        Raises:
            OSError: it is not.
        """
        if self._directory is None or report.number in self._known:
            return
        day = time.strftime("%Y%m%d", time.gmtime())
        # The first line feed ends what a process that was killed here may have left.
        _append(self._directory / f"reports-{day}.jsonl", f"\n{dump(report)}\n".encode())
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(report.number)

    def read_on(self, places: dict[str, int]) -> Iterator[LossReport]:
        """What was written since, oldest first. `places` holds how far each file has been read (in
        bytes, by name) and is moved on; an empty one reads everything.
        """
        for file in self._files():
            with file.open("rb") as lines:
                lines.seek(places.get(file.name, 0))
                for line in lines:
                    if not line.endswith(b"\n"):
                        break  # somebody is just writing it
                    places[file.name] = places.get(file.name, 0) + len(line)
                    if report := _read(line):
                        yield report

    def forget_old(self) -> None:
        """Removes the files of days whose reports are all over."""
        for file in self._files():
            if file.stat().st_mtime < time.time() - (self._keep_days + 1) * DAY:
                file.unlink()

    def trouble(self) -> str:
        """Why nothing can be written; empty when all is well."""
        if self._directory is None or os.access(self._directory, os.W_OK | os.X_OK):
            return ""
        return f"JOURNAL_DIR {self._directory} cannot be written"

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("reports-*.jsonl")) if self._directory else []


def _append(file: Path, line: bytes) -> None:
    """One write at the end, so that lines of several processes do not mix, and to the disk."""
    is_new = not file.exists()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("the disk is full")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_directory(file.parent)


def _sync_directory(directory: Path) -> None:
    """A new file's name is on the disk only then."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(line: bytes) -> LossReport | None:
    try:
        return load(LossReport, line)
    except (ValueError, TypeError, KeyError):  # never told: its process was killed meanwhile
        return None
