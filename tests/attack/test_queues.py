"""Whoever can write to Redis: nothing of it is ever run, and everybody else is served."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from ivr.store import keys
from tests.attack.city import ProcfileCity
from tests.attack.tally import Tally
from tests.attack.test_doors import a_report

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

FOREIGN = (
    *("os.system", "subprocess.call", "builtins.exec", "builtins.eval", "shutil.rmtree"),
    *("workers.deliver.main", "app.create_app", "ivr.store.removal.Removal.remove"),
)
QUEUES = ("bank-icbc", "bank-ccb", "texts")
JUNK = (
    *(b"", b"\x00", b"\xff\xfe", b"../../etc/passwd", b"rq:job:", b"a" * 1_000_000, b"{}", b"[]"),
    *(b"null", b"*1\r\n$8\r\nFLUSHALL\r\n", "\u202e".encode(), b"%s%n%x", b"-1", b"1e999"),
)
NAMES = (b"", b"x", b"\xff", b"n" * 100_000, b"a b\r\nc", b"{}")  # of notices that are none
OF_OTHER_KINDS = ("of-another-kind", "without-a-body")


def foreign_jobs(redis: Redis, queue: str, trace: Path) -> int:
    """RQ's own jobs, well made, with functions that are not ours. -> how many."""
    waiting = Queue(queue, connection=redis, serializer=JSONSerializer)
    for name in FOREIGN:
        waiting.enqueue(name, f"touch {trace}-{queue}-{name}")
    return len(FOREIGN)


def junk(redis: Redis, queue: str, trace: Path) -> Iterator[str]:
    """What no RQ would write. Yields what it was."""
    place = keys.rung(queue)
    for number, word in enumerate(JUNK):
        redis.rpush(place, word)
        yield f"junk {number}"
    call = json.dumps(["os.system", None, [f"touch {trace}-hash"], {}])
    planted: list[str | bytes] = ["junk", b"\x80\x04cos\nsystem\n.", "", call]
    for number, told in enumerate(planted):
        redis.hset(keys.job(f"planted-{number}"), mapping={"status": "queued", "data": told})
        redis.rpush(place, f"planted-{number}")
        yield f"a job of its own {number}"
    redis.set(keys.job("wrong-kind"), "x")
    redis.rpush(place, "wrong-kind")
    yield "a job of another kind"


def notices_that_are_none(redis: Redis) -> Iterator[str]:
    """Owed, at once, and nobody can read them."""
    for number, name in enumerate(NAMES):
        for place in (keys.NOTICES_OPEN, keys.open_in("bank-icbc"), keys.open_in("texts")):
            redis.zadd(place, {name: 0})
        yield f"a notice that is none {number}"
    redis.set(keys.notice("of-another-kind"), "x")
    redis.hset(keys.notice("without-a-body"), mapping={"record": "[]", "sealed_body": "junk"})
    for other in OF_OTHER_KINDS:
        redis.zadd(keys.NOTICES_OPEN, {other: 0})
        redis.zadd(keys.open_in("bank-ccb"), {other: 0})
        yield f"a notice {other}"


def of_another_kind(redis: Redis) -> Iterator[str]:
    """What stands in a queue's own place."""
    for queue in QUEUES:
        redis.delete(keys.rung(queue))
        redis.set(keys.rung(queue), "not a list")
        yield f"a queue of another kind: {queue}"


def test_nothing_planted_runs_and_everybody_is_served(city: ProcfileCity) -> None:
    redis, tally = city.hotline.redis, Tally("poisoned queues")
    for queue in QUEUES:
        foreign_jobs(redis, queue, city.traces / "t")
        for what in junk(redis, queue, city.traces / "t"):
            tally.note(what, queue, got_through=False)
        for name in FOREIGN:
            tally.note(name, queue, got_through=False)
    for what in (*notices_that_are_none(redis), *of_another_kind(redis)):
        tally.note(what, "Redis", got_through=False)
    place = next(n for n, h in enumerate(city.holders) if n > 12 and h.cards[0].bank == "icbc")
    number = a_report(city, place)
    city.bank.client.wait_for_receipt("icbc", number, timeout=60)
    for trace in city.traces.iterdir():
        tally.note("ran", trace.name, got_through=True)
    until = time.monotonic() + 30
    while (left := unheard(redis)) and time.monotonic() < until:
        time.sleep(0.1)
    tally.note("is heard to the end", "the queues", got_through=bool(left), saw=left)
    for process in city.processes.values():
        tally.note("ends a program", process.name, got_through=not process.is_running)
    tally.prints()
    assert tally.through == []
    clean(city)


def unheard(redis: Redis) -> list[str]:
    """The queues in which something waits, or stands that is no list."""
    kinds = {queue: redis.type(keys.rung(queue)) for queue in QUEUES}
    return [queue for queue, kind in kinds.items() if kind != b"none"]


def clean(city: ProcfileCity) -> None:
    """For whoever attacks next."""
    redis = city.hotline.redis
    for place in (keys.NOTICES_OPEN, *(keys.open_in(queue) for queue in QUEUES)):
        redis.zrem(place, *NAMES, *OF_OTHER_KINDS)
    redis.delete(*map(keys.notice, OF_OTHER_KINDS))


def test_a_worker_of_rqs_own_would_run_it(city: ProcfileCity) -> None:
    """The control: the same jobs, on a queue of which ours know nothing."""
    redis, trace = city.hotline.redis, city.traces / "control"
    waiting = Queue("control", connection=redis, serializer=JSONSerializer)
    waiting.enqueue("os.system", f"touch {trace}")
    SimpleWorker([waiting], connection=redis, serializer=JSONSerializer).work(
        burst=True, logging_level="ERROR"
    )
    assert trace.exists()
    trace.unlink()
