"""The job: take a notice that is due, tell the other side once, write down what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from ivr.cards.notice import Attempt, Notice, Outcome
from ivr.store.blocks import BlockBook
from ivr.store.notices import Outbox
from workers.schedule import next_due


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
    may_try: Callable[[], bool]  # False while the other side is paused
    lease_seconds: float  # longer than any attempt can last
    rng: Random


class NoDeskError(Exception):
    """A job ran in a process that `sit_down` did not prepare."""


class WrongQueueError(Exception):
    """A job named a notice of another queue: one bank never sees another's notice."""


class UnsendableError(Exception):
    """Nothing can be sent, now or later; the argument is a short code for a person to look up."""


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
    notice = _desk.outbox.claim(notice_id, _desk.lease_seconds)
    if notice is None:
        return
    if notice.queue != _desk.queue:
        raise WrongQueueError
    attempt = _attempt(_desk, notice)
    _desk.blocks.settle(notice, attempt, _next_due(notice, attempt, _desk.rng))


def _attempt(desk: Desk, notice: Notice) -> Attempt:
    now = desk.outbox.now()
    try:
        body = desk.write(desk.outbox.body(notice))
    except UnsendableError as error:
        return Attempt(int(now), Outcome.REFUSED, None, 0, str(error))
    return desk.client.post(notice.id, body, now)


def _next_due(notice: Notice, attempt: Attempt, rng: Random) -> int | None:
    if attempt.outcome is not Outcome.FAILED:
        return None
    now = attempt.at + attempt.milliseconds / 1000
    return next_due(notice.attempts_made + 1, notice.created_at, now, attempt.retry_after, rng)
