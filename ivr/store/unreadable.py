"""Records nobody can read: each is named in the log, seen in /readyz, and stops no other.

A key that holds another kind of value than it should (a list for a hash) is such a record too. A
pipeline's answers tell which command met it; a script says its name, with `CALLS`.
"""

import re
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
# What Redis says when a key holds another kind of value, and what CALLS make of it.
_WRONG_KIND: Final = re.compile(r"WRONGTYPE (?:(\S+) holds)?")

# For scripts. `call` is `redis.call`, and its error names the key that holds another kind of value.
# `try` goes on after such a key, and after one whose field is no number where one is counted: it
# answers false, and the key's name stands last in `wrong`.
CALLS: Final = """
local wrong = {}
local function try(...)
  local answer = redis.pcall(...)
  local why = type(answer) == 'table' and answer.err
  if not why then return answer end
  if not string.find(why, 'WRONGTYPE') and not string.find(why, 'not an integer') then
    error(answer)
  end
  wrong[#wrong + 1] = ({...})[2]
  return false
end
local function call(...)
  local before = #wrong
  local answer = try(...)
  if #wrong > before then
    error({err = 'WRONGTYPE ' .. wrong[#wrong] .. ' holds another kind of value'})
  end
  return answer
end
"""

T = TypeVar("T")
log = structlog.get_logger()


class UnreadableRecordError(HotlineError):
    """A record cannot be read; `key` is its name in Redis, which is never personal."""

    def __init__(self, key: str, why: str = "cannot be read") -> None:
        super().__init__(f"{key} {why}")
        self.key = key


class WrongKindError(UnreadableRecordError, ResponseError):
    """Redis answered well: this key holds another kind of value."""


def note_unreadable(redis: Redis, key: str, error: Exception) -> None:
    """Puts a record on the list; logged when it was not there already."""
    key = error.key if isinstance(error, UnreadableRecordError) else key
    if _is_news(redis, key):
        log.error("record_unreadable", record=key, **fault(error))


def note_wrong_kinds(redis: Redis, found: Iterable[Any]) -> None:
    """Puts the keys on the list that a script met and went on after."""
    for key in map(plain, found):
        note_unreadable(redis, key, WrongKindError(key))


def _is_news(redis: Redis, key: str) -> bool:
    try:
        return bool(redis.zadd(keys.UNREADABLE, {key: redis.time()[0]}))
    except ResponseError as error:
        if not _is_about_one_record(error):
            raise
        return True  # the list itself: nobody can say what was on it


def list_unreadable(redis: Redis) -> list[str]:
    """The records somebody met within the last hour and could not read; drops the others."""
    long_ago = redis.time()[0] - keys.UNREADABLE_SECONDS
    with redis.pipeline(transaction=False) as pipe:
        pipe.zremrangebyscore(keys.UNREADABLE, "-inf", long_ago)
        pipe.zrange(keys.UNREADABLE, 0, MOST_SHOWN - 1)
        _, found = answers(pipe)
    return [keys.UNREADABLE] if isinstance(found, Exception) else [plain(key) for key in found]


def read(kind: type[T], key: str, text: Any) -> T:
    """A record from its JSON.

    Raises:
        UnreadableRecordError: it cannot be read.
    """
    try:
        return load(kind, text)
    except ValueError as error:
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


def sound_answers(redis: Redis, pipe: Pipeline) -> list[Any]:
    """The same; None for a record of another kind, which is named."""
    asked = [words for words, _ in pipe.command_stack]
    found = answers(pipe)
    for words, answer in zip(asked, found, strict=True):
        if isinstance(answer, Exception):
            note_wrong_kinds(redis, [words[1]])
    return [None if isinstance(answer, Exception) else answer for answer in found]


@contextmanager
def naming(redis: Redis, key: str = "") -> Iterator[None]:
    """Names the record that ends this; whoever asked still finds out. `key`: the one that is read,
    where no script says it.

    Raises:
        UnreadableRecordError: a record cannot be read.
    """
    try:
        yield
    except UnreadableRecordError as error:
        note_unreadable(redis, error.key, error)
        raise
    except ResponseError as error:
        if not (key := _key_in(error) or key) or not _is_about_one_record(error):
            raise
        note_unreadable(redis, key, error)
        raise WrongKindError(key) from error


@contextmanager
def passing_over(redis: Redis, key: str) -> Iterator[None]:
    """Goes on after a record that cannot be read, which is named; not when Redis is to blame."""
    try:
        yield
    except RedisError as error:
        if not _is_about_one_record(error):
            raise
        note_unreadable(redis, _key_in(error) or key, error)
    except Exception as error:
        note_unreadable(redis, key, error)


def _is_about_one_record(error: Exception) -> bool:
    """Whether Redis answered well, but holds another kind of value under a record's name."""
    if isinstance(error, WrongKindError):
        return True
    return isinstance(error, ResponseError) and _WRONG_KIND.search(str(error)) is not None


def _key_in(error: Exception) -> str:
    """The key a script's error names; empty when it names none."""
    found = _WRONG_KIND.search(str(error))
    return (found and found[1]) or ""
