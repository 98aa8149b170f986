"""REDIS_URL as people write it: which sentinels, which primary, which database."""

from typing import Any

import pytest

from ivr.redis_url import Sentinels, read_sentinels
from ivr.store.connection import connect

NOBODY: dict[str, Any] = {"username": None, "password": None, "db": 0}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://a:1/m", Sentinels([("a", 1)], "m", NOBODY)),
        ("redis+sentinel://a:1/m/", Sentinels([("a", 1)], "m", NOBODY)),
        (
            "redis+sentinel://a:1,b.c:2/m/3",
            Sentinels([("a", 1), ("b.c", 2)], "m", NOBODY | {"db": 3}),
        ),
        ("redis+sentinel://a:1/m?db=3", Sentinels([("a", 1)], "m", NOBODY | {"db": 3})),
        (
            "redis+sentinel://[::1]:1, [fe80::2]:2 ,10.0.0.7:3/m",
            Sentinels([("::1", 1), ("fe80::2", 2), ("10.0.0.7", 3)], "m", NOBODY),
        ),
        (
            "redis+sentinel://app:p%40%2F@a:1/m",
            Sentinels([("a", 1)], "m", {"username": "app", "password": "p@/", "db": 0}),
        ),
        (
            "redis+sentinel://:pw@a:1/m",
            Sentinels([("a", 1)], "m", {"username": None, "password": "pw", "db": 0}),
        ),
    ],
)  # fmt: skip
def test_sentinels_are_read_as_they_are_written(url: str, expected: Sentinels) -> None:
    assert read_sentinels(url) == expected


@pytest.mark.parametrize(
    ("url", "db"),
    [("redis+sentinel://[::1]:1/m?db=3", 3), ("redis://h/3", 3), ("redis://[::1]:1?db=3", 3)],
)
def test_the_client_is_for_that_database(url: str, db: int) -> None:
    assert connect(url).connection_pool.connection_kwargs["db"] == db
