"""RQ as we use it: a doorbell. A job says "look at this notice", and can say nothing else.

The outbox knows what is due, so a lost job costs only a second. A job found in Redis is never
trusted: it cannot choose a function, a callback, a webhook, a retry or a time limit.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from redis import Redis
from rq import worker_registration
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker

from ivr.errors import HotlineError
from ivr.logs import fault
from ivr.store.keys import DAY
from ivr.store.outbox import JOB, JOB_SECONDS
from workers.delivery import Delivery

log = structlog.get_logger()

HEARTBEAT_SECONDS: Final = 5.0
ALIVE_SECONDS: Final = 20  # an idle worker that says nothing for longer is gone


class ForbiddenJobError(HotlineError):
    """A job asked for a function that is not on the allow list; nothing was imported."""


class HotlineJob(Job):
    """A job whose hash in Redis can name only a notice and the one function we have for it."""

    delivery: Delivery  # set by the worker, for its own jobs

    @property
    def func(self) -> Callable[[str], None]:
        """Our own function, never an imported one: RQ would run any name, `os.system` too."""
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
        """Reads the hash, then resets all it could ask for besides one call of `func`.

        Raises:
            NoSuchJobError: the hash cannot be read. RQ skips such a job. Any other error would end
                this worker, and each one after it, as long as the hash is in Redis.
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

    It has one queue: with two, RQ takes a job by plain BLPOP, and a kill would lose that job.
    SimpleWorker does not fork for a job: a job is one POST, and the outbox recovers from a crash.
    """

    max_connection_wait_time = 2.0
    log_result_lifespan = False

    def __init__(
        self, delivery: Delivery, redis: Redis, on_heartbeat: Callable[[], object] = lambda: None
    ) -> None:
        """`redis`: a client for RQ alone. RQ waits on it for seconds, while all other code needs
        quick answers.
        """
        self._next_heartbeat = 0.0
        self._on_heartbeat = on_heartbeat
        # RQ sets a longer time limit, but only for new connections. One that is open already
        # would time out while RQ waits for a job.
        redis.connection_pool.disconnect()
        redis.connection_pool.reset()
        super().__init__(
            [delivery.queue],
            connection=redis,
            job_class=type("DeliveryJob", (HotlineJob,), {"delivery": delivery}),
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=ALIVE_SECONDS,  # each time RQ waits 15 s less than this for a job
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
        """Sends at most one heartbeat in five seconds; RQ would send nine for each job.

        Registers again each time: after an outage longer than ALIVE_SECONDS, other workers have
        removed this one from RQ's list. Inside a pipeline it only queues the heartbeat, as RQ does.
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

    def handle_exception(self, job: Job, *raised: Any) -> None:
        """One line of ours. RQ's own holds the traceback with the error's text, which may hold an
        ID number, and whatever a planted job calls its function.
        """
        log.error("job_failed", job=job.id, **_fault_of(raised[1]))

    def handle_job_failure(self, *args: Any, **options: Any) -> None:
        """For the same reason all that RQ keeps of a failure is the error's kind and place."""
        kept = json.dumps(_fault_of(sys.exception()))
        super().handle_job_failure(*args, **{**options, "exc_string": kept})

    def _install_signal_handlers(self) -> None:
        """Ctrl-C reaches every process of a terminal; only the supervisor answers to it."""
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _fault_of(error: BaseException | None) -> dict[str, str]:
    return {} if error is None else fault(error)
