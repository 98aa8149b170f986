"""The way to Redis: no repeats behind our back, and only a Redis that keeps its word."""

import socket
from contextlib import suppress
from functools import partial
from threading import Thread

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ivr.store.connection import UnsafeRedisError, check_durability, connect, wait_until_up
from tests.redis_server import RedisServer


def test_a_server_that_writes_everything_to_disk_is_fine(own_server: RedisServer) -> None:
    with own_server.client() as redis:
        assert check_durability(redis, development=False) == []


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
@pytest.mark.parametrize("development", [True, False])
def test_a_server_that_may_evict_is_refused_always(
    own_server: RedisServer, policy: str, development: bool
) -> None:
    with own_server.client() as redis:
        redis.config_set("maxmemory-policy", policy)
        with pytest.raises(UnsafeRedisError, match=f"{policy}.*noeviction"):
            check_durability(redis, development=development)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("appendonly", "no", "append-only file is off"),
        ("appendfsync", "everysec", "everysec"),
        ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite yes"),
    ],
)
def test_a_server_that_may_forget_is_for_development_only(
    own_server: RedisServer, option: str, value: str, words: str
) -> None:
    with own_server.client() as redis:
        redis.config_set(option, value)
        with pytest.raises(UnsafeRedisError, match=words):
            check_durability(redis, development=False)
        (weak,) = check_durability(redis, development=True)
    assert words in weak


@pytest.mark.parametrize("forbidden", ["config", "info"])
@pytest.mark.parametrize("development", [True, False])
def test_a_server_that_may_not_be_asked_is_refused(
    own_server: RedisServer, forbidden: str, development: bool
) -> None:
    """It answers, so it is not down; and nobody knows whether it keeps its word."""
    with own_server.client() as redis:
        rules = ["on", ">pw", "~*", "&*", "+@all", f"-{forbidden}"]
        redis.execute_command("ACL", "SETUSER", "app", *rules)
    with (
        connect(f"unix://app:pw@{own_server.socket}") as client,
        pytest.raises(UnsafeRedisError, match=r"\+config\|get \+info"),
    ):
        check_durability(client, development=development)


@pytest.mark.parametrize("db", ["77", "9" * 20])
def test_a_database_that_is_not_there_is_named(own_server: RedisServer, db: str) -> None:
    """Whoever asks first: a worker waits until it is up, a web whether it keeps reports."""
    for ask in (wait_until_up, partial(check_durability, development=False)):
        with (
            connect(f"{own_server.url}?db={db}") as client,
            pytest.raises(UnsafeRedisError, match="REDIS_URL names a database"),
        ):
            ask(client)


def test_a_server_that_is_down_is_not_called_unsafe(own_server: RedisServer) -> None:
    own_server.kill()
    with connect(own_server.url) as client, pytest.raises(RedisConnectionError):
        check_durability(client, development=False)


def test_a_client_opens_no_connection_by_itself(own_server: RedisServer) -> None:
    own_server.kill()
    client = connect(own_server.url)
    with client, pytest.raises(RedisConnectionError):
        client.ping()


def test_a_silent_server_is_given_up(own_server: RedisServer) -> None:
    with connect(own_server.url, timeout_seconds=0.1) as client, pytest.raises(RedisTimeoutError):
        client.execute_command("BLPOP", "nothing", "0")


def test_nothing_is_tried_twice_behind_our_back() -> None:
    """A server that hangs up on everybody counts how often we come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        visits: list[int] = []

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    server.accept()[0].close()
                    visits.append(1)

        thread = Thread(target=hang_up)
        thread.start()
        port = server.getsockname()[1]
        with connect(f"redis://127.0.0.1:{port}/0") as client, pytest.raises(RedisError):
            client.incr("counter")
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert len(visits) == 1
