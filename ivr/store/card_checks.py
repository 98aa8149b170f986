"""Is this card suspended? What a subscriber is told of it, in one round trip.

The question is counted, answered by what stands in Redis at that moment, and written into the
journal, in one step. A card that nobody knows, or of a city that is not the subscriber's, takes the
same way and gets the answer of a normal one.
"""

from typing import Any, Final, NamedTuple, cast

from redis import Redis

from ivr.cards.loss import Suspension
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.looks import LOOKED_UP
from ivr.store.owner import IN_LUA, letters_of
from ivr.store.unreadable import CALLS, naming, note_wrong_kinds, read
from ivr.store.vault import Vault
from ivr.subscribers_file import Subscriber

PURPOSE: Final = "card.check"
CHANNEL: Final = "subscriber"  # of the looks in the journal

# Counts one question of a subscriber, under the key `counted`.
COUNT: Final = f"""
local asked = try('INCR', counted) or 1
if asked == 1 then try('EXPIRE', counted, {keys.ASKED_LATELY_SECONDS}) end
"""

# KEYS: the count, the suspension, the card, the journal, the counters. ARGV: the subscriber, how
# often it may ask in a minute, the card's reference, the cities as a card's record has them.
_CHECK: Final = f"""
{CALLS}
local counted, loss_key, card_key, journal, counters = unpack(KEYS)
local by, most, ref = ARGV[1], tonumber(ARGV[2]), ARGV[3]
{COUNT}
if asked > most then return {{asked, redis.call('TTL', counted), false, wrong}} end
local card, loss = call('GET', card_key), call('GET', loss_key)
local holder, city = string.match(card or '', '{IN_LUA}')
local is_theirs = false
for n = 4, #ARGV do is_theirs = is_theirs or ARGV[n] == city end
local words = {{'event', '{LOOKED_UP}'}}
local function add(name, value)
  if value and value ~= '' then words[#words + 1] = name; words[#words + 1] = value end
end
add('holder', holder)
add('cards', ref)
add('channel', '{CHANNEL}')
add('by', by)
add('purpose', '{PURPOSE}')
add('found', is_theirs and '1')
call('XADD', journal, '*', unpack(words))
try('HINCRBY', counters, 'event:{LOOKED_UP}', 1)
return {{asked, 0, is_theirs and loss, wrong}}
"""


class TooManyChecksError(HotlineError):
    """A subscriber asks more often than it may; `.seconds`, until it may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("too many checks in one minute")
        self.seconds = seconds


class Checked(NamedTuple):
    """suspension: what suspends the card now; None for nothing. is_last: whether the next question
    of this minute will be refused.
    """

    suspension: Suspension | None
    is_last: bool


def within_quota(asked: int, most: int, seconds: int) -> None:
    """Raises: TooManyChecksError: this one was too many, for so many seconds."""
    if asked > most:
        raise TooManyChecksError(max(seconds, 1))


class CardChecks:
    """Answers subscribers."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault
        self._check = redis.register_script(_CHECK)

    def check(self, subscriber: Subscriber, card_number: str) -> Checked:
        """How the card of this number stands, as far as it is this subscriber's to know.

        Raises:
            TooManyChecksError: the subscriber must wait; the question was not looked into.
            UnreadableRecordError: nobody can say how the card stands.
        """
        ref, most = self._vault.ref("card", card_number), subscriber.checks_per_minute
        places = [keys.asked_lately(subscriber.id), keys.loss(ref), keys.card(ref), keys.JOURNAL,
                  keys.COUNTERS]  # fmt: skip
        args: list[str | int] = [subscriber.id, most, ref, *map(letters_of, subscriber.cities)]
        with naming(self._redis):
            answer = self._check(keys=places, args=args)
            asked, seconds, loss, wrong = cast("list[Any]", answer)
            note_wrong_kinds(self._redis, wrong)
            within_quota(asked, most, seconds)
            found = None if loss is None else read(Suspension, keys.loss(ref), loss)
        return Checked(found, asked == most)
