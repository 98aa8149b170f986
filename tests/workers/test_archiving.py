"""The clock moves the journal to files beside all else it does, and says when it cannot."""

import logging
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs

from ivr.store import keys
from ivr.store.archive import day_of
from tests.builders import settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.workers.builders import sweep_of
from workers import archiving
from workers.archiving import LOOKS_EVERY, Archiving

DAY = 24 * 3600


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (place := tmp_path / "archive").mkdir()
    return place


@pytest.fixture
def hotline(redis: Redis, redis_server: RedisServer, place: Path) -> Hotline:
    opened = open_hotline(settings(redis_server.url, archive_dir=str(place)), redis)
    old = int(opened.outbox.now() - 40 * DAY) * 1000
    with redis.pipeline() as pipe:
        for n in range(2500):
            pipe.xadd(keys.JOURNAL, {"event": "looked_up", "n": str(n)}, f"{old}-{n}")
        pipe.xadd(keys.JOURNAL, {"event": "other"})
        pipe.execute()
    return opened


def archiving_of(hotline: Hotline) -> Archiving:
    return Archiving(hotline.mover, hotline.outbox.now)


def fill_the_disk(place: Path, hotline: Hotline) -> Path:
    """Where the old day's file would be written is always full."""
    (first, _), *_ = hotline.journal.in_redis(0)
    unfinished = place / f"looks-{day_of(first[0] / 1000)}.jsonl.unfinished"
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to("/dev/full")
    return unfinished


def test_one_round_of_the_sweep_is_enough_for_little(hotline: Hotline, redis: Redis) -> None:
    sweep = sweep_of(hotline)
    for _ in range(3):
        sweep.round()
    assert redis.xlen(keys.JOURNAL) == 1
    assert hotline.condition.sweep_failures() == []
    assert len(list(hotline.journal.between(0, hotline.outbox.now() + 1))) == 2501


def test_a_big_day_takes_several_rounds(
    hotline: Hotline, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "SHARE_SECONDS", 0.0)
    moving = archiving_of(hotline)
    moving.round()
    assert redis.xlen(keys.JOURNAL) == 2501
    for _ in range(3):
        moving.round()
    assert redis.xlen(keys.JOURNAL) == 1


def test_what_is_in_its_way_is_told_until_it_is_gone(
    hotline: Hotline, redis: Redis, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once in the log, in each round for whoever asks /readyz; then it goes on by itself."""
    caplog.set_level(logging.WARNING, "workers")
    sweep = sweep_of(hotline)
    with capture_logs() as logged:
        for _ in range(LOOKS_EVERY + 2):
            in_its_way = fill_the_disk(place, hotline)
            sweep.round()
            assert redis.xlen(keys.JOURNAL) == 2501
    assert hotline.condition.sweep_failures() == ["archive fails (OSError)"]
    assert [line.get("why") for line in logged if line["event"] == "journal_not_archived"] == [
        "[Errno 28] No space left on device"
    ]
    in_its_way.unlink(missing_ok=True)
    for _ in range(2 * LOOKS_EVERY):
        sweep.round()
    assert redis.xlen(keys.JOURNAL) == 1
    assert hotline.condition.sweep_failures() == []
    assert [r.getMessage() for r in caplog.records if "archive" in r.getMessage()] == [
        "sweep: archive fails (OSError)",
        "sweep: archive works again",
    ]
