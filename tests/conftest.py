"""What every test may use: a real Redis-compatible server and a clean client of it."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from ivr.agent_hours import SUNDAY
from tests.redis_server import RedisServer

pytest_plugins = ["simulator.kit_pytest"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server per test process (a socket's path must be short, so not under tmp_path)."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A client of the shared server, emptied before each test."""
    with redis_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def another_day(redis: Redis) -> int:
    """A weekday (0 is Monday) that is neither today nor next to today, by a Beijing clock.

    Never Sunday: whoever is there on Sundays is there on public holidays, and today may be one.
    """
    seconds, _ = redis.time()
    today = datetime.fromtimestamp(seconds, UTC) + timedelta(hours=8)
    return next(day for days in (3, 4) if (day := (today.weekday() + days) % 7) != SUNDAY)
