"""Calls in progress, read together with all that a turn may need, in one round trip."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from redis import Redis

from ivr.dialogue.call import Call, Choice, Line
from ivr.store import keys
from ivr.store.holders import Holders
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.unreadable import CALLS, naming

# The call, the holder (named by this request's digits, or remembered by the call) and how
# each of the holder's cards stands: a turn costs one read and one write.
_READ_TURN: Final = f"""
{READ_HOLDER}
local now = redis.call('TIME')
local said = call('GET', KEYS[1])
local ref = ARGV[1]
if ref == '' and said then ref = cjson.decode(said)['facts']['holder_ref'] or '' end
return {{now[1], said, ref ~= '' and read_holder(ref)}}
"""

# A repeated request that was slow must not set the call back to an earlier turn. No caller waits
# for what is counted.
_SAVE: Final = f"""
{CALLS}
local known = redis.call('GET', KEYS[1])
if known and cjson.decode(known)['turn'] >= tonumber(ARGV[2]) then return end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
try('HINCRBY', KEYS[2], ARGV[4], 1)
"""


@dataclass(frozen=True)
class Snapshot:
    """What one turn may need, read at one moment (`now`, unix seconds by Redis' clock)."""

    now: int
    call: Call | None
    known: KnownHolder | None = None


class Calls:
    """Calls by their id; a call is forgotten an hour after its last turn."""

    def __init__(self, redis: Redis, holders: Holders) -> None:
        self._redis = redis
        self._holders = holders
        self._read_turn = redis.register_script(_READ_TURN)
        self._save = redis.register_script(_SAVE)

    def read(self, call_id: str, holder_ref: str = "") -> Snapshot:
        """The call and everything about its holder; `holder_ref` names the one just keyed in."""
        with naming(self._redis):
            found = self._read_turn(keys=[keys.call(call_id)], args=[holder_ref])
            now, call, holder = cast("list[Any]", found)
            known = None if holder is None else known_holder(now, holder, self._holders.unpack)
        return Snapshot(int(now), None if call is None else load_call(call), known)

    def save(self, call: Call, counted: str) -> None:
        """Saves the call and counts `counted`, in one round trip. Does nothing when this turn, or a
        later one, is saved already.
        """
        self._save(
            keys=[keys.call(call.sid), keys.COUNTERS],
            args=[dump_call(call), call.turn, keys.CALL_SECONDS, counted],
        )

    def count_end(self) -> None:
        """Counts a call that Twilio says is over."""
        self._redis.hincrby(keys.COUNTERS, "calls_ended", 1)


def dump_call(call: Call) -> str:
    """A call as JSON, without what was just keyed in, which may be an ID number, and without the
    caller's number.
    """
    fields = asdict(call)
    del fields["entered"], fields["caller"]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def load_call(text: str | bytes) -> Call:
    """A call from its JSON."""
    fields = json.loads(text)
    said = tuple(Line(**line) for line in fields.pop("said"))
    choices = tuple(Choice(**choice) for choice in fields.pop("choices"))
    return Call(**fields, said=said, choices=choices)
