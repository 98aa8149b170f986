"""Connects to Redis, and checks that this Redis may be trusted with loss reports."""

import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from ivr.errors import HotlineError
from ivr.redis_url import SENTINEL_SCHEME, read_sentinels
from ivr.store.own_connection import (
    OwnConnectionClient,
    OwnConnections,
    OwnPrimaryConnections,
)
from ivr.store.sentinels import (
    SENTINEL_SECONDS,
    NotThePrimaryError,
    PrimaryConnection,
    Sentinels,
    sentinel_faults,
)

OUTAGE: Final = (RedisConnectionError, RedisTimeoutError, NotThePrimaryError)
BELIEVED_SECONDS: Final = 30.0  # a Redis that came back may have another configuration
PAUSE_SECONDS: Final = 0.5

_NO_DATABASE: Final = (
    "REDIS_URL names a database that this Redis does not have. Choose one from 0 up, below what "
    "it tells with: redis-cli CONFIG GET databases"
)

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
        return OwnConnectionClient.from_pool(OwnConnections.from_url(url, **options))
    known = read_sentinels(url)
    quick = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    asked = Sentinels(known.hosts, sentinel_kwargs={**options, **quick})  # type: ignore[no-untyped-call]
    primary_client: Redis = asked.master_for(  # type: ignore[no-untyped-call]
        known.service,
        redis_class=OwnConnectionClient,
        connection_pool_class=OwnPrimaryConnections,
        connection_class=PrimaryConnection,
        **options,
        **known.primary,
    )
    return primary_client


def why_not(error: RedisError) -> str:
    """For operators: whether Redis is away, or answers and says no."""
    what = "does not answer" if isinstance(error, OUTAGE) else "answers with an error"
    return f"Redis {what} ({type(error).__name__})"


def wait_until_up(redis: Redis) -> None:
    """Waits until Redis answers; logs once that it does not.

    Raises:
        UnsafeRedisError: it has no such database.
        RedisError: it answers with another error.
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
        except ResponseError as error:
            if _lacks_database(error):
                raise UnsafeRedisError(_NO_DATABASE) from error
            raise
        else:
            return


def check_durability(redis: Redis, *, development: bool) -> list[str]:
    """What is weak about this Redis; empty when every answered write is on disk.

    Raises:
        UnsafeRedisError: it may evict records, or (outside development) may answer before
            the record is on disk, does not let us ask, or has no such database.
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


def check_others(redis: Redis, *, development: bool) -> list[str]:
    """What is weak about the replicas, one of which may be the next primary, and the sentinels.
    Nothing without sentinels.

    Raises:
        UnsafeRedisError: a replica could lose a report, as `check_durability` says of a primary.
        redis.ConnectionError: no sentinel answers.
    """
    pool = redis.connection_pool
    if not isinstance(pool, SentinelConnectionPool):
        return []
    service, sentinels = pool.service_name, pool.sentinel_manager
    weak = sentinel_faults(sentinels.states(service))
    known: dict[str, Any] = {n: pool.connection_kwargs.get(n) for n in ("username", "password")}
    replicas = sentinels.replicas(service)
    if not replicas:
        weak.append("the sentinels know no replica")
    for host, port in replicas:
        with Redis(host, port, socket_timeout=3, socket_connect_timeout=3, **known) as replica:
            try:
                found = check_durability(replica, development=development)
            except UnsafeRedisError as error:
                raise UnsafeRedisError(f"Replica {host}:{port}: {error}") from None
            except OUTAGE:
                found = ["it does not answer"]
        weak += [f"replica {host}:{port}: {what}" for what in found]
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
        if _lacks_database(error):
            raise UnsafeRedisError(_NO_DATABASE) from error
        raise UnsafeRedisError(
            f"Redis does not say whether it keeps loss reports ({type(error).__name__}). "
            "Allow our user both questions: redis-cli ACL SETUSER <user> +config|get +info"
        ) from error
    return info, config


def _lacks_database(error: RedisError) -> bool:
    """Every new connection first selects the database: "DB index is out of range", or of a number
    that is none "value is not an integer or out of range".
    """
    return str(error).endswith("out of range")


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
        self.development = development
        self._good_for_seconds = good_for_seconds
        self._good_until = 0.0

    def check(self) -> list[str]:
        """Asks now; what `check_durability` returns and raises."""
        self._good_until = 0.0
        weak = check_durability(self._redis, development=self.development)
        self._good_until = time.monotonic() + self._good_for_seconds
        return weak

    def make_sure(self) -> None:
        """Asks unless it did so lately: cheap enough for every report. Raises as `check` does."""
        if time.monotonic() >= self._good_until:
            self.check()
