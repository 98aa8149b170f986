"""RQ's jobs as Redis commands, so that one is written in the transaction of what it is about.

RQ needs 0.6 ms to write a job, nearly all of it for options that ours do not have. So RQ writes one
for each queue, once in a process, and every further job is a copy of that.
"""

import secrets
import zlib
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from ivr.store import keys

JOB: Final = "workers.delivery.Delivery.claim"  # by name: the hotline never imports the workers
JOB_SECONDS: Final = 150  # said of a job in its record; nobody waits for that long

_NOTICE: Final = "the-notice"  # stands in RQ's own job where the copies name theirs
_MADE_ANEW: Final = ("created_at", "enqueued_at", "data")

Command = Sequence[Any]


class Doorbell:
    """Writes jobs. A job's only argument is a notice's id, and whoever hears it looks at all that
    is due in the queue.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._patterns: dict[str, list[Command]] = {}

    def ring(self, notice_id: str, queue: str) -> list[Command]:
        """The commands that enqueue a job."""
        if queue not in self._patterns:
            self._patterns[queue] = self._written_by_rq(queue)
        job_id = f"{notice_id}_{secrets.token_hex(4)}"
        return [_copied(words, notice_id, job_id) for words in self._patterns[queue]]

    def _written_by_rq(self, queue: str) -> list[Command]:
        """The pipeline only collects, and is never executed."""
        rung = Queue(queue, connection=self._redis, serializer=JSONSerializer)
        with self._redis.pipeline() as pipe:
            pipe.multi()  # RQ expects a transaction that has begun
            rung.enqueue(
                JOB, _NOTICE, job_id=f"job-of-{_NOTICE}", job_timeout=JOB_SECONDS,
                result_ttl=0, failure_ttl=keys.DAY, pipeline=pipe,
            )  # fmt: skip
            return [words for words, _ in pipe.command_stack]


def _copied(words: Command, notice_id: str, job_id: str) -> Command:
    copied = [
        word.replace(f"job-of-{_NOTICE}", job_id).replace(_NOTICE, notice_id)
        if isinstance(word, str) and _NOTICE in word
        else word
        for word in words
    ]
    for place, name in enumerate(words):
        if name in _MADE_ANEW:
            copied[place + 1] = _packed(notice_id) if name == "data" else utcformat(now())
    return copied


def _packed(notice_id: str) -> bytes:
    written: bytes = zlib.compress(JSONSerializer.dumps((JOB, None, (notice_id,), {})))
    return written
