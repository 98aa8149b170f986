"""A holder with all cards and how each stands, read at one moment."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ivr.cards.records import Card, Holder
from ivr.store import keys
from ivr.store.cases import READ_CASE, Guard, Reading, reading_of
from ivr.store.vault import IN_CLEAR

READ_HOLDER: Final = f"""
{READ_CASE}
local function read_holder(ref)
  local record = call('GET', '{keys.holder("")}' .. ref)
  local cases = {{}}
  for card in string.gmatch(string.match(record or '', '{IN_CLEAR}'), '%S+') do
    table.insert(cases, read_case(card))
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
    readings = [reading_of(now, case) for case in cases]
    refs = [reading.case.card_ref for reading in readings]
    cards = dict(zip(refs, holder.cards, strict=True))
    by_ref = dict(zip(refs, readings, strict=True))
    return KnownHolder(ref.decode(), holder, cards, by_ref, guard, time.monotonic())
