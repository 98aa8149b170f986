"""Whether Twilio, or the gateway, takes our texts, shared by every worker: a fault of ours
(credentials, sender, account) stops all or many of them, so a person must see it, and see when it
is over.
"""

import logging
import time
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import passing_over

ASKED_EVERY_SECONDS: Final = 2.0

log = logging.getLogger("workers")


class TextLine:
    """Told after each attempt. Redis away loses no attempt: the next one tells it again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._works_until = 0.0  # so long nobody needs to be told (monotonic)

    def fails(self, why: str) -> None:
        """Twilio refuses whatever we send; `why` is its status and code."""
        self._works_until = 0.0
        try:
            was = self._redis.set(keys.TEXTS_REFUSED, why, ex=keys.TEXTS_REFUSED_SECONDS, get=True)
        except RedisError:
            return
        if was is None:
            who = "Twilio refuses" if not why.startswith("gateway") else "the gateway refuses"
            log.warning("%s our texts (%s): mend its settings or the account there", who, why)

    def works(self) -> None:
        """Twilio has taken a text. Others are asked now and then whether they had trouble."""
        if time.monotonic() < self._works_until:
            return
        self._works_until = time.monotonic() + ASKED_EVERY_SECONDS
        try:
            was_refused = self._redis.delete(keys.TEXTS_REFUSED)
        except RedisError:
            return
        if was_refused:
            log.warning("our texts are taken again")

    def trouble(self) -> str:
        """Why our texts are refused; empty when none is. Raises RedisError."""
        with passing_over(self._redis, keys.TEXTS_REFUSED):
            return plain(self._redis.get(keys.TEXTS_REFUSED) or b"")
        return ""
