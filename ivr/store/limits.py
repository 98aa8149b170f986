"""The limits in Redis: what callers looked up and reported lately, and the breaker of the line.

Nothing here takes a round trip of a turn: look-ups are counted by the script that reads the turn,
reports by the script that commits them, and the breaker is watched by the sweep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from ivr.cards.change import Entry
from ivr.cards.limits import (
    HIDDEN,
    MOST_MISTAKES,
    Caller,
    Limits,
    hours_of,
    is_search,
    is_wave,
)
from ivr.store import keys
from ivr.store.codec import plain, whole
from ivr.store.journal import Journal
from ivr.store.troubles import News
from ivr.store.unreadable import CALLS
from ivr.store.vault import Vault

HOUR: Final = 3600
LOOKS_BACK: Final = 15  # minutes
LOOKS_BACK_HOURS: Final = 7 * 24
_TOTALS: Final = ("lookup:found", "lookup:missed", "event:loss_reported")  # of the counters

LATELY: Final = f"""
local function lately(key, since)
  try('ZREMRANGEBYSCORE', key, '-inf', since)
  return try('ZCARD', key) or 0
end
local function is_guessed_at(ref, now)
  return lately('{keys.mistaken("")}' .. ref, now - {keys.DAY}) >= {MOST_MISTAKES} and 1
end
"""
# Counts one look-up of a turn, once, however often the turn is asked for, and journals it; answers
# which limit it meets: `number` (of look-ups of this ID number), `caller`, `line` (the breaker). An
# ID number that is keyed again is no further one of its caller, nor of its call.
# What meets a limit tells the caller nothing, so it fills no limit: each window frees itself. Where
# codes are texted, it fills that of the ID number all the same: a look-up may text the holder. Then
# each counts, not each call, and so does a code that is sent again (MAY_TEXT_AGAIN).
# The breaker is judged by each ID number of a caller once; and while it is open, not by those who
# hide: nobody notes then how often they miss, and one of them could hold it open.
# ARGV: the ID number's reference, step, turn, the caller as it is journalled, channel, purpose, the
# limits, whether codes are texted, and whether the breaker counts it. KEYS: the call, counters,
# reports of the caller, `keyed`, `missed`, `looked_up` or `code_asked`.
COUNT_LOOK_UP: Final = f"""
{LATELY}
local function is_met(most, count) return tonumber(most) > 0 and count >= tonumber(most) end
local function is_full(key, most, since, member)
  return is_met(most, lately(key, since)) and not try('ZSCORE', key, member)
end
local function note(most, key, now, what)
  if tonumber(most) > 0 and try('ZADD', key, now, what) then
    redis.call('EXPIRE', key, {keys.DAY})
  end
end
local function count(what) try('HINCRBY', KEYS[2], what, 1) end

local function journal(ref, cards)
  local refs, words = {{}}, {{'event', 'looked_up', 'holder', ref}}
  local function add(name, value)
    if value ~= '' then words[#words + 1] = name; words[#words + 1] = value end
  end
  for _, case in ipairs(cards) do refs[#refs + 1] = case[1] end
  add('cards', table.concat(refs, ' '))
  add('channel', ARGV[5])
  add('by', ARGV[4])
  add('purpose', ARGV[6])
  add('found', #cards > 0 and '1' or '')
  try('XADD', '{keys.JOURNAL}', '*', unpack(words))
  count('event:looked_up')
end

local function look_up(now, cards)
  local ref, turn, keyed, missed, looked_up = ARGV[1], ARGV[3], KEYS[4], KEYS[5], KEYS[6]
  local ids, misses_hour, misses_day, lookups = unpack(ARGV, 7)
  local before = redis.call('HGET', KEYS[1], 'look_up') or ''
  local at, whose, met = string.match(before, '^(%d+) (%S+) (%l*)$')
  if at == turn and whose == ref then return met end
  local day, this = now - {keys.DAY}, KEYS[1] .. ' ' .. turn
  local mark = ARGV[11] == '1' and this .. ' ' .. now or KEYS[1]
  local of_number = is_full(looked_up, lookups, day, mark)
  local of_caller = is_full(keyed, ids, day, ref)
    or is_met(misses_day, lately(missed, day))
    or is_met(misses_hour, try('ZCOUNT', missed, now - {HOUR} + 1, '+inf') or 0)
  local is_open = redis.call('EXISTS', '{keys.BREAKER}') == 1
  local is_new = not try('ZSCORE', keyed, ref)
  if not of_number and (not of_caller or ARGV[11] == '1') then
    note(lookups, looked_up, now, mark)
  end
  if not of_caller then note(1, keyed, now, ref) end
  if not of_number and not of_caller then
    local is_watched = ARGV[12] == '1' and is_new and not (is_open and ARGV[4] == '{HIDDEN}')
    if is_watched then count(#cards > 0 and 'lookup:found' or 'lookup:missed') end
    if #cards == 0 and not is_open then note(misses_hour + misses_day, missed, now, this) end
  end
  met = of_number and 'number' or of_caller and 'caller' or is_open and 'line' or ''
  if met ~= '' then count('limit:' .. met) end
  journal(ref, cards)
  redis.call('HSET', KEYS[1], 'look_up', turn .. ' ' .. ref .. ' ' .. met)
  return met
end
"""

# Counts one more code for an ID number, whether anybody has it or not; answers whether it may be
# texted. KEYS: where they are counted. ARGV: the limit, and which code it is: the same one counts
# once.
MAY_TEXT_AGAIN: Final = f"""
{CALLS}
{LATELY}
local most, code, now = tonumber(ARGV[1]), ARGV[2], tonumber(redis.call('TIME')[1])
if most == 0 then return 1 end
if lately(KEYS[1], now - {keys.DAY}) >= most and not try('ZSCORE', KEYS[1], code) then return 0 end
if try('ZADD', KEYS[1], now, code) then redis.call('EXPIRE', KEYS[1], {keys.DAY}) end
return 1
"""


@dataclass(frozen=True)
class LookUp:
    """One look-up that a turn makes: of whose number, by whom, on what channel and what for.
    is_silent: whoever asks learns nothing by it before a second factor, so that a miss is none of
    the caller's, and none of the breaker's. texts_code: whatever SECOND_FACTOR says.
    """

    holder_ref: str
    caller: Caller
    channel: str
    purpose: str
    is_silent: bool = False
    texts_code: bool = False


@dataclass(frozen=True)
class Seen:
    """What the breaker is judged by: the running totals now, and at the first look of each minute
    and hour. left: seconds until it closes; None when it is closed.
    """

    now: int
    totals: list[int]
    noted: Mapping[str, list[int]]
    left: int | None
    is_told: bool


@dataclass(frozen=True)
class BreakerStanding:
    """How the breaker stands. open_seconds: how long it stays open; None when it is closed. found,
    missed: look-ups of the last 15 minutes. reports: of this hour. usual_hours: those of each hour
    of the last 7 days that had data.
    """

    open_seconds: int | None
    found: int
    missed: int
    reports: int
    usual_hours: Sequence[int]


class Limiting:
    """Names callers, and keeps the breaker."""

    def __init__(self, redis: Redis, vault: Vault, journal: Journal, limits: Limits) -> None:
        self._redis = redis
        self._vault = vault
        self._journal = journal
        self._may_text_again = redis.register_script(MAY_TEXT_AGAIN)
        self.limits = limits

    def caller(self, number: str) -> Caller:
        """Who calls from a number in E.164; of an empty one, all who hide theirs."""
        return Caller(self._vault.ref("caller", number), number) if number else Caller()

    def visitor(self, address: str) -> Caller:
        """Who asks from a network address, which many may share; unknown ones are one."""
        return Caller(self._vault.ref("address", address))

    def code(self, holder_ref: str, asked_by: str) -> str:
        """The 6 digits texted to a holder for one question. They follow from it and from the
        reference key, so they are kept nowhere, and a repeated turn texts the same ones.
        """
        ref = self._vault.ref("code", f"{holder_ref}:{asked_by}")
        return f"{int.from_bytes(ref.encode()) % 1_000_000:06d}"

    def code_notice_id(self, holder_ref: str, asked_by: str) -> str:
        """The id of the text with that code: owed twice, it is one text."""
        return f"ntc-{self._vault.ref('code notice', f'{holder_ref}:{asked_by}')}"

    def may_text_again(self, holder_ref: str, code: str) -> bool:
        """Whether an ID number's holder may be texted one more code, which counts from now on:
        look-ups that text one and codes sent again have one total in 24 hours, on all channels that
        text. `code`: which one, so that it counts once.
        """
        counted = self._counted(holder_ref, texts_code=True)
        args: list[str | int] = [self.limits.lookups_per_id_number, code]
        return bool(self._may_text_again(keys=[counted], args=args))

    def _counted(self, holder_ref: str, *, texts_code: bool) -> str:
        """Where a look-up of an ID number is counted. While the telephone texts no codes, those of
        the website stand apart: else anybody there could bring a holder who calls to a person.
        """
        is_apart = texts_code and not self.limits.are_codes_texted
        return keys.code_asked(holder_ref) if is_apart else keys.looked_up(holder_ref)

    def counting(self, call_id: str, look_up: LookUp) -> tuple[list[str], list[str | int]]:
        """The keys and arguments of COUNT_LOOK_UP from its fourth on. A hidden caller's ID numbers
        are counted by call, for nobody knows who else hides.
        """
        caller, limits = look_up.caller, self.limits
        is_hidden = caller.ref == HIDDEN
        who = self._vault.ref("caller", f"one call, {call_id}") if is_hidden else caller.ref
        most = limits.id_numbers_per_hidden_call if is_hidden else limits.id_numbers_per_caller
        misses = (limits.misses_per_hour, limits.misses_per_day)
        if look_up.is_silent:
            most, misses = limits.id_numbers_per_address, (0, 0)
        places = [
            keys.keyed(who),
            keys.missed(caller.ref),
            self._counted(look_up.holder_ref, texts_code=look_up.texts_code),
        ]
        return places, [
            *(caller.ref, look_up.channel, look_up.purpose),
            *(most, *misses, limits.lookups_per_id_number),
            int(limits.are_codes_texted or look_up.texts_code),
            int(not look_up.is_silent),
        ]

    def forget(self, caller: Caller) -> bool:
        """Forgets what a caller keyed, missed, reported and texted; False when nothing was known.
        What hidden callers keyed is forgotten with their calls.
        """
        names = (
            keys.keyed, keys.missed, keys.reported_by, keys.texts_missed, keys.texts_answered,
        )  # fmt: skip
        return bool(self._redis.delete(*(name(caller.ref) for name in names)))

    def forget_id_number(self, holder_ref: str) -> bool:
        """Forgets how often an ID number was looked up, and for which its second factor was wrong;
        False when nothing was known.
        """
        names = (keys.looked_up, keys.code_asked, keys.mistaken)
        return bool(self._redis.delete(*(name(holder_ref) for name in names)))

    def standing(self) -> BreakerStanding:
        """How the breaker stands now. One round trip."""
        return _standing(self._look())

    def watch(self) -> list[News]:
        """Notes the running totals, and opens the breaker while its condition holds. Answers what
        changed, once, whoever of several sweeps asks. One round trip, as long as nothing is new.
        """
        seen = self._look()
        self._note_totals(seen)
        if why := self._why_open(_standing(seen)):
            self._redis.set(keys.BREAKER, why, ex=keys.BREAKER_SECONDS)
            is_news = not seen.is_told and self._redis.set(keys.BREAKER_TOLD, "1", nx=True)
            return self._tell("breaker_opened", {"why": why}) if is_news else []
        if seen.is_told and seen.left is None and self._redis.delete(keys.BREAKER_TOLD):
            return self._tell("breaker_closed", {})
        return []

    def close(self) -> None:
        """Closes the breaker by hand: what was counted until now counts no more."""
        seen = self._look()
        hour = seen.now // HOUR  # its beginning is also the end of the one before
        hours = [f"hour:{hour}", f"hour:{hour - 1}"]
        counted = [name for name in seen.noted if name.startswith("minute:")]
        with self._redis.pipeline() as pipe:
            pipe.delete(keys.BREAKER)
            pipe.hdel(keys.WATCHED, *hours, *counted)
            pipe.execute()

    def _why_open(self, standing: BreakerStanding) -> str:
        if is_search(standing.found, standing.missed, self.limits):
            return "lookups"
        if is_wave(standing.reports, standing.usual_hours, self.limits):
            return "reports"
        return ""

    def _look(self) -> Seen:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hmget(keys.COUNTERS, _TOTALS)
            pipe.hgetall(keys.WATCHED)
            pipe.ttl(keys.BREAKER)
            pipe.exists(keys.BREAKER_TOLD)
            (now, _), totals, noted, left, told = pipe.execute()
        by_name = {plain(name): [*map(whole, text.split())] for name, text in noted.items()}
        return Seen(now, [*map(whole, totals)], by_name, left if left >= 0 else None, bool(told))

    def _note_totals(self, seen: Seen) -> None:
        """The first totals of each minute and hour; what is too old is dropped."""
        now = seen.now
        first = {f"minute:{now // 60}": seen.totals[:2], f"hour:{now // HOUR}": seen.totals[2:]}
        new = {name: values for name, values in first.items() if name not in seen.noted}
        if not new:
            return
        old = [name for name in seen.noted if _is_old(name, now)]
        with self._redis.pipeline(transaction=False) as pipe:
            for name, values in new.items():
                pipe.hsetnx(keys.WATCHED, name, " ".join(map(str, values)))
            if old:
                pipe.hdel(keys.WATCHED, *old)
            pipe.execute()

    def _tell(self, event: str, fields: Mapping[str, str]) -> list[News]:
        with self._redis.pipeline() as pipe:
            for words in self._journal.write(Entry(event, fields)):
                pipe.execute_command(*words)
            pipe.execute()
        return [News(event, fields)]


def _is_old(name: str, now: int) -> bool:
    kind, _, number = name.partition(":")
    if kind == "minute":
        return whole(number) < now // 60 - LOOKS_BACK
    return whole(number) < now // HOUR - LOOKS_BACK_HOURS


def _standing(seen: Seen) -> BreakerStanding:
    """Counted from the oldest totals of the last 15 minutes, and from the first of this hour."""
    recent = [n for n in seen.noted if n.startswith("minute:") and not _is_old(n, seen.now)]
    first = seen.noted[min(recent, key=_number)] if recent else seen.totals[:2]
    found, missed = (max(0, now - then) for now, then in zip(seen.totals, first, strict=False))
    hours = {_number(n): values[0] for n, values in seen.noted.items() if n.startswith("hour:")}
    this, total = seen.now // HOUR, seen.totals[2]
    reports = max(0, total - hours.get(this, total))
    return BreakerStanding(seen.left, found, missed, reports, hours_of(hours, this))


def _number(name: str) -> int:
    return whole(name.partition(":")[2])
