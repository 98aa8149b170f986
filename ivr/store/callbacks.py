"""Call-backs that callers have left: who waits longest is called first. The number is sealed.

One telephone number waits once, however often it is left. What is taken by an operator and not done
stays on record, so nobody is lost with the operator's computer.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, cast

import msgspec
from redis import Redis

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.journal import Journal
from ivr.store.unreadable import CALLS, naming, passing_over
from ivr.store.vault import Vault, in_clear

# The first of these who waits still (or the one named, ARGV[1]) is taken by one operator, never by
# two. One whose record has ended is passed over.
_TAKE = f"""
local now = redis.call('TIME')[1]
local is_named = table.remove(ARGV, 1) == '1'
for _, id in ipairs(ARGV) do
  local waits = redis.call('ZREM', KEYS[1], id) == 1
  local is_taken = is_named and redis.call('ZSCORE', KEYS[2], id)
  if redis.call('EXISTS', '{keys.callback("")}' .. id) == 0 then
    redis.call('ZREM', KEYS[2], id)
  elseif waits or is_taken then
    redis.call('ZADD', KEYS[2], now, id)
    return id
  end
end
return false
"""

# How many wait, and since when the first does. What has ended is dropped from both lists. What is
# no list is answered last. KEYS: `callbacks` and `callbacks:taken`.
COUNT_WAITING: Final = f"""
{CALLS}
for _, place in ipairs(KEYS) do
  for _, id in ipairs(try('ZRANGE', place, 0, -1) or {{}}) do
    if redis.call('EXISTS', '{keys.callback("")}' .. id) == 0 then redis.call('ZREM', place, id) end
  end
end
local first = try('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES') or {{}}
return {{try('ZCARD', KEYS[1]) or 0, first[2] or false, wrong}}
"""


@dataclass(frozen=True)
class Callback:
    """Somebody who waits to be called. id: a reference of the number. number: E.164. topic: the
    prompt that names what the call was about. last4: of the ID number, "" when none was keyed.
    left_at, taken_at: unix seconds; taken_at 0 while nobody has taken it. taken_by: "" also when
    that was not written down any more. holder_ref: whom the call was about, "" when that is nobody
    on record.
    """

    id: str
    number: str = field(repr=False)
    language: str
    topic: str
    last4: str
    report_number: str
    left_at: int
    taken_by: str = ""
    taken_at: int = 0
    holder_ref: str = ""


class Callbacks:
    """Keeps call-backs in the order in which they were left."""

    def __init__(self, redis: Redis, vault: Vault, journal: Journal) -> None:
        self._redis = redis
        self._vault = vault
        self._journal = journal
        self._take = redis.register_script(_TAKE)

    def ref(self, number: str) -> str:
        """By what a number's call-back is found."""
        return self._vault.ref("callback", number)

    def leave(self, callback: Callback) -> None:
        """Puts it last in the queue. Of a number that waits already the place stays, and the
        context is new; one that was taken and not done waits again.
        """
        with naming(self._redis, keys.CALLBACKS), self._redis.pipeline() as pipe:
            pipe.set(*self._record(callback), ex=keys.CALLBACK_SECONDS)
            pipe.zadd(keys.CALLBACKS, {callback.id: callback.left_at}, nx=True)
            pipe.zrem(keys.CALLBACKS_TAKEN, callback.id)
            for words in self._journal.write(Entry("callback_left", {"callback": callback.id})):
                pipe.execute_command(*words)
            pipe.execute()

    def waiting(self) -> list[Callback]:
        """Those nobody has taken, longest first."""
        return [found for _, _, found in self._readable(keys.CALLBACKS) if found]

    def taken(self) -> list[Callback]:
        """Those that are taken and not done, longest first. Of one whose taker was killed before he
        wrote it down, when is known all the same.
        """
        return [
            replace(found, taken_at=found.taken_at or at)
            for _, at, found in self._readable(keys.CALLBACKS_TAKEN)
            if found
        ]

    def take(self, by: str, now: int, callback_id: str = "") -> Callback | None:
        """The one who waits longest, for one operator to call; None when nobody waits. An id takes
        that one, even from another operator. One that cannot be read is named, and waits on.

        Raises:
            UnreadableRecordError: the one of this id cannot be read.
        """
        if callback_id:
            self._find(callback_id)
        waiting = (each for each, _, _ in self._readable(keys.CALLBACKS))
        ids = [callback_id] if callback_id else list(waiting)
        with naming(self._redis, keys.CALLBACKS):
            places, is_named = [keys.CALLBACKS, keys.CALLBACKS_TAKEN], int(callback_id != "")
            taken = self._take(keys=places, args=[is_named, *ids])
        found = None if taken is None else self._find(plain(taken))
        if found is None:
            return None
        found = replace(found, taken_by=by, taken_at=now)
        self._redis.set(*self._record(found), keepttl=True, xx=True)
        self._journal.note(Entry("callback_taken", {"callback": found.id, "by": by}))
        return found

    def give_back(self, callback_id: str, by: str) -> bool:
        """Nobody answered: it waits again, in its old place. False when it is not taken."""
        found = self._find(callback_id)
        if found is None or self._redis.zscore(keys.CALLBACKS_TAKEN, callback_id) is None:
            return False
        waits = replace(found, taken_by="", taken_at=0)
        with self._redis.pipeline() as pipe:  # all of it, or it is still taken
            pipe.zrem(keys.CALLBACKS_TAKEN, callback_id)
            pipe.set(*self._record(waits), keepttl=True, xx=True)
            pipe.zadd(keys.CALLBACKS, {callback_id: found.left_at})
            pipe.execute()
        self._journal.note(Entry("callback_given_back", {"callback": callback_id, "by": by}))
        return True

    def finish(self, callback_id: str, by: str) -> bool:
        """Done: its record is deleted. False when there is no such call-back."""
        return self._delete(
            callback_id, Entry("callback_done", {"callback": callback_id, "by": by})
        )

    def remove_holder(self, ref: str, phone: str, by: str) -> None:
        """Nobody calls back about this holder any more. `phone`: the registered one, "" when it is
        not known; what was left for it goes too, unless it was about somebody else.
        """
        own = self.ref(phone) if phone else ""
        for place in (keys.CALLBACKS, keys.CALLBACKS_TAKEN):
            for each, _ in self._ids(place):
                whose = self._about(each) or (ref if each == own else "")
                if whose == ref:
                    fields = {"callback": each, "by": by}
                    self._delete(each, Entry("callback_removed", fields))

    def _about(self, callback_id: str) -> str:
        """Whom it is about, by reference, also when nobody can open it; "" for nobody on record."""
        name = keys.callback(callback_id)
        with passing_over(self._redis, name):
            return in_clear(self._redis.get(name) or b"")
        return ""

    def _delete(self, callback_id: str, entry: Entry) -> bool:
        with self._redis.pipeline() as pipe:
            pipe.delete(keys.callback(callback_id))
            pipe.zrem(keys.CALLBACKS, callback_id)
            pipe.zrem(keys.CALLBACKS_TAKEN, callback_id)
            deleted, *_ = pipe.execute()
        if deleted:
            self._journal.note(entry)
        return bool(deleted)

    def _ids(self, place: str) -> list[tuple[str, int]]:
        """Ids and when each was left, or taken."""
        with naming(self._redis, place):
            found = cast("list[Any]", self._redis.zrange(place, 0, -1, withscores=True))
            return [(plain(name), int(at)) for name, at in found]

    def _readable(self, place: str) -> Iterator[tuple[str, int, Callback | None]]:
        """Id, when it was left or taken, and record; None for one that has ended. One that cannot
        be read is named.
        """
        for each, at in self._ids(place):
            with passing_over(self._redis, keys.callback(each)):
                yield each, at, self._find(each)

    def _find(self, callback_id: str) -> Callback | None:
        name = keys.callback(callback_id)
        with naming(self._redis, name):
            sealed = self._redis.get(name)
        return None if sealed is None else Callback(**self._vault.unseal(sealed, name))

    def _record(self, callback: Callback) -> tuple[str, Any]:
        """Whom it is about can be read without a key, so that it goes with its holder."""
        name = keys.callback(callback.id)
        packed = msgspec.msgpack.encode(asdict(callback))
        return name, self._vault.close(packed, name, clear=callback.holder_ref)
