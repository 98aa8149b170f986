"""The cards that are suspended now, page by page: a subscriber compares them with its own list.

`suspended` has a member for each, in the order of cities and references. It is kept with every
change of a case, and a card that Redis has released meanwhile leaves it when somebody looks.
"""

import re
from dataclasses import dataclass
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
from ivr.store.owner import read_owner
from ivr.store.reconciliation import UnknownCursorError
from ivr.store.unreadable import CALLS, naming, passing_over, read
from ivr.subscribers_file import Subscriber

PAGE: Final = 200
_MEMBER: Final = re.compile("([0-9]{4}):[A-Za-z0-9_-]{22}")  # anything else may be a card's number
PURPOSE: Final = "suspensions"

# KEYS: the list, the count of the subscriber's questions. ARGV: how many of these there may be in a
# minute, how many cards at most, where to begin, the cities in order. A city's members lie between
# its colon and the sign after that, ";".
_PAGE: Final = f"""
{CALLS}
local counted, most, after, found = KEYS[2], tonumber(ARGV[2]), ARGV[3], {{}}
{COUNT}
if asked > tonumber(ARGV[1]) then return {{asked, redis.call('TTL', counted), found}} end
for n = 4, #ARGV do
  local first, last = '[' .. ARGV[n] .. ':', '(' .. ARGV[n] .. ';'
  if after >= ARGV[n] .. ';' then first = nil
  elseif after > ARGV[n] .. ':' then first = '(' .. after end
  local room = most + 1 - #found
  local members = first and room > 0
    and call('ZRANGEBYLEX', KEYS[1], first, last, 'LIMIT', 0, room) or {{}}
  for _, member in ipairs(members) do
    local ref = string.sub(member, 6)
    local loss = try('GET', '{keys.loss("")}' .. ref)
    if not loss and wrong[#wrong] ~= '{keys.loss("")}' .. ref then
      call('ZREM', KEYS[1], member)
    end
    found[#found + 1] = {{member, loss, try('GET', '{keys.card("")}' .. ref)}}
  end
end
return {{asked, 0, found}}
"""


@dataclass(frozen=True)
class SuspensionPage:
    """One page, and the cursor of the next one (None at the end).

    is_last: whether the next question of this minute will be refused.
    """

    suspensions: list[dict[str, Any]]
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
        with naming(self._redis, keys.SUSPENDED):
            answer = self._page(
                keys=[keys.SUSPENDED, keys.asked_lately(subscriber.id)],
                args=[most, PAGE, cursor, *sorted(set(subscriber.cities))],
            )
        asked, seconds, found = cast("list[Any]", answer)
        within_quota(asked, most, seconds)
        shown = self._suspensions(found[:PAGE])
        return SuspensionPage(
            self._described(subscriber, shown),
            plain(found[PAGE - 1][0]) if len(found) > PAGE else None,
            asked == most,
        )

    def _suspensions(self, found: list[list[Any]]) -> dict[str, tuple[Suspension, str]]:
        """Card ref -> what suspends it, and its holder's reference. Who left the directory is left
        out, for nobody knows the card's number any more.
        """
        known: dict[str, tuple[Suspension, str]] = {}
        for member, loss, record in found:
            ref = plain(member).partition(":")[2]
            with passing_over(self._redis, keys.card(ref)):
                owner = read_owner(record)
                if loss is not None and owner is not None:
                    known[ref] = read(Suspension, keys.loss(ref), loss), owner.holder
        return known

    def _described(
        self, subscriber: Subscriber, shown: dict[str, tuple[Suspension, str]]
    ) -> list[dict[str, Any]]:
        """Nobody is shown what is not journalled."""
        look = Look(CHANNEL, subscriber.id, PURPOSE)
        self._journal.note(looked_up(look, holder="", cards=" ".join(shown), found=bool(shown)))
        cards = self._holders.cards_of(list({holder: None for _, holder in shown.values()}))
        return [
            {
                "card_number": cards[ref].number,
                "until": None if held.release_at is None else iso(held.release_at),
            }
            for ref, (held, _) in shown.items()
            if ref in cards and cards[ref].city in subscriber.cities
        ]
