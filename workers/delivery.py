"""One queue's notices: take what is due, tell the other side once, see what came of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

from ivr.cards.notice import UNREADABLE, Attempt, Notice, Outcome
from ivr.errors import HotlineError
from ivr.service import CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.cases import Reading
from ivr.store.claims import Claim, Claiming, Claims, Made, Queue
from ivr.store.outbox import Outbox
from ivr.store.scripts import ScriptCall
from ivr.store.unreadable import UnreadableRecordError
from workers.news import tell_fault
from workers.schedule import next_due

MOST_AT_ONCE: Final = 50  # claimed in one step; what is being settled when a worker is killed


class Client(Protocol):
    """The other side: a bank, or the text message service."""

    longest_seconds: float

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt, of `longest_seconds` at most; see bank_client.py and text_client.py."""
        ...

    async def close(self) -> None: ...


class UnsendableError(HotlineError):
    """Nothing can be sent, now or later; the argument is a short code for a person to look up."""


class OvertakenError(HotlineError):
    """What a notice says no longer holds: it is closed and never sent."""


@dataclass(frozen=True)
class Posting:
    """What is to be sent. at: unix seconds by Redis' clock. latest: after this moment (monotonic)
    an attempt could outlast its lease.
    """

    claim: Claim
    body: str = field(repr=False)
    at: float
    latest: float


@dataclass(frozen=True)
class Taken:
    """What a claim came to: to be sent, or made already because nothing can be sent. more: whether
    something is due that was not taken.
    """

    postings: tuple[Posting, ...] = ()
    made: tuple[Made, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class Asking:
    """A claim that is asked for. until: when its leases end at the earliest (monotonic)."""

    delivery: "Delivery"
    call: ScriptCall
    until: float


class Delivery:
    """Delivers the notices of one queue."""

    def __init__(
        self,
        queue: Queue,
        client: Client,
        write: Callable[[Any, Reading | None], str],
        claiming: Claiming,
        outbox: Outbox,
        service: CardService,
        rng: Random,
    ) -> None:
        """`write`: a notice's content, and how its card stands, as the text to send."""
        self.queue = queue
        self._client = client
        self._write = write
        self._claiming = claiming
        self._outbox = outbox
        self._service = service
        self._rng = rng

    def claim(self, bell: str = "") -> Taken:
        """Takes what is due, and makes it ready to be sent. `bell`: the RQ job that was heard.

        Raises:
            redis.RedisError: what was taken comes back when its lease ends.
        """
        return self._taken(self._claiming.claim(self.queue, MOST_AT_ONCE, bell))

    def asking(self) -> Asking:
        """The same as a script to be run together with others."""
        until = time.monotonic() + self.queue.lease_seconds
        return Asking(self, self._claiming.call(self.queue, MOST_AT_ONCE), until)

    def answered(self, asking: Asking, answer: Any) -> Taken:
        """What that came to."""
        return self._taken(self._claiming.taken(answer, asking.until))

    def _taken(self, claims: Claims) -> Taken:
        ready = list(self._ready(claims.taken, claims.now))
        return Taken(
            tuple(each for each in ready if isinstance(each, Posting)),
            tuple(each for each in ready if isinstance(each, Made)),
            claims.more,
        )

    async def post(self, posting: Posting) -> Made | None:
        """Makes one attempt. None when it is too late: the lease ends, and it comes again."""
        if time.monotonic() > posting.latest:
            return None
        notice = posting.claim.notice
        attempt = await self._client.post(notice.id, posting.body, posting.at)
        return self._made(posting.claim, attempt)

    async def close(self) -> None:
        await self._client.close()

    def _ready(self, claims: tuple[Claim, ...], now: int) -> Iterator[Posting | Made]:
        """Nobody is told of a report that nobody can be sure of: it may be lost."""
        all_are_sure = self._are_sure(claims)
        for claim in claims:
            try:
                if not all_are_sure:
                    self._service.make_sure(claim.notice.report_number)
                body = self._write(self._outbox.body(claim.notice), claim.reading)
            except OutcomeUnknownError:
                continue
            except OvertakenError:
                self._service.drop(claim.notice.id)
            except UnsendableError as error:
                yield self._unsent(claim, now, Outcome.REFUSED, str(error))
            except UnreadableRecordError:  # given up: a person sends it again once it can be read
                yield self._unsent(claim, now, Outcome.FAILED, UNREADABLE)
            except RedisError:
                raise
            except Exception as error:  # its lease ends, and it stops no other
                tell_fault("notice_not_written", error, notice=claim.notice.id)
            else:
                yield Posting(claim, body, now, claim.until - self._client.longest_seconds)

    def _are_sure(self, claims: tuple[Claim, ...]) -> bool:
        try:
            self._service.make_sure(*(claim.notice.report_number for claim in claims))
        except (OutcomeUnknownError, UnreadableRecordError):
            return False
        return True

    def _unsent(self, claim: Claim, now: int, outcome: Outcome, why: str) -> Made:
        return self._made(claim, Attempt(now, outcome, None, 0, why))

    def _made(self, claim: Claim, attempt: Attempt) -> Made:
        attempt = replace(attempt, claim=claim.id)
        return Made(claim, attempt, _next_due(claim.notice, attempt, self._rng))


def _next_due(notice: Notice, attempt: Attempt, rng: Random) -> int | None:
    if attempt.outcome is not Outcome.FAILED or not attempt.was_sent:
        return None
    now = attempt.at + attempt.milliseconds / 1000
    return next_due(notice.attempts_made + 1, notice.tried_since, now, attempt.retry_after, rng)
