"""The sweep's share in moving the journal to files: a little in each round, for all else must be
done in time.
"""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final

import structlog

from ivr.errors import HotlineError
from ivr.store.mover import Mover

SHARE_SECONDS: Final = 0.2  # of a round of one second
LOOKS_EVERY: Final = 60  # rounds

log = structlog.get_logger()


class Archiving:
    """Moves what is old enough, and says so for as long as it cannot."""

    def __init__(self, mover: Mover, now: Callable[[], float]) -> None:
        """`now`: unix seconds by Redis' clock."""
        self._mover = mover
        self._now = now
        self._steps: Iterator[None] | None = None
        self._trouble: Exception | None = None
        self._where: TracebackType | None = None
        self._rounds = 0

    def round(self) -> None:
        """Goes on for its share of time, or begins when a minute is over.

        Raises:
            ArchiveError, OSError: why nothing can be moved; again in each round until it can.
        """
        if self._steps is None and self._rounds % LOOKS_EVERY == 0:
            self._steps = self._mover.steps(self._now())
        self._rounds += 1
        if self._steps is not None:
            self._go_on(self._steps)
        if self._trouble is not None:
            raise self._trouble.with_traceback(self._where)

    def _go_on(self, steps: Iterator[None]) -> None:
        until = time.monotonic() + SHARE_SECONDS
        try:
            for _ in steps:
                if time.monotonic() > until:
                    return
        except (HotlineError, OSError) as error:
            self._note(error)
        else:
            self._trouble = None
        self._steps = None

    def _note(self, error: Exception) -> None:
        if str(error) != str(self._trouble):  # it names files and no more
            log.error("journal_not_archived", why=str(error))
        self._trouble, self._where = error, error.__traceback__
