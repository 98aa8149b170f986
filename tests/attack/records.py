"""What a Redis holds, as one value to compare: whether an attack changed anything."""

from collections.abc import Callable
from typing import Any

from redis import Redis

from ivr.store.codec import plain

# Signs of life, written every few seconds by whoever runs, and RQ's own.
ALIVE = ("running:", "sweep:alive", "rq:", "made_sure", "bank_health:", "in_flight:", "probe:",
         "signature_faults:")  # fmt: skip
NOTED = ("journal", "counters", "heard:", "asked:")
READ: dict[str, Callable[[Redis, Any], Any]] = {
    "string": lambda redis, key: redis.get(key),
    "hash": lambda redis, key: sorted(redis.hgetall(key).items()),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: sorted(redis.smembers(key)),
    "zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    "stream": lambda redis, key: redis.xrange(key),
}


def everything(redis: Redis) -> dict[str, Any]:
    """Every key of every kind, with what is in it."""
    found: dict[str, Any] = {}
    for key in redis.scan_iter(count=1000):
        read = READ.get(plain(redis.type(key)))
        found[plain(key)] = read(redis, key) if read else None
    return found


def business(redis: Redis, *, noted: bool = True) -> dict[str, Any]:
    """What is on record, without the signs of life. noted: with what is written of everybody who
    comes in: that they were here.
    """
    left_out = ALIVE if noted else (*ALIVE, *NOTED)
    return {k: v for k, v in everything(redis).items() if not k.startswith(left_out)}


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the keys that are not as they were."""
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
