"""How long each bank takes from a report to its word "blocked": counted, by Redis' clock.

The script that commits a report writes the moment beside its notice, and the script that commits
the bank's word counts how long ago that was. So it costs nobody a round trip. Not counted is what
nobody was asked for: what a bank's own service line took, and reports restored after a split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, cast

from redis import Redis

from ivr.cards.change import Timed
from ivr.prompts.speech import PLAIN_SECONDS
from ivr.store import keys
from ivr.store.codec import plain, whole
from ivr.store.doorbell import Command
from ivr.store.unreadable import CALLS, note_wrong_kinds

BOUNDS: Final = PLAIN_SECONDS  # the ends of the intervals in which times are counted
_MILLISECONDS: Final = tuple(round(1000 * bound) for bound in BOUNDS)
_FIELDS: Final = (*map(str, _MILLISECONDS), "more")  # of the hashes, an interval each
_SUM: Final = "sum"  # of the hash that is kept for ever: all times together, milliseconds
_OWED: Final = "asked"  # of the hash of an hour: how many reports the bank was to block in it
HOURS: Final = 25  # the one that has begun and the 24 before it
ENOUGH: Final = 20  # times, before anybody is told what is usual …
MOST: Final = 80  # … and of so many of 100 reports

_ASKED, _BLOCKED = "BLOCK_ASKED", "BLOCK_SAID"

# What the commit's script knows besides Redis' own commands. It needs `try` (unreadable.py).
TIMING: Final = f"""
local function now_ms()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
local function interval_of(ms)
  for _, bound in ipairs({{{", ".join(map(str, _MILLISECONDS))}}}) do
    if ms <= bound then return string.format('%.0f', bound) end
  end
  return '{_FIELDS[-1]}'
end
local function count_in_hour(hourly, what)
  local hour = hourly .. math.floor(now_ms() / 3600000)
  if try('HINCRBY', hour, what, 1) then try('EXPIRE', hour, {keys.BLOCK_HOUR_SECONDS}) end
end
local timing = {{
  {_ASKED} = function(notice, hourly)
    try('HSET', notice, 'asked_ms', string.format('%.0f', now_ms()))
    count_in_hour(hourly, '{_OWED}')
  end,
  {_BLOCKED} = function(notice, for_ever, hourly)
    local asked = tonumber(try('HGET', notice, 'asked_ms') or '')
    if not asked then return end
    try('HDEL', notice, 'asked_ms')
    local ms = math.max(now_ms() - asked, 0)
    count_in_hour(hourly, interval_of(ms))
    try('HINCRBY', for_ever, interval_of(ms), 1)
    try('HINCRBY', for_ever, '{_SUM}', string.format('%.0f', ms))
  end,
}}
"""

# How often each interval of the last day, and of how many reports; also part of the script that
# reads a turn.
READ_DAY: Final = f"""
local function last_day(bank)
  local hour, counted = math.floor(redis.call('TIME')[1] / 3600), {{}}
  for back = 0, {HOURS - 1} do
    local hourly = string.format('{keys.block_hour("%s", "%d")}', bank, hour - back)
    local flat = try('HGETALL', hourly) or {{}}
    for at = 1, #flat, 2 do
      counted[flat[at]] = (counted[flat[at]] or 0) + (tonumber(flat[at + 1]) or 0)
    end
  end
  local counts = {{}}
  for at, interval in ipairs({{{", ".join(f"'{name}'" for name in (*_FIELDS, _OWED))}}}) do
    counts[at] = counted[interval] or 0
  end
  return counts
end
"""
_READ: Final = f"""
{CALLS}
{READ_DAY}
local found = {{}}
for at, bank in ipairs(ARGV) do found[at] = last_day(bank) end
return {{found, wrong}}
"""


@dataclass(frozen=True)
class Times:
    """What a bank's times come to. At least half of them were at most p50 seconds, and 95 of 100 at
    most p95: each is the end of an interval (`BOUNDS`). None: longer than the longest, 72 hours.
    `asked`: how many reports it was to block in the same hours, confirmed or not.
    """

    count: int
    p50: float | None
    p95: float | None
    asked: int

    def usual(self, waited: float) -> float | None:
        """Within how many seconds the bank usually says "blocked", for whoever has waited for so
        long; None when that is too little to go by, or no comfort any more.
        """
        is_ahead = self.p95 is not None and self.p95 > waited
        is_usual = self.count >= ENOUGH and 100 * self.count >= MOST * self.asked
        return self.p95 if is_ahead and is_usual else None


@dataclass(frozen=True)
class Histogram:
    """How many times lie in each interval, and above all of them; `seconds`: all together."""

    counts: tuple[int, ...]
    seconds: float


def timing(timed: Timed) -> Command:
    """The command of `TIMING` that a moment stands for."""
    notice, hourly = keys.notice(timed.notice_id), keys.block_hour(timed.bank, "")
    if not timed.is_over:
        return (_ASKED, notice, hourly)
    return (_BLOCKED, notice, keys.block_times(timed.bank), hourly)


def histogram_of(fields: Mapping[bytes, bytes]) -> Histogram:
    """What the hash says that is kept for ever."""
    return Histogram(_counts(fields), whole(fields.get(_SUM.encode())) / 1000)


class BlockTimes:
    """Reads the times. They are written with the cases."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._read = redis.register_script(_READ)

    def last_day(self, bank: str) -> Times | None:
        """One bank's times of the last 24 hours and the hour that has begun; None: it said
        "blocked" to nothing it was asked for.
        """
        return self.last_day_of([bank]).get(bank)

    def last_day_of(self, banks: Iterable[str]) -> dict[str, Times]:
        """Bank -> its times, of those that have any; one round trip."""
        names = list(banks)
        found, wrong = cast("list[Any]", self._read(args=names))
        note_wrong_kinds(self._redis, wrong)
        counted = zip(names, found, strict=True)
        return {bank: times for bank, counts in counted if (times := times_of(counts))}


def times_of(counted: Sequence[int]) -> Times | None:
    """What `last_day` of READ_DAY counted; None for no time at all."""
    *counts, asked = counted
    if not any(counts):
        return None
    return Times(sum(counts), _within(counts, 50), _within(counts, 95), asked)


def _counts(fields: Mapping[bytes, bytes]) -> tuple[int, ...]:
    found = {plain(name): value for name, value in fields.items()}
    return tuple(whole(found.get(name)) for name in _FIELDS)


def _within(counts: Sequence[int], percent: int) -> float | None:
    """The end of the interval up to which so many of the times lie, or more."""
    reached = zip(BOUNDS, accumulate(counts), strict=False)
    return next((b for b, count in reached if 100 * count >= percent * sum(counts)), None)
