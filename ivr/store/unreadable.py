"""Records nobody can read: each is named in the log, seen in /readyz, and stops no other."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError

from ivr.errors import HotlineError
from ivr.logs import fault
from ivr.store import keys
from ivr.store.codec import load, plain

MOST_SHOWN: Final = 20
_WRONG_KIND: Final = "WRONGTYPE"  # what Redis says when a key holds another kind of value

T = TypeVar("T")
log = structlog.get_logger()


class UnreadableRecordError(HotlineError):
    """A record cannot be read; `key` is its name in Redis, which is never personal."""

    def __init__(self, key: str, why: str = "cannot be read") -> None:
        super().__init__(f"{key} {why}")
        self.key = key


def note_unreadable(redis: Redis, key: str, error: Exception) -> None:
    """Puts a record on the list; logged when it was not there already."""
    key = error.key if isinstance(error, UnreadableRecordError) else key
    if redis.zadd(keys.UNREADABLE, {key: redis.time()[0]}):
        log.error("record_unreadable", record=key, **fault(error))


def list_unreadable(redis: Redis) -> list[str]:
    """The records somebody met within the last hour and could not read; drops the others."""
    long_ago = redis.time()[0] - keys.UNREADABLE_SECONDS
    with redis.pipeline(transaction=False) as pipe:
        pipe.zremrangebyscore(keys.UNREADABLE, "-inf", long_ago)
        pipe.zrange(keys.UNREADABLE, 0, MOST_SHOWN - 1)
        _, found = pipe.execute()
    return [plain(key) for key in found]


def read(kind: type[T], key: str, text: Any) -> T:
    """A record from its JSON.

    Raises:
        UnreadableRecordError: it cannot be read.
    """
    try:
        return load(kind, text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableRecordError(key) from error


def read_all(redis: Redis, kind: type[T], texts: Iterable[tuple[str, Any]]) -> Iterator[T]:
    """The records of these keys, read from what each of them said; bad ones are passed over."""
    for key, text in texts:
        if text is not None:
            with passing_over(redis, key):
                yield read(kind, key, text)


def answers(pipe: Pipeline) -> list[Any]:
    """What each reading command said. An error about one record is that record's answer."""
    found = pipe.execute(raise_on_error=False)
    for answer in found:
        if isinstance(answer, Exception) and not _is_about_one_record(answer):
            raise answer
    return found


@contextmanager
def naming(redis: Redis) -> Iterator[None]:
    """Names the record that ends this; whoever asked still finds out."""
    try:
        yield
    except UnreadableRecordError as error:
        note_unreadable(redis, error.key, error)
        raise


@contextmanager
def passing_over(redis: Redis, key: str) -> Iterator[None]:
    """Goes on after a record that cannot be read, which is named; not when Redis is to blame."""
    try:
        yield
    except RedisError as error:
        if not _is_about_one_record(error):
            raise
        note_unreadable(redis, key, error)
    except Exception as error:
        note_unreadable(redis, key, error)


def _is_about_one_record(error: Exception) -> bool:
    """Whether Redis answered well, but holds another kind of value under a record's name."""
    return isinstance(error, ResponseError) and _WRONG_KIND in str(error)
