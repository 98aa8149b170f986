"""The places where new cards are had, by city and bank; imported from a file."""

import time
from collections.abc import Iterable
from typing import Final

from redis import Redis

from ivr.prompts.places import Place
from ivr.store import keys
from ivr.store.codec import dump, plain
from ivr.store.unreadable import passing_over, read_all

KEPT_SECONDS: Final = 60.0  # in a process: so soon an import is told to everybody
MOST_KEPT: Final = 10_000


class Places:
    """Reads each place once a minute, not once a turn."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._kept: dict[tuple[str, str], tuple[float, Place | None]] = {}

    def find(self, city_code: str, bank: str) -> Place | None:
        """The bank's own place in that city, else the city's; None where there is neither. A record
        that cannot be read is named, and is none.
        """
        asked, now = (city_code, bank), time.monotonic()
        good_until, place = self._kept.get(asked, (0.0, None))
        if now < good_until:
            return place
        place = self._read(city_code, bank)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[asked] = (now + KEPT_SECONDS, place)
        return place

    def _read(self, city_code: str, bank: str) -> Place | None:
        names = [_name(city_code, bank), _name(city_code)]
        with passing_over(self._redis, keys.PLACES):
            texts = ((keys.PLACES, text) for text in self._redis.hmget(keys.PLACES, names))
            return next(read_all(self._redis, Place, texts), None)
        return None

    def put_all(self, places: Iterable[Place]) -> int:
        """Adds or replaces them; -> how many of them say anything new."""
        news = {_name(each.city_code, each.bank): dump(each) for each in places}
        if not news:
            return 0
        known = self._redis.hmget(keys.PLACES, list(news))
        changed = sum(new != old for new, old in zip(news.values(), known, strict=True))
        self._redis.hset(keys.PLACES, mapping=news)  # type: ignore[arg-type]
        self._kept.clear()
        return changed

    def remove(self, city_code: str, bank: str) -> bool:
        """Whether there was one."""
        self._kept.clear()
        return bool(self._redis.hdel(keys.PLACES, _name(city_code, bank)))

    def all(self) -> list[Place]:
        """By city and bank; those that cannot be read are passed over."""
        found = self._redis.hgetall(keys.PLACES)
        texts = ((keys.PLACES, text) for _, text in sorted(found.items(), key=_by_name))
        return list(read_all(self._redis, Place, texts))


def _name(city_code: str, bank: str = "") -> str:
    return f"{city_code} {bank}"


def _by_name(item: tuple[bytes | str, object]) -> str:
    return plain(item[0])
