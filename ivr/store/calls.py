"""Calls in progress, read together with all that a turn may need, in one round trip.

`call:<sid>` is a hash, each field of it JSON: a turn whose end is known before the call is read
writes only some of them, and its script need not understand them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, cast, get_type_hints

from redis import Redis

from ivr.dialogue.call import Call
from ivr.store import keys
from ivr.store.codec import dump
from ivr.store.holders import Holders
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.unreadable import CALLS, naming, read

# The fields and their kinds. What was just keyed in may be an ID number, and is not stored; nor is
# the caller's number.
FIELDS: Final[Mapping[str, Any]] = {
    name: kind
    for name, kind in get_type_hints(Call).items()
    if name not in ("sid", "caller", "entered")
}

# The call, the holder (named by this request's digits, or remembered by the call) and how each of
# the holder's cards stands. With more than one argument the call goes on first, if it stands where
# it is expected to; then nobody needs the holder.
_TURN: Final = f"""
{READ_HOLDER}
local now = redis.call('TIME')[1]
local went_on = false
if ARGV[2] then
  local place = call('HMGET', KEYS[1], 'step', 'turn')
  if (place[1] or '') == ARGV[2] and (place[2] or '') == ARGV[3] then
    redis.call('HSET', KEYS[1], 'at', now, unpack(ARGV, 5))
    redis.call('EXPIRE', KEYS[1], {keys.CALL_SECONDS})
    try('HINCRBY', KEYS[2], ARGV[4], 1)
    went_on = 1
  end
end
local said = call('HMGET', KEYS[1], 'facts', {", ".join(map(repr, FIELDS))})
local facts, ref = table.remove(said, 1), ARGV[1]
if ref == '' and facts then ref = cjson.decode(facts)['holder_ref'] or '' end
return {{now, went_on, said, not went_on and ref ~= '' and read_holder(ref)}}
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
        place = [dump(step), dump(turn)] if step else ["", ""]
        changed = chain(*dump_call(call, names).items())
        return self._snapshot(call.sid, "", *place, counted, *changed)

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
            now, went_on, said, holder = cast("list[Any]", found)
            call = load_call(call_id, said)
            known = None if holder is None else known_holder(now, holder, self._holders.unpack)
        return Snapshot(int(now), call, known, went_on is not None)


def dump_call(call: Call, names: Iterable[str] = FIELDS) -> dict[str, bytes]:
    """A call, or some of it, as the fields of its hash."""
    return {name: dump(getattr(call, name)) for name in names}


def load_call(call_id: str, said: Sequence[Any]) -> Call | None:
    """A call from what each of FIELDS says; None when nothing is stored. A field that was never
    stored is as in a new call.

    Raises:
        UnreadableRecordError: it is no call.
    """
    key = keys.call(call_id)
    kinds = zip(FIELDS.items(), said, strict=True)
    fields = {name: read(kind, key, text) for (name, kind), text in kinds if text is not None}
    return Call(call_id, **fields) if fields else None
