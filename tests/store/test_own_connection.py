"""One connection for each thread: never another command's answer, never one that is gone."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Thread
from types import FrameType

import pytest
from redis import Redis
from redis.exceptions import ResponseError, WatchError

from ivr.store.connection import connect
from tests.redis_server import RedisServer

SILENCE = ("BLPOP", "nothing", "0")


@pytest.fixture
def redis(own_server: RedisServer) -> Iterator[Redis]:
    with connect(own_server.url) as client:
        yield client


def connections(server: RedisServer) -> set[str]:
    """The ids of all, but for the one that asks."""
    with server.client() as other:
        mine = str(other.client_id())
        return {str(client["id"]) for client in other.client_list()} - {mine}


@contextmanager
def interrupted_by(act: Callable[[], object]) -> Iterator[None]:
    """`act` runs in the midst of what this thread waits for."""

    def interrupts(_number: int, _frame: FrameType | None) -> None:
        act()

    before = signal.signal(signal.SIGALRM, interrupts)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


class TimeIsUpError(Exception):
    pass


def raise_time_is_up() -> None:
    raise TimeIsUpError


def test_a_thread_uses_its_connection_again_and_no_others(redis: Redis) -> None:
    together = Barrier(4)

    def ids(_: int) -> tuple[int, int]:
        together.wait()
        return redis.client_id(), redis.client_id()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ids, range(4)))
    assert all(first == second for first, second in found)
    assert len(set(found)) == 4


def test_the_connection_of_a_thread_that_ended_is_closed(
    redis: Redis, own_server: RedisServer
) -> None:
    redis.ping()
    before = connections(own_server)
    for _ in range(120):  # more than redis-py's pool would ever open
        thread = Thread(target=redis.ping)
        thread.start()
        thread.join()
    assert connections(own_server) == before


def test_an_error_that_redis_answers_costs_no_connection(redis: Redis) -> None:
    redis.set("text", "x")
    mine = redis.client_id()
    with pytest.raises(ResponseError):
        redis.lpush("text", "y")
    assert redis.client_id() == mine


def test_an_answer_that_was_not_waited_for_is_nobody_elses(redis: Redis) -> None:
    with interrupted_by(raise_time_is_up), pytest.raises(TimeIsUpError):
        redis.execute_command(*SILENCE)
    redis.rpush("nothing", "late")
    assert redis.echo("mine") == b"mine"
    assert redis.lrange("nothing", 0, -1) == [b"late"]


def test_whoever_interrupts_a_command_has_another_connection(redis: Redis) -> None:
    def is_late() -> None:
        assert redis.echo("between") == b"between"
        redis.rpush("nothing", "late")

    redis.ping()
    with interrupted_by(is_late):
        assert redis.execute_command(*SILENCE) == (b"nothing", b"late")
    assert redis.echo("mine") == b"mine"


def test_a_redis_that_came_back_costs_no_thread_a_command(
    redis: Redis, own_server: RedisServer
) -> None:
    with ThreadPoolExecutor(4) as pool:
        together = Barrier(4)

        def asks(_: int) -> bool:
            together.wait()
            return bool(redis.ping())

        assert all(pool.map(asks, range(4)))
        own_server.restart()
        assert all(pool.map(asks, range(4)))


def test_when_one_gives_up_all_that_are_idle_are_given_up(
    redis: Redis, own_server: RedisServer
) -> None:
    """As when the primary was another server all along."""
    with ThreadPoolExecutor(1) as pool:
        before = {pool.submit(redis.client_id).result(), redis.client_id()}
        redis.connection_pool.disconnect(inuse_connections=False)
        after = {pool.submit(redis.client_id).result(), redis.client_id()}
    assert not before & after
    assert not {str(client) for client in before} & connections(own_server)


def test_a_connection_in_use_is_given_up_after_its_answer(redis: Redis) -> None:
    mine = redis.client_id()

    def gives_up() -> None:
        redis.connection_pool.disconnect(inuse_connections=False)
        redis.rpush("nothing", "late")

    with interrupted_by(gives_up):
        assert redis.execute_command(*SILENCE) == (b"nothing", b"late")
    assert redis.client_id() != mine


def test_a_fork_has_connections_of_its_own(redis: Redis) -> None:
    mine = redis.client_id()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, str(redis.client_id()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writes)
    with os.fdopen(reads) as said:
        assert said.read() not in ("", str(mine))
    assert redis.client_id() == mine


def test_a_client_of_one_connection_stays_on_it(redis: Redis) -> None:
    with redis.client() as single:
        assert single.client_id() == single.client_id() != redis.client_id()


def test_a_change_by_somebody_else_is_noticed_under_watch(redis: Redis) -> None:
    """Pipelines take their connections from the pool, as ever."""
    with redis.pipeline() as pipe:
        pipe.watch("watched")
        redis.set("watched", 1)
        pipe.multi()
        pipe.set("watched", 2)
        with pytest.raises(WatchError):
            pipe.execute()
