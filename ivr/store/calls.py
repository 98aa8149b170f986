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

from ivr.dialogue.call import Call
from ivr.store import keys
from ivr.store.holders import Holders
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.unreadable import CALLS, UnreadableRecordError, naming

# The fields, and what reads them. What was just keyed in may be an ID number, and is not stored;
# nor is the caller's number.
FIELDS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in get_type_hints(Call).items()
    if name not in ("sid", "caller", "entered")
}

_AT: Final = {name: place for place, name in enumerate(FIELDS, 1)}

# The call, the holder (named by this request's digits, or remembered by the call) and how each of
# the holder's cards stands. With more than one argument the call goes on, if it stands where it is
# expected to; what is answered is how it was, and nobody needs the holder then.
_TURN: Final = f"""
{READ_HOLDER}
local now = redis.call('TIME')[1]
local said = call('HMGET', KEYS[1], {", ".join(map(repr, FIELDS))})
local step, turn, facts = {", ".join(f"said[{_AT[name]}]" for name in ("step", "turn", "facts"))}
if ARGV[2] == (step or '') and ARGV[3] == (turn or '') then
  redis.call('HSET', KEYS[1], 'at', now, unpack(ARGV, 5))
  redis.call('EXPIRE', KEYS[1], {keys.CALL_SECONDS})
  try('HINCRBY', KEYS[2], ARGV[4], 1)
  return {{now, said, 1}}
end
local ref = ARGV[1]
if ref == '' and facts then ref = cjson.decode(facts)['holder_ref'] or '' end
return {{now, said, false, ref ~= '' and read_holder(ref)}}
"""

# A repeated request that was slow must not set the call back to an earlier turn. No caller waits
# for what is counted.
_SAVE: Final = f"""
{CALLS}
local known = call('HGET', KEYS[1], 'turn')
if known and tonumber(known) >= tonumber(ARGV[1]) then return end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], {keys.CALL_SECONDS})
try('HINCRBY', KEYS[2], ARGV[2], 1)
"""


@dataclass(frozen=True)
class Snapshot:
    """What one turn may need, read at one moment (`now`, unix seconds by Redis' clock). `went_on`:
    the turn is taken and saved, and `call` is what came of it.
    """

    now: int
    call: Call | None
    known: KnownHolder | None = None
    went_on: bool = False


class Calls:
    """Calls by their id; a call is forgotten an hour after its last turn."""

    def __init__(self, redis: Redis, holders: Holders) -> None:
        self._redis = redis
        self._holders = holders
        self._turn = redis.register_script(_TURN)
        self._save = redis.register_script(_SAVE)

    def read(self, call_id: str, holder_ref: str = "") -> Snapshot:
        """The call and everything about its holder; `holder_ref` names the one just keyed in."""
        return self._snapshot(call_id, holder_ref)

    def go_on(self, call: Call, step: str, turn: int | None, counted: str) -> Snapshot:
        """Saves the call and counts `counted` if it stands at this step and turn (a new call: at ""
        and None), else does nothing; the same trip reads it. Its facts and choices stay as they
        are stored; so does its language if it is empty here. `at` is the moment by Redis' clock.
        """
        names = ("step", "turn", "tries", "said", *(["language"] if call.language else []))
        place = map(msgspec.json.encode, (step, turn)) if step else ("", "")
        changed = chain(*dump_call(call, names).items())
        seen = self._snapshot(call.sid, "", *place, counted, *changed)
        if not seen.went_on:
            return seen
        new = {name: getattr(call, name) for name in names}
        return Snapshot(seen.now, replace(seen.call or call, at=seen.now, **new), went_on=True)

    def save(self, call: Call, counted: str) -> None:
        """Saves the call and counts `counted`, in one round trip. Does nothing when this turn, or a
        later one, is saved already.
        """
        fields: Iterable[Any] = chain(*dump_call(call).items())
        self._save(keys=[keys.call(call.sid), keys.COUNTERS], args=[call.turn, counted, *fields])

    def count_end(self) -> None:
        """Counts a call that Twilio says is over."""
        self._redis.hincrby(keys.COUNTERS, "calls_ended", 1)

    def _snapshot(self, call_id: str, *args: Any) -> Snapshot:
        with naming(self._redis):
            found = self._turn(keys=[keys.call(call_id), keys.COUNTERS], args=args)
            now, said, went_on, *holders = cast("list[Any]", found)
            call = load_call(call_id, said)
            known = known_holder(now, holders[0], self._holders.unpack) if any(holders) else None
        return Snapshot(int(now), call, known, went_on is not None)


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
