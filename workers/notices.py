"""The job: take a notice that is due, tell the other side once, write down what came of it.

A short outage of Redis in between is waited for: what the other side answered is known to nobody
else, and a claim whose answer was lost would keep the notice waiting for the end of its lease.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol, TypeVar

from ivr.cards.notice import Attempt, Notice, Outcome
from ivr.errors import HotlineError
from ivr.store.blocks import BlockBook
from ivr.store.journal import Journal
from ivr.store.notices import Outbox
from workers.schedule import next_due
from workers.startup import OUTAGE

PATIENCE: Final = 120.0  # seconds of outages in one job; less than RQ's own limit (JOB_SECONDS)
PAUSE_SECONDS: Final = 0.2

T = TypeVar("T")


class Client(Protocol):
    """The other side: a bank, or the text message service."""

    def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt; see bank_client.py and text_client.py."""
        ...


@dataclass(frozen=True)
class Desk:
    """What one worker process works with, all of it for one queue."""

    queue: str
    client: Client
    write: Callable[[Any], str]  # a notice's content as the text to send
    outbox: Outbox
    blocks: BlockBook
    journal: Journal
    may_try: Callable[[], bool]  # False while the other side is paused
    lease_seconds: float  # longer than any attempt can last
    rng: Random


class NoDeskError(HotlineError):
    """A job ran in a process that `sit_down` did not prepare."""


class WrongQueueError(HotlineError):
    """A job named a notice of another queue: one bank never sees another's notice."""


class UnsendableError(HotlineError):
    """Nothing can be sent, now or later; the argument is a short code for a person to look up."""


class OvertakenError(HotlineError):
    """What a notice says no longer holds: it is closed and never sent."""


_desk: Desk | None = None


def sit_down(desk: Desk | None) -> None:
    """Sets what this process works with: RQ passes a job nothing but its arguments."""
    global _desk
    _desk = desk


def deliver(notice_id: str) -> None:
    """One attempt to deliver one notice, if it is due; else nothing.

    Whatever goes wrong here and is raised, the lease ends and the sweep rings again.
    """
    if _desk is None:
        raise NoDeskError
    if not _desk.may_try():
        return  # the bank is paused and this is not its probe: the notice stays due
    until = time.monotonic() + PATIENCE
    notice = _claim(_desk, notice_id, until)
    if notice is None:
        return
    if notice.queue != _desk.queue:
        raise WrongQueueError
    try:
        attempt = _attempt(_desk, notice, until)
    except OvertakenError:
        _drop(_desk, notice, until)
    else:
        _settle(_desk, notice, attempt, until)


def _claim(desk: Desk, notice_id: str, until: float) -> Notice | None:
    by = secrets.token_hex(8)
    return _despite_outages(lambda: desk.outbox.claim(notice_id, desk.lease_seconds, by), until)


def _settle(desk: Desk, notice: Notice, attempt: Attempt, until: float) -> None:
    """Writes an attempt down once: after an outage it may have been written down already."""
    due = _next_due(notice, attempt, desk.rng)

    def once_more() -> None:
        if attempt not in desk.outbox.attempts(notice.id):
            desk.blocks.settle(notice, attempt, due)

    try:
        desk.blocks.settle(notice, attempt, due)
    except OUTAGE:
        _despite_outages(once_more, until)


def _drop(desk: Desk, notice: Notice, until: float) -> None:
    _despite_outages(lambda: desk.outbox.drop(notice, desk.journal), until)


def _despite_outages(act: Callable[[], T], until: float) -> T:
    """Does it again while Redis is away, until a moment (monotonic); what is done must bear it."""
    while True:
        try:
            return act()
        except OUTAGE:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


def _attempt(desk: Desk, notice: Notice, until: float) -> Attempt:
    now = _despite_outages(desk.outbox.now, until)
    content = desk.outbox.body(notice)
    try:
        body = _despite_outages(lambda: desk.write(content), until)
    except UnsendableError as error:
        return Attempt(int(now), Outcome.REFUSED, None, 0, str(error))
    return desk.client.post(notice.id, body, now)


def _next_due(notice: Notice, attempt: Attempt, rng: Random) -> int | None:
    if attempt.outcome is not Outcome.FAILED:
        return None
    now = attempt.at + attempt.milliseconds / 1000
    return next_due(notice.attempts_made + 1, notice.created_at, now, attempt.retry_after, rng)
