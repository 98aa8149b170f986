"""The outbox: every notice owed to a bank or a holder, from the moment it is owed until closed.

`notices:open` is the truth and an RQ job only the doorbell: whatever happens to a job, the
sweep rings again when the notice is due (see workers/sweep.py). So that one bank's backlog hides
nothing of another's, each queue has a list of its own beside it (`open:<queue>`).
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.serializers import JSONSerializer

from ivr.cards.change import Entry, NoticeChange, Owed
from ivr.cards.notice import TEXTS, Attempt, Notice, NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.codec import dump, plain
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
LONGEST_LEASE: Final = 20  # seconds; a bank's is at most 19 (its time limit + 4), a text's 10
JOB_SECONDS: Final = 150  # RQ's own limit on one job; PATIENCE and our HTTP limits end earlier
JOB: Final = "workers.delivery.Delivery.attempt"  # by name: the hotline never imports the workers


def bank_queue(bank: str) -> str:
    """The name of a bank's own RQ queue."""
    return f"bank-{bank}"


_TEXTS: Final = ("id", "queue", "bank", "report_number", "card_ref")

# Takes a due notice for one attempt and makes it due again after the lease, in one step. So two
# workers never attempt it at once, and the notice of a killed worker comes back. A worker whose
# answer was lost with the connection asks again under the same `claimed_by`, and gets it again.
_CLAIM: Final = f"""
{CALLS}
local due = call('ZSCORE', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
if not due or redis.call('EXISTS', KEYS[2]) == 0 then return false end
local by = call('HGET', KEYS[2], 'claimed_by')
if tonumber(due) > now and (by ~= ARGV[3] or by == '') then return false end
redis.call('HSET', KEYS[2], 'claimed_by', ARGV[3])
local queue = redis.call('HGET', KEYS[2], 'queue') or ''
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
try('ZADD', '{keys.open_in("")}' .. queue, now + ARGV[2], ARGV[1])
return redis.call('HGETALL', KEYS[2])
"""

# Which of these notices to ring for. One that is open no more leaves the queue's list; of one
# whose record is gone nothing can be sent, and it would be due for ever: it is open no more. One
# whose record is of another kind stays open, and waits behind the others.
_STILL_OPEN: Final = f"""
{CALLS}
local answers, later = {{}}, redis.call('TIME')[1] + {LONGEST_LEASE}
for i, id in ipairs(ARGV) do
  if not call('ZSCORE', KEYS[1], id) then
    try('ZREM', KEYS[2], id)
    try('ZREM', KEYS[3], id)
    answers[i] = 'closed'
  else
    local fields = try('HLEN', '{keys.notice("")}' .. id)
    if fields == 0 then
      for _, listed in ipairs(KEYS) do try('ZREM', listed, id) end
      answers[i] = 'lost'
    elseif fields then
      answers[i] = 'open'
    else
      for place = 1, 2 do call('ZADD', KEYS[place], 'XX', later, id) end
      answers[i] = 'unreadable'
    end
  end
end
return {{answers, wrong}}
"""

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
    """Owes, rings, claims and finds notices. What closes one is written by `Cases.commit`."""

    def __init__(self, redis: Redis, vault: Vault, journal: Journal) -> None:
        self._redis = redis
        self._vault = vault
        self._journal = journal
        self._queues: dict[str, Queue] = {}
        self._claim = redis.register_script(_CLAIM)
        self._still_open = redis.register_script(_STILL_OPEN)
        self._mend = redis.register_script(_MEND)
        self._hurry = redis.register_script(_HURRY)
        self._looked_at = 0

    def owe(self, pipe: Pipeline, owed: Owed) -> None:
        """Queues a new notice and its doorbell."""
        notice_id = owed.id or new_notice_id()
        queue = TEXTS_QUEUE if owed.kind is NoticeKind.TEXT else bank_queue(owed.bank)
        fields: dict[Any, Any] = {
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
        pipe.hset(keys.notice(notice_id), mapping=fields)
        pipe.sadd(keys.NOTICE_QUEUES, queue)
        _set_due(pipe, notice_id, queue, owed.at)
        pipe.zadd(keys.owed(queue), {notice_id: owed.at})
        _list_under(pipe, owed.report_number, notice_id)
        self.ring(notice_id, queue, pipe)

    def ring(self, notice_id: str, queue: str, pipe: Pipeline | None = None) -> None:
        """Enqueues the job for one attempt; its only argument is the notice's id."""
        self._queue(queue).enqueue(
            JOB,
            notice_id,
            job_id=f"{notice_id}_{secrets.token_hex(4)}",
            job_timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=keys.DAY,
            pipeline=pipe,
        )

    def claim(self, notice_id: str, lease_seconds: float, by: str = "") -> Notice | None:
        """Claims a notice for one attempt until the lease ends; None when it is closed or not due.

        `by` is the claim's idempotency key: two calls with the same one make one claim.
        """
        place = keys.notice(notice_id)
        with passing_over(self._redis, place):
            found = self._claim(
                keys=[keys.NOTICES_OPEN, place], args=[notice_id, lease_seconds, by]
            )
            fields = dict(zip(found[::2], found[1::2], strict=True)) if found else None
            return load_notice(notice_id, fields) if fields else None
        return None  # it comes again when the lease ends, and goes out once it is mended

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

    def write(self, pipe: Pipeline, change: NoticeChange, now: int) -> None:
        """Queues what becomes of a notice."""
        notice_id = change.notice.id
        if change.attempt is not None:
            pipe.rpush(keys.attempts(notice_id), dump(change.attempt))
            pipe.hincrby(keys.notice(notice_id), "attempts_made", 1)
        if change.state is NoticeState.OPEN:
            self._reopen(pipe, change, now)
        elif change.state is not None:
            _close(pipe, change.notice, change.state)
        elif change.due is not None:
            _set_due(pipe, notice_id, change.notice.queue, change.due, only_open=True)
        if change.needs_person is True:
            pipe.zadd(keys.NOTICES_STUCK, {notice_id: now})
        elif change.needs_person is False:
            pipe.zrem(keys.NOTICES_STUCK, notice_id)
        _list_under(pipe, change.notice.report_number, notice_id)

    def _reopen(self, pipe: Pipeline, change: NoticeChange, now: int) -> None:
        notice = change.notice
        due = now if change.due is None else change.due
        since = due if change.since is None else change.since
        owed_since = due if change.owed_since is None else change.owed_since
        pipe.persist(keys.notice(notice.id))
        pipe.persist(keys.attempts(notice.id))
        pipe.hset(
            keys.notice(notice.id),
            mapping={"state": NoticeState.OPEN, "tried_since": since, "attempts_made": 0},
        )
        _set_due(pipe, notice.id, notice.queue, due)
        pipe.zadd(keys.owed(notice.queue), {notice.id: owed_since})
        self.ring(notice.id, notice.queue, pipe)

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
        """Every bank that was ever owed a notice, those that left among them."""
        return {queue.removeprefix(bank_queue("")) for queue in {*self.queues()} - {TEXTS_QUEUE}}

    def due(self, queue: str, now: float, limit: int) -> list[str]:
        """Ids of what is due in a queue, longest first, at most `limit`."""
        place = keys.open_in(queue)
        with naming(self._redis, place):
            found = self._redis.zrangebyscore(place, "-inf", now, start=0, num=limit)
        return [plain(notice_id) for notice_id in found]

    def ring_for(self, queue: str, notice_ids: Sequence[str]) -> int:
        """Rings for those that are still owed; returns how many. The others are taken off."""
        if not notice_ids:
            return 0
        lists = [keys.NOTICES_OPEN, keys.open_in(queue), keys.owed(queue)]
        answer = self._still_open(keys=lists, args=list(notice_ids))
        states, wrong = cast("list[list[bytes]]", answer)
        note_wrong_kinds(self._redis, wrong)
        found = list(zip(notice_ids, map(plain, states), strict=True))
        self._say_lost([notice_id for notice_id, state in found if state == "lost"])
        still_open = [notice_id for notice_id, state in found if state == "open"]
        if still_open:
            self._ring_all(queue, still_open)
        return len(still_open)

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
        self._say_lost([plain(notice_id) for notice_id in lost])

    def hurry(self, bank: str, now: float) -> bool:
        """Makes what is owed to a bank (or as TEXTS) due now, except what is being attempted; True
        when there may be more, for the next time.
        """
        queue = TEXTS_QUEUE if bank == TEXTS else bank_queue(bank)
        with passing_over(self._redis, keys.open_in(queue)):
            hurried = self._hurry(
                keys=[keys.NOTICES_OPEN, keys.open_in(queue)],
                args=[now + LONGEST_LEASE, now, HURRIED_AT_ONCE],
            )
            return bool(hurried == HURRIED_AT_ONCE)
        return True

    def ringing(self, queue: str, most: int = 0) -> list[str]:
        """The notice ids whose job waits in a queue: of all jobs, or of the first `most`."""
        jobs = self._redis.lrange(self._queue(queue).key, 0, most - 1)
        return [plain(job_id).partition("_")[0] for job_id in jobs]

    def _ring_all(self, queue: str, notice_ids: Iterable[str]) -> None:
        with self._redis.pipeline() as pipe:
            pipe.multi()  # RQ wants it to have begun
            for notice_id in notice_ids:
                self.ring(notice_id, queue, pipe)
            pipe.execute()

    def _say_lost(self, notice_ids: Sequence[str]) -> None:
        """Their records are gone: nobody can be told what they said."""
        if notice_ids:
            with self._redis.pipeline() as pipe:
                for notice_id in notice_ids:
                    self._journal.write(pipe, Entry("notice_lost", {"notice": notice_id}))
                pipe.execute()

    def _queue(self, name: str) -> Queue:
        """One object per queue and process: RQ asks for the server's version for each."""
        if name not in self._queues:
            self._queues[name] = Queue(name, connection=self._redis, serializer=JSONSerializer)
        return self._queues[name]


def _list_under(pipe: Pipeline, report_number: str, notice_id: str) -> None:
    if report_number:
        pipe.sadd(keys.notices_of(report_number), notice_id)
        pipe.expire(keys.notices_of(report_number), keys.NOTICES_OF_SECONDS)


def _set_due(
    pipe: Pipeline, notice_id: str, queue: str, due: int, *, only_open: bool = False
) -> None:
    """In `notices:open` and in its queue's list; `only_open`: if it stands there already."""
    for listed in (keys.NOTICES_OPEN, keys.open_in(queue)):
        pipe.zadd(listed, {notice_id: due}, xx=only_open)


def _close(pipe: Pipeline, notice: Notice, state: NoticeState) -> None:
    """Nothing is owed any more; the record stays 90 days."""
    pipe.hset(keys.notice(notice.id), "state", state)
    for listed in (keys.NOTICES_OPEN, keys.open_in(notice.queue), keys.owed(notice.queue)):
        pipe.zrem(listed, notice.id)
    pipe.expire(keys.notice(notice.id), keys.CLOSED_NOTICE_SECONDS)
    pipe.expire(keys.attempts(notice.id), keys.CLOSED_NOTICE_SECONDS)


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
    )
