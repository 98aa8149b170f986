"""The way to Redis, and the check that this Redis may be trusted with loss reports."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class UnsafeRedisError(Exception):
    """This Redis could lose or evict a loss report; the text says what to change."""


def connect(url: str, timeout_seconds: float = 3) -> "Redis":
    """A client that does not connect yet, gives up after `timeout_seconds` and never retries.

    A command repeated by the client could run twice: whoever calls decides about trying again.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def check_durability(redis: "Redis", *, development: bool) -> list[str]:
    """What is weak about this Redis; empty when every answered write is on disk.

    Raises:
        UnsafeRedisError: it may evict records, or (outside development) may answer before
            the record is on disk.
    """
    info = redis.info()
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        raise UnsafeRedisError(
            f"Redis may evict loss reports (maxmemory-policy {info['maxmemory_policy']}). "
            "Set it with: redis-cli CONFIG SET maxmemory-policy noeviction"
        )
    weak = _weak_points(redis, aof_on=bool(info.get("aof_enabled")))
    if weak and not development:
        raise UnsafeRedisError(
            "Redis could lose an acknowledged loss report: " + "; ".join(weak) + ". "
            "Start it with: redis-server --appendonly yes --appendfsync always"
        )
    return weak


def _weak_points(redis: "Redis", *, aof_on: bool) -> list[str]:
    if not aof_on:
        return ["the append-only file is off (appendonly no)"]
    fsync = redis.config_get("appendfsync").get("appendfsync")
    return [] if fsync == "always" else [f"it does not write to disk at once (appendfsync {fsync})"]
