"""Pausing a bank that keeps failing: only a probe goes out until it answers again.

Nothing is lost by a pause: its notices stay owed and due, and go out at once when it is back.
"""

from typing import Final

from redis import Redis
from redis.client import Pipeline

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import passing_over

PAUSE_AFTER: Final = 10  # failures in a row …
PAUSE_AFTER_SECONDS: Final = 10  # … over at least this long: not one bad moment under load
PROBE_SECONDS: Final = 10  # one attempt in so many seconds while paused


class BankHealth:
    """How each bank has answered lately, shared by every worker."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def may_try(self, bank: str) -> bool:
        """Whether an attempt may be made now: always, or as the one probe of a paused bank."""
        if not self.is_paused(bank):
            return True
        return bool(self._redis.set(keys.probe(bank), "1", nx=True, ex=PROBE_SECONDS))

    def is_paused(self, bank: str) -> bool:
        """Whether the bank has failed often enough, for long enough."""
        with passing_over(self._redis, keys.bank_health(bank)):
            failures, since = self._redis.hmget(keys.bank_health(bank), "failures", "since")
            if failures is None or since is None or int(failures) < PAUSE_AFTER:
                return False
            now, _ = self._redis.time()
            return int(now) - int(since) >= PAUSE_AFTER_SECONDS
        return False

    def count_failure(self, pipe: Pipeline, bank: str, now: int) -> None:
        """Queues that an attempt failed."""
        key = keys.bank_health(bank)
        pipe.hincrby(key, "failures", 1)
        pipe.hsetnx(key, "since", str(now))
        pipe.expire(key, keys.BANK_HEALTH_SECONDS)

    def count_answer(self, pipe: Pipeline, bank: str, failures: int) -> None:
        """Queues that the bank answered, after so many failures in a row; one that was paused is
        marked as back.
        """
        if failures >= PAUSE_AFTER:
            pipe.sadd(keys.BANKS_BACK, bank)
        pipe.delete(keys.bank_health(bank))

    def banks_that_came_back(self) -> list[str]:
        """The marked banks; they stay marked until `has_been_served`."""
        return [plain(bank) for bank in self._redis.smembers(keys.BANKS_BACK)]

    def has_been_served(self, bank: str) -> None:
        """All that waited for a bank is due again."""
        self._redis.srem(keys.BANKS_BACK, bank)
