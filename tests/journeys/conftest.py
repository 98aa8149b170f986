"""Journeys: a town for each test, and transcripts that a product owner can review."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from simulator.kit_pytest import KeepsJourney
from tests.builders import an_app, settings
from tests.journeys.town import Person, Town
from tests.redis_server import RedisServer


@pytest.fixture
def make_town(redis_server: RedisServer, redis: Redis) -> Callable[..., Town]:
    """`make_town(agent_hours="sat 09:00-12:00")` is a town with changed settings."""
    assert redis.dbsize() == 0

    def make(**changes: str) -> Town:
        return Town(an_app(settings(redis_server.url, **changes)))

    return make


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town whose agents are always there."""
    return make_town()


@pytest.fixture
def transcript(town: Town, journey: KeepsJourney) -> Callable[..., None]:
    """`transcript(person, "main call")` compares with journeys/main call.<language>.txt."""

    def keep(person: Person, name: str, **more: Any) -> None:
        steady = {**town.steady(person), **more.get("steady", {})}
        journey(person, f"{name}.{person.language}", f"{name} ({person.language})", steady)

    return keep
