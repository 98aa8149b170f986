"""The cards that are suspended now, page by page: a subscriber compares them with its own list.

`suspended` has a member for each, in the order of cities and references. It is kept with every
change of a case. A card that Redis has released meanwhile leaves it when somebody looks, and so
does one that came into another city when nobody could say where it was.
"""

import re
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, cast

from redis import Redis

from ivr.cards.loss import Suspension
from ivr.cards.notice_bodies import iso
from ivr.store import keys
from ivr.store.card_checks import CHANNEL, COUNT, within_quota
from ivr.store.codec import plain
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.looks import Look, looked_up
from ivr.store.owner import IN_LUA, letters_of, read_owner
from ivr.store.reconciliation import UnknownCursorError
from ivr.store.unreadable import CALLS, naming, passing_over, read
from ivr.subscribers_file import Subscriber

PAGE: Final = 200
_MEMBER: Final = re.compile("([0-9]{4}):[A-Za-z0-9_-]{22}")  # anything else may be a card's number
PURPOSE: Final = "suspensions"

# KEYS: the list, the count of the subscriber's questions. ARGV: how many of these there may be in a
# minute, how many cards at most, where to begin, the cities in order, each with its letters in a
# card's record. A city's members lie between its colon and the sign after that, ";". A record of
# another kind is answered as an empty text, which nobody can read.
_PAGE: Final = f"""
{CALLS}
local counted, most, after, found = KEYS[2], tonumber(ARGV[2]), ARGV[3], {{}}
local function text(key)
  local before = #wrong
  local answer = try('GET', key)
  return #wrong > before and '' or answer
end
{COUNT}
if asked > tonumber(ARGV[1]) then return {{asked, redis.call('TTL', counted), found}} end
for n = 4, #ARGV, 2 do
  local first, last = '[' .. ARGV[n] .. ':', '(' .. ARGV[n] .. ';'
  if after >= ARGV[n] .. ';' then first = nil
  elseif after > ARGV[n] .. ':' then first = '(' .. after end
  local room = most + 1 - #found
  local members = first and room > 0
    and call('ZRANGEBYLEX', KEYS[1], first, last, 'LIMIT', 0, room) or {{}}
  for _, member in ipairs(members) do
    local ref = string.sub(member, 6)
    local loss, card = text('{keys.loss("")}' .. ref), text('{keys.card("")}' .. ref)
    local _, city = string.match(card or '', '{IN_LUA}')
    if city and city ~= '' and city ~= ARGV[n + 1] then loss = false end
    if not loss then call('ZREM', KEYS[1], member) end
    found[#found + 1] = {{member, loss, card}}
  end
end
return {{asked, 0, found}}
"""


@dataclass(frozen=True)
class SuspensionPage:
    """One page, and the cursor of the next one (None at the end).

    left_out: how many cards more are suspended, of which a record cannot be read.
    is_last: whether the next question of this minute will be refused.
    """

    suspensions: list[dict[str, Any]]
    left_out: int
    next: str | None
    is_last: bool


class Suspensions:
    """Reads what is suspended in a subscriber's cities."""

    def __init__(self, redis: Redis, holders: Holders, journal: Journal) -> None:
        self._redis = redis
        self._holders = holders
        self._journal = journal
        self._page = redis.register_script(_PAGE)

    def page(self, subscriber: Subscriber, cursor: str) -> SuspensionPage:
        """Up to 200 cards after the cursor; "" gives the first page. A page may have fewer, and the
        list still go on. Each is journalled, so each counts as one question of a card.

        Raises:
            TooManyChecksError: the subscriber must wait.
            UnknownCursorError: no page of this subscriber's ended so.
        """
        match = _MEMBER.fullmatch(cursor)
        if cursor and (match is None or match[1] not in subscriber.cities):
            raise UnknownCursorError
        most = subscriber.checks_per_minute
        in_order = sorted(set(subscriber.cities))
        cities = chain.from_iterable((city, letters_of(city)) for city in in_order)
        with naming(self._redis, keys.SUSPENDED):
            answer = self._page(
                keys=[keys.SUSPENDED, keys.asked_lately(subscriber.id)],
                args=[most, PAGE, cursor, *cities],
            )
        asked, seconds, found = cast("list[Any]", answer)
        within_quota(asked, most, seconds)
        shown, unreadable = self._suspensions(found[:PAGE])
        suspensions, unknown = self._described(subscriber, shown)
        return SuspensionPage(
            suspensions,
            unreadable + unknown,
            plain(found[PAGE - 1][0]) if len(found) > PAGE else None,
            asked == most,
        )

    def _suspensions(self, found: list[list[Any]]) -> tuple[dict[str, tuple[Suspension, str]], int]:
        """Card ref -> what suspends it, and its holder's reference; and of how many nobody can read
        that. Who left the directory is left out, for nobody knows the card's number any more.
        """
        texts = {
            plain(member).partition(":")[2]: (loss, record)
            for member, loss, record in found
            if loss is not None and record is not None
        }
        known: dict[str, tuple[Suspension, str]] = {}
        for ref, (loss, record) in texts.items():
            with passing_over(self._redis, keys.card(ref)):
                if owner := read_owner(record):
                    known[ref] = read(Suspension, keys.loss(ref), loss), owner.holder
        return known, len(texts) - len(known)

    def _described(
        self, subscriber: Subscriber, shown: dict[str, tuple[Suspension, str]]
    ) -> tuple[list[dict[str, Any]], int]:
        """The cards, and how many nobody can read. Nobody is shown what is not journalled."""
        look = Look(CHANNEL, subscriber.id, PURPOSE)
        self._journal.note(looked_up(look, holder="", cards=" ".join(shown), found=bool(shown)))
        cards = self._holders.cards_of(list({holder: None for _, holder in shown.values()}))
        readable = {ref: held for ref, (held, _) in shown.items() if ref in cards}
        described = [
            {
                "card_number": cards[ref].number,
                "until": None if held.release_at is None else iso(held.release_at),
            }
            for ref, held in readable.items()
            if cards[ref].city in subscriber.cities
        ]
        return described, len(shown) - len(readable)
