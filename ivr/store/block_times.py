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
from ivr.store import keys
from ivr.store.codec import plain, whole
from ivr.store.doorbell import Command
from ivr.store.unreadable import CALLS, note_wrong_kinds

# The ends of the intervals in which times are counted, seconds. They are plain to say.
BOUNDS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 30, 45),
    *(60 * minutes for minutes in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 72)),
)
_MILLISECONDS: Final = tuple(round(1000 * bound) for bound in BOUNDS)
_FIELDS: Final = (*map(str, _MILLISECONDS), "more")  # of the hashes, an interval each
_SUM: Final = "sum"  # of the hash that is kept for ever: all times together, milliseconds
HOURS: Final = 25  # the one that has begun and the 24 before it

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
local timing = {{
  {_ASKED} = function(notice) try('HSET', notice, 'asked_ms', string.format('%.0f', now_ms())) end,
  {_BLOCKED} = function(notice, for_ever, hourly)
    local asked = tonumber(try('HGET', notice, 'asked_ms') or '')
    if not asked then return end
    try('HDEL', notice, 'asked_ms')
    local ms = math.max(now_ms() - asked, 0)
    local hour = hourly .. math.floor(now_ms() / 3600000)
    local interval = interval_of(ms)
    if try('HINCRBY', hour, interval, 1) then try('EXPIRE', hour, {keys.BLOCK_HOUR_SECONDS}) end
    try('HINCRBY', for_ever, interval, 1)
    try('HINCRBY', for_ever, '{_SUM}', string.format('%.0f', ms))
  end,
}}
"""

_READ: Final = f"""
{CALLS}
local hour, found = math.floor(redis.call('TIME')[1] / 3600), {{}}
for at, hourly in ipairs(KEYS) do
  found[at] = {{}}
  for back = 0, {HOURS - 1} do
    found[at][back + 1] = try('HGETALL', hourly .. (hour - back)) or {{}}
  end
end
return {{found, wrong}}
"""


@dataclass(frozen=True)
class Times:
    """What a bank's times come to. At least half of them were at most p50 seconds, and 95 of 100 at
    most p95: each is the end of an interval (`BOUNDS`). None: longer than the longest, 72 hours.
    """

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Histogram:
    """How many times lie in each interval, and above all of them; `seconds`: all together."""

    counts: tuple[int, ...]
    seconds: float


def timing(timed: Timed) -> Command:
    """The command of `TIMING` that a moment stands for."""
    notice = keys.notice(timed.notice_id)
    if not timed.is_over:
        return (_ASKED, notice)
    return (_BLOCKED, notice, keys.block_times(timed.bank), keys.block_hour(timed.bank, ""))


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
        answer = self._read(keys=[keys.block_hour(bank, "") for bank in names])
        found, wrong = cast("list[Any]", answer)
        note_wrong_kinds(self._redis, wrong)
        counted = {bank: _sum(hours) for bank, hours in zip(names, found, strict=True)}
        return {bank: _times(counts) for bank, counts in counted.items() if any(counts)}


def _sum(hours: Sequence[Sequence[bytes]]) -> tuple[int, ...]:
    each = [_counts(dict(zip(flat[::2], flat[1::2], strict=True))) for flat in hours]
    return tuple(map(sum, zip(*each, strict=True)))


def _counts(fields: Mapping[bytes, bytes]) -> tuple[int, ...]:
    found = {plain(name): value for name, value in fields.items()}
    return tuple(whole(found.get(name)) for name in _FIELDS)


def _times(counts: Sequence[int]) -> Times:
    return Times(sum(counts), _within(counts, 50), _within(counts, 95))


def _within(counts: Sequence[int], percent: int) -> float | None:
    """The end of the interval up to which so many of the times lie, or more."""
    reached = zip(BOUNDS, accumulate(counts), strict=False)
    return next((b for b, count in reached if 100 * count >= percent * sum(counts)), None)
