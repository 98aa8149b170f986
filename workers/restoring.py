"""Files again what this machine told of and Redis lost, as soon as another primary is there."""

import time
from contextlib import suppress
from itertools import islice
from typing import Final

from ivr.cards.loss import LossReport
from ivr.service import CardService
from ivr.store.cases import Cases
from ivr.store.local_journal import LocalJournal
from ivr.store.unreadable import UnreadableRecordError

AT_ONCE: Final = 5000  # entries read in one round
LOOKED_AT_ONCE: Final = 500  # in one round trip
LONGEST_SECONDS: Final = 0.5  # of a round: the sweep has more to do


class Restoring:
    """Looks at every new entry of the journal until the primary has it, and at all of them again
    when the primary's history is another one: after a failover or a restart.
    """

    def __init__(self, journal: LocalJournal, cases: Cases, service: CardService) -> None:
        self._journal = journal
        self._cases = cases
        self._service = service
        self._history = ""
        self._places: dict[str, int] = {}
        self._unseen: dict[str, LossReport] = {}

    def round(self) -> None:
        """One part of what there is to do; it says that it has looked once nothing is left.

        Raises:
            redis.RedisError: what is left is looked at in the next round.
            OSError: a file of the journal cannot be read; the others were looked at.
        """
        if not self._journal.is_kept:
            return
        until = time.monotonic() + LONGEST_SECONDS
        history = self._cases.history()
        if history != self._history:
            self._places, self._unseen, self._history = {}, {}, history
        try:
            read = self._read_on()
        finally:
            self._look_at_unseen(until)
        if read < AT_ONCE and not self._unseen:
            self._journal.say_looked()

    def forget_old(self, now: float) -> None:
        """Drops entries whose reports are over; `now` by Redis' clock, unix seconds."""
        self._journal.forget_old(now)

    def _read_on(self) -> int:
        read = 0
        for report in islice(self._journal.read_on(self._places), AT_ONCE):
            self._unseen[report.number] = report
            read += 1
        return read

    def _look_at_unseen(self, until: float) -> None:
        """The latest first: it holds its card. A record that cannot be read, which is named by
        then, holds up no other report.
        """
        newest_first = reversed(self._unseen.values())
        waiting = sorted(newest_first, key=lambda report: -report.reported_at)
        for start in range(0, len(waiting), LOOKED_AT_ONCE):
            reports = waiting[start : start + LOOKED_AT_ONCE]
            missing = self._cases.missing(reports)
            for report in reports:
                if report.number in missing:
                    if time.monotonic() > until:
                        return
                    with suppress(UnreadableRecordError):
                        self._service.restore(report)
                        del self._unseen[report.number]
                else:
                    del self._unseen[report.number]
