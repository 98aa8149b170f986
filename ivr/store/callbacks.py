"""Call-backs that callers have left: who waits longest is called first. The number is sealed.

One telephone number waits once, however often it is left. What is taken by an operator and not done
stays on record, so nobody is lost with the operator's computer.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from redis import Redis

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.journal import Journal
from ivr.store.unreadable import naming, passing_over
from ivr.store.vault import Vault

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


@dataclass(frozen=True)
class Callback:
    """Somebody who waits to be called. id: a reference of the number. number: E.164. topic: the
    prompt that names what the call was about. last4: of the ID number, "" when none was keyed.
    left_at, taken_at: unix seconds; taken_at 0 while nobody has taken it. holder_ref: whom the call
    was about, "" when that is nobody on record.
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
        return list(self._listed(keys.CALLBACKS))

    def taken(self) -> list[Callback]:
        """Those that are taken and not done, longest first."""
        return list(self._listed(keys.CALLBACKS_TAKEN))

    def take(self, by: str, now: int, callback_id: str = "") -> Callback | None:
        """The one who waits longest, for one operator to call; None when nobody waits. An id takes
        that one, even from another operator. One that cannot be read is named, and waits on.

        Raises:
            UnreadableRecordError: the one of this id cannot be read.
        """
        ids = self._readable(keys.CALLBACKS)
        known = {callback_id: self._find(callback_id)} if callback_id else dict(ids)
        with naming(self._redis, keys.CALLBACKS):
            places, is_named = [keys.CALLBACKS, keys.CALLBACKS_TAKEN], int(callback_id != "")
            taken = self._take(keys=places, args=[is_named, *known])
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
        for each in [*self.waiting(), *self.taken()]:
            if (each.holder_ref or (ref if each.number == phone else "")) == ref:
                fields = {"callback": each.id, "by": by}
                self._delete(each.id, Entry("callback_removed", fields))

    def _delete(self, callback_id: str, entry: Entry) -> bool:
        with self._redis.pipeline() as pipe:
            pipe.delete(keys.callback(callback_id))
            pipe.zrem(keys.CALLBACKS, callback_id)
            pipe.zrem(keys.CALLBACKS_TAKEN, callback_id)
            deleted, *_ = pipe.execute()
        if deleted:
            self._journal.note(entry)
        return bool(deleted)

    def _listed(self, place: str) -> Iterator[Callback]:
        return (found for _, found in self._readable(place) if found)

    def _readable(self, place: str) -> Iterator[tuple[str, Callback | None]]:
        """Id and record; None for one that has ended. One that cannot be read is named."""
        with naming(self._redis, place):
            ids = [plain(found) for found in self._redis.zrange(place, 0, -1)]
        for each in ids:
            with passing_over(self._redis, keys.callback(each)):
                yield each, self._find(each)

    def _find(self, callback_id: str) -> Callback | None:
        name = keys.callback(callback_id)
        with naming(self._redis, name):
            sealed = self._redis.get(name)
        return None if sealed is None else Callback(**self._vault.unseal(sealed, name))

    def _record(self, callback: Callback) -> tuple[str, Any]:
        name = keys.callback(callback.id)
        return name, self._vault.seal(asdict(callback), name)
