"""Who fails, and pausing a bank that keeps failing: only a probe goes out until it answers again.

A pause loses nothing: the bank's notices stay owed and due. When one who failed is back, all that
waits for it goes out at once. Texts are counted beside the banks, under TEXTS; they are never
paused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from ivr.cards.notice import Attempt
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.doorbell import Command
from ivr.store.unreadable import passing_over

FAILING_AFTER: Final = 3  # failures in a row …
FAILING_AFTER_SECONDS: Final = 10  # … over at least this long: not one bad moment under load
PAUSE_AFTER: Final = 10  # the same for a pause
PAUSE_AFTER_SECONDS: Final = 10
PROBE_SECONDS: Final = 10  # one attempt in so many seconds while paused


@dataclass(frozen=True)
class Health:
    """Failures in a row, and since when (unix seconds); zeros when the last attempt was answered.

    seconds: from the first of them until now.
    """

    failures: int = 0
    since: int = 0
    seconds: int = 0

    @property
    def is_failing(self) -> bool:
        return self.failures >= FAILING_AFTER and self.seconds >= FAILING_AFTER_SECONDS

    @property
    def is_paused(self) -> bool:
        return self.failures >= PAUSE_AFTER and self.seconds >= PAUSE_AFTER_SECONDS


HEALTHY: Final = Health()


@dataclass(frozen=True)
class Answer:
    """The last answer of a bank to a notice that was no test: when it came, unix seconds, its HTTP
    status, and the outcome it stood for.
    """

    at: int
    status: int
    outcome: str


def answer_of(text: str) -> Answer | None:
    """What `note_answer` writes; None for anything else."""
    at, status, outcome = [*text.split(" "), "", ""][:3]
    is_one = at.isdecimal() and status.isdecimal() and outcome != ""
    return Answer(int(at), int(status), outcome) if is_one else None


def health_of(found: Sequence[bytes | None], now: float) -> Health:
    """What the fields `failures` and `since` of a bank's hash say."""
    failures, since = found
    if failures is None or since is None:
        return Health()
    return Health(int(failures), int(since), int(now) - int(since))


class BankHealth:
    """How each bank has answered lately, shared by every worker."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def of(self, bank: str) -> tuple[Health, int]:
        """How the bank has answered lately, and in how many seconds its next probe may go out."""
        with passing_over(self._redis, keys.bank_health(bank)):
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hmget(keys.bank_health(bank), "failures", "since")
                pipe.time()
                pipe.ttl(keys.probe(bank))
                found, (now, _), wait = pipe.execute()
            return health_of(found, now), max(int(wait), 0)
        return HEALTHY, 0

    def note_answer(self, bank: str, attempt: Attempt) -> list[Command]:
        """Nothing for an attempt without an answer."""
        if attempt.status is None:
            return []
        at = attempt.at + attempt.milliseconds // 1000
        return [("HSET", keys.BANKS_ANSWERED, bank, f"{at} {attempt.status} {attempt.outcome}")]

    def count_failure(self, bank: str, now: int) -> list[Command]:
        """An attempt failed. It stands until there is an answer: one that is asked no more has not
        answered.
        """
        key = keys.bank_health(bank)
        return [("HINCRBY", key, "failures", 1), ("HSETNX", key, "since", now)]

    def count_answer(self, bank: str, health: Health) -> list[Command]:
        """The bank answered; `health`: as it was before. One that was failing is marked as back.
        Fewer failures mark nobody: the pauses after them are short, and a notice that the bank can
        never take would be sent again whenever it takes another.
        """
        if health == HEALTHY:
            return []
        back = [("SADD", keys.BANKS_BACK, bank)] if health.is_failing else []
        return [*back, ("DEL", keys.bank_health(bank))]

    def banks_that_came_back(self) -> list[str]:
        """The marked banks; they stay marked until `forget_return`."""
        with passing_over(self._redis, keys.BANKS_BACK):
            return [plain(bank) for bank in self._redis.smembers(keys.BANKS_BACK)]
        return []

    def forget_return(self, bank: str) -> None:
        """Removes a bank's mark: all that waited for the bank is due now."""
        self._redis.srem(keys.BANKS_BACK, bank)
