"""Visits of the website: whom they are about, what was proven and chosen. No digits, no address.

`visit:<ref>` is a hash of the visit's JSON, the holder it is about, how long it waits for the next
request, when it began, and its last look-up. `ref` is a keyed hash of the visitor's cookie.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script

from ivr.store import keys
from ivr.store.codec import dump, plain
from ivr.store.holders import Holders
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.limits import COUNT_LOOK_UP, LATELY, Limiting, LookUp
from ivr.store.scripts import ScriptCall
from ivr.store.unreadable import CALLS, naming, read
from ivr.store.vault import Vault

_LEFT: Final = f"""
local function left(born, seconds, now)
  return math.min(tonumber(seconds), tonumber(born) + {keys.DAY} - tonumber(now))
end
"""
_READ: Final = f"""
{READ_HOLDER}
{LATELY}
{_LEFT}
local now = redis.call('TIME')[1]
local fields = call('HMGET', KEYS[1], 'visit', 'holder', 'seconds', 'born')
local text, ref, seconds, born = unpack(fields)
if not text then return {{now, false}} end
if left(born, seconds, now) <= 0 then
  redis.call('DEL', KEYS[1])
  return {{now, false}}
end
redis.call('EXPIRE', KEYS[1], left(born, seconds, now))
local holder = ref ~= '' and read_holder(ref)
return {{now, text, holder, ref ~= '' and is_guessed_at(ref, tonumber(now))}}
"""

# The look-up is counted and journalled once for each of a visit, by its number (ARGV[3]). Of two
# first ones at one moment both are told the same beginning.
_LOOK_UP: Final = f"""
{READ_HOLDER}
{COUNT_LOOK_UP}
local now = redis.call('TIME')[1]
local holder = read_holder(ARGV[1])
local met = look_up(tonumber(now), holder[3])
redis.call('HSETNX', KEYS[1], 'born', now)
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], {keys.VISIT_SECONDS}) end
local born = redis.call('HGET', KEYS[1], 'born')
return {{now, met, holder, is_guessed_at(ARGV[1], tonumber(now)), born}}
"""

# A visit that has ended is not begun again by a request that was slow. KEYS: the visit, and the one
# it takes over from, which answers the same request once more for a moment.
_SAVE: Final = f"""
{_LEFT}
if redis.call('EXISTS', KEYS[#KEYS]) == 0 then return 0 end
local now = redis.call('TIME')[1]
local text, ref, seconds, born = unpack(ARGV)
redis.call('HSET', KEYS[1], 'visit', text, 'holder', ref, 'seconds', seconds, 'born', born)
redis.call('EXPIRE', KEYS[1], math.max(1, left(born, seconds, now)))
if KEYS[2] then redis.call('EXPIRE', KEYS[2], 30) end
return 1
"""

# Counts a second factor as wrong before anybody knows whether it is, so that many at one moment are
# no more than one after the other. A right one is forgiven.
_TRY: Final = f"""
{CALLS}
{LATELY}
local now = redis.call('TIME')[1]
if is_guessed_at(ARGV[1], tonumber(now)) then return 0 end
if try('ZADD', KEYS[1], now, ARGV[2]) then redis.call('EXPIRE', KEYS[1], {keys.DAY}) end
return 1
"""


@dataclass(frozen=True)
class Visit:
    """One visit. Times are unix seconds by Redis' clock.

    holder_ref: the reference of the ID number that was entered, whether anybody has it or not.
    looks: how many ID numbers were entered. tries: how many second factors were wrong.
    codes: the questions for which a code was texted, if there is anybody to text, and when.
    proven: by which second factor, "code" or "tail"; "" before.
    chosen: the cards to report, by reference; origin: of their reports.
    outcomes: what came of it, by card. objected: the outcome of an objection.
    stopped: why the website cannot go on with this holder; "" when it can.
    """

    born: int
    holder_ref: str = ""
    looks: int = 0
    tries: int = 0
    codes: tuple[tuple[str, int], ...] = ()
    proven: str = ""
    chosen: tuple[str, ...] = ()
    origin: str = ""
    outcomes: tuple[tuple[str, str], ...] = ()
    objected: str = ""
    stopped: str = ""
    is_long: bool = False

    @property
    def seconds(self) -> int:
        """How long it waits for the next request."""
        return keys.LONG_VISIT_SECONDS if self.is_long else keys.VISIT_SECONDS


@dataclass(frozen=True)
class Sight:
    """What one request may need, read at one moment (`now`). `known`: the holder, if there is one.
    `met`: the limit that its look-up meets. `is_guessed_at`: too many second factors were wrong for
    that ID number lately. `born`: of a look-up, when its visit began.
    """

    now: int
    visit: Visit | None
    known: KnownHolder | None = None
    met: str = ""
    is_guessed_at: bool = False
    born: int = 0


class Visits:
    """Visits by the reference of their cookie."""

    def __init__(self, redis: Redis, vault: Vault, holders: Holders, limiting: Limiting) -> None:
        self._redis = redis
        self._vault = vault
        self._holders = holders
        self._limiting = limiting
        self._read = redis.register_script(_READ)
        self._look_up = redis.register_script(_LOOK_UP)
        self._save = redis.register_script(_SAVE)
        self._try = redis.register_script(_TRY)

    def ref(self, cookie: str) -> str:
        """The reference of a visitor's cookie."""
        return self._vault.ref("visit", cookie)

    def token(self, cookie: str) -> str:
        """What a form of this visitor carries, and nobody else's can."""
        return self._vault.ref("form", cookie)

    def next_cookie(self, cookie: str, holder_ref: str) -> str:
        """The cookie after a proof: nobody who planted the one before can know it, and the same
        request once more gets the same.
        """
        return self._vault.ref("cookie after proof", f"{cookie} {holder_ref}")

    def read(self, ref: str) -> Sight:
        """The visit with its holder, and one more wait for the next request. One round trip."""
        with naming(self._redis, keys.visit(ref)):
            found = cast("list[Any]", self._read(keys=[keys.visit(ref)]))
            now, text, holder, guessed = [*found, None, None][:4]
            visit = None if text is None else read(Visit, keys.visit(ref), text)
            return Sight(int(now), visit, self._known(now, holder), "", guessed is not None)

    def look_up(self, ref: str, number: int, look_up: LookUp) -> Sight:
        """The holder of an ID number just entered, the `number`th of this visit: counted and
        journalled once. One round trip, the same whether anybody has it.
        """
        places, args = self._limiting.counting(ref, look_up)
        names = [keys.visit(ref), keys.COUNTERS, keys.reported_by(look_up.caller.ref), *places]
        with naming(self._redis):
            found = self._look_up(keys=names, args=[look_up.holder_ref, "", number, *args])
            now, met, holder, guessed, born = cast("list[Any]", found)
            known = self._known(now, holder)
        return Sight(int(now), None, known, plain(met or ""), guessed is not None, int(born))

    def save(self, ref: str, visit: Visit) -> None:
        """Saves the visit, if it has not ended."""
        call = self.saving(ref, visit)
        call.script(keys=call.keys, args=call.args)

    def saving(self, ref: str, visit: Visit, before: str = "") -> ScriptCall:
        """The same as a script to be run with others. `before`: the visit it takes over from."""
        places = [keys.visit(name) for name in (ref, before) if name]
        args = [dump(visit), visit.holder_ref, visit.seconds, visit.born]
        return ScriptCall(self._save, places, args)

    def may_try(self, holder_ref: str, name: str) -> bool:
        """Whether one more second factor may be tried for an ID number; it counts as wrong until
        it is forgiven.
        """
        script: Script = self._try
        return bool(script(keys=[keys.mistaken(holder_ref)], args=[holder_ref, name]))

    def prove(self, ref: str, before: str, visit: Visit, forgiven: str) -> None:
        """Goes on as `ref` with what is proven; the try that was right is no mistake."""
        call = self.saving(ref, visit, before)
        self._redis.zrem(keys.mistaken(visit.holder_ref), forgiven)
        call.script(keys=call.keys, args=call.args)

    def end(self, ref: str) -> None:
        """Forgets the visit."""
        self._redis.delete(keys.visit(ref))

    def _known(self, now: Any, holder: Any) -> KnownHolder | None:
        return known_holder(now, holder, self._holders.unpack) if holder else None
