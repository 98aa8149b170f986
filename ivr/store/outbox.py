"""The outbox: every notice owed to a bank or a holder, from the moment it is owed until closed.

`notices:open` is the truth and an RQ job only the doorbell: whatever happens to a job, the
sweep rings again when the notice is due (see workers/sweep.py).
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.serializers import JSONSerializer

from ivr.cards.change import Entry, NoticeChange, Owed
from ivr.cards.notice import TEXTS, Attempt, Notice, NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.codec import dump, load, plain
from ivr.store.journal import Journal
from ivr.store.vault import Vault, WrongDataKeysError

TEXTS_QUEUE: Final = TEXTS
PAGE: Final = 1000  # notices read in one round trip
LONGEST_LEASE: Final = 20  # seconds; a bank's is at most 19 (its time limit + 4), a text's 10
JOB_SECONDS: Final = 150  # RQ's own limit on one job; PATIENCE and our HTTP limits end earlier
JOB: Final = "workers.delivery.Delivery.attempt"  # by name: the hotline never imports the workers


def bank_queue(bank: str) -> str:
    """The name of a bank's own RQ queue."""
    return f"bank-{bank}"


_FIELDS: Final = (
    "id", "kind", "queue", "bank", "report_number", "card_ref", "sealed_body", "created_at",
)  # fmt: skip

# Takes a due notice for one attempt and makes it due again after the lease, in one step. So two
# workers never attempt it at once, and the notice of a killed worker comes back. A worker whose
# answer was lost with the connection asks again under the same `claimed_by`, and gets it again.
_CLAIM: Final = """
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
if not due or redis.call('EXISTS', KEYS[2]) == 0 then return false end
local by = redis.call('HGET', KEYS[2], 'claimed_by')
if tonumber(due) > now and (by ~= ARGV[3] or by == '') then return false end
redis.call('HSET', KEYS[2], 'claimed_by', ARGV[3])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return redis.call('HGETALL', KEYS[2])
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
            "sealed_body": self._vault.seal(owed.body),
            "created_at": owed.at,
            "state": NoticeState.OPEN,
        }
        pipe.hset(keys.notice(notice_id), mapping=fields)
        pipe.zadd(keys.NOTICES_OPEN, {notice_id: owed.at})
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
        found = self._claim(
            keys=[keys.NOTICES_OPEN, keys.notice(notice_id)], args=[notice_id, lease_seconds, by]
        )
        return None if not found else load_notice(dict(zip(found[::2], found[1::2], strict=True)))

    def body(self, notice: Notice) -> Any:
        """What is to be told, unsealed.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS.
        """
        return self._vault.unseal(notice.sealed_body)

    def first_told(self, notice: Notice | None) -> Mapping[str, Any]:
        """The `data` a bank was told; empty when the notice is gone or cannot be unsealed, because
        one such notice must not stop the release of all the others.
        """
        try:
            data: Mapping[str, Any] = self.body(notice)["data"] if notice else {}
        except WrongDataKeysError:
            return {}
        return data

    def find(self, notice_id: str) -> Notice | None:
        """A notice by id, open or closed."""
        return next(iter(self.find_all([notice_id])), None)

    def find_all(self, notice_ids: Iterable[str]) -> list[Notice]:
        """Many notices in one round trip; ids nobody knows are left out."""
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in notice_ids:
                pipe.hgetall(keys.notice(notice_id))
            return [load_notice(fields) for fields in pipe.execute() if fields]

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
        """The ids of a report's notices and texts."""
        return {plain(i) for i in self._redis.smembers(keys.notices_of(report_number))}

    def stuck_ids(self) -> set[str]:
        """The ids of the notices that need a person."""
        return {plain(i) for i in self._redis.zrange(keys.NOTICES_STUCK, 0, -1)}

    def attempts(self, notice_id: str) -> list[Attempt]:
        """Every attempt, oldest first."""
        return self.attempts_of([notice_id])[notice_id]

    def attempts_of(self, notice_ids: Iterable[str]) -> dict[str, list[Attempt]]:
        """Notice id -> every attempt, oldest first; in one round trip."""
        ids = list(notice_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.lrange(keys.attempts(notice_id), 0, -1)
            found = pipe.execute()
        tried = ([load(Attempt, text) for text in texts] for texts in found)
        return dict(zip(ids, tried, strict=True))

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
            pipe.zadd(keys.NOTICES_OPEN, {notice_id: change.due}, xx=True)
        if change.needs_person is True:
            pipe.zadd(keys.NOTICES_STUCK, {notice_id: now})
        elif change.needs_person is False:
            pipe.zrem(keys.NOTICES_STUCK, notice_id)
        _list_under(pipe, change.notice.report_number, notice_id)

    def _reopen(self, pipe: Pipeline, change: NoticeChange, now: int) -> None:
        notice = change.notice
        due = now if change.due is None else change.due
        since = due if change.since is None else change.since
        pipe.persist(keys.notice(notice.id))
        pipe.persist(keys.attempts(notice.id))
        pipe.hset(
            keys.notice(notice.id),
            mapping={"state": NoticeState.OPEN, "created_at": since, "attempts_made": 0},
        )
        pipe.zadd(keys.NOTICES_OPEN, {notice.id: due})
        pipe.zadd(keys.owed(notice.queue), {notice.id: due})
        self.ring(notice.id, notice.queue, pipe)

    def forget_lost(self, notice_ids: Iterable[str]) -> None:
        """Drops notices whose records are gone: they cannot be sent and would be due for ever.
        Nobody knows whose they were.
        """
        lost = list(notice_ids)
        queues = self.queues() if lost else ()
        with self._redis.pipeline() as pipe:
            for notice_id in lost:
                pipe.zrem(keys.NOTICES_OPEN, notice_id)
                for queue in queues:
                    pipe.zrem(keys.owed(queue), notice_id)
                self._journal.write(pipe, Entry("notice_lost", {"notice": notice_id}))
            pipe.execute()

    def forget_stuck(self, now: float) -> None:
        """Drops what no person looked at within the 90 days that its record is kept."""
        oldest = now - keys.CLOSED_NOTICE_SECONDS
        self._redis.zremrangebyscore(keys.NOTICES_STUCK, "-inf", oldest)

    def now(self) -> float:
        """Unix seconds by Redis' clock."""
        seconds, microseconds = self._redis.time()
        return float(seconds) + microseconds / 1e6

    def due(self, now: float, limit: int) -> list[tuple[str, str]]:
        """(notice id, queue) of what is due, longest first; no queue if the notice is gone."""
        found = self._redis.zrangebyscore(keys.NOTICES_OPEN, "-inf", now, start=0, num=limit)
        ids = [plain(notice_id) for notice_id in found]
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hget(keys.notice(notice_id), "queue")
            queues = pipe.execute()
        return [(i, plain(q or "")) for i, q in zip(ids, queues, strict=True)]

    def hurry(self, bank: str, now: float) -> None:
        """Makes everything owed to a bank due now, except what is being attempted."""
        waiting = self._redis.zrangebyscore(keys.NOTICES_OPEN, now + LONGEST_LEASE, "+inf")
        ids = [plain(notice_id) for notice_id in waiting]
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hmget(keys.notice(notice_id), "bank", "kind")
            found = pipe.execute()
            for notice_id, (whose, kind) in zip(ids, found, strict=True):
                if whose == bank.encode() and kind != NoticeKind.TEXT.encode():
                    pipe.zadd(keys.NOTICES_OPEN, {notice_id: now}, xx=True, lt=True)
            pipe.execute()

    def queues(self) -> set[str]:
        """Every queue that was ever rung in, those of banks that left among them."""
        listed = self._redis.smembers(Queue.redis_queues_keys)
        prefix = Queue.redis_queue_namespace_prefix
        return {plain(key).removeprefix(prefix) for key in listed}

    def banks(self) -> set[str]:
        """Every bank that was ever owed a notice: known by the queue its first one made."""
        return {queue.removeprefix(bank_queue("")) for queue in self.queues() - {TEXTS_QUEUE}}

    def ringing(self, queue: str) -> list[str]:
        """The notice ids whose job waits in a queue."""
        return [job_id.partition("_")[0] for job_id in self._queue(queue).get_job_ids()]

    def _queue(self, name: str) -> Queue:
        """One object per queue and process: RQ asks for the server's version for each."""
        if name not in self._queues:
            self._queues[name] = Queue(name, connection=self._redis, serializer=JSONSerializer)
        return self._queues[name]


def _list_under(pipe: Pipeline, report_number: str, notice_id: str) -> None:
    if report_number:
        pipe.sadd(keys.notices_of(report_number), notice_id)
        pipe.expire(keys.notices_of(report_number), keys.NOTICES_OF_SECONDS)


def _close(pipe: Pipeline, notice: Notice, state: NoticeState) -> None:
    """Nothing is owed any more; the record stays 90 days."""
    pipe.hset(keys.notice(notice.id), "state", state)
    pipe.zrem(keys.NOTICES_OPEN, notice.id)
    pipe.zrem(keys.owed(notice.queue), notice.id)
    pipe.expire(keys.notice(notice.id), keys.CLOSED_NOTICE_SECONDS)
    pipe.expire(keys.attempts(notice.id), keys.CLOSED_NOTICE_SECONDS)


def load_notice(fields: Mapping[bytes, bytes]) -> Notice:
    """A notice from the fields of its hash."""
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return Notice(
        **{name: text[name] for name in _FIELDS if name not in ("kind", "created_at")},
        kind=NoticeKind(text["kind"]),
        created_at=int(text["created_at"]),
        state=NoticeState(text["state"]),
        attempts_made=int(text.get("attempts_made", 0)),
    )
