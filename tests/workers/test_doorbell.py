"""A job is a doorbell: whatever lies in Redis, only our own function ever runs."""

import base64
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue, Worker
from rq.callbacks import Callback
from rq.serializers import JSONSerializer
from rq.utils import import_attribute
from structlog.testing import capture_logs

from ivr.cards.notice import Notice, NoticeState
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.connection import connect
from ivr.store.doorbell import JOB, ring
from ivr.store.outbox import bank_queue
from ivr.store.unreadable import list_unreadable
from tests.hotline import Hotline
from tests.redis_server import RedisServer
from tests.workers.builders import a_bank, a_delivery, a_hotline, deliver, owe
from tests.workers.loop import wait_for
from tests.workers.servers import Server, answers, running
from workers.bank_client import BankClient
from workers.deliver import as_json
from workers.delivery import Delivery
from workers.doorbell import LISTENING_SECONDS, Bell, Doorbell

QUEUE = bank_queue("icbc")
ID_NUMBER = "11010519491231002X"


@pytest.fixture
def bank() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def hotline(redis: Redis, bank: Server, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank(bank.url))


@pytest.fixture
def delivery(hotline: Hotline) -> Iterator[Delivery]:
    """What delivers the bank's notices."""
    client = BankClient(hotline.settings.banks["icbc"])
    yield a_delivery(hotline, QUEUE, client, as_json)
    wait_for(client.close())


@pytest.fixture
def work(redis_server: RedisServer, hotline: Hotline, delivery: Delivery) -> Iterator[Any]:
    """Listens and delivers until nobody has rung for a while."""
    with connect(redis_server.url, LISTENING_SECONDS) as redis:
        doorbell = Doorbell(redis, [QUEUE], lambda: None)

        def works() -> None:
            while (bell := doorbell.wait()) is not None:
                deliver(hotline, delivery, bell.job_id)

        yield works
        doorbell.leave()


@pytest.mark.parametrize("place", ["rq:workers", f"rq:workers:{QUEUE}", keys.rung(QUEUE)])
def test_what_stands_in_the_place_of_rqs_keys_keeps_no_bell_from_being_heard(
    work: Any, hotline: Hotline, bank: Server, redis: Redis, place: str
) -> None:
    bank.reacts(answers(200))
    redis.delete(place)
    redis.set(place, "no list")
    notice = owe(hotline)
    work()
    for words in ring(notice.id, QUEUE):
        redis.execute_command(*words)
    work()
    assert state_of(hotline, notice) is NoticeState.DELIVERED
    assert place in list_unreadable(redis)


def queue_of(hotline: Hotline) -> Queue:
    return Queue(QUEUE, connection=hotline.redis, serializer=JSONSerializer)


def state_of(hotline: Hotline, notice: Notice) -> NoticeState:
    found = hotline.outbox.find(notice.id)
    assert found is not None
    return found.state


def test_a_notice_is_delivered_and_its_job_leaves_nothing_behind(
    hotline: Hotline, bank: Server, work: Any
) -> None:
    notice = owe(hotline)
    work()
    assert state_of(hotline, notice) is NoticeState.DELIVERED
    assert json.loads(bank.last.body) == {"type": "ping", "data": {"word": "叮"}}
    assert bank.last.headers["webhook-id"] == notice.id
    assert hotline.redis.keys("rq:job:*") == []


def test_the_name_in_the_outbox_is_the_function() -> None:
    assert import_attribute(JOB) is Delivery.claim


def test_a_planted_function_does_not_run_and_the_worker_goes_on(
    hotline: Hotline, work: Any, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    queue_of(hotline).enqueue("os.system", f"touch {trace}")
    notice = owe(hotline)
    work()
    assert not trace.exists()
    assert hotline.redis.keys("rq:job:*") == []
    assert state_of(hotline, notice) is NoticeState.DELIVERED


def test_a_planted_module_is_not_even_imported(
    hotline: Hotline, work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "planted_module.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    queue_of(hotline).enqueue("planted_module.anything")
    work()
    assert not trace.exists()


def test_planted_callbacks_do_not_run(hotline: Hotline, work: Any, tmp_path: Path) -> None:
    traces = [tmp_path / "success", tmp_path / "failure"]
    for function in (JOB, "os.system"):
        queue_of(hotline).enqueue(
            function,
            str(traces[0]),
            on_success=Callback("os.mkdir"),
            on_failure=Callback("os.mkdir"),
            on_stopped=Callback("os.mkdir"),
        )
    work()
    assert not any(trace.exists() for trace in traces)


def test_a_planted_webhook_is_not_sent(hotline: Hotline, bank: Server, work: Any) -> None:
    job = queue_of(hotline).enqueue(JOB, "ntc-none")
    webhook = {"url": bank.url, "job_status": "finished", "timeout": 5, "headers": {}}
    hotline.redis.hset(job.key, "webhooks", json.dumps([webhook]))
    work()
    assert bank.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"data": b"\x80\x04cposix\nsystem\n."},
        {"data": json.dumps([["os", "system"], None, [], {}])},
        {"data": json.dumps(["os.system"])},
        {"data": json.dumps([JOB, None, {"a": 1}, []])},
        {"status": "no such state"},
        {"timeout": "never"},
        {"success_callback_timeout": "x"},
        {"created_at": "yesterday"},
        {"dependency_ids": "{"},
    ],
)
def test_a_job_that_cannot_be_read_stops_nobody(
    hotline: Hotline, work: Any, changes: dict[Any, Any]
) -> None:
    job = queue_of(hotline).enqueue(JOB, "ntc-none")
    hotline.redis.hset(job.key, mapping=changes)
    notice = owe(hotline)
    work()
    assert state_of(hotline, notice) is NoticeState.DELIVERED
    assert queue_of(hotline).count == 0


def test_a_pickle_is_not_unpickled(hotline: Hotline, work: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    Queue(QUEUE, connection=hotline.redis).enqueue(os.mkdir, str(trace))
    work()
    assert not trace.exists()


def test_a_notice_of_another_bank_is_not_sent_here(
    hotline: Hotline, bank: Server, work: Any
) -> None:
    notice = owe(hotline, queue=bank_queue("ccb"))
    queue_of(hotline).enqueue(JOB, notice.id)
    work()
    assert bank.requests == []
    assert state_of(hotline, notice) is NoticeState.OPEN


def test_two_jobs_for_one_notice_make_one_attempt(
    hotline: Hotline, bank: Server, work: Any
) -> None:
    notice = owe(hotline)
    for words in ring(notice.id, QUEUE):
        hotline.redis.execute_command(*words)
    work()
    assert len(bank.requests) == 1


def test_a_fault_is_told_by_kind_and_place_only(hotline: Hotline) -> None:
    """An error's text may hold an ID number. Nothing is sent, and the notice stays owed."""
    client = BankClient(hotline.settings.banks["icbc"])
    notice = owe(hotline)
    with capture_logs() as lines:
        deliver(hotline, a_delivery(hotline, QUEUE, client, int_of_an_id_number))
    logged = json.dumps(lines)
    for told in ("ValueError", "test_doorbell.py", "int_of_an_id_number", notice.id):
        assert told in logged
    assert ID_NUMBER not in logged
    assert state_of(hotline, notice) is NoticeState.OPEN
    assert ID_NUMBER not in "\n".join(all_that_is_kept(hotline.redis))


def test_a_banks_own_words_are_kept_nowhere(hotline: Hotline, bank: Server, work: Any) -> None:
    """They name people and accounts, in whatever form."""
    words = {"title": "张三", "detail": f"ID {ID_NUMBER}", "code": "unknown_card"}
    bank.reacts(answers(422, json.dumps(words, ensure_ascii=False)))
    notice = owe(hotline)
    work()
    (attempt,) = hotline.outbox.attempts(notice.id)
    assert (attempt.outcome, attempt.status, attempt.answer) == ("refused", 422, "unknown_card")
    kept = "\n".join(all_that_is_kept(hotline.redis))
    assert "unknown_card" in kept
    assert not {word for word in ("张三", ID_NUMBER) if word in kept}


def int_of_an_id_number(content: object, _reading: object) -> str:
    """A writer of notices with a fault in it."""
    try:
        return str(float(ID_NUMBER))
    except ValueError:
        return str(int(f"{content}: {ID_NUMBER}"))


def all_that_is_kept(redis: Redis) -> Iterator[str]:
    """Every key with its value, and what RQ has packed into values."""
    reads: dict[Any, Any] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": redis.xrange,
    }
    for key in redis.scan_iter():
        yield plain(key)
        for value in pieces(reads[redis.type(key)](key)):
            yield unpacked(value)


def pieces(value: Any) -> Iterator[bytes]:
    """The leaves of what Redis answered."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, bytes):
        yield value
    else:
        for part in value:
            yield from pieces(part)


def unpacked(value: bytes) -> str:
    for opened in (zlib.decompress, lambda packed: zlib.decompress(base64.b64decode(packed))):
        with suppress(ValueError, zlib.error):
            return opened(value).decode()
    return value.decode(errors="replace")


def test_a_key_that_is_no_list_keeps_no_bell_from_being_heard(
    redis: Redis, redis_server: RedisServer
) -> None:
    redis.set(keys.rung(QUEUE), "no list")
    redis.rpush(keys.rung("bank-ccb"), "job")
    with connect(redis_server.url, LISTENING_SECONDS) as line:
        doorbell = Doorbell(line, [QUEUE, "bank-ccb"], lambda: None)
        assert doorbell.wait() is None
        assert doorbell.wait() == Bell("bank-ccb", "job")
    assert list_unreadable(redis) == [keys.rung(QUEUE)]


def test_rq_lists_who_listens_until_he_leaves(redis: Redis, redis_server: RedisServer) -> None:
    with connect(redis_server.url, LISTENING_SECONDS) as line:
        doorbell = Doorbell(line, [QUEUE, "bank-ccb"], lambda: None)
        redis.rpush(keys.rung(QUEUE), "job")
        doorbell.wait()
        (worker,) = Worker.all(connection=redis)
        assert worker.queue_names() == [QUEUE, "bank-ccb"]
        doorbell.leave()
    assert Worker.all(connection=redis) == []


def test_a_job_written_ahead_is_one_that_rq_reads(hotline: Hotline) -> None:
    notices = [owe(hotline) for _ in range(2)]
    for notice, job in zip(notices, queue_of(hotline).jobs, strict=True):
        assert (job.func_name, job.args, job.kwargs) == (JOB, [notice.id], {})
        assert (job.origin, job.get_status(), job.result_ttl) == (QUEUE, "queued", 0)
        assert job.enqueued_at is not None
