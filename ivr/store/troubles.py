"""What changed among the troubles: who fails, and which notices need a person.

A change is noted in the same step in which it is found, so it is told of once: by one of several
sweeps, and not again by a process that was restarted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from rq import Queue

from ivr.store import keys
from ivr.store.bank_health import FAILING_AFTER, FAILING_AFTER_SECONDS
from ivr.store.codec import plain
from ivr.store.outbox import TEXTS_QUEUE, queue_of
from ivr.store.unreadable import CALLS, note_wrong_kinds

MOST_NEWS: Final = 500  # of one kind in one round; the rest follows in the next

# ARGV: how many failures, over how many seconds; how much news; the names of who may fail; "";
# the queues they have. Banks that left still have a queue, known by RQ.
_COMPARE: Final = f"""
{CALLS}
local news, now, at = {{}}, redis.call('TIME')[1], 4
local function tell(event, ...) news[#news + 1] = {{event, ...}} end

while ARGV[at] ~= '' do
  local name = ARGV[at]
  local health = try('HMGET', '{keys.bank_health("")}' .. name, 'failures', 'since')
  local failures, since = tonumber(health and health[1]), tonumber(health and health[2])
  local fails = failures and since and failures >= tonumber(ARGV[1])
    and now - since >= tonumber(ARGV[2])
  if health and try(fails and 'SADD' or 'SREM', '{keys.BANKS_FAILING}', name) == 1 then
    if fails then tell('bank_fails', 'bank', name, 'failures', health[1])
    else tell('bank_answers_again', 'bank', name) end
  end
  at = at + 1
end

local known, lists = {{}}, {{}}
local function add(queue)
  local list = '{keys.stuck("")}' .. queue
  if not known[queue] and try('ZCARD', list) then
    known[queue] = list
    lists[#lists + 1] = list
  end
end
for place = at + 1, #ARGV do add(ARGV[place]) end
for _, key in ipairs(try('SMEMBERS', '{Queue.redis_queues_keys}') or {{}}) do
  add(string.sub(key, {len(Queue.redis_queue_namespace_prefix) + 1}))
end

local function tell_of(event, id)
  local said = try('HMGET', '{keys.notice("")}' .. id, 'kind', 'bank', 'state') or {{}}
  tell(event, 'notice', id, 'kind', said[1] or '', 'bank', said[2] or '', 'state', said[3] or '')
end
if not try('ZCARD', '{keys.NOTICES_STUCK}') then return {{news, wrong}} end
local most = #news + ARGV[3]
for _, id in ipairs(redis.call('ZDIFF', #lists + 1, '{keys.NOTICES_STUCK}', unpack(lists))) do
  local list = known[try('HGET', '{keys.notice("")}' .. id, 'queue')]
  if list and #news < most then
    redis.call('ZADD', list, now, id)
    tell_of('notice_stuck', id)
  end
end
most = #news + ARGV[3]
for _, list in ipairs(lists) do
  for _, id in ipairs(redis.call('ZDIFF', 2, list, '{keys.NOTICES_STUCK}')) do
    if #news < most then
      redis.call('ZREM', list, id)
      tell_of('notice_no_longer_stuck', id)
    end
  end
end
return {{news, wrong}}
"""


@dataclass(frozen=True)
class News:
    """One thing that changed; no personal values."""

    event: str
    fields: Mapping[str, str]


class Troubles:
    """Compares what is wrong now with what was noted."""

    def __init__(self, redis: Redis, banks: Iterable[str]) -> None:
        self._redis = redis
        self._compare = redis.register_script(_COMPARE)
        banks = list(banks)
        self._args: list[str | int] = [
            *(FAILING_AFTER, FAILING_AFTER_SECONDS, MOST_NEWS),
            *(*banks, TEXTS_QUEUE, ""),
            *(*map(queue_of, banks), TEXTS_QUEUE),
        ]

    def news(self) -> list[News]:
        """What changed since anybody asked; it is handed out once. One round trip.

        Its cost grows with the notices that need a person, not with what is owed.
        """
        found, wrong = cast("list[list[Any]]", self._compare(args=self._args))
        note_wrong_kinds(self._redis, wrong)
        return [_news(*map(plain, told)) for told in found]


def _news(event: str, *flat: str) -> News:
    fields = zip(flat[::2], flat[1::2], strict=True)
    return News(event, {name: value for name, value in fields if value})
