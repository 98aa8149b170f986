"""RQ's jobs as Redis commands, so that one is written in the transaction of what it is about.

RQ needs 0.6 ms to enqueue a job, nearly all of it for options that ours do not have. So RQ says
once in a process what its record of a job holds, and each job gets a copy of that.
"""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from ivr.store import keys

JOB: Final = "workers.delivery.Delivery.claim"  # by name: the hotline never imports the workers
JOB_SECONDS: Final = 150  # said of a job in its record; nobody waits for that long

Command = Sequence[Any]


def ring(notice_id: str, queue: str) -> list[Command]:
    """The commands that enqueue a job in a queue. Its only argument is a notice's id, and whoever
    hears it looks at all that is due.
    """
    job_id, at = f"{notice_id}_{secrets.token_hex(4)}", utcformat(now())
    job = {
        **_fields_of_a_job(queue),
        "created_at": at,
        "enqueued_at": at,
        "data": JSONSerializer.dumps((JOB, None, (notice_id,), {})),  # RQ reads it unpacked too
        "description": f"{JOB}('{notice_id}')",
    }
    return [
        ("SADD", Queue.redis_queues_keys, keys.rung(queue)),
        ("HSET", keys.job(job_id), *chain.from_iterable(job.items())),
        ("RPUSH", keys.rung(queue), job_id),
    ]


@cache
def _fields_of_a_job(queue: str) -> Mapping[str, Any]:
    """What RQ writes of a job; it reads a field that is missing like an empty one."""
    job = Job.create(
        JOB, ("",), connection=Redis(), origin=queue, status=JobStatus.QUEUED,
        timeout=JOB_SECONDS, result_ttl=0, failure_ttl=keys.DAY, serializer=JSONSerializer,
    )  # fmt: skip
    return {name: value for name, value in job.to_dict(include_meta=False).items() if value != ""}
