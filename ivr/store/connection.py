"""The way to Redis, and the check that this Redis may be trusted with loss reports."""

from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.exceptions import WatchError
from redis.retry import Retry
from redis.sentinel import Sentinel

from ivr.settings import SENTINEL_SCHEME


class UnsafeRedisError(Exception):
    """This Redis could lose or evict a loss report; the text says what to change."""


def connect(url: str, timeout_seconds: float = 3) -> "Redis":
    """A client that does not connect yet, gives up after `timeout_seconds` and never retries.

    A command repeated by the client could run twice: whoever calls decides about trying again.
    `redis+sentinel://[user:password@]host:26379,host:26379/service/db` asks the sentinels for
    the present primary at every new connection.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
    if not url.startswith(SENTINEL_SCHEME):
        return Redis.from_url(url, **options)
    sentinels, service, primary = sentinel_parts(url)
    asked = Sentinel(sentinels, sentinel_kwargs=options)
    primary_client: Redis = asked.master_for(service, **options, **primary)
    return primary_client


def sentinel_parts(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """The sentinels, the service's name, and how to open its primary.

    Raises:
        ValueError: saying how the URL should look.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    names = [host.rpartition(":") for host in hosts.split(",")]
    path = parts.path.strip("/").split("/")
    if not all(host and port.isdigit() for host, _, port in names) or not path[0]:
        raise ValueError("must look like redis+sentinel://host:26379,host:26379/mymaster/0")
    user, _, password = login.partition(":")
    secrets = {"username": unquote(user) or None, "password": unquote(password) or None}
    database = int(path[1]) if len(path) > 1 and path[1].isdigit() else 0
    return [(host, int(port)) for host, _, port in names], path[0], {**secrets, "db": database}


def is_cut(error: WatchError) -> bool:
    """Whether a transaction failed because the connection broke, so that EXEC may have been done.

    redis-py then raises WatchError too, as if somebody had changed a watched key.
    """
    return isinstance(error.__context__, (RedisConnectionError, RedisTimeoutError))


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
