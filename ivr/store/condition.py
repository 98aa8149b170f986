"""The condition of this deployment, as /readyz, /metrics and the boot check ask for it."""

import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from rq import Worker
from rq.suspension import is_suspended
from rq.utils import utcparse

from ivr.cards.notice import TEXTS, subscriber_in
from ivr.store import keys
from ivr.store.bank_health import Answer, Health, answer_of, health_of
from ivr.store.block_times import Histogram, histogram_of
from ivr.store.callbacks import COUNT_WAITING
from ivr.store.codec import plain, whole
from ivr.store.connection import DurabilityGuard, check_others
from ivr.store.journal import Journal
from ivr.store.local_journal import LocalJournal
from ivr.store.outbox import TEXTS_QUEUE, Outbox, queue_of
from ivr.store.sentinels import split_troubles
from ivr.store.text_line import TextLine
from ivr.store.troubles import News, Troubles
from ivr.store.unreadable import (
    answers,
    list_unreadable,
    note_wrong_kinds,
    passing_over,
    sound_answers,
)
from ivr.store.vault import Vault

WORKER_SILENT_SECONDS: Final = 40  # workers wait at most 5 s between two signs of life
SWEEP_ALIVE_SECONDS: Final = 15
LATE_DAYS: Final = 2  # so long the journal may wait to be moved, before a person should look


@dataclass(frozen=True)
class Standing:
    """How it stands with the notices to one bank or subscriber, or with the texts.

    owed_since: of the oldest open notice, unix seconds, however often it was tried since; None
        when nothing is owed. stuck: a person must look at so many, as the sweep last told.
        answer: the last one; None when there was none, or nobody can read it.
    """

    owed: int
    owed_since: float | None
    owed_seconds: float
    stuck: int
    health: Health
    answer: Answer | None = None


@dataclass(frozen=True)
class Figures:
    """What Redis has counted; `standings` by bank, also of banks that left, and of TEXTS.
    `breaker_seconds`: how long the breaker stays open; 0 when it is closed. `block_times`: by bank,
    of those that have said "blocked". `callback_seconds`: how long the first has waited to be
    called back.
    """

    counters: dict[str, int]
    unconfirmed: int
    reports_active: int
    reports_disputed: int
    standings: dict[str, Standing]
    breaker_seconds: int = 0
    block_times: dict[str, Histogram] = field(default_factory=dict)
    callbacks_waiting: int = 0
    callback_seconds: float = 0.0


class Condition:
    """Reads the condition; where it says banks, subscribers are meant too. It writes only that a
    sweep is alive, and what it has told of, and drops call-backs that have ended.
    """

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        outbox: Outbox,
        durability: DurabilityGuard,
        banks: Collection[str],
        text_line: TextLine,
        local: LocalJournal,
        replicas: int,
        journal: Journal,
        journal_days: int,
    ) -> None:
        """`replicas`: how many must have a report before it is told. `journal_days`: how many of
        the journal Redis is to have.
        """
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._durability = durability
        self._banks = banks
        self._text_line = text_line
        self._local = local
        self._replicas = replicas
        self._journal = journal
        self._journal_seconds = (journal_days + LATE_DAYS) * keys.DAY
        self._troubles = Troubles(redis, banks)

    def check(self) -> list[str]:
        """What is weak about this Redis; see `check_durability`.

        Raises:
            UnsafeRedisError: it may lose or evict a loss report.
            WrongDataKeysError: DATA_KEYS do not open its reference key, or it is lost.
        """
        weak_points = self._durability.check()
        self._vault.check()
        return weak_points

    def doubts(self) -> list[str]:
        """Why a report told here may be lost, or none can be told: by what sentinels, replicas and
        this machine's disk say.
        """
        trouble = self._local.trouble()
        return split_troubles(self._redis, self._replicas) + ([trouble] if trouble else [])

    def check_others(self) -> list[str]:
        """What is weak about replicas and sentinels; see `check_others`."""
        return check_others(self._redis, development=self._durability.development)

    def banks_left_behind(self) -> dict[str, int]:
        """Banks and subscribers that are not in their file any more, or no more told -> how many
        blocks and open notices name them.

        One round trip if none has left, else two.
        """
        gone = sorted(self._outbox.banks() - set(self._banks))
        with self._redis.pipeline(transaction=False) as pipe:
            for bank in gone:
                pipe.zcard(keys.blocks(bank))
                pipe.zcard(keys.owed(queue_of(bank)))
            counts = [count or 0 for count in sound_answers(self._redis, pipe)]
        found = zip(gone, counts[::2], counts[1::2], strict=True)
        return {bank: blocks + owed for bank, blocks, owed in found if blocks + owed}

    def texts_refused(self) -> str:
        """Why Twilio takes no text of ours; empty when it does."""
        return self._text_line.trouble()

    def queues_without_a_worker(self) -> dict[str, str]:
        """Queue -> whom it is for, of each queue without a live worker. Only a recent heartbeat
        counts, because RQ still lists killed workers for a while.
        """
        needed = {queue_of(who): named(who) for who in (*self._banks, TEXTS)}
        listening = self._queues_listened_to()
        return {queue: whom for queue, whom in needed.items() if queue not in listening}

    def unmoved_since(self) -> float | None:
        """Since when Redis has the journal, if that is longer than it is to have it."""
        begins = self._journal.redis_begins_at()
        is_late = begins is not None and begins < self._outbox.now() - self._journal_seconds
        return begins if is_late else None

    def is_suspended(self) -> bool:
        """Whether somebody told RQ to stop (`rq suspend`): then nothing is delivered."""
        return bool(is_suspended(self._redis))

    def unreadable(self) -> list[str]:
        """Records that nobody could read lately, by their names in Redis."""
        return list_unreadable(self._redis)

    def is_swept(self) -> bool:
        """Whether a sweep runs: without one, a notice that failed once would wait for ever."""
        return bool(self._redis.exists(keys.SWEEP_ALIVE))

    def say_swept(self, failures: Iterable[str] = ()) -> None:
        """Writes that a sweep runs, and what of it fails: a line each, after its process' id."""
        lines = "\n".join([str(os.getpid()), *failures])
        self._redis.set(keys.SWEEP_ALIVE, lines, ex=SWEEP_ALIVE_SECONDS)

    def sweep_failures(self) -> list[str]:
        """What of the sweep failed in its last round, with the kind of error."""
        with passing_over(self._redis, keys.SWEEP_ALIVE):
            return plain(self._redis.get(keys.SWEEP_ALIVE) or "").split("\n")[1:]
        return []

    def news(self) -> list[News]:
        """What changed among the troubles since a sweep asked; see `Troubles.news`."""
        return self._troubles.news()

    def figures(self) -> Figures:
        """Two round trips, whatever there is in Redis."""
        names = {bank: queue_of(bank) for bank in sorted({*self._banks, *self._outbox.banks()})}
        names[TEXTS] = TEXTS_QUEUE
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(keys.COUNTERS)
            pipe.zcard(keys.AWAITING)
            pipe.zcard(keys.DEADLINES)
            pipe.zcard(keys.REPORTS_DISPUTED)
            pipe.ttl(keys.BREAKER)
            pipe.hgetall(keys.BANKS_ANSWERED)
            pipe.eval(COUNT_WAITING, 2, keys.CALLBACKS, keys.CALLBACKS_TAKEN)
            for name, queue in names.items():
                pipe.zcard(keys.owed(queue))
                pipe.zrange(keys.owed(queue), 0, 0, withscores=True)
                pipe.zcard(keys.stuck(queue))
                pipe.hmget(keys.bank_health(name), "failures", "since")
            for name in names:
                pipe.hgetall(keys.block_times(name))
            answered = sound_answers(self._redis, pipe)
        (now, _), counted, unconfirmed, active, disputed, breaker, said, *found = answered
        (waiting, first, wrong), *found = found
        note_wrong_kinds(self._redis, wrong)
        last = {plain(name): plain(text) for name, text in (said or {}).items()}
        found, taken = found[: -len(names)], found[-len(names) :]
        rows = zip(*(found[start::4] for start in range(4)), strict=True)
        standings = {
            name: self._standing(name, now, answer_of(last.get(name, "")), *row)
            for name, row in zip(names, rows, strict=True)
        }
        counters = {plain(name): whole(value) for name, value in (counted or {}).items()}
        numbers = (unconfirmed or 0, active or 0, disputed or 0)
        times = {bank: histogram_of(fields) for bank, fields in zip(names, taken, strict=True)
                 if fields}  # fmt: skip
        waits = max(0.0, now - float(first)) if first else 0.0
        return Figures(
            counters, *numbers, standings, max(breaker, 0), times, waiting, waits
        )  # fmt: skip

    def _standing(
        self,
        name: str,
        now: int,
        answer: Answer | None,
        owed: int | None,
        oldest: Sequence[Any] | None,
        stuck: int | None,
        health: Any,
    ) -> Standing:
        """None for what nobody can read."""
        since = float(oldest[0][1]) if oldest else None
        seconds = 0.0 if since is None else max(0.0, now - since)
        seen = self._health(name, health, now)
        return Standing(owed or 0, since, seconds, stuck or 0, seen, answer)

    def _health(self, name: str, found: Sequence[bytes | None] | None, now: int) -> Health:
        if found is None:
            return Health()
        with passing_over(self._redis, keys.bank_health(name)):
            return health_of(found, now)
        return Health()

    def _queues_listened_to(self) -> set[str]:
        with self._redis.pipeline(transaction=False) as pipe:
            for key in Worker.all_keys(connection=self._redis):
                pipe.hmget(key, "queues", "last_heartbeat", "death")
            workers = [found for found in answers(pipe) if isinstance(found, list)]
        return {
            queue
            for queues, beat, death in workers
            if queues and beat and not death and _is_recent(plain(beat))
            for queue in plain(queues).split(",")
        }


def named(who: str) -> str:
    """How operators are told of a bank, a subscriber, or TEXTS."""
    name = subscriber_in(who)
    return "texts to holders" if who == TEXTS else f"subscriber {name}" if name else f"bank {who}"


def _is_recent(beat: str) -> bool:
    try:
        return time.time() - utcparse(beat).timestamp() < WORKER_SILENT_SECONDS
    except ValueError:  # of a worker that nobody can read, nobody can say that it works
        return False
