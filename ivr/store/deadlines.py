"""Suspensions that may be over, and banks that may have to be reminded: what the sweep looks at."""

from contextlib import AbstractContextManager
from typing import Final

from redis import Redis

from ivr.cards.loss import LossReport, Suspension
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import naming, passing_over, read, read_all

EARLIEST: Final = 200  # deadlines looked at in every round
STRETCH: Final = 300  # and so many of the others in each round, in turn
MOST_REMINDERS: Final = 200  # in one round
MOST_FORETOLD: Final = 300  # looked at in one round


class Deadlines:
    """Finds what is due; the acts decide what follows."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._looked_at = 0
        self._foretold = 0

    def ended(self) -> list[str]:
        """Numbers of reports whose suspension is over: three round trips.

        The suspension's key is the truth, not the deadline: a suspension that ended early counts
        too. So every call looks at the earliest deadlines and at a next part of all the others.
        """
        numbers = self._next_numbers()
        if not numbers:
            return []
        texts = self._redis.mget([keys.report(number) for number in numbers])
        self._forget([n for n, text in zip(numbers, texts, strict=True) if text is None])
        named = zip(map(keys.report, numbers), texts, strict=True)
        reports = list(read_all(self._redis, LossReport, named))
        losses = self._redis.mget([keys.loss(r.card_ref) for r in reports]) if reports else []
        pairs = zip(reports, losses, strict=True)
        return [report.number for report, loss in pairs if not self._holds(report, loss)]

    def _forget(self, numbers: list[str]) -> None:
        """Their retention is over: nothing to tell."""
        for number in numbers:
            with self.passing_over(keys.report(number)):
                if self._redis.get(keys.report(number)) is None:
                    self._redis.zrem(keys.DEADLINES, number)

    def _holds(self, report: LossReport, loss: bytes | str | None) -> bool:
        """Whether a card's suspension is the one of this report, and not of a later one. While it
        is there and cannot be read, it is not said to be over.
        """
        if loss is None:
            return False
        with self.passing_over(keys.loss(report.card_ref)):
            suspension = read(Suspension, keys.loss(report.card_ref), loss)
            return suspension.report_number == report.number
        return True

    def _next_numbers(self) -> list[str]:
        first = self._looked_at
        with naming(self._redis, keys.DEADLINES), self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.DEADLINES, 0, EARLIEST - 1)
            pipe.zrange(keys.DEADLINES, first, first + STRETCH - 1)
            earliest, stretch = pipe.execute()
        self._looked_at = first + STRETCH if len(stretch) == STRETCH else 0
        return [plain(number) for number in dict.fromkeys([*earliest, *stretch])]

    def ending(self, now: float, until: float) -> list[str]:
        """Numbers of the reports that end in this time (unix seconds) and whose holders were not
        told yet: of a next stretch of them in each round. Two round trips.
        """
        first = self._foretold
        with naming(self._redis, keys.DEADLINES):
            found = self._redis.zrangebyscore(
                keys.DEADLINES, now, until, start=first, num=MOST_FORETOLD
            )
        self._foretold = first + MOST_FORETOLD if len(found) == MOST_FORETOLD else 0
        places = [keys.report(plain(number)) for number in found]
        texts = zip(places, self._redis.mget(places), strict=True) if places else ()
        reports = read_all(self._redis, LossReport, texts)
        return [report.number for report in reports if not report.reminded_at]

    def reminders_due(self, now: float) -> list[str]:
        """Ids of notices that a bank took and has not confirmed, longest due first."""
        with naming(self._redis, keys.AWAITING):
            due = self._redis.zrangebyscore(keys.AWAITING, "-inf", now, start=0, num=MOST_REMINDERS)
        return [plain(notice_id) for notice_id in due]

    def passing_over(self, key: str) -> AbstractContextManager[None]:
        """Goes on with the others after a record that cannot be read, which is named."""
        return passing_over(self._redis, key)

    def put_off(self, notice_id: str, until: float) -> None:
        """Looks at a reminder later, whatever is wrong with it."""
        self._redis.zadd(keys.AWAITING, {notice_id: until}, xx=True)
