"""The journal: one stream entry for every event that matters, for audit. No personal values."""

from typing import Any

from redis import Redis
from redis.client import Pipeline

from ivr.cards.change import Entry
from ivr.store import keys


class Journal:
    """Appends an entry in the transaction of the change it records; trims old entries."""

    def __init__(self, redis: Redis, retention_seconds: int) -> None:
        self._redis = redis
        self._retention_seconds = retention_seconds

    def write(self, pipe: Pipeline, entry: Entry) -> None:
        """Queues an entry and counts its event."""
        fields: dict[Any, Any] = {"event": entry.event}
        fields |= {name: value for name, value in entry.fields.items() if value}
        pipe.xadd(keys.JOURNAL, fields)
        pipe.hincrby(keys.COUNTERS, f"event:{entry.event}", 1)

    def trim(self, now: float) -> None:
        """Forgets what is older than the retention; approximate, so that it costs nothing."""
        oldest = int((now - self._retention_seconds) * 1000)
        self._redis.xtrim(keys.JOURNAL, minid=str(max(oldest, 0)), approximate=True)
