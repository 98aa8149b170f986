"""RQ as we use it: a doorbell. A job says "look at this notice", and can say nothing else.

The outbox owns what is due, so losing a job costs a second, and a job found in Redis is
trusted with nothing: not with a function, a callback, a webhook, a retry or a time limit.
"""

import logging
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from rq import worker_registration
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker

from ivr.errors import HotlineError
from ivr.store.connection import OUTAGE
from ivr.store.keys import DAY
from ivr.store.outbox import JOB, JOB_SECONDS
from workers.delivery import Delivery

HEARTBEAT_SECONDS: Final = 5.0
ALIVE_SECONDS: Final = 20  # an idle worker that says nothing for longer is gone


class ForbiddenJobError(HotlineError):
    """A job asked for a function that is not on the allow list; nothing was imported."""


class HotlineJob(Job):
    """A job whose hash in Redis may name a notice, and the one function we have for it."""

    delivery: Delivery  # set by the worker, for its own jobs

    @property
    def func(self) -> Callable[[str], None]:
        """Known, never imported: RQ would run any dotted name, `os.system` too."""
        if self.func_name != JOB:
            raise ForbiddenJobError
        return self.delivery.attempt

    # RQ imports a callback by its dotted name, just like the function.
    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def restore(self, raw_data: Any) -> None:
        """Reads the hash, then sets all it could ask for besides one call of `func`.

        Raises:
            NoSuchJobError: it cannot be read. RQ passes over such a job, while any other error
                would end the worker, and the next one, for as long as the hash lies there.
        """
        try:
            super().restore(raw_data)
        except Exception as error:
            raise NoSuchJobError from error
        self.timeout, self.result_ttl, self.failure_ttl = JOB_SECONDS, 0, DAY
        self.webhooks, self.retries_left, self.repeats_left = [], None, None
        self.rate_limit_key = None


class HotlineWorker(SimpleWorker):
    """Works on one queue, in its own process, until it is told to stop or Redis stays away.

    With a second queue RQ takes a job by plain BLPOP, and a kill loses it for good. SimpleWorker
    forks nothing per job: a job is one POST, and the outbox gets over a crash.
    """

    max_connection_wait_time = 2.0
    log_result_lifespan = False

    def __init__(
        self, delivery: Delivery, redis: Redis, on_heartbeat: Callable[[], object] = lambda: None
    ) -> None:
        """`redis`: a line of its own. RQ waits on it for seconds, while everything else wants a
        quick answer or none.
        """
        self._next_heartbeat = 0.0
        self._on_heartbeat = on_heartbeat
        # RQ lengthens the time limit of connections yet to be made; one that is open already
        # would give up in the middle of RQ's wait for a job.
        redis.connection_pool.disconnect()
        redis.connection_pool.reset()
        super().__init__(
            [delivery.queue],
            connection=redis,
            job_class=type("DeliveryJob", (HotlineJob,), {"delivery": delivery}),
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=ALIVE_SECONDS,  # RQ waits for a job 15 s less than this at a time
            maintenance_interval=60,
            log_job_description=False,
        )

    def validate_queues(self) -> None:
        """Raises: ValueError unless there is exactly one queue."""
        super().validate_queues()  # type: ignore[no-untyped-call]
        if len(self.queues) != 1:
            raise ValueError("a worker has exactly one queue")

    def subscribe(self) -> None:
        """No remote commands: signals stop a worker. Saves a thread and a connection each."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """At most one in five seconds where RQ sends nine for each job.

        Registers anew each time: after a pause of Redis longer than ALIVE_SECONDS the others
        have struck us off their list. Inside a pipeline it rides along, as RQ means it.
        """
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif time.monotonic() >= self._next_heartbeat:
            with self.connection.pipeline() as pipe:
                super().heartbeat(timeout or ALIVE_SECONDS, pipe)
                pipe.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, pipe)
                pipe.execute()
            self._on_heartbeat()
            self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS

    def _install_signal_handlers(self) -> None:
        """Ctrl-C reaches every process of a terminal; only the supervisor answers to it."""
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class OneLinePerOutage(logging.Filter):
    """Lets RQ say that Redis cannot be reached once a minute, where it would each second."""

    def __init__(self, quiet_seconds: float = 60) -> None:
        super().__init__()
        self._quiet_seconds = quiet_seconds
        self._last_said = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is worth printing; a broken connection needs no stack trace."""
        broken = record.exc_info is not None and isinstance(record.exc_info[1], OUTAGE)
        if not broken and "connect to Redis" not in str(record.msg):
            return True
        record.exc_info = None
        quiet = time.monotonic() - self._last_said < self._quiet_seconds
        self._last_said = self._last_said if quiet else time.monotonic()
        return not quiet
