"""Files again what this machine told of and Redis lost, as soon as another primary is there."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ivr.cards.loss import LossReport
from ivr.service import CardService
from ivr.store.cases import Cases
from ivr.store.local_journal import LocalJournal
from ivr.store.unreadable import UnreadableRecordError

AT_ONCE: Final = 500


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
        """Raises: RedisError: what is left is looked at in the next round."""
        if not self._journal.is_kept:
            return
        history = self._cases.history()
        if history != self._history:
            self._places, self._unseen, self._history = {}, {}, history
        self._unseen |= {report.number: report for report in self._journal.read_on(self._places)}
        # The latest first: it holds the card, and an earlier one of the same card is over.
        numbers = list(reversed(self._unseen))
        for start in range(0, len(numbers), AT_ONCE):
            self._look_at(numbers[start : start + AT_ONCE])
        self._journal.forget_old()

    def _look_at(self, numbers: Sequence[str]) -> None:
        """A record that cannot be read, which is named by then, holds up no other report."""
        missing = self._cases.missing(numbers)
        for number in numbers:
            with suppress(UnreadableRecordError):
                if number in missing:
                    self._service.restore(self._unseen[number])
                del self._unseen[number]
