"""Takes what is due out of a queue, for one attempt each, and never more at once than is allowed.

A claim is a lease: until it ends, the notice is due for nobody else and counts as in flight, on
whatever machine it was taken. So the notices of a killed worker come back by themselves, and so
does its share of what may be in flight.
"""

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from redis import Redis
from rq.suspension import WORKERS_SUSPENDED

from ivr.cards.notice import Attempt, Notice
from ivr.store import keys
from ivr.store.bank_health import (
    HEALTHY,
    PAUSE_AFTER,
    PAUSE_AFTER_SECONDS,
    PROBE_SECONDS,
    Health,
    health_of,
)
from ivr.store.cases import READ_CASE, READ_NOTICE, Reading, reading_of, with_notice
from ivr.store.codec import plain
from ivr.store.outbox import LONGEST_LEASE, Outbox, load_notice
from ivr.store.scripts import ScriptCall
from ivr.store.unreadable import naming, note_wrong_kinds, passing_over

BELLS_AT_ONCE: Final = 1000
ROUNDS: Final = 20  # in which what is out of step is put right; the next claim goes on

# A queue's bells are all heard at once. A paused queue gives one notice as a probe. What `open:`
# has too much or too early is put right; of a notice whose record is gone nothing can be sent, and
# it is owed no more. One whose record is of another kind waits for the length of a lease. A list
# of another kind is thrown away: the sweep makes it anew. No lease ends later than the longest: one
# that seems to was taken before Redis' clock was set back, and would hold its share until then.
_CLAIM: Final = f"""
{READ_CASE}
{READ_NOTICE}
local open, listed, owed, flying, health_key, probe, bells = unpack(KEYS)
local most, room, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local health = try('HMGET', health_key, 'failures', 'since') or {{false, false}}
if redis.call('EXISTS', '{WORKERS_SUSPENDED}') == 1 then
  return {{time[1], {{}}, {{}}, 0, health, wrong}}
end
if ARGV[5] ~= '' then redis.call('UNLINK', '{keys.job("")}' .. ARGV[5]) end
for _, job in ipairs(try('LPOP', bells, {BELLS_AT_ONCE}) or {{}}) do
  redis.call('UNLINK', '{keys.job("")}' .. job)
end
for _, list in ipairs({{listed, flying}}) do
  local kind = redis.call('TYPE', list).ok
  if kind ~= 'zset' and kind ~= 'none' then
    wrong[#wrong + 1] = list
    redis.call('DEL', list)
  end
end
redis.call('ZREMRANGEBYSCORE', flying, '-inf', now)
redis.call('ZREMRANGEBYSCORE', flying, now + math.max(lease, {LONGEST_LEASE}) + 1, '+inf')
local free = math.min(most - (try('ZCARD', flying) or 0), room)
local failures, since = tonumber(health[1] or 0) or 0, tonumber(health[2] or 0) or 0
if ARGV[4] == '1' and failures >= {PAUSE_AFTER} and now - since >= {PAUSE_AFTER_SECONDS} then
  free = math.min(free, 1)
  if free == 1 and call('ZCOUNT', listed, '-inf', now) > 0 then
    if not redis.call('SET', probe, '1', 'NX', 'EX', {PROBE_SECONDS}) then free = 0 end
  end
end
local taken, lost = {{}}, {{}}
for _ = 1, {ROUNDS} do
  if #taken >= free then break end
  local ids = call('ZRANGEBYSCORE', listed, '-inf', now, 'LIMIT', 0, free - #taken)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    local due = call('ZSCORE', open, id)
    if not due then
      call('ZREM', listed, id)
      try('ZREM', owed, id)
    elseif tonumber(due) > now then
      call('ZADD', listed, due, id)
    elseif redis.call('EXISTS', '{keys.notice("")}' .. id) == 0 then
      for _, place in ipairs({{open, listed, owed}}) do try('ZREM', place, id) end
      lost[#lost + 1] = id
    else
      for _, place in ipairs({{open, listed}}) do call('ZADD', place, now + lease, id) end
      local is_read, notice = pcall(read_notice, id)
      if is_read then
        try('ZADD', flying, now + lease, id)
        local ref = redis.call('HGET', '{keys.notice("")}' .. id, 'card_ref') or ''
        local is_known, case = pcall(read_case, ref)
        taken[#taken + 1] = {{notice, is_known and case}}
      end
    end
  end
end
return {{time[1], taken, lost, call('ZCOUNT', listed, '-inf', now), health, wrong}}
"""


@dataclass(frozen=True)
class Queue:
    """One bank's notices, or the texts. most: how many may be in flight at once, on all machines.
    lease_seconds: longer than any attempt. who: by what name its health is counted. pauses:
    whether one who keeps failing gets probes only.
    """

    name: str
    who: str
    most: int
    lease_seconds: float
    pauses: bool


@dataclass(frozen=True)
class Claim:
    """One notice, taken for one attempt. id: names the attempt. reading: the case of its card as it
    was; None when that could not be read. until: when the lease ends, by this machine's monotonic
    clock, at the earliest.
    """

    id: str
    notice: Notice
    reading: Reading | None
    until: float


@dataclass(frozen=True)
class Made:
    """An attempt that was made under a claim. next_due: when to try again after a failure, unix
    seconds; None gives up.
    """

    claim: Claim
    attempt: Attempt
    next_due: int | None = None


@dataclass(frozen=True)
class Claims:
    """now: unix seconds by Redis' clock. more: whether something is due that was not taken."""

    now: int
    taken: tuple[Claim, ...]
    more: bool


class Claiming:
    """Claims notices, of any queue."""

    def __init__(self, redis: Redis, outbox: Outbox) -> None:
        self._redis = redis
        self._outbox = outbox
        self._claim = redis.register_script(_CLAIM)

    def claim(self, queue: Queue, room: int, bell: str = "") -> Claims:
        """Takes what is due, longest first, at most `room`, in one round trip. What nobody can read
        is named and passed over. `bell`: the RQ job that was heard.

        Raises:
            redis.ConnectionError, redis.TimeoutError: what was taken comes back with its lease.
        """
        until = time.monotonic() + queue.lease_seconds
        call = self.call(queue, room, bell)
        with naming(self._redis):
            return self.taken(call.script(keys=call.keys, args=call.args), until)

    def call(self, queue: Queue, room: int, bell: str = "") -> ScriptCall:
        """The same as a script to be run together with others; `taken` reads what it answers."""
        name = queue.name
        places = [keys.NOTICES_OPEN, keys.open_in(name), keys.owed(name), keys.in_flight(name),
                  keys.bank_health(queue.who), keys.probe(queue.who), keys.rung(name)]  # fmt: skip
        args: list[Any] = [queue.most, room, queue.lease_seconds, int(queue.pauses), bell]
        return ScriptCall(self._claim, places, args)

    def taken(self, answer: Any, until: float) -> Claims:
        """What was claimed. `until`: when the leases end at the earliest (monotonic)."""
        if isinstance(answer, Exception):
            raise answer
        now, found, lost, left, health, wrong = answer
        note_wrong_kinds(self._redis, wrong)
        if lost:
            self._outbox.say_lost(map(plain, lost))
        taken: list[Claim] = []
        known = _health(health, int(now))
        for notice, case in found:
            with passing_over(self._redis, keys.notice(plain(notice[0]))):
                reading = self._reading(int(now), case, notice, known)
                told = (reading and reading.notice) or _notice(notice)
                taken.append(Claim(secrets.token_hex(8), told, reading, until))
        return Claims(int(now), tuple(taken), left > 0)

    def _reading(
        self, now: int, case: Any, notice: Sequence[Any], health: Health
    ) -> Reading | None:
        """None for a case that cannot be read: whoever is owed the notice gets it all the same."""
        if case is None:
            return None
        with passing_over(self._redis, keys.notice(plain(notice[0]))):
            return replace(with_notice(reading_of(now, case), notice), health=health)
        return None


def _notice(found: Sequence[Any]) -> Notice:
    notice_id, flat, _ = found
    return load_notice(plain(notice_id), dict(zip(flat[::2], flat[1::2], strict=True)))


def _health(found: Sequence[Any], now: int) -> Health:
    with suppress(ValueError):  # the sweep names one that cannot be read
        return health_of(found, now)
    return HEALTHY
