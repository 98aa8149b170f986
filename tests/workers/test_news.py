"""What starts to go wrong is one log line, and what is well again one more, whoever sees it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from redis import Redis
from structlog.testing import capture_logs

from ivr.cards.change import Change, Owed
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.store.bank_health import FAILING_AFTER, FAILING_AFTER_SECONDS
from ivr.store.outbox import TEXTS_QUEUE, new_notice_id
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.workers.builders import a_bank, a_hotline, sweep_of

ANSWERED = Attempt(0, Outcome.RECEIVED, 200, 12, "")


@pytest.fixture
def hotline(redis: Redis, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank("https://bank.example"))


@dataclass
class Told:
    """The log lines of this process, each read once."""

    entries: list[structlog.typing.EventDict]

    def __call__(self) -> list[str]:
        lines = [" ".join(e[n] for n in ("event", "bank", "state") if n in e) for e in self.entries]
        self.entries.clear()
        return lines


@pytest.fixture
def told() -> Iterator[Told]:
    with capture_logs() as entries:
        yield Told(entries)


def owe(hotline: Hotline, kind: NoticeKind = NoticeKind.PING, bank: str = "icbc") -> Notice:
    reading, notice_id = hotline.cases.of_notice(""), new_notice_id()
    owed = Owed(kind, bank, reading.now, {}, id=notice_id)
    assert hotline.cases.commit(Change(owes=(owed,)), reading)
    notice = hotline.outbox.find(notice_id)
    assert notice is not None
    return notice


def fails(hotline: Hotline, notice: Notice, times: int = FAILING_AFTER) -> None:
    """So many attempts in a row, the first of them long enough ago."""
    failed = Attempt(0, Outcome.FAILED, 503, 12, "")
    for _ in range(times):
        due = int(hotline.outbox.now()) + 5
        hotline.service.settle(notice.id, failed, due)
    name = TEXTS_QUEUE if notice.kind is NoticeKind.TEXT else notice.bank
    first = int(hotline.outbox.now()) - FAILING_AFTER_SECONDS
    hotline.redis.hset(f"bank_health:{name}", "since", str(first))


@pytest.mark.parametrize(
    ("kind", "name"), [(NoticeKind.PING, "icbc"), (NoticeKind.TEXT, TEXTS_QUEUE)]
)
def test_who_fails_is_told_once_and_once_more_when_it_answers(
    hotline: Hotline, told: Told, kind: NoticeKind, name: str
) -> None:
    notice = owe(hotline, kind)
    fails(hotline, notice, FAILING_AFTER - 1)
    sweep_of(hotline).round()
    assert told() == [], "a few bad moments are nobody's news"
    fails(hotline, notice, 1)
    for _ in range(3):
        sweep_of(hotline).round()  # each as a process that was restarted
    assert told() == [f"bank_fails {name}"]
    hotline.service.settle(notice.id, ANSWERED, None)
    for _ in range(3):
        sweep_of(hotline).round()
    assert told() == [f"bank_answers_again {name}"]


def test_one_bad_moment_under_load_is_nobodys_news(hotline: Hotline, told: Told) -> None:
    notice = owe(hotline)
    failed = Attempt(0, Outcome.FAILED, 503, 12, "")
    for _ in range(5):
        hotline.service.settle(notice.id, failed, int(hotline.outbox.now()) + 5)
    now = int(hotline.outbox.now())
    hotline.redis.hset("bank_health:icbc", "since", str(now))
    sweep_of(hotline).round()
    assert told() == []


def test_a_bank_that_is_asked_no_more_has_not_answered(hotline: Hotline, told: Told) -> None:
    """Given up after 72 hours: nobody knows of an answer, so it still fails."""
    notice = owe(hotline)
    fails(hotline, notice)
    sweep_of(hotline).round()
    told()
    assert hotline.redis.ttl("bank_health:icbc") == -1


@pytest.mark.parametrize("kind", [NoticeKind.PING, NoticeKind.TEXT])
@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.REFUSED, NoticeState.REFUSED), (Outcome.FAILED, NoticeState.UNDELIVERABLE)],
)
def test_a_notice_that_needs_a_person(
    hotline: Hotline, told: Told, kind: NoticeKind, outcome: Outcome, state: NoticeState
) -> None:
    notice = owe(hotline, kind)
    hotline.service.settle(notice.id, Attempt(0, outcome, 422, 12, "无法停用 张三"), None)
    for _ in range(3):
        sweep_of(hotline).round()
    (line,) = told.entries
    assert line == {
        "event": "notice_stuck", "log_level": "warning", "notice": notice.id, "kind": kind,
        "bank": "icbc", "state": state,
    }  # fmt: skip
    told()
    assert hotline.service.send_again(notice.id)
    for _ in range(3):
        sweep_of(hotline).round()
    assert told() == ["notice_no_longer_stuck icbc open"]


def test_what_nobody_looked_at_ends_with_its_record(hotline: Hotline, told: Told) -> None:
    notice = owe(hotline)
    hotline.service.settle(notice.id, Attempt(0, Outcome.REFUSED, 422, 12, ""), None)
    sweep_of(hotline).round()
    told()
    hotline.redis.delete(f"notice:{notice.id}", "notices:stuck")
    sweep_of(hotline).round()
    assert told() == ["notice_no_longer_stuck"]


def test_sweeps_at_the_same_time_tell_it_once(
    hotline: Hotline, told: Told, redis_server: RedisServer
) -> None:
    for _ in range(20):
        hotline.service.settle(owe(hotline).id, Attempt(0, Outcome.REFUSED, 422, 12, ""), None)
    fails(hotline, owe(hotline))
    clients = [redis_server.client() for _ in range(4)]
    sweeps = [sweep_of(open_hotline(hotline.settings, client)) for client in clients]
    threads = [threading.Thread(target=sweep.round) for sweep in sweeps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert sorted(told()) == ["bank_fails icbc", *["notice_stuck icbc refused"] * 20]


def test_a_stuck_notice_of_a_bank_that_left_is_told_too(hotline: Hotline, told: Told) -> None:
    gone = owe(hotline, bank="gone")
    hotline.service.settle(gone.id, Attempt(0, Outcome.REFUSED, 422, 12, ""), None)
    sweep_of(hotline).round()
    assert told() == ["notice_stuck gone refused"]
