"""Fills Redis with copies of one report that was really filed, faster than filing could: every key
that came with it, and its places in lists of all, under other references and another number.
"""

import json
import re
import time
from collections.abc import Callable
from typing import Final

from redis import Redis

AT_ONCE: Final = 1000
NAME: Final = re.compile(r"(?:[0-9a-f]{32}|\d{8}|(?<=:)[A-Za-z0-9_-]{22})$")
NOT_ITS_OWN: Final = ("rq:", "running:", "call:", "bank_health:", "probe:", "sweep:")

# KEYS: the report's own keys. ARGV: the first copy's number, how many, the names in keys and values
# that make a copy another report's, keys that list all reports or notices.
_CLONE: Final = """
local tokens, lists = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local function raw(name)
  local hex = string.match(name, '%x+$')
  if not hex or #hex ~= 32 then return nil end
  return (string.gsub(hex, '..', function(c) return string.char(tonumber(c, 16)) end))
end
-- Each way a name may be written, as text and as bytes.
local forms, now = {}, {}
for _, token in ipairs(tokens) do
  table.insert(forms, {old = token, token = token})
  if raw(token) then table.insert(forms, {old = raw(token), token = token, raw = true}) end
end
local function name_all(number)
  for at, form in ipairs(forms) do
    local shape = #form.token == 8 and '%08d' or '%08x'
    local name = string.sub(form.token, 1, -9) .. string.format(shape, number)
    now[at] = form.raw and raw(name) or name
  end
end
-- A text in pieces: a form's place in `forms` stands where a name was.
local function cut(text)
  local pieces, from = {}, 1
  while true do
    local first, last, which
    for at, form in ipairs(forms) do
      local begins, ends = string.find(text, form.old, from, true)
      if begins and (not first or begins < first) then first, last, which = begins, ends, at end
    end
    if not first then break end
    table.insert(pieces, string.sub(text, from, first - 1))
    table.insert(pieces, which)
    from = last + 1
  end
  table.insert(pieces, string.sub(text, from))
  return pieces
end
local function joined(pieces)
  local parts = {}
  for at, piece in ipairs(pieces) do
    parts[at] = type(piece) == 'number' and now[piece] or piece
  end
  return table.concat(parts)
end
local writes = {string = 'SET', hash = 'HSET', list = 'RPUSH', set = 'SADD', zset = 'ZADD'}
local function read(key, kind)
  if kind == 'string' then return {redis.call('GET', key)} end
  if kind == 'hash' then return redis.call('HGETALL', key) end
  if kind == 'list' then return redis.call('LRANGE', key, 0, -1) end
  if kind == 'set' then return redis.call('SMEMBERS', key) end
  local scored = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for at = 1, #scored, 2 do scored[at], scored[at + 1] = scored[at + 1], scored[at] end
  return scored
end
local own, listed = {}, {}
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if writes[kind] then
    local values = read(key, kind)
    for at, value in ipairs(values) do values[at] = cut(value) end
    table.insert(own, {cut(key), writes[kind], values, redis.call('PTTL', key)})
  end
end
for _, key in ipairs(lists) do
  for _, token in ipairs(tokens) do
    local score = redis.call('ZSCORE', key, token)
    if score then table.insert(listed, {key, score, cut(token)}) end
  end
end
for number = tonumber(ARGV[1]), tonumber(ARGV[1]) + tonumber(ARGV[2]) - 1 do
  name_all(number)
  for _, one in ipairs(own) do
    local name, values = joined(one[1]), {}
    for at, value in ipairs(one[3]) do values[at] = joined(value) end
    redis.call(one[2], name, unpack(values))
    if one[4] > 0 then redis.call('PEXPIRE', name, one[4]) end
  end
  for _, one in ipairs(listed) do redis.call('ZADD', one[1], one[2], joined(one[3])) end
end
"""


class Cloning:
    """`with_copies(act, count)`: what one act left in Redis, that many times."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_CLONE)
        self._next = 1

    def with_copies(
        self, act: Callable[[], object], count: int, seconds: float, without: tuple[str, ...] = ()
    ) -> int:
        """As many as there is time for; -> how many. `without`: beginnings of keys not copied."""
        before = self._keys()
        act()
        lists = [key for key in before if self._redis.type(key) == b"zset"]
        # Lists of all that this report was the first in are no part of it.
        new = self._keys() - before
        own = [key for key in new if NAME.search(key) and not key.startswith(without or " ")]
        lists += [key for key in new if not NAME.search(key) and self._redis.type(key) == b"zset"]
        tokens = {key.partition(":")[2] for key in own}
        told = json.dumps(sorted(tokens, key=len, reverse=True)), json.dumps(lists)
        self._redis.config_set("appendfsync", "no")  # only while they are copied
        until, made = time.monotonic() + seconds, 0
        while made < count and time.monotonic() < until:
            most = min(AT_ONCE, count - made)
            self._script(keys=own, args=[self._next + made, most, *told])
            made += most
        self._redis.config_set("appendfsync", "always")
        self._next += made
        return made

    def _keys(self) -> set[str]:
        """All but people's, and what comes and goes by itself."""
        names = (key.decode() for key in self._redis.scan_iter(count=5000))
        return {n for n in names if not n.startswith((*NOT_ITS_OWN, "holder", "card:"))}
