"""Journeys: a town for each test, and transcripts that a product owner can review."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from redis import Redis

from simulator.kit_pytest import KeepsJourney
from tests.builders import an_app, settings
from tests.journeys.by_name import by_name
from tests.journeys.town import Person, Town
from tests.redis_server import RedisServer

NOTHING: Final[Mapping[str, str]] = {}


@pytest.fixture
def make_town(redis_server: RedisServer, redis: Redis) -> Callable[..., Town]:
    """`make_town(agent_hours="sat 09:00-12:00")` is a town with changed settings; `rules`: the text
    of its RULES_FILE.
    """
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
    """`transcript(person, "several cards")` compares with journeys/several cards.txt, one file for
    both languages, with prompts by name. `in_words=True` is for the few calls whose words are to
    be read as the caller hears them: journeys/main call.<language>.txt.
    """

    def keep(
        person: Person,
        name: str,
        *,
        in_words: bool = False,
        steady: Mapping[str, str] = NOTHING,
    ) -> None:
        changes = {**town.steady(person), **steady}
        if in_words:
            title = f"{name} ({person.language})"
            journey(person, f"{name}.{person.language}", title, changes)
        else:
            journey(person, name, name, changes, by_name(person.language))

    return keep
