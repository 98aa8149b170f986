"""Suspensions that may be over, and banks that may have to be reminded: what the sweep looks at."""

from typing import Final

from redis import Redis

from ivr.cards.loss import LossReport, Suspension
from ivr.store import keys
from ivr.store.codec import load, plain

EARLIEST: Final = 200  # deadlines looked at in every round
STRETCH: Final = 300  # and so many of the others in each round, in turn
MOST_REMINDERS: Final = 200  # in one round


class Deadlines:
    """Finds what is due; the acts decide what follows."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._looked_at = 0

    def ended(self) -> list[str]:
        """Numbers of reports whose suspension is over: three round trips.

        The suspension's key is the truth, not the deadline: a suspension that ended early counts
        too. So every call looks at the earliest deadlines and at a next part of all the others.
        """
        numbers = self._next_numbers()
        if not numbers:
            return []
        texts = self._redis.mget([keys.report(number) for number in numbers])
        if gone := [n for n, text in zip(numbers, texts, strict=True) if text is None]:
            self._redis.zrem(keys.DEADLINES, *gone)  # its retention is over: nothing to tell
        reports = [load(LossReport, text) for text in texts if text is not None]
        losses = self._redis.mget([keys.loss(r.card_ref) for r in reports]) if reports else []
        pairs = zip(reports, losses, strict=True)
        return [report.number for report, loss in pairs if not _holds(loss, report.number)]

    def _next_numbers(self) -> list[str]:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.DEADLINES, 0, EARLIEST - 1)
            pipe.zrange(keys.DEADLINES, self._looked_at, self._looked_at + STRETCH - 1)
            earliest, stretch = pipe.execute()
        self._looked_at = self._looked_at + STRETCH if len(stretch) == STRETCH else 0
        return [plain(number) for number in dict.fromkeys([*earliest, *stretch])]

    def reminders_due(self, now: float) -> list[str]:
        """Ids of notices that a bank took and has not confirmed, longest due first."""
        due = self._redis.zrangebyscore(keys.AWAITING, "-inf", now, start=0, num=MOST_REMINDERS)
        return [plain(notice_id) for notice_id in due]

    def put_off(self, notice_id: str, until: float) -> None:
        """Looks at a reminder later, whatever is wrong with it."""
        self._redis.zadd(keys.AWAITING, {notice_id: until}, xx=True)


def _holds(loss: bytes | str | None, number: str) -> bool:
    """Whether a card's suspension is the one of this report, and not of a later one."""
    return loss is not None and load(Suspension, loss).report_number == number
