"""Calls in progress, read together with all that a turn may need, in one round trip."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, cast

from redis import Redis

from ivr.cards.block import Block
from ivr.cards.loss import Suspension
from ivr.cards.records import Card, Holder
from ivr.dialogue.call import Call, Choice, Line
from ivr.store import keys
from ivr.store.codec import load, plain
from ivr.store.holders import HolderBook

# The call, the holder (named by this request's digits, or remembered by the call) and how
# each of the holder's cards stands: a turn costs one read and one write.
_READ_TURN: Final = """
local now = redis.call('TIME')
local call = redis.call('GET', KEYS[1])
local ref = ARGV[1]
if ref == '' and call then ref = cjson.decode(call)['facts']['holder_ref'] or '' end
if ref == '' then return {now[1], call} end
local holder = redis.call('HMGET', ARGV[2] .. ref, 'record', 'cards')
local cards = {}
for card in string.gmatch(holder[2] or '', '%S+') do
  table.insert(cards, {
    card, redis.call('GET', ARGV[3] .. card), redis.call('GET', ARGV[4] .. card)})
end
return {now[1], call, ref, holder[1], cards}
"""

# A repeated request that was slow must not set the call back to an earlier turn.
_SAVE: Final = """
local known = redis.call('GET', KEYS[1])
if known and cjson.decode(known)['turn'] >= tonumber(ARGV[2]) then return end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
redis.call('HINCRBY', KEYS[2], ARGV[4], 1)
"""


@dataclass(frozen=True)
class Standing:
    """How a card stands: suspended or not, and what we believe of its financial function."""

    suspension: Suspension | None = None
    block: Block | None = None


@dataclass(frozen=True)
class Snapshot:
    """All that one turn may need, read at one moment (`now`, unix seconds by Redis' clock)."""

    now: int
    call: Call | None
    holder_ref: str = ""
    holder: Holder | None = None
    standings: Mapping[str, Standing] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)  # by card ref, in the holder's order


class CallBook:
    """Calls by CallSid; a call is forgotten an hour after its last turn."""

    def __init__(self, redis: "Redis", holders: HolderBook) -> None:
        self._redis = redis
        self._holders = holders
        self._read_turn = redis.register_script(_READ_TURN)
        self._save = redis.register_script(_SAVE)

    def read(self, call_sid: str, holder_ref: str = "") -> Snapshot:
        """The call and everything about its holder; `holder_ref` names the one just keyed in."""
        prefixes = [keys.holder(""), keys.loss(""), keys.block("")]
        found = self._read_turn(keys=[keys.call(call_sid)], args=[holder_ref, *prefixes])
        now, call_text, ref, record, cards = [*cast("list[Any]", found), "", None, ()][:5]
        call = None if call_text is None else load_call(call_text)
        if record is None:
            return Snapshot(int(now), call, plain(ref or ""))
        holder = self._holders.unpack(record)
        standings = {plain(card): _standing(loss, block) for card, loss, block in cards}
        by_ref = dict(zip(standings, holder.cards, strict=True))
        return Snapshot(int(now), call, plain(ref), holder, standings, by_ref)

    def save(self, call: Call, counted: str) -> None:
        """Remembers the call and counts `counted`, in one round trip; a turn that is remembered
        already, or a later one, stays as it is.
        """
        self._save(
            keys=[keys.call(call.sid), keys.COUNTERS],
            args=[dump_call(call), call.turn, keys.CALL_SECONDS, counted],
        )

    def count_end(self) -> None:
        """Counts a call that Twilio says is over."""
        self._redis.hincrby(keys.COUNTERS, "calls_ended", 1)


def dump_call(call: Call) -> str:
    """A call as JSON."""
    return json.dumps(asdict(call), ensure_ascii=False, separators=(",", ":"))


def load_call(text: str | bytes) -> Call:
    """A call from its JSON."""
    fields = json.loads(text)
    said = tuple(Line(**line) for line in fields.pop("said"))
    choices = tuple(Choice(**choice) for choice in fields.pop("choices"))
    return Call(**fields, said=said, choices=choices)


def _standing(loss: bytes | None, block: bytes | None) -> Standing:
    return Standing(
        None if loss is None else load(Suspension, loss),
        None if block is None else load(Block, block),
    )
