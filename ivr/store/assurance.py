"""Makes sure of a report before anybody is told of it, whatever breaks next."""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from redis import Redis
from redis.exceptions import RedisError

from ivr.cards.loss import LossReport
from ivr.errors import HotlineError
from ivr.logs import fault
from ivr.store import keys
from ivr.store.local_journal import LocalJournal
from ivr.store.unreadable import naming, read

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

    def make_sure(self, *numbers: str, may_be_gone: bool = False) -> None:
        """Returns when these reports' numbers may be told: replicas have them, and so has this
        machine's disk. `may_be_gone`: one whose retention is over may be told as well.

        Raises:
            OutcomeUnknownError: one of them may not be told.
            UnreadableRecordError: one of them cannot be read.
        """
        if not numbers or not self.may_come_late:
            return
        try:
            for number, record in zip(numbers, self._confirmed(numbers), strict=True):
                if record is None and may_be_gone:
                    continue
                if record is None:
                    raise OutcomeUnknownError
                with naming(self._redis):
                    self._journal.write(read(LossReport, keys.report(number), record))
        except RedisError as error:
            raise OutcomeUnknownError from error
        except OSError as error:
            log.warning("journal_not_written", **fault(error))
            raise OutcomeUnknownError from error

    def _confirmed(self, numbers: Sequence[str]) -> list[Any]:
        """The reports' records, which enough replicas have.

        WAIT covers only what its own connection wrote, so a small write goes before it. Replicas
        that have this write also have the reports, because they came earlier. Another primary may
        have taken over meanwhile, so the present one is also asked for the reports.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(keys.MADE_SURE, 1)
            pipe.execute_command("WAIT", self._replicas, REPLICA_MILLISECONDS)
            pipe.mget([keys.report(number) for number in numbers])
            _, reached, records = pipe.execute()
        if reached < self._replicas:
            # Perhaps this is the primary of the losing side: the sentinels are asked again.
            self._redis.connection_pool.disconnect(inuse_connections=False)
            raise OutcomeUnknownError
        found: list[Any] = records
        return found
