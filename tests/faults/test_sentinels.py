"""The way to the primary under real sentinels, and what they and the replicas are asked at boot."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ivr.store.connection import UnsafeRedisError, check_others, connect
from ivr.store.holders import Holders
from ivr.store.sentinels import NotThePrimaryError, split_troubles
from ivr.store.vault import Vault
from tests.builders import a_holder
from tests.faults.tripwire import wait_until
from tests.faults.watched_redis import SERVICE, WatchedRedis
from tests.store.records import lines

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture(scope="module")
def store() -> Iterator[WatchedRedis]:
    with tempfile.TemporaryDirectory(prefix="seen-") as folder:
        watched = WatchedRedis(Path(folder) / "w")
        watched.start()
        yield watched
        watched.stop()


@pytest.fixture
def redis(store: WatchedRedis) -> Iterator[Redis]:
    store.wait_until_whole()
    with connect(store.url) as client:
        client.flushdb()
        yield client


def test_all_is_well(redis: Redis) -> None:
    assert check_others(redis, development=False) == []
    redis.ping()
    assert split_troubles(redis, replicas=2) == []


def test_too_few_replicas_and_sentinels_are_told(store: WatchedRedis, redis: Redis) -> None:
    redis.ping()
    assert "3 replicas must have a report before it is told, and 2 are in step" in split_troubles(
        redis, replicas=3
    )
    for sentinel in store.sentinels[:2]:
        sentinel.kill()
    try:
        (trouble,) = split_troubles(redis, replicas=2)
        assert trouble.startswith("only 1 of 3 sentinels name the primary")
        assert check_others(redis, development=False) == ["2 of 3 sentinels do not answer"]
    finally:
        for sentinel in store.sentinels[:2]:
            sentinel.start()


def test_a_replica_that_may_forget_is_refused(store: WatchedRedis, redis: Redis) -> None:
    """It may be the primary next."""
    replica = next(node for node in store.nodes if node is not store.primary())
    replica.says("CONFIG", "SET", "appendfsync", "everysec")
    try:
        with pytest.raises(UnsafeRedisError, match=rf"Replica .*:{replica.port}: .*everysec"):
            check_others(redis, development=False)
    finally:
        replica.says("CONFIG", "SET", "appendfsync", "always")


@pytest.mark.usefixtures("redis")
def test_a_minority_that_names_another_primary_is_not_believed(store: WatchedRedis) -> None:
    """A sentinel that was cut off still names whom it knew, under an earlier election."""
    first = store.primary()
    store.sentinels[1].says("SENTINEL", "FAILOVER", SERVICE)
    wait_until(lambda: store.primary() not in (None, first), "another primary", 60)
    store.wait_until_whole()
    cut_off = store.sentinels[0]
    cut_off.says("SENTINEL", "REMOVE", SERVICE)
    cut_off.says("SENTINEL", "MONITOR", SERVICE, "127.0.0.1", str(first and first.port), "2")
    with connect(store.url) as client:
        assert client.info("replication")["role"] == "master"
        there = client.connection_pool.master_address
    present = store.primary()
    assert present is not None
    assert there == ("127.0.0.1", present.port)
    wait_until(lambda: _names(cut_off, present.port), "the sentinel to hear of the election", 60)


def test_a_primary_that_refuses_to_write_is_left_and_nothing_is_written(
    store: WatchedRedis, redis: Redis
) -> None:
    """Also under WATCH, where redis-py takes a broken connection for somebody else's change."""
    primary = store.primary()
    assert primary is not None
    primary.says("CONFIG", "SET", "min-replicas-to-write", "3")
    try:
        redis.get("x")
        with pytest.raises(NotThePrimaryError):
            redis.set("x", 1)
        with pytest.raises(NotThePrimaryError):
            redis.eval("return redis.call('SET', KEYS[1], 1)", 1, "x")
        assert redis.get("x") is None
        with pytest.raises(NotThePrimaryError):
            Holders(redis, Vault(redis, [KEY])).put_all(lines(a_holder()))
    finally:
        primary.says("CONFIG", "SET", "min-replicas-to-write", "1")
    assert redis.set("x", 1)


def test_without_any_sentinel_the_last_known_primary_is_used(
    store: WatchedRedis, redis: Redis
) -> None:
    redis.ping()
    for sentinel in store.sentinels:
        sentinel.kill()
    try:
        redis.connection_pool.disconnect()
        assert redis.ping()
        with connect(store.url) as other, pytest.raises(RedisConnectionError):
            other.ping()
    finally:
        for sentinel in store.sentinels:
            sentinel.start()


def _names(sentinel: object, port: int) -> bool:
    found = sentinel.says("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)  # type: ignore[attr-defined]
    return bool(found and int(found[1]) == port)
