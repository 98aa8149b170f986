"""A holder with all cards and how each stands, read at one moment."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ivr.cards.records import Card, Holder
from ivr.store import keys
from ivr.store.cases import READ_CASE, Guard, Reading, reading_of

READ_HOLDER: Final = f"""
{READ_CASE}
local function read_holder(ref)
  local holder = call('HMGET', '{keys.holder("")}' .. ref, 'record', 'cards')
  local cases = {{}}
  for card in string.gmatch(holder[2] or '', '%S+') do table.insert(cases, read_case(card)) end
  return {{ref, holder[1], cases}}
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
    guard = (("HGET", keys.holder(ref.decode()), "record"), record)
    readings = [reading_of(now, case) for case in cases]
    refs = [reading.case.card_ref for reading in readings]
    cards = dict(zip(refs, holder.cards, strict=True))
    by_ref = dict(zip(refs, readings, strict=True))
    return KnownHolder(ref.decode(), holder, cards, by_ref, guard, time.monotonic())
