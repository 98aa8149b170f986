"""Why a sender's signatures did not hold, for the sender's own page: nothing of the request itself.

Anybody can send what is not signed, so little is kept, and a flood is written down only now and
then: it fills nothing, and no write keeps others waiting. What the sender has proven to be its own
stands in a list of its own, which nobody else can fill.
"""

from dataclasses import dataclass
from typing import Final

from redis import Redis

from ivr.store import keys
from ivr.store.unreadable import CALLS, naming, note_wrong_kinds, read_all

MOST_KEPT: Final = 50
MOST_A_MINUTE: Final = 10

# A stranger's costs the same round trip, so that the time does not tell whom we know.
_KEEP: Final = f"""
{CALLS}
local at = tonumber(redis.call('TIME')[1])
local before = try('LINDEX', KEYS[1], {MOST_A_MINUTE - 1})
if ARGV[1] == '' or #wrong > 0 then return wrong end
local is_flood = at - tonumber(string.match(before or '', '^%[(%d+),') or 0) < 60
if is_flood then return wrong end
local seconds = tonumber(ARGV[3])
call('LPUSH', KEYS[1], cjson.encode({{at, ARGV[1], ARGV[2], seconds}}))
call('LTRIM', KEYS[1], 0, {MOST_KEPT - 1})
call('EXPIRE', KEYS[1], {keys.SIGNATURE_FAULTS_SECONDS})
return wrong
"""


@dataclass(frozen=True)
class SignatureFault:
    """A request that was not let in.

    at: unix seconds. route: which door. fault: a word of `Fault` (web/bank_signature.py). seconds:
    how far its moment was ahead of our clock, negative when behind.
    """

    at: int
    route: str
    fault: str
    seconds: int = 0


class SignatureFaults:
    """The last of each sender, for a week."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keep = redis.register_script(_KEEP)

    def keep(
        self, sender: str, route: str, fault: str, seconds: int, *, is_proven: bool = False
    ) -> None:
        """Of an empty sender, a stranger, nothing is kept. is_proven: the signature was right.

        Raises:
            redis.RedisError: it was not kept.
        """
        place = _place(sender, is_proven=is_proven)
        with naming(self._redis, place):
            wrong = self._keep(keys=[place], args=[route if sender else "", fault, seconds])
            note_wrong_kinds(self._redis, wrong)

    def latest(self, sender: str) -> list[SignatureFault]:
        """What is kept of a sender, newest first.

        Raises:
            UnreadableRecordError: something else stands there.
        """
        listed: list[tuple[str, bytes | str]] = []
        for place in (_place(sender, is_proven=True), _place(sender, is_proven=False)):
            with naming(self._redis, place):
                listed += ((place, text) for text in self._redis.lrange(place, 0, -1))
        found = read_all(self._redis, SignatureFault, listed)
        return sorted(found, key=lambda fault: fault.at, reverse=True)


def _place(sender: str, *, is_proven: bool) -> str:
    return keys.signature_faults(f"proven:{sender}" if is_proven else sender)
