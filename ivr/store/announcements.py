"""Announcements: what all callers, or those of one bank, are told until some moment.

Each turn reads them in its own script (calls.py), so one is heard from the next turn on.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from ivr.errors import HotlineError
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.store import keys
from ivr.store.codec import dump, load
from ivr.store.unreadable import naming, note_unreadable

LONGEST: Final = 300  # letters, of which a Chinese character counts 3: 25 seconds to listen to
LONGEST_DAYS: Final = 365
_COUNTS_AS: Final = {"W": 3, "F": 3}  # Unicode's East Asian width


class AnnouncementError(HotlineError):
    """It cannot be announced like this; the text says what to correct."""


@dataclass(frozen=True)
class Announcement:
    """bank: whose callers hear it; "" for everybody. until: unix seconds."""

    bank: str
    texts: Mapping[LanguageCode, str]
    until: int


def checked(bank: str, texts: Mapping[LanguageCode, str], until: float, now: float) -> Announcement:
    """An announcement that can be spoken and listened to, in every language, until then.

    Raises:
        AnnouncementError: naming what is wrong.
    """
    clean = {code: " ".join(texts.get(code, "").split()) for code in LANGUAGES}
    for code, text in clean.items():
        if not text:
            raise AnnouncementError(f"it has no text in {code}")
        if not text.isprintable():
            raise AnnouncementError(f"the text in {code} has a character that cannot be spoken")
        if _length(text) > LONGEST:
            raise AnnouncementError(
                f"the text in {code} is too long to listen to: at most {LONGEST} letters, of which "
                "a Chinese character counts 3"
            )
    if until <= now:
        raise AnnouncementError("its end has passed")
    if until > now + LONGEST_DAYS * keys.DAY:
        raise AnnouncementError(f"its end is more than {LONGEST_DAYS} days away")
    return Announcement(bank, clean, int(until))


def _length(text: str) -> int:
    return sum(_COUNTS_AS.get(unicodedata.east_asian_width(sign), 1) for sign in text)


class Announcements:
    """One for everybody, and one for each bank."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def put(self, announcement: Announcement) -> None:
        """From now on, in place of the one there was."""
        others = [each.until for each in self.standing() if each.bank != announcement.bank]
        with self._redis.pipeline() as pipe:
            pipe.hset(keys.ANNOUNCEMENTS, announcement.bank, dump(announcement))
            pipe.expireat(keys.ANNOUNCEMENTS, max([announcement.until, *others]))
            pipe.execute()

    def clear(self, bank: str) -> bool:
        """Whether there was one."""
        with naming(self._redis, keys.ANNOUNCEMENTS):
            return bool(self._redis.hdel(keys.ANNOUNCEMENTS, bank))

    def standing(self) -> tuple[Announcement, ...]:
        """Those that have not ended; everybody's first."""
        with naming(self._redis, keys.ANNOUNCEMENTS):
            found = self._redis.hgetall(keys.ANNOUNCEMENTS)
        return still_standing(self._redis, found.values(), self._redis.time()[0])


def still_standing(redis: Redis, texts: Iterable[Any], now: int) -> tuple[Announcement, ...]:
    """Of the stored ones those that have not ended. One that cannot be read is not heard."""
    found = []
    for text in texts:
        try:
            found.append(load(Announcement, text))
        except ValueError as error:
            note_unreadable(redis, keys.ANNOUNCEMENTS, error)
    standing = [each for each in found if now < each.until]
    return tuple(sorted(standing, key=lambda each: each.bank))
