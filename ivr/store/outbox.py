"""The outbox: every notice owed to a bank, a subscriber or a holder, until it is closed.

`notices:open` is the truth and an RQ job only the doorbell: whatever happens to a job, the sweep
rings again when the notice is due (see workers/sweep.py). Who hears it claims what is due (see
claims.py). So that one bank's backlog hides nothing of another's, each queue has a list of its own
beside it (`open:<queue>`).
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, cast

from redis import Redis

from ivr.cards.change import Entry, NoticeChange, Owed
from ivr.cards.notice import (
    TEXTS,
    Attempt,
    Notice,
    NoticeKind,
    NoticeState,
    subscriber,
    subscriber_in,
)
from ivr.store import keys
from ivr.store.codec import dump, plain
from ivr.store.doorbell import Command, ring
from ivr.store.journal import Journal
from ivr.store.unreadable import (
    CALLS,
    UnreadableRecordError,
    naming,
    note_wrong_kinds,
    passing_over,
    read_all,
    sound_answers,
)
from ivr.store.vault import Vault

TEXTS_QUEUE: Final = TEXTS
PAGE: Final = 1000  # notices read in one round trip
HURRIED_AT_ONCE: Final = 1000  # notices made due in one step when a bank is back
MENDED_AT_ONCE: Final = 100  # notices whose place in their queue's list is looked at in one step
MOST_LISTED: Final = 5000  # of one bank's notices, on its page
NOTICE_ID: Final = re.compile("ntc-[0-9A-Za-z_-]{1,64}")  # anything else may be a card's number
LONGEST_LEASE: Final = 20  # seconds; a bank's is at most 19 (its time limit + 4), a text's 10


def bank_queue(bank: str) -> str:
    """The name of a bank's own RQ queue."""
    return f"bank-{bank}"


def queue_of(who: str) -> str:
    """The RQ queue of who is told: a bank, a subscriber, or TEXTS."""
    name = subscriber_in(who)
    return f"{_OF_SUBSCRIBERS}{name}" if name else TEXTS_QUEUE if who == TEXTS else bank_queue(who)


def _whose(queue: str) -> str:
    """Who is told through a queue."""
    if queue.startswith(_OF_SUBSCRIBERS):
        return subscriber(queue.removeprefix(_OF_SUBSCRIBERS))
    return queue.removeprefix(bank_queue(""))


_OF_SUBSCRIBERS: Final = "subscriber-"
_TEXTS: Final = ("id", "queue", "bank", "report_number", "card_ref")

# Puts what `notices:open` has from one place to another into the lists of its queues, where it is
# missing; answers how many it looked at, and the ids of those whose record is gone.
_MEND: Final = f"""
{CALLS}
local ids = call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
local lost = {{}}
for i = 1, #ids, 2 do
  local notice = '{keys.notice("")}' .. ids[i]
  local queue = try('HGET', notice, 'queue')
  if queue then
    if try('ZADD', '{keys.open_in("")}' .. queue, 'NX', ids[i + 1], ids[i]) == 1 then
      try('SADD', KEYS[2], queue)
    end
  elseif wrong[#wrong] ~= notice then
    redis.call('ZREM', KEYS[1], ids[i])
    for _, any in ipairs(try('SMEMBERS', KEYS[2]) or {{}}) do
      try('ZREM', '{keys.owed("")}' .. any, ids[i])
    end
    table.insert(lost, ids[i])
  end
end
return {{#ids / 2, lost, wrong}}
"""

_HURRY: Final = f"""
{CALLS}
local waiting = call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'LIMIT', 0, ARGV[3])
for _, id in ipairs(waiting) do
  call('ZADD', KEYS[1], 'XX', 'LT', ARGV[2], id)
  call('ZADD', KEYS[2], 'XX', 'LT', ARGV[2], id)
end
return #waiting
"""


def new_notice_id() -> str:
    """An id nobody has yet; also the webhook-id of every attempt."""
    return f"ntc-{secrets.token_hex(16)}"


class Outbox:
    """Owes, rings and finds notices. What closes one is written by `Cases.commit`."""

    def __init__(self, redis: Redis, vault: Vault, journal: Journal) -> None:
        self._redis = redis
        self._vault = vault
        self._journal = journal
        self._mend = redis.register_script(_MEND)
        self._hurry = redis.register_script(_HURRY)
        self._looked_at = 0

    def owe(self, owed: Owed, rung: set[str]) -> list[Command]:
        """The commands that owe a new notice, and ring for it. `rung`: the queues in which that was
        done already, in the same round trip; this one is added.
        """
        notice_id = owed.id or new_notice_id()
        queue = queue_of(TEXTS if owed.kind is NoticeKind.TEXT else owed.bank)
        fields: dict[str, Any] = {
            "id": notice_id,
            "kind": owed.kind,
            "queue": queue,
            "bank": owed.bank,
            "report_number": owed.report_number,
            "card_ref": owed.card_ref,
            "sealed_body": self._vault.seal(owed.body, keys.notice(notice_id)),
            "created_at": owed.at,
            "tried_since": owed.at,
            "state": NoticeState.OPEN,
        }
        return [
            ("HSET", keys.notice(notice_id), *chain.from_iterable(fields.items())),
            ("SADD", keys.NOTICE_QUEUES, queue),
            *_set_due(notice_id, queue, owed.at),
            ("ZADD", keys.owed(queue), owed.at, notice_id),
            *_list_under(owed.report_number, notice_id),
            *_list_for_its_bank(owed, notice_id),
            *self._ring_once(notice_id, queue, rung),
        ]

    def _ring_once(self, notice_id: str, queue: str, rung: set[str]) -> list[Command]:
        """Nothing where somebody was rung for already: who hears it looks at all that is due."""
        if queue in rung:
            return []
        rung.add(queue)
        return ring(notice_id, queue)

    def body(self, notice: Notice) -> Any:
        """What is to be told, unsealed.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return self._vault.unseal(notice.sealed_body, keys.notice(notice.id))

    def first_told(self, notice: Notice | None) -> Mapping[str, Any]:
        """The `data` a bank was told; empty when the notice is gone or cannot be unsealed, because
        one such notice must not stop the release of all the others.
        """
        if notice is not None:
            with passing_over(self._redis, keys.notice(notice.id)):
                data: Mapping[str, Any] = self.body(notice)["data"]
                return data
        return {}

    def find(self, notice_id: str) -> Notice | None:
        """A notice by id, open or closed."""
        return next(iter(self.find_all([notice_id])), None)

    def find_all(self, notice_ids: Iterable[str]) -> list[Notice]:
        """Many notices in one round trip; ids nobody knows, and what nobody can read, are left
        out.
        """
        ids = list(notice_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hgetall(keys.notice(notice_id))
            found = zip(ids, sound_answers(self._redis, pipe), strict=True)
        notices = []
        for notice_id, fields in found:
            with passing_over(self._redis, keys.notice(notice_id)):
                notices += [load_notice(notice_id, fields)] if fields else []
        return notices

    def every_id(self) -> Iterator[str]:
        """The ids of all notices there are, open and closed, in no order."""
        for key in self._redis.scan_iter(match=keys.notice("*"), count=1000):
            yield plain(key).removeprefix(keys.notice(""))

    def pages(self) -> Iterator[list[Notice]]:
        """All notices there are, in no order, many in one round trip; one may come twice."""
        ids = self.every_id()
        while page := list(islice(ids, PAGE)):
            yield self.find_all(page)

    def ids_of(self, report_number: str) -> set[str]:
        """The ids of a report's notices and texts. Raises: UnreadableRecordError."""
        place = keys.notices_of(report_number)
        with naming(self._redis, place):
            return {plain(i) for i in self._redis.smembers(place)}

    def stuck_ids(self) -> set[str]:
        """The ids of the notices that need a person."""
        return {plain(i) for i in self._redis.zrange(keys.NOTICES_STUCK, 0, -1)}

    def attempts(self, notice_id: str) -> list[Attempt]:
        """Every attempt, oldest first."""
        return self.attempts_of([notice_id])[notice_id]

    def attempts_of(self, notice_ids: Iterable[str]) -> dict[str, list[Attempt]]:
        """Notice id -> every attempt, oldest first; in one round trip. What nobody can read is left
        out.
        """
        ids = list(notice_ids)
        listed = [keys.attempts(notice_id) for notice_id in ids]
        with self._redis.pipeline(transaction=False) as pipe:
            for key in listed:
                pipe.lrange(key, 0, -1)
            found = zip(listed, sound_answers(self._redis, pipe), strict=True)
        return dict(zip(ids, (self._attempts_in(*texts) for texts in found), strict=True))

    def _attempts_in(self, key: str, texts: Sequence[bytes] | None) -> list[Attempt]:
        return list(read_all(self._redis, Attempt, [(key, text) for text in texts or ()]))

    def write(self, change: NoticeChange, now: int) -> list[Command]:
        """The commands that write what becomes of a notice."""
        notice, commands = change.notice, list[Command]()
        if change.attempt is not None:  # what was read still says how many there were: a guard
            commands += [
                ("RPUSH", keys.attempts(notice.id), dump(change.attempt)),
                ("HSET", keys.notice(notice.id), "attempts_made", notice.attempts_made + 1),
            ]
        if change.receipt is not None:
            commands.append(("HSET", keys.notice(notice.id), "receipt", change.receipt))
        if change.is_by_its_claimer:
            commands.append(("ZREM", keys.in_flight(notice.queue), notice.id))
        if change.state is NoticeState.OPEN:
            commands += self._reopen(change, now)
        elif change.state is not None:
            commands += _close(notice, change.state)
        elif change.due is not None:
            commands += _set_due(notice.id, notice.queue, change.due, only_open=True)
        if change.needs_person is True:
            commands.append(("ZADD", keys.NOTICES_STUCK, now, notice.id))
        elif change.needs_person is False:
            commands.append(("ZREM", keys.NOTICES_STUCK, notice.id))
        if change.state is not None and notice.report_number:
            listed = keys.notices_of(notice.report_number)
            commands.append(("EXPIRE", listed, keys.NOTICES_OF_SECONDS))
        return commands

    def _reopen(self, change: NoticeChange, now: int) -> list[Command]:
        notice = change.notice
        due = now if change.due is None else change.due
        since = due if change.since is None else change.since
        owed_since = due if change.owed_since is None else change.owed_since
        again = ("state", NoticeState.OPEN, "tried_since", since, "attempts_made", 0, "receipt", "")
        return [
            ("PERSIST", keys.notice(notice.id)),
            ("PERSIST", keys.attempts(notice.id)),
            ("HSET", keys.notice(notice.id), *again),
            *_set_due(notice.id, notice.queue, due),
            ("ZADD", keys.owed(notice.queue), owed_since, notice.id),
            *ring(notice.id, notice.queue),
        ]

    def forget_stuck(self, now: float) -> None:
        """Drops what no person looked at within the 90 days that its record is kept."""
        oldest = now - keys.CLOSED_NOTICE_SECONDS
        with naming(self._redis, keys.NOTICES_STUCK):
            self._redis.zremrangebyscore(keys.NOTICES_STUCK, "-inf", oldest)

    def now(self) -> float:
        """Unix seconds by Redis' clock."""
        seconds, microseconds = self._redis.time()
        return float(seconds) + microseconds / 1e6

    def queues(self) -> list[str]:
        """Every queue that was ever owed a notice; none when nobody can read which."""
        with passing_over(self._redis, keys.NOTICE_QUEUES):
            return sorted(plain(queue) for queue in self._redis.smembers(keys.NOTICE_QUEUES))
        return []

    def banks(self) -> set[str]:
        """Every bank and subscriber that was ever owed a notice, those that left among them."""
        return {_whose(queue) for queue in {*self.queues()} - {TEXTS_QUEUE}}

    def due(self, queue: str, now: float, limit: int) -> list[str]:
        """Ids of what is due in a queue, longest first, at most `limit`."""
        place = keys.open_in(queue)
        with naming(self._redis, place):
            found = self._redis.zrangebyscore(place, "-inf", now, start=0, num=limit)
        return [plain(notice_id) for notice_id in found]

    def ring_due(self, queues: Sequence[str]) -> int:
        """Rings in every queue where something is due and no bell is waiting to be heard; returns
        in how many. Whoever hears it looks at all that is due.
        """
        now = self.now()
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.zrangebyscore(keys.open_in(queue), "-inf", now, start=0, num=1)
                pipe.llen(keys.rung(queue))
            found = sound_answers(self._redis, pipe)
        due = zip(queues, found[::2], found[1::2], strict=True)
        silent = [(queue, ids[0]) for queue, ids, rung in due if ids and rung == 0]
        with self._redis.pipeline() as pipe:
            for queue, notice_id in silent:
                for words in ring(plain(notice_id), queue):
                    pipe.execute_command(*words)
            pipe.execute()
        return len(silent)

    def mend_lists(self) -> None:
        """Looks whether the next stretch of what is owed, in turn, stands in its queue's list."""
        first = self._looked_at
        with naming(self._redis):
            answer = self._mend(
                keys=[keys.NOTICES_OPEN, keys.NOTICE_QUEUES],
                args=[first, first + MENDED_AT_ONCE - 1],
            )
        looked_at, lost, wrong = cast("list[Any]", answer)
        note_wrong_kinds(self._redis, wrong)
        self._looked_at = first + MENDED_AT_ONCE if looked_at == MENDED_AT_ONCE else 0
        self.say_lost([plain(notice_id) for notice_id in lost])

    def hurry(self, bank: str, now: float) -> bool:
        """Makes what is owed to a bank or subscriber (or as TEXTS) due now, except what is being
        attempted; True when there may be more, for the next time.
        """
        queue = queue_of(bank)
        with passing_over(self._redis, keys.open_in(queue)):
            hurried = self._hurry(
                keys=[keys.NOTICES_OPEN, keys.open_in(queue)],
                args=[now + LONGEST_LEASE, now, HURRIED_AT_ONCE],
            )
            return bool(hurried == HURRIED_AT_ONCE)
        return True

    def say_lost(self, notice_ids: Iterable[str]) -> None:
        """Their records are gone: nobody can be told what they said."""
        with self._redis.pipeline() as pipe:
            for notice_id in notice_ids:
                for words in self._journal.write(Entry("notice_lost", {"notice": notice_id})):
                    pipe.execute_command(*words)
            pipe.execute()


def _list_under(report_number: str, notice_id: str) -> list[Command]:
    if not report_number:
        return []
    listed = keys.notices_of(report_number)
    return [("SADD", listed, notice_id), ("EXPIRE", listed, keys.NOTICES_OF_SECONDS)]


def _list_for_its_bank(owed: Owed, notice_id: str) -> list[Command]:
    if owed.kind is NoticeKind.TEXT or subscriber_in(owed.bank):
        return []
    listed = keys.notices_to(owed.bank)
    cut = ("ZREMRANGEBYRANK", listed, 0, -MOST_LISTED - 1)
    return [("ZADD", listed, owed.at, notice_id), cut]


def _set_due(notice_id: str, queue: str, due: int, *, only_open: bool = False) -> list[Command]:
    """In `notices:open` and in its queue's list; `only_open`: if it stands there already."""
    if_there = ("XX",) if only_open else ()
    return [
        ("ZADD", listed, *if_there, due, notice_id)
        for listed in (keys.NOTICES_OPEN, keys.open_in(queue))
    ]


def _close(notice: Notice, state: NoticeState) -> list[Command]:
    """Nothing is owed any more; the record stays 90 days. That of a texted code stays an hour, for
    nobody finds it by a report when its holder is removed.
    """
    is_code = notice.kind is NoticeKind.TEXT and not notice.report_number
    is_test = notice.kind is NoticeKind.TEST
    seconds = keys.CLOSED_TEST_SECONDS if is_test else keys.CLOSED_NOTICE_SECONDS
    seconds = keys.CLOSED_CODE_SECONDS if is_code else seconds
    listed = (keys.NOTICES_OPEN, keys.open_in(notice.queue), keys.owed(notice.queue))
    kept = (keys.notice(notice.id), keys.attempts(notice.id))
    return [
        ("HSET", keys.notice(notice.id), "state", state),
        *(("ZREM", place, notice.id) for place in listed),
        *(("EXPIRE", key, seconds) for key in kept),
    ]


def load_notice(notice_id: str, fields: Mapping[bytes, bytes]) -> Notice:
    """A notice from the fields of its hash.

    Raises:
        UnreadableRecordError: it cannot be read.
    """
    try:
        return _notice(fields)
    except (KeyError, ValueError, AttributeError) as error:
        raise UnreadableRecordError(keys.notice(notice_id)) from error


def _notice(fields: Mapping[bytes, bytes]) -> Notice:
    sealed_body = fields[b"sealed_body"]
    text = {name.decode(): plain(value) for name, value in fields.items()}
    return Notice(
        **{name: text[name] for name in _TEXTS},
        sealed_body=sealed_body,
        kind=NoticeKind(text["kind"]),
        created_at=int(text["created_at"]),
        tried_since=int(text.get("tried_since", text["created_at"])),
        state=NoticeState(text["state"]),
        attempts_made=int(text.get("attempts_made", 0)),
        receipt=text.get("receipt", ""),
    )
