"""Looks a holder or a card up for somebody, and writes down in the same step who that was.

One who finds nothing is written down as well. What cannot be written down is not shown.
"""

from typing import Final, NamedTuple

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.unreadable import CALLS
from ivr.store.vault import IN_CLEAR

LOOKED_UP: Final = "looked_up"


class Look(NamedTuple):
    """Who looks, and what for. channel: text, bank, subscriber or operator (a call's look is
    written with its turn). by: a bank's or subscriber's id, an operator's name. purpose: a prompt,
    an event's type, a command.
    """

    channel: str
    by: str
    purpose: str


def looked_up(look: Look, *, holder: str, cards: str, found: bool) -> Entry:
    """The journal's entry. `holder` is a reference, `cards` are references with blanks between
    them; empty for what nobody knows.
    """
    fields = {"holder": holder, "cards": cards, "channel": look.channel, "by": look.by,
              "purpose": look.purpose, "found": "1" if found else ""}  # fmt: skip
    return Entry(LOOKED_UP, fields)


# KEYS: the record, the journal, the counters. ARGV: "holder" or "card", its reference, of a holder
# the only cards that matter (or "": all), and the look. A card's record begins with its holder's
# reference, a holder's with the cards' references.
LOOK: Final = f"""
{CALLS}
local what, ref, cards, channel, by, purpose = unpack(ARGV)
local record = call('GET', KEYS[1])
local clear = string.match(record or '', '{IN_CLEAR}')
local holder = ref
if what == 'card' then
  holder, cards = string.match(clear, '%S+') or '', ref
elseif cards == '' then
  cards = clear
end
local words = {{'event', '{LOOKED_UP}'}}
local function add(name, value)
  if value ~= '' then words[#words + 1] = name; words[#words + 1] = value end
end
add('holder', holder)
add('cards', cards)
add('channel', channel)
add('by', by)
add('purpose', purpose)
add('found', record and '1' or '')
call('XADD', KEYS[2], '*', unpack(words))
try('HINCRBY', KEYS[3], 'event:{LOOKED_UP}', 1)
return record
"""
PLACES: Final = (keys.JOURNAL, keys.COUNTERS)
