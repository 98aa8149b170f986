"""The condition of this deployment, as /readyz, /metrics and the boot check ask for it."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from redis import Redis
from rq import Worker
from rq.suspension import is_suspended
from rq.utils import utcparse

from ivr.store import keys
from ivr.store.codec import plain, whole
from ivr.store.connection import DurabilityGuard
from ivr.store.outbox import TEXTS_QUEUE, Outbox, bank_queue
from ivr.store.unreadable import answers, list_unreadable
from ivr.store.vault import Vault

WORKER_SILENT_SECONDS: Final = 40  # workers wait at most 5 s between two signs of life
SWEEP_ALIVE_SECONDS: Final = 15


@dataclass(frozen=True)
class Figures:
    """What Redis has counted. `overdue_seconds` is the age of the most overdue notice."""

    counters: dict[str, int]
    notices_open: int
    notices_stuck: int
    unconfirmed: int
    reports_active: int
    overdue_seconds: float


class Condition:
    """Asks; the only thing it writes is that a sweep is alive."""

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        outbox: Outbox,
        durability: DurabilityGuard,
        banks: Collection[str],
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._durability = durability
        self._banks = banks

    def check(self) -> list[str]:
        """What is weak about this Redis; see `check_durability`.

        Raises:
            UnsafeRedisError: it may lose or evict a loss report.
            WrongDataKeysError: DATA_KEYS do not open its reference key, or it is lost.
        """
        weak_points = self._durability.check()
        self._vault.check()
        return weak_points

    def banks_left_behind(self) -> dict[str, int]:
        """Banks that are not in BANKS_FILE any more -> how many blocks and open notices name them.

        A bank is known by the queue its first notice made. One round trip when none has left.
        """
        known = {TEXTS_QUEUE, *map(bank_queue, self._banks)}
        gone = [queue for queue in self._outbox.queues() if queue not in known]
        found = {queue.removeprefix(bank_queue("")): self._naming(queue) for queue in gone}
        return {bank: count for bank, count in found.items() if count}

    def queues_without_a_worker(self) -> dict[str, str]:
        """Queue -> whom it is for, where no worker gave a sign of life lately: RQ lists the killed
        ones for a while.
        """
        needed = {bank_queue(bank): f"bank {bank}" for bank in self._banks}
        needed[TEXTS_QUEUE] = "texts to holders"
        listening = self._queues_listened_to()
        return {queue: whom for queue, whom in needed.items() if queue not in listening}

    def is_suspended(self) -> bool:
        """Whether somebody told RQ to stop (`rq suspend`): then nothing is delivered."""
        return bool(is_suspended(self._redis))

    def unreadable(self) -> list[str]:
        """Records that nobody could read lately, by their names in Redis."""
        return list_unreadable(self._redis)

    def is_swept(self) -> bool:
        """Whether a sweep runs: without one, a notice that failed once would wait for ever."""
        return bool(self._redis.exists(keys.SWEEP_ALIVE))

    def say_swept(self) -> None:
        """A sweep says that it runs."""
        self._redis.set(keys.SWEEP_ALIVE, os.getpid(), ex=SWEEP_ALIVE_SECONDS)

    def figures(self) -> Figures:
        """Two round trips."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.COUNTERS)
            for listed in (keys.NOTICES_OPEN, keys.NOTICES_STUCK, keys.AWAITING, keys.DEADLINES):
                pipe.zcard(listed)
            pipe.zrange(keys.NOTICES_OPEN, 0, 0, withscores=True)
            counted, still_open, stuck, unconfirmed, active, oldest = pipe.execute()
        counters = {plain(name): whole(value) for name, value in counted.items()}
        late = max(0.0, self._outbox.now() - float(oldest[0][1])) if oldest else 0.0
        return Figures(counters, still_open, stuck, unconfirmed, active, late)

    def _naming(self, queue: str) -> int:
        """Blocks and open notices of one bank."""
        bank = queue.removeprefix(bank_queue(""))
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(keys.blocks(bank))
            pipe.zcard(keys.open_in(queue))
            return sum(pipe.execute())

    def _queues_listened_to(self) -> set[str]:
        with self._redis.pipeline(transaction=False) as pipe:
            for key in Worker.all_keys(connection=self._redis):
                pipe.hmget(key, "queues", "last_heartbeat", "death")
            workers = [found for found in answers(pipe) if isinstance(found, list)]
        return {
            plain(queue)
            for queue, beat, death in workers
            if queue and beat and not death and _is_recent(plain(beat))
        }


def _is_recent(beat: str) -> bool:
    try:
        return time.time() - utcparse(beat).timestamp() < WORKER_SILENT_SECONDS
    except ValueError:  # of a worker that nobody can read, nobody can say that it works
        return False
