"""Waits at RQ's lists until somebody rings. A job says "look at this queue", and nothing else.

The outbox knows what is due, so a lost job costs only a second. What a job asks for is never even
read: RQ would import and run any function it names.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue, Worker, worker_registration
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import WrongKindError, note_unreadable

WAIT_SECONDS: Final = 2
LISTENING_SECONDS: Final = 5.0  # the time limit of a client that waits
HEARTBEAT_SECONDS: Final = 5.0
ALIVE_SECONDS: Final = 20  # a worker that says nothing for longer is gone


@dataclass(frozen=True)
class Bell:
    """Somebody rang in a queue."""

    queue: str
    job_id: str


class Doorbell:
    """The bells of some queues. To RQ, and to `rq info`, it is a worker of theirs."""

    def __init__(
        self, redis: Redis, queues: Sequence[str], on_heartbeat: Callable[[], object]
    ) -> None:
        """`redis`: a client for this alone, which may wait longer than WAIT_SECONDS."""
        self._redis = redis
        self._queues = queues
        self._by_list = {keys.rung(queue): queue for queue in queues}
        self._on_heartbeat = on_heartbeat
        self._next_heartbeat = 0.0
        self._worker: Worker | None = None

    def wait(self) -> Bell | None:
        """The next bell, or None after WAIT_SECONDS. It is heard once, whatever becomes of it.

        Raises:
            redis.RedisError: nobody can hear anything just now.
        """
        try:
            self._say_alive()
            heard = cast("Any", self._redis.blpop([*self._by_list], timeout=WAIT_SECONDS))
        except ResponseError:
            if not self._clear_the_way():
                raise
            return None
        if heard is None:
            return None
        return Bell(self._by_list[plain(heard[0])], plain(heard[1]))

    def leave(self) -> None:
        """RQ's list forgets us."""
        if self._worker is not None:
            self._worker.register_death()

    def _clear_the_way(self) -> bool:
        """Deletes what stands in the place of RQ's lists and registers and is none, for it would
        keep all bells from being heard. A bell that is lost is rung again, and we register again.
        """
        registers = [REDIS_WORKER_KEYS, *(WORKERS_BY_QUEUE_KEY % queue for queue in self._queues)]
        right = dict.fromkeys(self._by_list, "list") | dict.fromkeys(registers, "set")
        with self._redis.pipeline(transaction=False) as pipe:
            for place in right:
                pipe.type(place)
            kinds = dict(zip(right, map(plain, pipe.execute()), strict=True))
        wrong = [place for place, kind in kinds.items() if kind not in (right[place], "none")]
        for place in wrong:
            note_unreadable(self._redis, place, WrongKindError(place))
            self._redis.delete(place)
        return bool(wrong)

    def _say_alive(self) -> None:
        """Registers again each time: after an outage longer than ALIVE_SECONDS, others have removed
        this worker from RQ's list.
        """
        if time.monotonic() < self._next_heartbeat:
            return
        if self._worker is None:
            self._worker = _registered(self._redis, self._queues)
        with self._redis.pipeline() as pipe:
            self._worker.heartbeat(ALIVE_SECONDS, pipe)
            pipe.hset(self._worker.key, mapping=self._worker.serialize())
            worker_registration.register(self._worker, pipe)
            pipe.execute()
        self._on_heartbeat()
        self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS


def _registered(redis: Redis, queues: Sequence[str]) -> Worker:
    listened_to = [Queue(name, connection=redis, serializer=JSONSerializer) for name in queues]
    worker = Worker(listened_to, connection=redis, serializer=JSONSerializer)
    worker.register_birth()
    worker.set_state("busy")
    return worker
