"""The job: take a notice that is due, tell the other side once, write down what came of it.

The job waits for the end of a short Redis outage. Nobody else knows what the other side answered,
and a claim whose answer was lost would hold up the notice until its lease ends.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final, Protocol, TypeVar

from ivr.cards.notice import UNREADABLE, Attempt, Notice, Outcome
from ivr.errors import HotlineError
from ivr.service import CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.connection import OUTAGE
from ivr.store.outbox import Outbox
from ivr.store.unreadable import UnreadableRecordError
from workers.schedule import next_due

PATIENCE: Final = 120.0  # seconds of outages in one job; less than RQ's own limit (JOB_SECONDS)
PAUSE_SECONDS: Final = 0.2

T = TypeVar("T")


class Client(Protocol):
    """The other side: a bank, or the text message service."""

    def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt; see bank_client.py and text_client.py."""
        ...


class WrongQueueError(HotlineError):
    """A job named a notice of another queue: one bank never sees another's notice."""


class UnsendableError(HotlineError):
    """Nothing can be sent, now or later; the argument is a short code for a person to look up."""


class OvertakenError(HotlineError):
    """What a notice says no longer holds: it is closed and never sent."""


class Delivery:
    """Delivers the notices of one queue, one attempt at a time."""

    def __init__(
        self,
        queue: str,
        client: Client,
        write: Callable[[Any], str],
        outbox: Outbox,
        service: CardService,
        *,
        lease_seconds: float,
        rng: Random,
        may_try: Callable[[], bool] = lambda: True,
    ) -> None:
        """`write`: a notice's content as the text to send. `lease_seconds`: longer than any
        attempt can last. `may_try`: False while the other side is paused.
        """
        self.queue = queue
        self._client = client
        self._write = write
        self._outbox = outbox
        self._service = service
        self._lease_seconds = lease_seconds
        self._rng = rng
        self._may_try = may_try

    def attempt(self, notice_id: str) -> None:
        """Makes one attempt to deliver a notice, if it is due.

        After any error raised here the lease ends, and the sweep rings again. So it is when nobody
        can be sure of the report that the notice is about: it may be lost, and is not told.
        """
        if not self._may_try():
            return  # the bank is paused and this is not its probe: the notice stays due
        until = time.monotonic() + PATIENCE
        claim = secrets.token_hex(8)
        notice = self._claim(notice_id, claim, until)
        if notice is None:
            return
        if notice.queue != self.queue:
            raise WrongQueueError
        try:
            made = replace(self._try_once(notice, until), claim=claim)
        except OutcomeUnknownError:
            return
        except OvertakenError:
            _despite_outages(lambda: self._service.drop(notice.id), until)
            return
        due = _next_due(notice, made, self._rng)
        # Settling again what was settled before an outage changes nothing.
        _despite_outages(lambda: self._service.settle(notice.id, made, due), until)

    def _claim(self, notice_id: str, claim: str, until: float) -> Notice | None:
        lease = self._lease_seconds
        return _despite_outages(lambda: self._outbox.claim(notice_id, lease, claim), until)

    def _try_once(self, notice: Notice, until: float) -> Attempt:
        now = _despite_outages(self._outbox.now, until)
        try:
            self._service.make_sure(notice.report_number)
            content = self._outbox.body(notice)
            body = _despite_outages(lambda: self._write(content), until)
        except UnsendableError as error:
            return Attempt(int(now), Outcome.REFUSED, None, 0, str(error))
        except UnreadableRecordError:  # given up: a person sends it again once it can be read
            return Attempt(int(now), Outcome.FAILED, None, 0, UNREADABLE)
        return self._client.post(notice.id, body, now)


def _despite_outages(act: Callable[[], T], until: float) -> T:
    """Repeats `act` while Redis is away, until a moment (monotonic). `act` must be repeatable."""
    while True:
        try:
            return act()
        except OUTAGE:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


def _next_due(notice: Notice, attempt: Attempt, rng: Random) -> int | None:
    if attempt.outcome is not Outcome.FAILED or not attempt.was_sent:
        return None
    now = attempt.at + attempt.milliseconds / 1000
    return next_due(notice.attempts_made + 1, notice.tried_since, now, attempt.retry_after, rng)
