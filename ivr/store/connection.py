"""Connects to Redis, and checks that this Redis may be trusted with loss reports."""

import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ivr.errors import HotlineError
from ivr.redis_url import SENTINEL_SCHEME, read_sentinels
from ivr.store.sentinels import SENTINEL_SECONDS, PrimaryConnection, Sentinels

OUTAGE: Final = (RedisConnectionError, RedisTimeoutError)
BELIEVED_SECONDS: Final = 30.0  # a Redis that came back may have another configuration
PAUSE_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


class UnsafeRedisError(HotlineError):
    """This Redis could lose or evict a loss report; the text says what to change."""


def connect(url: str, timeout_seconds: float = 3) -> Redis:
    """A client that does not connect yet, gives up after `timeout_seconds` and never retries.

    A command that the client repeats could run twice, so the calling code decides about retries.
    `redis+sentinel://[user:password@]host:26379,host:26379/service/db` asks all sentinels for
    the present primary at every new connection, and again when a server refuses to write.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
    if not url.startswith(SENTINEL_SCHEME):
        return Redis.from_url(url, **options)
    known = read_sentinels(url)
    quick = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    asked = Sentinels(known.hosts, sentinel_kwargs={**options, **quick})  # type: ignore[no-untyped-call]
    primary_client: Redis = asked.master_for(  # type: ignore[no-untyped-call]
        known.service, connection_class=PrimaryConnection, **options, **known.primary
    )
    return primary_client


def why_not(error: RedisError) -> str:
    """For operators: whether Redis is away, or answers and says no."""
    what = "does not answer" if isinstance(error, OUTAGE) else "answers with an error"
    return f"Redis {what} ({type(error).__name__})"


def wait_until_up(redis: Redis) -> None:
    """Waits until Redis answers; logs once that it does not.

    Raises:
        RedisError: it answers with an error (for example, the password is wrong).
    """
    told = False
    while True:
        try:
            redis.ping()
        except OUTAGE as error:
            if not told:
                log.warning("waiting for Redis: %s", error)
            told = True
            time.sleep(PAUSE_SECONDS)
        else:
            return


def check_durability(redis: Redis, *, development: bool) -> list[str]:
    """What is weak about this Redis; empty when every answered write is on disk.

    Raises:
        UnsafeRedisError: it may evict records, or (outside development) may answer before
            the record is on disk, or does not let us ask.
        redis.ConnectionError, redis.TimeoutError: it is down.
    """
    info, config = _answers(redis)
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        raise UnsafeRedisError(
            f"Redis may evict loss reports (maxmemory-policy {info['maxmemory_policy']}). "
            "Set it with: redis-cli CONFIG SET maxmemory-policy noeviction"
        )
    weak = _weak_points(config, aof_on=bool(info.get("aof_enabled")))
    if weak and not development:
        raise UnsafeRedisError(
            "Redis could lose an acknowledged loss report: " + "; ".join(weak) + ". "
            "Start it with: redis-server --appendonly yes --appendfsync always "
            "--no-appendfsync-on-rewrite no"
        )
    return weak


def _answers(redis: Redis) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """INFO, and the two options about fsync, in one round trip."""
    try:
        with redis.pipeline(transaction=False) as pipe:
            pipe.info()
            pipe.config_get("*appendfsync*")
            info, config = pipe.execute()
    except OUTAGE:
        raise
    except RedisError as error:
        raise UnsafeRedisError(
            f"Redis does not say whether it keeps loss reports ({type(error).__name__}). "
            "Allow our user both questions: redis-cli ACL SETUSER <user> +config|get +info"
        ) from error
    return info, config


def _weak_points(config: Mapping[str, str], *, aof_on: bool) -> list[str]:
    if not aof_on:
        return ["the append-only file is off (appendonly no)"]
    weak = []
    if (fsync := config.get("appendfsync")) != "always":
        weak.append(f"it does not write to disk at once (appendfsync {fsync})")
    if (pause := config.get("no-appendfsync-on-rewrite")) != "no":
        weak.append(f"it stops doing so now and then (no-appendfsync-on-rewrite {pause})")
    return weak


class DurabilityGuard:
    """Asks Redis whether it keeps every write, and trusts a good answer for a while."""

    def __init__(
        self, redis: Redis, *, development: bool, good_for_seconds: float = BELIEVED_SECONDS
    ) -> None:
        self._redis = redis
        self._development = development
        self._good_for_seconds = good_for_seconds
        self._good_until = 0.0

    def check(self) -> list[str]:
        """Asks now; what `check_durability` returns and raises."""
        self._good_until = 0.0
        weak = check_durability(self._redis, development=self._development)
        self._good_until = time.monotonic() + self._good_for_seconds
        return weak

    def make_sure(self) -> None:
        """Asks unless it did so lately: cheap enough for every report. Raises as `check` does."""
        if time.monotonic() >= self._good_until:
            self.check()
