"""Makes sure of a report before anybody is told of it, whatever breaks next."""

from typing import Any, Final

import structlog
from redis import Redis
from redis.exceptions import RedisError

from ivr.cards.loss import LossReport
from ivr.errors import HotlineError
from ivr.logs import fault
from ivr.store import keys
from ivr.store.local_journal import LocalJournal
from ivr.store.unreadable import read

REPLICA_MILLISECONDS: Final = 1000  # a caller is waiting

log = structlog.get_logger()


class OutcomeUnknownError(HotlineError):
    """Nobody can say for certain that a report is on record, or that it is not."""


class Assurance:
    """Asks replicas and this machine's disk. One Redis alone, with no journal, costs nothing."""

    def __init__(self, redis: Redis, replicas: int, journal: LocalJournal) -> None:
        self._redis = redis
        self._replicas = replicas
        self._journal = journal

    @property
    def may_come_late(self) -> bool:
        """Whether a report that was told can be missing in Redis for a while."""
        return self._replicas > 0 or self._journal.is_kept

    def make_sure(self, number: str) -> None:
        """Returns when a report's number may be told: replicas have it, and so has this machine's
        disk.

        Raises:
            OutcomeUnknownError: it may not be told.
        """
        if not self.may_come_late:
            return
        try:
            self._journal.write(read(LossReport, keys.report(number), self._confirmed(number)))
        except RedisError as error:
            raise OutcomeUnknownError from error
        except OSError as error:
            log.warning("journal_not_written", **fault(error))
            raise OutcomeUnknownError from error

    def _confirmed(self, number: str) -> Any:
        """The report's record, which enough replicas have.

        WAIT covers only what its own connection wrote, so a small write goes before it. Replicas
        that have this write also have the report, because it came earlier. Another primary may
        have taken over meanwhile, so the present one is also asked for the report.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(keys.MADE_SURE, 1)
            pipe.execute_command("WAIT", self._replicas, REPLICA_MILLISECONDS)
            pipe.get(keys.report(number))
            _, reached, record = pipe.execute()
        if reached < self._replicas or record is None:
            # Perhaps this is the primary of the losing side: the sentinels are asked again.
            self._redis.connection_pool.disconnect(inuse_connections=False)
            raise OutcomeUnknownError
        return record
