"""A house to which a language is added."""

from pathlib import Path

import pytest
from redis import Redis

from tests.languages.house import House
from tests.redis_server import RedisServer


@pytest.fixture
def house(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis: Redis, redis_server: RedisServer
) -> House:
    assert redis.dbsize() == 0
    return House(monkeypatch, tmp_path, redis_server.url)
