"""`python -m workers.sweep`: the clock. Rings for due notices, follows up on releases, moves the
journal to files, trims.

Any number of sweeps may run. A notice that two of them ring for is claimed once, only one of them
commits a release, and all the rest may be done twice. So no lock is needed, and a killed sweep
cannot leave one behind.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final

from ivr.service import CardService, open_service
from ivr.settings import Settings
from ivr.store.bank_health import BankHealth
from ivr.store.condition import Condition
from ivr.store.connection import OUTAGE
from ivr.store.journal import Journal
from ivr.store.limits import Limiting
from ivr.store.opening import open_store
from ivr.store.outbox import TEXTS_QUEUE, Outbox, queue_of
from ivr.store.roster import Roster
from workers.archiving import Archiving
from workers.news import tell
from workers.restoring import Restoring
from workers.startup import StartupError, begin

EVERY_SECONDS: Final = 1.0
TRIM_EVERY: Final = 60  # rounds

log = logging.getLogger("workers")


class Sweep:
    """Runs one round after another; a part that fails does not stop the others."""

    def __init__(
        self,
        service: CardService,
        outbox: Outbox,
        bank_health: BankHealth,
        condition: Condition,
        journal: Journal,
        roster: Roster,
        restoring: Restoring,
        archiving: Archiving,
        limiting: Limiting,
        banks: Collection[str],
    ) -> None:
        self._outbox = outbox
        self._bank_health = bank_health
        self._journal = journal
        self._restoring = restoring
        self._banks = banks
        self._rounds = 0
        self._failing: dict[str, str] = {}
        self._parts: dict[str, Callable[[], object]] = {
            "alive": lambda: condition.say_swept(self._failures()),
            "keys": partial(roster.publish, "clock"),
            "restore": restoring.round,
            "hurry": self.hurry,
            "lists": outbox.mend_lists,
            "ring": self.ring,
            "release": service.release_due,
            "remind": service.remind_due,
            "foretell": service.foretell_due,
            "archive": archiving.round,
            "news": lambda: tell(condition.news()),
            "breaker": lambda: tell(limiting.watch()),
        }

    def round(self) -> None:
        """Runs every part once. Raises nothing: a fault is logged when it starts and ends."""
        rarely = {} if self._rounds % TRIM_EVERY else {"trim": self._trim}
        for name, part in {**self._parts, **rarely}.items():
            try:
                part()
            except OUTAGE as error:
                self._note("redis", error)
                break
            except Exception as error:
                self._note(name, error)
            else:
                self._note(name, None)
        else:
            self._note("redis", None)
        self._rounds += 1

    def ring(self) -> int:
        """Rings where something is due and nobody was rung for; returns in how many queues."""
        known = self._outbox.queues() or [*map(queue_of, self._banks), TEXTS_QUEUE]
        return self._outbox.ring_due(known)

    def hurry(self) -> None:
        """A bank that failed answers again, or the texts: all that waits for it is due now."""
        for bank in self._bank_health.banks_that_came_back():
            if not self._outbox.hurry(bank, self._outbox.now()):
                self._bank_health.forget_return(bank)

    def _trim(self) -> None:
        now = self._outbox.now()
        self._journal.trim(now)
        self._restoring.forget_old(now)
        self._outbox.forget_stuck(now)

    def _failures(self) -> list[str]:
        """What failed last; not Redis itself, for then nobody can write it down."""
        failing = self._failing.items()
        return [f"{name} fails ({kind})" for name, kind in failing if kind and name != "redis"]

    def _note(self, name: str, error: Exception | None) -> None:
        """One line when something starts to fail, and one when it works again."""
        kind = type(error).__name__ if error else ""
        if kind == self._failing.get(name, ""):
            return
        self._failing[name] = kind
        if error is None:
            log.warning("sweep: %s works again", name)
        else:
            log.error("sweep: %s fails (%s)", name, kind, exc_info=name != "redis")


def open_sweep(settings: Settings) -> Sweep:
    """The sweep of one deployment."""
    store = open_store(settings)
    service = open_service(store, settings)
    return Sweep(
        service,
        store.outbox,
        store.bank_health,
        store.condition,
        store.journal,
        store.roster,
        Restoring(store.local_journal, store.cases, service),
        Archiving(store.mover, store.outbox.now),
        store.limiting,
        settings.told,
    )


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Sweeps until SIGTERM or SIGINT (exit status 0). Returns 2 when a person must correct it."""
    # It may stop at any moment, because every step is one transaction or can be done again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = begin(environ)
    except StartupError as error:
        print(error, file=sys.stderr)
        return 2
    sweep = open_sweep(settings)
    while True:
        started = time.monotonic()
        sweep.round()
        time.sleep(max(EVERY_SECONDS - (time.monotonic() - started), 0.0))


if __name__ == "__main__":
    sys.exit(main())
