"""Calls in progress, read together with all that a turn may need, in one round trip.

`call:<sid>` is a hash, each field of it JSON: a turn whose end is known before the call is read
writes only some of them, and its script need not understand them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final, cast, get_type_hints

import msgspec
from redis import Redis
from redis.commands.core import Script

from ivr.cards.limits import Caller
from ivr.dialogue.call import UNPROVEN, Call
from ivr.store import keys
from ivr.store.announcements import Announcement, still_standing
from ivr.store.codec import plain
from ivr.store.holders import Holders
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.limits import COUNT_LOOK_UP, LATELY, Limiting, LookUp
from ivr.store.scripts import ScriptCall
from ivr.store.unreadable import CALLS, UnreadableRecordError, naming

# The fields, and what reads them. What was just keyed in may be an ID number, and is not stored;
# nor is the caller's number.
FIELDS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in get_type_hints(Call).items()
    if name not in ("sid", "caller", "entered")
}

_AT: Final = {name: place for place, name in enumerate(FIELDS, 1)}

_NOBODY: Final = Caller("")
_SLOWLY: Final = 2  # the call goes on, and its phone has chosen slow speech

# The call, the holder (remembered by the call) and how each of the holder's cards stands; what its
# caller reported lately, and whether the breaker is open. With more than one argument the call goes
# on, if it stands where it is expected to; what is answered is how it was, and nobody needs the
# holder then.
_TURN: Final = f"""
{READ_HOLDER}
{LATELY}
local now = redis.call('TIME')[1]
local announced = try('HVALS', '{keys.ANNOUNCEMENTS}')
local said = call('HMGET', KEYS[1], {", ".join(map(repr, FIELDS))})
local step, turn, facts = {", ".join(f"said[{_AT[name]}]" for name in ("step", "turn", "facts"))}
if ARGV[2] == (step or '') and ARGV[3] == (turn or '') then
  redis.call('HSET', KEYS[1], 'at', now, unpack(ARGV, 5))
  local is_slow = KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1
  if is_slow then redis.call('HSET', KEYS[1], 'slow', 'true') end
  redis.call('EXPIRE', KEYS[1], {keys.CALL_SECONDS})
  try('HINCRBY', KEYS[2], ARGV[4], 1)
  return {{now, said, is_slow and {_SLOWLY} or 1, false, false, 0, '', false, announced}}
end
local known, ref = facts and cjson.decode(facts) or {{}}, ''
for _, fact in ipairs({{'{UNPROVEN}', 'holder_ref'}}) do
  if ref == '' then ref = known[fact] or '' end
end
local reported = KEYS[3] and try('GET', KEYS[3]) or false
local is_open = redis.call('EXISTS', '{keys.BREAKER}')
local unproven = known['{UNPROVEN}'] or ''
local guessed = unproven ~= '' and is_guessed_at(unproven, tonumber(now))
local holder = ref ~= '' and read_holder(ref)
return {{now, said, false, holder, reported, is_open, '', guessed, announced}}
"""

# The same for a turn that looks up the ID number just keyed in, which is counted if the call stands
# where that is expected.
_LOOK_UP: Final = f"""
{READ_HOLDER}
{COUNT_LOOK_UP}
local now = redis.call('TIME')[1]
local said = call('HMGET', KEYS[1], {", ".join(map(repr, FIELDS))})
local holder = read_holder(ARGV[1])
local met = ''
if ARGV[2] == said[{_AT["step"]}] and ARGV[3] == said[{_AT["turn"]}] then
  met = look_up(tonumber(now), holder[3])
end
local is_open = redis.call('EXISTS', '{keys.BREAKER}')
local guessed = is_guessed_at(ARGV[1], tonumber(now))
local announced = try('HVALS', '{keys.ANNOUNCEMENTS}')
return {{now, said, false, holder, try('GET', KEYS[3]), is_open, met, guessed, announced}}
"""

# A repeated request that was slow must not set the call back to an earlier turn. No caller waits
# for what is counted.
_SAVE: Final = f"""
{CALLS}
local known = call('HGET', KEYS[1], 'turn')
if known and tonumber(known) >= tonumber(ARGV[1]) then return end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], {keys.CALL_SECONDS})
for what in string.gmatch(ARGV[2], '%S+') do try('HINCRBY', KEYS[2], what, 1) end
local now = redis.call('TIME')[1]
for place = 3, #KEYS do
  if try('ZADD', KEYS[place], now, KEYS[1] .. ' ' .. ARGV[1]) then
    redis.call('EXPIRE', KEYS[place], {keys.DAY})
  end
end
"""


@dataclass(frozen=True)
class Mistake:
    """A wrong second factor: who keyed it, and for whose ID number."""

    caller_ref: str
    holder_ref: str


@dataclass(frozen=True)
class Snapshot:
    """What one turn may need, read at one moment (`now`, unix seconds by Redis' clock). `went_on`:
    the turn is taken and saved, and `call` is what came of it. `reported`: the holders its caller
    reported lately. `is_open`: the breaker. `met`: the limit that this turn's look-up meets.
    `ref`: the reference that `known` was looked for under; "" when nobody was. `is_guessed_at`: too
    many second factors were wrong for that ID number lately. `announcements`: those that stand now.
    `is_slow`: this phone has chosen slow speech.
    """

    now: int
    call: Call | None
    known: KnownHolder | None = None
    went_on: bool = False
    reported: str = ""
    is_open: bool = False
    met: str = ""
    ref: str = ""
    is_guessed_at: bool = False
    announcements: tuple[Announcement, ...] = ()
    is_slow: bool = False


class Calls:
    """Calls by their id; a call is forgotten an hour after its last turn."""

    def __init__(self, redis: Redis, holders: Holders, limiting: Limiting) -> None:
        self._redis = redis
        self._holders = holders
        self._limiting = limiting
        self._turn = redis.register_script(_TURN)
        self._look_up = redis.register_script(_LOOK_UP)
        self._save = redis.register_script(_SAVE)

    def read(self, call_id: str, caller: Caller = _NOBODY) -> Snapshot:
        """The call and everything about its holder."""
        place = keys.reported_by(caller.ref)
        return self._snapshot(self._turn, call_id, [keys.COUNTERS, place], "")

    def look_up(self, call_id: str, step: str, turn: int | None, look_up: LookUp) -> Snapshot:
        """The same with the holder of the ID number just keyed in. The look-up is counted and
        journalled if the call stands at this step and turn, once for each turn.
        """
        places, args = self._limiting.counting(call_id, look_up)
        others = [keys.COUNTERS, keys.reported_by(look_up.caller.ref), *places]
        at = map(msgspec.json.encode, (step, turn))
        return self._snapshot(self._look_up, call_id, others, look_up.holder_ref, *at, *args)

    def go_on(self, call: Call, step: str, turn: int | None, counted: str) -> Snapshot:
        """Saves the call and counts `counted` if it stands at this step and turn (a new call: at ""
        and None), else does nothing; the same trip reads it. Its facts and choices stay as they
        are stored; so does its language if it is empty here. `at` is the moment by Redis' clock.
        """
        place = map(msgspec.json.encode, (step, turn)) if step else ("", "")
        return self._going_on(call, [keys.COUNTERS], *place, counted)

    def begin(self, call: Call, counted: str, caller: Caller) -> Snapshot:
        """The same for a new call; slow speech is remembered for its phone."""
        others = [keys.COUNTERS, keys.reported_by(caller.ref)]
        others += [keys.slow_phone(caller.ref)] if caller.number else []
        return self._going_on(call, others, "", "", counted)

    def _going_on(self, call: Call, others: list[str], *place: Any) -> Snapshot:
        names = ("step", "turn", "tries", "said", *(["language"] if call.language else []))
        changed = chain(*dump_call(call, names).items())
        seen = self._snapshot(self._turn, call.sid, others, "", *place, *changed)
        if not seen.went_on:
            return seen
        new = {name: getattr(call, name) for name in names}
        after = replace(seen.call or call, at=seen.now, **new)
        after = replace(after, slow=after.slow or seen.is_slow)
        return Snapshot(seen.now, after, went_on=True, announcements=seen.announcements)

    def keep_slow(self, caller: Caller, *, slow: bool) -> None:
        """Remembers for a phone whether everything is said slowly."""
        name = keys.slow_phone(caller.ref)
        if slow:
            self._redis.set(name, "1", ex=keys.SLOW_SECONDS)
        else:
            self._redis.delete(name)

    def save(self, call: Call, *counted: str, mistake: Mistake | None = None) -> None:
        """Saves the call and counts each of `counted`, in one round trip. Does nothing when this
        turn, or a later one, is saved already. `mistake`: the second factor keyed was wrong.
        """
        saving = self.saving(call, *counted, mistake=mistake)
        saving.script(keys=saving.keys, args=saving.args)

    def saving(self, call: Call, *counted: str, mistake: Mistake | None = None) -> ScriptCall:
        """The same as a script to be run together with others."""
        places = [keys.call(call.sid), keys.COUNTERS]
        if mistake is not None:
            places += [keys.missed(mistake.caller_ref), keys.mistaken(mistake.holder_ref)]
        fields: Iterable[Any] = chain(*dump_call(call).items())
        return ScriptCall(self._save, places, [call.turn, " ".join(counted), *fields])

    def count_end(self) -> None:
        """Counts a call that Twilio says is over."""
        self._redis.hincrby(keys.COUNTERS, "calls_ended", 1)

    def _snapshot(self, script: Script, call_id: str, others: list[str], *args: Any) -> Snapshot:
        with naming(self._redis):
            found = script(keys=[keys.call(call_id), *others], args=args)
            now, said, went_on, *more = cast("list[Any]", found)
            holder, reported, is_open, met, guessed, announced = [*more, *[None] * 6][:6]
            call = load_call(call_id, said)
            known = known_holder(now, holder, self._holders.unpack) if holder else None
        return Snapshot(
            int(now), call, known, went_on is not None, plain(reported or ""), bool(is_open),
            plain(met or ""), plain(holder[0]) if holder else "", guessed is not None,
            still_standing(self._redis, announced, int(now)) if announced else (),
            went_on == _SLOWLY,
        )  # fmt: skip


def dump_call(call: Call, names: Iterable[str] = FIELDS) -> dict[str, bytes]:
    """A call, or some of it, as the fields of its hash."""
    return {name: msgspec.json.encode(getattr(call, name)) for name in names}


def load_call(call_id: str, said: Sequence[Any]) -> Call | None:
    """A call from what each of FIELDS says; None when nothing is stored. A field that was never
    stored is as in a new call.

    Raises:
        UnreadableRecordError: it is no call.
    """
    found = [(name, text) for name, text in zip(FIELDS, said, strict=True) if text is not None]
    try:
        fields = {name: FIELDS[name].decode(text) for name, text in found}
        return Call(call_id, **fields) if fields else None
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadableRecordError(keys.call(call_id)) from error
