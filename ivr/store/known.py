"""A holder with all cards and how each stands, read at one moment."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ivr.cards.block import Block, BlockState
from ivr.cards.records import Card, Holder
from ivr.store import keys
from ivr.store.block_times import READ_DAY, times_of
from ivr.store.cases import READ_CASE, Guard, Reading, reading_of
from ivr.store.codec import place
from ivr.store.vault import IN_CLEAR

WAITING: Final = (BlockState.NOTIFIED, BlockState.RECEIVED)  # for the bank's word

# A card whose bank has not said "blocked" comes with the bank's times of the last day; without them
# while it does not answer, for then they promise nothing.
READ_HOLDER: Final = f"""
{READ_CASE}
{READ_DAY}
local waits = {{{", ".join(f"{state} = true" for state in WAITING)}}}
local function usual_of(block)
  if not waits[field_of(block, {place(Block, "state")})] then return false end
  local bank = field_of(block, {place(Block, "bank")})
  return call('EXISTS', '{keys.bank_health("")}' .. bank) == 0 and last_day(bank)
end
local function read_holder(ref)
  local record = call('GET', '{keys.holder("")}' .. ref)
  local cases = {{}}
  for card in string.gmatch(string.match(record or '', '{IN_CLEAR}'), '%S+') do
    local case = read_case(card)
    case[5] = usual_of(case[3])
    table.insert(cases, case)
  end
  return {{ref, record, cases}}
end
"""


@dataclass(frozen=True)
class KnownHolder:
    """`cards` and `readings` are by card reference, in the holder's order. `guard`: what the
    holder's own record must still say when a change is committed that rests on it. `read_at`:
    when it was read, by this machine's monotonic clock.
    """

    ref: str
    holder: Holder
    cards: Mapping[str, Card]
    readings: Mapping[str, Reading]
    guard: Guard
    read_at: float


def known_holder(
    now: bytes | int, found: Sequence[Any], unpack: Callable[[str, bytes], Holder]
) -> KnownHolder | None:
    """What `read_holder` answers; None when there is no such holder."""
    ref, record, cases = found
    if record is None:
        return None
    holder = unpack(ref.decode(), record)
    guard = (("GET", keys.holder(ref.decode())), record)
    readings = [
        replace(reading_of(now, case), usual=times_of(usual) if usual else None)
        for *case, usual in cases
    ]
    refs = [reading.case.card_ref for reading in readings]
    cards = dict(zip(refs, holder.cards, strict=True))
    by_ref = dict(zip(refs, readings, strict=True))
    return KnownHolder(ref.decode(), holder, cards, by_ref, guard, time.monotonic())
