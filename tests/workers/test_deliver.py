"""The deliverers as real processes: killed, orphaned, without Redis, and with a slow bank."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from ivr.cards.notice import Notice, NoticeState
from ivr.store import keys
from ivr.store.doorbell import ring
from ivr.store.outbox import bank_queue
from tests.hotline import Hotline
from tests.redis_server import RedisServer
from tests.workers.builders import a_bank, a_hotline, an_environment, owe
from tests.workers.programs import (
    Program,
    is_alive,
    program,
    wait_for_workers,
    workers_on,
)
from tests.workers.servers import Server, answers, running, wait_until

pytestmark = pytest.mark.faults
QUEUE = bank_queue("icbc")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def bank() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def hotline(redis: Redis, bank: Server, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank(bank.url))


class Deliverers:
    """Starts `workers.deliver` for some banks: two processes, and one for the texts."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self._directory = directory
        self._redis_url = redis_url

    def start(self, *given: str, **more: str) -> AbstractContextManager[Program]:
        """`given`: the banks' addresses, and what stands on the command line."""
        urls = [word for word in given if word.startswith("http")]
        words = [word for word in given if word not in urls]
        names = ["icbc", "ccb"]
        banks = [
            a_bank(u, id=n, max_in_flight=2, secrets_env=f"{n.upper()}_SECRETS")
            for u, n in zip(urls, names, strict=False)
        ]
        more = {"WORKER_PROCESSES": "2", **more}
        environ = an_environment(self._directory, self._redis_url, *banks, **more)
        return program("workers.deliver", environ, self._directory / "deliver.log", *words)


@pytest.fixture
def deliverers(tmp_path: Path, redis_server: RedisServer) -> Deliverers:
    return Deliverers(tmp_path, redis_server.url)


def is_delivered(hotline: Hotline, notice: Notice) -> bool:
    found = hotline.outbox.find(notice.id)
    return found is not None and found.state is NoticeState.DELIVERED


def test_a_notice_is_delivered_and_sigterm_ends_all(
    hotline: Hotline, deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    with deliverers.start(bank.url) as running_program:
        pids = wait_for_workers(redis, QUEUE, 2) | wait_for_workers(redis, "texts", 1)
        notice = owe(hotline)
        wait_until(lambda: is_delivered(hotline, notice))
        assert running_program.ends() == 0
        assert not any(is_alive(pid) for pid in pids)
        assert redis.smembers("rq:workers") == set()
        assert "Traceback" not in running_program.said()


def test_ctrl_c_ends_all_too(deliverers: Deliverers, bank: Server, redis: Redis) -> None:
    with deliverers.start(bank.url) as running_program:
        pids = wait_for_workers(redis, QUEUE, 2)
        assert running_program.ends(signal.SIGINT) == 0
        assert not any(is_alive(pid) for pid in pids)


def test_what_is_on_its_way_is_finished_before_the_end(
    hotline: Hotline, deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    may_answer = threading.Event()
    bank.reacts(lambda sock: may_answer.wait(20) and answers(200)(sock))
    with deliverers.start(bank.url) as running_program:
        wait_for_workers(redis, QUEUE, 2)
        notice = owe(hotline)
        wait_until(lambda: bank.requests)
        running_program.process.terminate()
        wait_until(lambda: len(redis.smembers(f"rq:workers:{QUEUE}")) == 1)
        may_answer.set()
        assert running_program.process.wait(30) == 0
        assert is_delivered(hotline, notice)


def test_a_second_signal_does_not_wait(
    hotline: Hotline, deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    bank.reacts(lambda _sock: bank.over.wait())
    with deliverers.start(bank.url) as running_program:
        wait_for_workers(redis, QUEUE, 2)
        owe(hotline)
        wait_until(lambda: bank.requests)
        running_program.process.terminate()
        wait_until(lambda: len(redis.smembers(f"rq:workers:{QUEUE}")) == 1)
        assert running_program.ends() == 0
        assert "killed" in running_program.said()


def test_a_killed_worker_is_replaced_and_its_notice_comes_back(
    hotline: Hotline, deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    bank.reacts(lambda _sock: bank.over.wait())
    with deliverers.start(bank.url):
        before = wait_for_workers(redis, QUEUE, 2)
        notice = owe(hotline)
        wait_until(lambda: bank.requests)
        bank.reacts(answers(200))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in before))
        after = wait_for_workers(redis, QUEUE, 2)
        assert not before & after
        assert hotline.outbox.due(QUEUE, hotline.outbox.now(), 1) == []
        the_lease_ends(hotline, notice)
        wait_until(lambda: is_delivered(hotline, notice))
        assert {request.headers["webhook-id"] for request in bank.requests} == {notice.id}


def the_lease_ends(hotline: Hotline, notice: Notice) -> None:
    """What time does by itself; the sweep then rings."""
    for place in (keys.NOTICES_OPEN, keys.open_in(notice.queue), keys.in_flight(notice.queue)):
        hotline.redis.zadd(place, {notice.id: 0})
    for words in ring(notice.id, notice.queue):
        hotline.redis.execute_command(*words)


def test_no_worker_outlives_a_killed_supervisor(
    deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    with deliverers.start(bank.url) as running_program:
        pids = wait_for_workers(redis, QUEUE, 2) | wait_for_workers(redis, "texts", 1)
        running_program.ends(signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_bank_that_hangs_keeps_no_other_waiting(
    hotline: Hotline, deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    bank.reacts(lambda _sock: bank.over.wait())
    with running() as other, deliverers.start(bank.url, other.url):
        wait_for_workers(redis, QUEUE, 2)
        wait_for_workers(redis, bank_queue("ccb"), 2)
        for _ in range(5):
            owe(hotline)
        wait_until(lambda: len(bank.requests) == 2)
        notice = owe(hotline, queue=bank_queue("ccb"))
        wait_until(lambda: is_delivered(hotline, notice))
        assert len(bank.requests) == 2


def test_the_machine_decides_how_many_processes_there_are(
    deliverers: Deliverers, bank: Server, redis: Redis
) -> None:
    with deliverers.start(bank.url, WORKER_PROCESSES="1") as running_program:
        wait_for_workers(redis, "texts", 1)
        wait_for_workers(redis, QUEUE, 1)
        assert "with 2 processes" in running_program.said()


@pytest.mark.parametrize(("kind", "queue"), [("banks", QUEUE), ("texts", "texts")])
def test_machines_may_share_the_work(
    deliverers: Deliverers, bank: Server, redis: Redis, kind: str, queue: str
) -> None:
    with deliverers.start(bank.url, kind, WORKER_PROCESSES="1") as running_program:
        wait_for_workers(redis, queue, 1)
        assert "with 1 processes" in running_program.said()


def test_a_kind_nobody_delivers_is_refused(deliverers: Deliverers, redis: Redis) -> None:
    redis.ping()
    with deliverers.start(NOBODY, "letters") as refused:
        assert refused.process.wait(30) == 2
        assert "letters: choose banks or texts" in refused.said()


@dataclass
class Counter:
    """Answers slowly, and counts how many requests are open at once."""

    seconds: float = 0.15
    open: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, sock: socket.socket) -> None:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        time.sleep(self.seconds)
        with self.lock:
            self.open -= 1
        answers(200)(sock)


def test_a_bank_never_has_more_requests_open_than_it_wants_whatever_happens_to_workers(
    hotline: Hotline, bank: Server, redis: Redis, tmp_path: Path, redis_server: RedisServer
) -> None:
    """Two machines share its `max_in_flight` of 2, and lose processes all the time."""
    bank.reacts(counter := Counter())
    machines = [tmp_path / name for name in ("one", "two")]
    for machine in machines:
        machine.mkdir()
    started = [Deliverers(machine, redis_server.url).start(bank.url) for machine in machines]
    with started[0], started[1]:
        wait_for_workers(redis, QUEUE, 4)
        owed = [owe(hotline) for _ in range(60)]
        for _ in range(3):
            time.sleep(0.5)
            for pid in list(workers_on(redis, QUEUE).values())[:2]:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: len(workers_on(redis, QUEUE)) == 4)
        with bells_ringing(hotline, redis):
            wait_until(lambda: all(is_delivered(hotline, notice) for notice in owed), 90)
    assert counter.most == 2


@contextmanager
def bells_ringing(hotline: Hotline, redis: Redis) -> Iterator[None]:
    """As a sweep does, every second, until nothing is due any more."""

    def rings() -> None:
        while redis.zcard(keys.NOTICES_OPEN):
            hotline.outbox.ring_due([QUEUE])
            time.sleep(0.3)

    thread = threading.Thread(target=rings)
    thread.start()
    try:
        yield
    finally:
        redis.delete(keys.NOTICES_OPEN)
        thread.join()


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server this test may kill."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        yield server
        server.kill()


def test_workers_wait_for_redis_and_outlive_its_restart(
    own_server: RedisServer, bank: Server, tmp_path: Path
) -> None:
    deliverers = Deliverers(tmp_path, own_server.url)
    with deliverers.start(bank.url) as running_program:
        wait_until(lambda: "waiting for Redis" in running_program.said())
        own_server.start()
        with own_server.client() as redis:
            hotline = a_hotline(tmp_path, redis, a_bank(bank.url))
            wait_for_workers(redis, QUEUE, 2)
            own_server.restart()
            notice = owe(hotline)
            wait_until(lambda: is_delivered(hotline, notice))
        assert running_program.said().count("waiting for Redis") < 5
        assert "Traceback" not in running_program.said()
        assert running_program.ends() == 0


@pytest.mark.parametrize("options", [["--appendonly", "no"], ["--maxmemory-policy", "allkeys-lru"]])
@pytest.mark.parametrize("module", ["workers.deliver", "workers.sweep"])
def test_an_unsafe_redis_is_refused(
    bank: Server, tmp_path: Path, options: list[str], module: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory), *options)
        server.start()
        environ = an_environment(tmp_path, server.url, a_bank(bank.url))
        with program(module, environ, tmp_path / "log") as refused:
            assert refused.process.wait(30) == 2
            assert "Redis" in refused.said()
            assert "Traceback" not in refused.said()
        server.kill()


@pytest.mark.parametrize("module", ["workers.deliver", "workers.sweep"])
def test_settings_that_make_no_sense_are_all_named(tmp_path: Path, module: str) -> None:
    environ = an_environment(tmp_path, "", a_bank("https://bank.example"))
    environ |= {"DATA_KEYS": "too-short", "ICBC_SECRETS": ""}
    with program(module, environ, tmp_path / "log") as refused:
        assert refused.process.wait(30) == 2
        assert "DATA_KEYS" in refused.said()
        assert "secret" in refused.said()
        assert "Traceback" not in refused.said()


@pytest.mark.parametrize("processes", ["0", "-1", "many", "1.5"])
def test_the_number_of_processes_must_be_one(
    deliverers: Deliverers, redis: Redis, processes: str
) -> None:
    redis.ping()
    with deliverers.start(NOBODY, WORKER_PROCESSES=processes) as refused:
        assert refused.process.wait(30) == 2
        assert "WORKER_PROCESSES" in refused.said()


def test_a_certificate_that_cannot_be_used_is_found_at_the_start(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "client.pem"
    wrong.write_text("not a certificate")
    bank = a_bank("https://bank.example", client_cert_file=wrong, client_key_file=wrong)
    environ = an_environment(tmp_path, redis_server.url, bank)
    with program("workers.deliver", environ, tmp_path / "log") as refused:
        assert refused.process.wait(30) == 2
        assert "[banks.icbc]" in refused.said()
        assert "Traceback" not in refused.said()
