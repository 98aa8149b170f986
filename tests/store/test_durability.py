"""A report is filed only where it will last: asked of Redis before, and of its replicas after."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from ivr.cards.loss import LossReport
from ivr.store import keys
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.connection import DurabilityGuard, UnsafeRedisError
from tests.builders import enrol, settings
from tests.faults.city import free_port
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.store.conftest import HOLDER, a_request, filed


def hotline_on(server: RedisServer, **changes: str) -> Hotline:
    hotline = open_hotline(settings(server.url, **changes))
    enrol(hotline, HOLDER)
    return hotline


def forgets(server: RedisServer) -> None:
    """From now on this server answers before a write is on disk."""
    with server.client() as redis:
        redis.config_set("appendfsync", "everysec")


def reports_on(server: RedisServer) -> int:
    with server.client() as redis:
        return len(redis.keys("report:*"))


# --- before anything is written ----------------------------------------------------------------


def test_the_first_report_asks_whether_it_will_last(own_server: RedisServer) -> None:
    hotline = hotline_on(own_server)
    forgets(own_server)

    with pytest.raises(UnsafeRedisError, match="everysec"):
        hotline.service.report_loss(a_request(hotline))
    assert reports_on(own_server) == 0


def test_a_refusal_is_not_remembered(own_server: RedisServer) -> None:
    hotline = hotline_on(own_server)
    forgets(own_server)
    with pytest.raises(UnsafeRedisError):
        hotline.service.report_loss(a_request(hotline))

    with own_server.client() as redis:
        redis.config_set("appendfsync", "always")
    assert filed(hotline)


def test_in_development_a_weak_server_takes_reports(own_server: RedisServer) -> None:
    hotline = hotline_on(own_server, hotline_development="1")
    forgets(own_server)
    assert filed(hotline)


def test_what_was_found_safe_is_believed_for_a_while(own_server: RedisServer) -> None:
    with own_server.client() as redis:
        guard = DurabilityGuard(redis, development=False)
        guard.make_sure()
        forgets(own_server)
        guard.make_sure()
        with pytest.raises(UnsafeRedisError, match="everysec"):
            guard.check()


def test_and_then_asked_again(own_server: RedisServer) -> None:
    with own_server.client() as redis:
        guard = DurabilityGuard(redis, development=False, good_for_seconds=0)
        guard.make_sure()
        forgets(own_server)
        with pytest.raises(UnsafeRedisError, match="everysec"):
            guard.make_sure()


def test_a_server_that_is_down_is_down(own_server: RedisServer) -> None:
    hotline = hotline_on(own_server)
    request = a_request(hotline)
    own_server.kill()
    with pytest.raises(RedisConnectionError):
        hotline.service.report_loss(request)


# --- after it was written ----------------------------------------------------------------------


@pytest.fixture
def replica(own_server: RedisServer) -> Iterator[RedisServer]:
    """A replica of `own_server`, which it reaches by a port of its own."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory, own_server.client() as primary:
        port = free_port()
        primary.config_set("port", port)
        primary.config_set("repl-diskless-sync-delay", 0)
        server = RedisServer(Path(directory), "--replicaof", f"127.0.0.1 {port}")
        server.start()
        try:
            until = time.monotonic() + 20
            while not primary.wait(1, 100):
                assert time.monotonic() < until
            yield server
        finally:
            server.stop()


def filed_in_the_end(hotline: Hotline) -> LossReport:
    """A report that reached the replica. On a loaded machine that may take longer than a caller
    is kept waiting, so the same call asks again until it is answered.
    """
    until = time.monotonic() + 20
    while True:
        try:
            return filed(hotline)
        except OutcomeUnknownError:
            if time.monotonic() > until:
                raise


def test_a_report_on_the_replica_is_filed(own_server: RedisServer, replica: RedisServer) -> None:
    report = filed_in_the_end(hotline_on(own_server, wait_for_replicas="1"))
    with replica.client() as redis:
        assert redis.exists(keys.report(report.number))


def test_without_its_replica_a_report_is_uncertain(own_server: RedisServer) -> None:
    hotline = hotline_on(own_server, wait_for_replicas="1")
    with pytest.raises(OutcomeUnknownError):
        hotline.service.report_loss(a_request(hotline))


@pytest.mark.usefixtures("replica")
def test_replicas_of_a_server_without_the_report_prove_nothing(own_server: RedisServer) -> None:
    """After a failover the new primary's replicas have all it has, which is not the report."""
    hotline = hotline_on(own_server, wait_for_replicas="1")
    report = filed_in_the_end(hotline)
    hotline.redis.delete(keys.report(report.number))

    with pytest.raises(OutcomeUnknownError):
        hotline.service.report_loss(a_request(hotline))
