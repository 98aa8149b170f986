"""The clock: what it rings for, what it leaves alone, and what it gets over."""

import logging
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from ivr.cards.change import Change, Owed
from ivr.cards.notice import TEXTS, Attempt, NoticeKind, Outcome
from ivr.store import keys
from ivr.store.bank_health import FAILING_AFTER_SECONDS, PAUSE_AFTER, PAUSE_AFTER_SECONDS
from ivr.store.codec import plain
from ivr.store.outbox import HURRIED_AT_ONCE, bank_queue, new_notice_id
from ivr.store.unreadable import list_unreadable
from tests.hotline import Hotline, claimed, leased, open_hotline, ringing
from tests.redis_server import RedisServer
from tests.web.conftest import Wire
from tests.workers.builders import a_bank, a_hotline, an_environment, owe, sweep_of
from tests.workers.programs import program
from tests.workers.servers import wait_until
from workers.sweep import TRIM_EVERY, Sweep

QUEUE = bank_queue("icbc")
OTHER = bank_queue("ccb")


@pytest.fixture
def hotline(redis: Redis, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank("https://bank.example"))


@pytest.fixture
def sweep(hotline: Hotline) -> Sweep:
    return sweep_of(hotline)


def lose_all_jobs(hotline: Hotline) -> None:
    hotline.redis.delete(*hotline.redis.keys("rq:*"))


def test_a_due_notice_whose_job_is_lost_is_rung_for(hotline: Hotline, sweep: Sweep) -> None:
    """One bell is enough: whoever hears it looks at all that is due."""
    longest_due, _ = owe(hotline, age_seconds=9), owe(hotline)
    lose_all_jobs(hotline)
    sweep.round()
    assert ringing(hotline, QUEUE) == [longest_due.id]


def test_a_notice_whose_job_waits_is_left_alone(hotline: Hotline, sweep: Sweep) -> None:
    notice = owe(hotline)
    for _ in range(3):
        sweep.round()
    assert ringing(hotline, QUEUE) == [notice.id]


def test_a_notice_that_is_not_due_is_left_alone(hotline: Hotline, sweep: Sweep) -> None:
    notice = owe(hotline)
    assert leased(hotline, notice.id, 30) is not None
    lose_all_jobs(hotline)
    sweep.round()
    assert ringing(hotline, QUEUE) == []


def test_a_long_queue_grows_no_longer_and_hides_nobody(hotline: Hotline, sweep: Sweep) -> None:
    for _ in range(220):
        owe(hotline, age_seconds=100)
    lose_all_jobs(hotline)
    other = owe(hotline, queue=OTHER)
    hotline.redis.delete(f"rq:queue:{OTHER}")
    for _ in range(3):
        sweep.round()
    assert len(ringing(hotline, QUEUE)) == 1
    assert ringing(hotline, OTHER) == [other.id]


def owe_many(hotline: Hotline, count: int) -> None:
    """A backlog to one bank, due for a minute; its jobs are lost."""
    at = int(hotline.outbox.now()) - 60
    for first in range(0, count, 1000):
        with hotline.redis.pipeline() as pipe:
            for _ in range(first, min(first + 1000, count)):
                owed = Owed(NoticeKind.PING, "icbc", at, {"word": "叮"})
                for words in hotline.outbox.owe(owed, set()):
                    pipe.execute_command(*words)
            pipe.execute()
    lose_all_jobs(hotline)


def fails_for_long(hotline: Hotline) -> None:
    """The bank of the backlog is down, and paused."""
    long_ago = int(hotline.outbox.now()) - PAUSE_AFTER_SECONDS
    for _ in range(PAUSE_AFTER):
        for words in hotline.bank_health.count_failure("icbc", long_ago):
            hotline.redis.execute_command(*words)


def cost_of_a_round(hotline: Hotline, server: RedisServer) -> tuple[int, int]:
    """Commands, and round trips, of the dearest of a few rounds in which all bells are rung."""
    sweep_of(hotline).round()
    wire = Wire(server, Path(tempfile.mkdtemp(prefix="hl-")))
    try:
        with Redis.from_url(wire.url) as line:
            sweep = sweep_of(open_hotline(hotline.settings, line))
            sweep.round()  # scripts are loaded, and what is done once in 60 rounds
            dearest = (0, 0)
            for _ in range(3):
                before, wire.round_trips = commands(hotline), 0
                sweep.round()
                dearest = max(dearest, (commands(hotline) - before, wire.round_trips))
            return dearest
    finally:
        wire.close()


def commands(hotline: Hotline) -> int:
    """All that the server was asked to do so far, within scripts too."""
    counted = hotline.redis.info("commandstats")
    return sum(row["calls"] for name, row in counted.items() if "info" not in name)


def test_a_backlog_of_one_bank_hides_nothing_and_costs_nothing(
    hotline: Hotline, sweep: Sweep, redis_server: RedisServer
) -> None:
    """25 000 notices wait for a bank that is down; another bank's job was lost."""
    fails_for_long(hotline)
    owe_many(hotline, 100)
    owe(hotline, queue=OTHER)
    of_a_few = cost_of_a_round(hotline, redis_server)
    owe_many(hotline, 24_900)
    owe(hotline, queue=OTHER)
    lose_all_jobs(hotline)
    sweep.round()
    assert len(ringing(hotline, OTHER)) == 1
    assert len(ringing(hotline, QUEUE)) == 1
    assert cost_of_a_round(hotline, redis_server) == of_a_few
    assert hotline.redis.zcard(keys.NOTICES_OPEN) == 25_002


@pytest.mark.parametrize("who", ["icbc", TEXTS])
def test_what_waits_for_one_who_failed_and_answers_is_due(
    hotline: Hotline, sweep: Sweep, who: str
) -> None:
    """Four failures are no pause, and yet the fifth attempt would wait for half an hour."""
    waiting = owes_to(hotline, who)
    for _ in range(4):
        settles(hotline, waiting, Outcome.FAILED)
        hotline.outbox.hurry(who, hotline.outbox.now())
    settles(hotline, waiting, Outcome.FAILED)
    hotline.redis.hincrby(keys.bank_health(who), "since", -FAILING_AFTER_SECONDS)
    sweep.hurry()
    assert not is_due(hotline, waiting)
    settles(hotline, owes_to(hotline, who), Outcome.RECEIVED)
    sweep.hurry()
    assert is_due(hotline, waiting)
    assert hotline.redis.scard(keys.BANKS_BACK) == 0


def test_one_notice_that_always_fails_is_not_tried_again_whenever_another_is_taken(
    hotline: Hotline, sweep: Sweep
) -> None:
    waiting = owes_to(hotline, "icbc")
    settles(hotline, waiting, Outcome.FAILED)
    settles(hotline, owes_to(hotline, "icbc"), Outcome.RECEIVED)
    sweep.hurry()
    assert not is_due(hotline, waiting)


def owes_to(hotline: Hotline, who: str) -> str:
    """The id of a notice to a bank, or of a text."""
    reading, notice_id = hotline.cases.of_notice(""), new_notice_id()
    kind, bank = (NoticeKind.TEXT, "icbc") if who == TEXTS else (NoticeKind.PING, who)
    owed = Owed(kind, bank, reading.now, {}, id=notice_id)
    assert hotline.cases.commit(Change(owes=(owed,)), reading)
    return notice_id


def settles(hotline: Hotline, notice_id: str, outcome: Outcome) -> None:
    """An attempt comes to this; a failed one is due again in an hour."""
    assert leased(hotline, notice_id, 30) is not None
    now = int(hotline.outbox.now())
    hotline.service.settle(notice_id, Attempt(now, outcome, 503, 9, ""), now + 3600)


def is_due(hotline: Hotline, notice_id: str) -> bool:
    due = hotline.redis.zscore(keys.NOTICES_OPEN, notice_id)
    return due is not None and float(due) <= hotline.outbox.now()


def test_a_bank_that_is_back_gets_its_backlog_bit_by_bit(hotline: Hotline, sweep: Sweep) -> None:
    """One round's work has an end, and the last notice is due in the end."""
    owe_many(hotline, HURRIED_AT_ONCE + 1)
    later = hotline.outbox.now() + 3600
    for listed in (keys.NOTICES_OPEN, keys.open_in(QUEUE)):
        waiting = hotline.redis.zrange(listed, 0, -1)
        hotline.redis.zadd(listed, {plain(notice_id): later for notice_id in waiting})
    hotline.redis.sadd(keys.BANKS_BACK, "icbc")

    sweep.hurry()
    assert hotline.redis.zcount(keys.NOTICES_OPEN, later, later) == 1
    sweep.hurry()
    assert hotline.redis.zcount(keys.NOTICES_OPEN, later, later) == 0
    assert hotline.redis.zcount(keys.open_in(QUEUE), later, later) == 0
    assert hotline.redis.scard(keys.BANKS_BACK) == 0


def test_a_list_by_queue_that_lacks_a_notice_is_mended(hotline: Hotline, sweep: Sweep) -> None:
    """`notices:open` alone is the truth: what it has is rung for, what it lacks is not."""
    missing, closed = owe(hotline), owe(hotline)
    hotline.redis.zrem(keys.open_in(QUEUE), missing.id)
    hotline.redis.zrem(keys.NOTICES_OPEN, closed.id)
    lose_all_jobs(hotline)
    sweep.round()
    assert len(ringing(hotline, QUEUE)) == 1
    assert [claim.notice for claim in claimed(hotline, QUEUE)] == [missing]
    assert hotline.redis.zrange(keys.open_in(QUEUE), 0, -1) == [missing.id.encode()]


def test_a_queue_that_cannot_be_read_stops_no_other(hotline: Hotline, sweep: Sweep) -> None:
    owe(hotline)
    other = owe(hotline, queue=OTHER)
    lose_all_jobs(hotline)
    hotline.redis.set(f"rq:queue:{QUEUE}", "not a list")
    for _ in range(2):
        sweep.round()
    assert ringing(hotline, OTHER) == [other.id]
    assert list_unreadable(hotline.redis) == [f"rq:queue:{QUEUE}"]


def test_a_job_that_names_nothing_stops_nobody(hotline: Hotline, sweep: Sweep) -> None:
    notice = owe(hotline)
    lose_all_jobs(hotline)
    hotline.redis.rpush(f"rq:queue:{QUEUE}", b"\xff", b"no such job")
    hotline.redis.zadd(keys.NOTICES_OPEN, {b"\xff": 0})
    for _ in range(2):
        sweep.round()
    assert [claim.notice for claim in claimed(hotline, QUEUE)] == [notice]
    assert hotline.redis.zrange(keys.NOTICES_OPEN, 0, -1) == [notice.id.encode()]


def test_an_entry_whose_notice_is_gone_is_taken_out(hotline: Hotline, sweep: Sweep) -> None:
    """It would be due for ever, and stand before all others."""
    gone, notice = owe(hotline, age_seconds=100), owe(hotline)
    hotline.redis.delete(keys.notice(gone.id))
    lose_all_jobs(hotline)
    for _ in range(2):
        sweep.round()
    assert [claim.notice for claim in claimed(hotline, QUEUE)] == [notice]
    for listed in (keys.NOTICES_OPEN, keys.open_in(QUEUE), keys.owed(QUEUE)):
        assert hotline.redis.zrange(listed, 0, -1) == [notice.id.encode()]
    assert hotline.redis.hget(keys.COUNTERS, "event:notice_lost") == b"1"
    assert not hotline.redis.exists(keys.notice(gone.id))


def test_sweeps_at_the_same_time_do_no_harm(hotline: Hotline, redis_server: RedisServer) -> None:
    """Both may ring; whoever answers first has the notice."""
    notices = [owe(hotline).id for _ in range(20)]
    lose_all_jobs(hotline)
    clients = [redis_server.client() for _ in range(4)]
    sweeps = [sweep_of(open_hotline(hotline.settings, client)) for client in clients]
    threads = [threading.Thread(target=sweep.round) for sweep in sweeps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert ringing(hotline, QUEUE)
    found = [claim.notice.id for _ in range(2) for claim in claimed(hotline, QUEUE, most=99)]
    assert sorted(found) == sorted(notices)


def test_it_shows_that_it_lives(hotline: Hotline, sweep: Sweep) -> None:
    sweep.round()
    assert 0 < hotline.redis.ttl(keys.SWEEP_ALIVE) <= 15


def test_it_trims_the_journal(hotline: Hotline, sweep: Sweep) -> None:
    with hotline.redis.pipeline() as pipe:
        for _ in range(300):
            pipe.xadd(keys.JOURNAL, {"event": "old"}, id="1-*")
        pipe.execute()
    sweep.round()
    assert hotline.redis.xlen(keys.JOURNAL) < 300


def test_a_part_that_fails_stops_no_other_and_is_logged_once(
    hotline: Hotline, sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "workers")
    hotline.redis.set(keys.DEADLINES, "not a sorted set")
    owe(hotline)
    lose_all_jobs(hotline)
    for _ in range(3):
        sweep.round()
    assert len(ringing(hotline, QUEUE)) == 1
    named = ("release", "foretell")
    fails = [f"sweep: {name} fails (WrongKindError)" for name in named]
    assert [r.message for r in caplog.records] == fails
    hotline.redis.delete(keys.DEADLINES)
    sweep.round()
    assert [r.message for r in caplog.records[2:]] == [
        f"sweep: {name} works again" for name in named
    ]


def test_what_fails_is_in_its_sign_of_life_until_it_works_again(
    hotline: Hotline, sweep: Sweep
) -> None:
    """Also what is done in one round of many."""
    hotline.redis.set(keys.DEADLINES, "not a sorted set")
    hotline.redis.set(keys.JOURNAL, "not a stream")
    for _ in range(3):
        sweep.round()
    assert set(hotline.condition.sweep_failures()) == {
        "release fails (WrongKindError)",
        "foretell fails (WrongKindError)",
        "trim fails (WrongKindError)",
    }
    hotline.redis.delete(keys.DEADLINES, keys.JOURNAL)
    for _ in range(TRIM_EVERY):
        sweep.round()
    assert hotline.condition.sweep_failures() == []


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server this test may kill."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.kill()


def test_an_outage_of_redis_is_survived_and_told_once(
    own_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "workers")
    with own_server.client() as redis:
        hotline = a_hotline(tmp_path, redis, a_bank("https://bank.example"))
        sweep = sweep_of(hotline)
        notice = owe(hotline)
        own_server.kill()
        for _ in range(3):
            sweep.round()
        assert len(caplog.records) == 1
        own_server.start()
        lose_all_jobs(hotline)
        sweep.round()
        assert ringing(hotline, QUEUE) == [notice.id]
        assert caplog.records[-1].message == "sweep: redis works again"


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_clock_runs_through_an_outage_until_it_is_told_to_end(
    own_server: RedisServer, tmp_path: Path, number: signal.Signals
) -> None:
    environ = an_environment(tmp_path, own_server.url, a_bank("https://bank.example"))
    with program("workers.sweep", environ, tmp_path / "log") as clock, own_server.client() as redis:
        wait_until(lambda: redis.exists(keys.SWEEP_ALIVE))
        own_server.restart()
        redis.delete(keys.SWEEP_ALIVE)
        wait_until(lambda: redis.exists(keys.SWEEP_ALIVE))
        assert clock.ends(number) == 0
        assert "Traceback" not in clock.said()
