"""Banks that took a notice and never said "blocked": asked again, under the same webhook-id.

A 2xx is only a receipt. If the bank's word is lost, or a proxy answered in its place, the holder
would wait for ever; a bank that did block answers the repeated notice with "blocked".
"""

from typing import Final

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, WatchError

from ivr.cards.block import Block, BlockState
from ivr.cards.notice import NoticeState
from ivr.logs import fault
from ivr.store import keys
from ivr.store.codec import load, plain
from ivr.store.journal import Journal
from ivr.store.notices import Outbox

log = structlog.get_logger()

THEN_EVERY: Final = 3600  # seconds; the first time after reports.ASK_AGAIN_AFTER
FOR_AT_MOST: Final = 3 * keys.DAY  # as long as a notice is tried; then a person must look


class Reminders:
    """The notices whose block is still only "received"."""

    def __init__(self, redis: "Redis", outbox: Outbox, journal: Journal) -> None:
        self._redis = redis
        self._outbox = outbox
        self._journal = journal

    def send_due(self) -> int:
        """Asks again for all that is due; returns how many. Of two sweeps only one asks.

        A record that cannot be read keeps no other from being asked about.
        """
        now = self._outbox.now()
        due = self._redis.zrangebyscore(keys.AWAITING, "-inf", now, start=0, num=200)
        return sum(self._look_at(plain(notice_id), int(now)) for notice_id in due)

    def _look_at(self, notice_id: str, now: int) -> bool:
        with self._redis.pipeline() as pipe:
            try:
                return self._ask_or_leave(pipe, notice_id, now)
            except WatchError:
                return False  # the bank spoke just now, or another sweep asked
            except RedisError:
                raise
            except Exception as error:
                self._put_off(notice_id, now, error)
                return False

    def _put_off(self, notice_id: str, now: int, error: Exception) -> None:
        log.error("not_asked_again", notice=notice_id, **fault(error))
        self._redis.zadd(keys.AWAITING, {notice_id: now + THEN_EVERY}, xx=True)

    def _ask_or_leave(self, pipe: "Pipeline", notice_id: str, now: int) -> bool:
        pipe.watch(keys.notice(notice_id))
        notice = self._outbox.find(notice_id)
        card_ref = notice.card_ref if notice else ""
        pipe.watch(keys.block(card_ref))
        text = pipe.get(keys.block(card_ref))
        block = None if text is None else load(Block, text)
        pipe.multi()
        if notice is None or block is None or not _still_waits(block, notice_id):
            pipe.zrem(keys.AWAITING, notice_id)
        elif notice.state is NoticeState.OPEN:  # on its way already
            pipe.zadd(keys.AWAITING, {notice_id: now + THEN_EVERY})
        elif now - block.changed_at >= FOR_AT_MOST:
            pipe.zrem(keys.AWAITING, notice_id)
            pipe.zadd(keys.NOTICES_STUCK, {notice_id: now})
        else:
            pipe.zadd(keys.AWAITING, {notice_id: now + THEN_EVERY})
            self._outbox.reopen(pipe, notice, now, since=block.changed_at)
            self._journal.write(pipe, "notice_asked_again", notice=notice_id, bank=notice.bank)
            pipe.execute()
            return True
        pipe.execute()
        return False


def _still_waits(block: Block, notice_id: str) -> bool:
    return block.notice_id == notice_id and block.state is BlockState.RECEIVED
