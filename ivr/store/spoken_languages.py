"""Which language each holder used last, for the texts that are sent later."""

from redis import Redis

from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import passing_over


class SpokenLanguages:
    """A report notes it too, in its own transaction."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def note(self, holder_ref: str, language: LanguageCode) -> None:
        """The holder has just used it, on whatever channel."""
        self._redis.set(keys.speaks(holder_ref), language, ex=keys.SPEAKS_SECONDS)

    def of(self, holder_ref: str) -> LanguageCode:
        """The last one; "" when nobody knows, or when it is spoken no more."""
        place = keys.speaks(holder_ref)
        with passing_over(self._redis, place):
            language = plain(self._redis.get(place) or "")
            return language if language in LANGUAGES else ""
        return ""
