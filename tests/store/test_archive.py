"""The journal's older days move to files, in which nothing is lost, double or changed unseen."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ivr.cards.change import Entry
from ivr.store import keys
from ivr.store.archive import (
    LOOKS,
    REPORTS,
    Archive,
    ArchiveError,
    MisfitError,
    Name,
    day_of,
    id_of,
)
from ivr.store.codec import plain
from ivr.store.journal import Journal
from ivr.store.moved import Moved
from tests.builders import settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

DAY = 24 * 3600
NOW = int(datetime(2026, 11, 26, 9, tzinfo=UTC).timestamp())
LAST_MOVED = "2026-10-27"  # 30 days and 9 hours ago it began


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "archive"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def hotline(redis: Redis, redis_server: RedisServer, place: Path) -> Hotline:
    return open_hotline(settings(redis_server.url, archive_dir=str(place)), redis)


def fill(redis: Redis, days: int = 40, each: int = 4) -> None:
    """A journal of so many days until NOW, half of it looks; ids as they were then."""
    with redis.pipeline() as pipe:
        for ago in range(days, -1, -1):
            midnight = (NOW // DAY - ago) * DAY
            for n in range(each):
                event = "looked_up" if n % 2 else "loss_reported"
                fields: dict[Any, Any] = {"event": event, "report": f"{ago}-{n}"}
                pipe.xadd(keys.JOURNAL, fields, f"{(midnight + n) * 1000}-0")
        pipe.execute()


def move(hotline: Hotline, now: float = NOW) -> None:
    for _ in hotline.mover.steps(now):
        pass


def archive_of(hotline: Hotline) -> Archive:
    assert hotline.archive is not None
    return hotline.archive


def read(journal: Journal, since: float = 0, until: float = NOW + DAY) -> list[tuple[float, Entry]]:
    return list(journal.between(since, until))


def verify(hotline: Hotline) -> tuple[int, int]:
    kept = hotline.moved.read()
    checked = archive_of(hotline).check(kept.ends, kept.until)
    return checked.files, checked.lines


def oldest_in_redis(redis: Redis) -> float:
    ((entry_id, _),) = redis.xrange(keys.JOURNAL, count=1) or []
    return id_of(plain(entry_id))[0] / 1000


def test_redis_keeps_thirty_days_and_not_more(hotline: Hotline, redis: Redis) -> None:
    fill(redis, 60)
    before = read(hotline.journal)
    move(hotline)

    assert NOW - 30 * DAY < oldest_in_redis(redis) < NOW - 29 * DAY
    assert redis.xlen(keys.JOURNAL) == 4 * 30
    assert read(hotline.journal) == before, "who reads does not see where it stands"
    assert hotline.journal.begins_at() == before[0][0]


def test_two_files_a_day_that_others_cannot_read(hotline: Hotline, redis: Redis) -> None:
    fill(redis, 32)
    move(hotline)
    names = sorted(file.name for file in archive_of(hotline).directory.glob("*.gz"))
    days = ("2026-10-25", "2026-10-26", LAST_MOVED)
    assert names == sorted(f"{kind}-{day}.jsonl.gz" for day in days for kind in (LOOKS, REPORTS))
    for file in archive_of(hotline).directory.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    assert verify(hotline) == (6, 12)


def test_a_part_of_the_time(hotline: Hotline, redis: Redis) -> None:
    """Over the seam, with both ends in it, as `between` says."""
    fill(redis)
    since, until = NOW - 33 * DAY, NOW - 20 * DAY
    before = read(hotline.journal, since, until)
    only = list(hotline.journal.between(since, until, words=("31-2", "25-1")))
    assert [entry.fields["report"] for _, entry in only] == ["31-2", "25-1"]
    move(hotline)
    assert read(hotline.journal, since, until) == before
    assert list(hotline.journal.between(since, until, words=("31-2", "25-1"))) == only
    at = before[3][0]
    assert read(hotline.journal, at, at) == [before[3]]


def test_the_next_day_goes_on_where_the_chain_ended(hotline: Hotline, redis: Redis) -> None:
    fill(redis, 32)
    move(hotline)
    fill_later = NOW + 3 * DAY
    redis.xadd(keys.JOURNAL, {"event": "loss_reported"}, f"{fill_later * 1000}-0")
    move(hotline, fill_later)
    assert verify(hotline) == (12, 24)


def test_days_without_entries_are_no_gap(hotline: Hotline, redis: Redis) -> None:
    for ago in (50, 40, 35):
        at = (NOW - ago * DAY) * 1000
        redis.xadd(keys.JOURNAL, {"event": "looked_up" if ago == 40 else "other"}, f"{at}-0")
    move(hotline)
    assert verify(hotline) == (3, 3)
    assert redis.xlen(keys.JOURNAL) == 0


class TestKilled:
    """At any step, and done again: the same files, nothing lost, nothing double."""

    @staticmethod
    def contents(place: Path) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in place.glob("*.gz")}

    @pytest.mark.parametrize(
        "spot",
        ["DayFile.add", "DayFile.keep", "sync", "Moved.add", "Journal.trim"],
    )
    @pytest.mark.parametrize("nth", [1, 2, 3])
    def test_after(
        self, hotline: Hotline, redis: Redis, place: Path, tmp_path: Path, spot: str, nth: int
    ) -> None:
        fill(redis, 33)
        before = read(hotline.journal)
        url = redis.get_connection_kwargs()["path"]
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, f"unix://{url}", str(place), spot, str(nth)],
            cwd=Path(__file__).parents[2], check=False,
        )  # fmt: skip
        assert killed.returncode == -9
        assert read(hotline.journal) == before
        move(hotline)
        assert read(hotline.journal) == before
        assert verify(hotline) == (8, 16)
        assert list(place.glob("*.unfinished")) == []

        other = tmp_path / "other"
        other.mkdir()
        redis.flushall()
        fill(redis, 33)
        undisturbed = open_hotline(
            hotline.settings.model_copy(update={"archive_dir": other}), redis
        )
        move(undisturbed)
        assert self.contents(other) == self.contents(place)


_KILLED = """
import os, signal, sys
from pathlib import Path
from redis import Redis
from ivr.store import archive, journal, moved, mover
url, place, spot, nth = sys.argv[1:]
redis, calls = Redis.from_url(url), 0
def dies(room, name):
    real = getattr(room, name)
    def then_killed(*args):
        global calls
        found = real(*args)
        calls += 1
        if calls == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(room, name, then_killed)
places = {"DayFile": archive.DayFile, "Moved": moved.Moved, "Journal": journal.Journal}
room, _, name = spot.rpartition(".")
dies(places.get(room, mover), name)
kept = archive.Archive(Path(place))
written = journal.Journal(redis, 365 * 86400, kept)
lives = {"looks": 365 * 86400, "reports": 1095 * 86400}
moves = mover.Mover(written, moved.Moved(redis), kept, in_redis_seconds=30 * 86400, lives=lives)
for _ in moves.steps(NOW):
    pass
""".replace("NOW", str(NOW))


def rewrite(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(change(lines))))


class TestWhatIsChanged:
    """Each of these is found, and the first line that does not fit is named."""

    @pytest.fixture
    def kept(self, hotline: Hotline, redis: Redis) -> Hotline:
        fill(redis, 34, each=8)
        move(hotline)
        assert verify(hotline) == (10, 40)
        return hotline

    def file(self, kept: Hotline, day: str = "2026-10-25") -> Path:
        return archive_of(kept).directory / f"looks-{day}.jsonl.gz"

    def found(self, kept: Hotline) -> str:
        with pytest.raises(MisfitError) as raised:
            verify(kept)
        return str(raised.value)

    def test_a_changed_line(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: [*lines[:1], lines[1].replace(b"-3", b"-9"),
                                                *lines[2:]])  # fmt: skip
        assert self.found(kept).startswith("looks-2026-10-25.jsonl.gz line 3: does not follow")

    def test_a_changed_last_line_of_the_last_file(self, kept: Hotline) -> None:
        rewrite(self.file(kept, LAST_MOVED), lambda lines: [*lines[:-1],
                lines[-1].replace(b"looked", b"lookup")])  # fmt: skip
        assert self.found(kept).startswith(f"looks-{LAST_MOVED}.jsonl.gz line 4: is not the last")

    def test_a_missing_line(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: [lines[0], *lines[2:]])
        assert "looks-2026-10-25.jsonl.gz line 2: does not follow" in self.found(kept)

    def test_a_missing_first_line(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: lines[1:])
        assert "looks-2026-10-25.jsonl.gz line 1: does not follow the file before" in self.found(
            kept
        )

    def test_lines_that_changed_places(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: [lines[0], lines[2], lines[1], lines[3]])
        assert "line 2: does not follow" in self.found(kept)

    @pytest.mark.parametrize("day", ["2026-10-23", "2026-10-25", LAST_MOVED])
    def test_a_missing_file(self, kept: Hotline, day: str) -> None:
        self.file(kept, day).unlink()
        assert self.found(kept) == f"looks-{day}.jsonl.gz: is missing"

    def test_a_truncated_file(self, kept: Hotline) -> None:
        os.truncate(self.file(kept), self.file(kept).stat().st_size - 20)
        assert "looks-2026-10-25.jsonl.gz after line" in self.found(kept)

    def test_a_line_cut_off(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: [*lines[:-1], lines[-1][:-9]])
        assert "looks-2026-10-25.jsonl.gz line 4: is cut off" in self.found(kept)

    def test_a_file_of_another_day(self, kept: Hotline) -> None:
        shutil.copy(self.file(kept), self.file(kept, "2026-10-24"))
        assert "looks-2026-10-24" in self.found(kept) or "line 1" in self.found(kept)

    def test_a_whole_new_chain(self, kept: Hotline, redis: Redis, place: Path) -> None:
        """Whoever writes all files anew has not changed what Redis knows of them."""
        ends = kept.moved.read()
        for file in place.glob("*.gz"):
            file.unlink()
        redis.delete(keys.ARCHIVE, keys.JOURNAL)
        fill(redis, 34, each=6)
        move(kept)
        with pytest.raises(MisfitError, match="is not the last line"):
            archive_of(kept).check(ends.ends, ends.until)

    def test_no_line_of_ours(self, kept: Hotline) -> None:
        rewrite(self.file(kept), lambda lines: [*lines, b"[]\n"])
        assert "line 5: is no line of the journal" in self.found(kept)

    def test_without_redis_the_chain_alone(self, kept: Hotline, redis: Redis) -> None:
        redis.delete(keys.ARCHIVE)
        archive = archive_of(kept)
        assert archive.check({}, NOW).files == 10
        self.file(kept).unlink()
        with pytest.raises(MisfitError, match=r"looks-2026-10-26.* line 1: does not follow"):
            archive.check({}, NOW)


def test_a_full_disk_trims_nothing(hotline: Hotline, redis: Redis, place: Path) -> None:
    """/dev/full is always full."""
    fill(redis, 33)
    before = redis.xlen(keys.JOURNAL)
    for kind in (LOOKS, REPORTS):
        (place / f"{kind}-2026-10-24.jsonl.unfinished").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        move(hotline)
    assert redis.xlen(keys.JOURNAL) == before
    assert hotline.moved.read().until == 0
    assert list(place.glob("*.gz")) == []
    move(hotline)
    assert verify(hotline) == (8, 16)


def test_one_of_two_writes(hotline: Hotline, redis: Redis) -> None:
    fill(redis, 33)
    with archive_of(hotline).held() as is_ours:
        assert is_ours
        move(hotline)
        assert redis.xlen(keys.JOURNAL) == 4 * 34
    move(hotline)
    assert redis.xlen(keys.JOURNAL) == 4 * 30


def test_a_second_directory_is_refused(
    hotline: Hotline, redis: Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Two machines with a disk each would tear the chain."""
    fill(redis, 31)
    move(hotline)
    (other := tmp_path / "other").mkdir()
    second = open_hotline(settings(redis_server.url, archive_dir=str(other)), redis)
    fill_later = NOW + 5 * DAY
    left = redis.xlen(keys.JOURNAL)
    with pytest.raises(ArchiveError, match="another directory"):
        move(second, fill_later)
    assert redis.xlen(keys.JOURNAL) == left
    assert second.journal.elsewhere_until() == Name("", LAST_MOVED).begins + DAY
    assert hotline.journal.elsewhere_until() == 0


def test_a_machine_without_files_trims_only_what_is_moved(
    hotline: Hotline, redis: Redis, redis_server: RedisServer
) -> None:
    """Its own retention would forget what the other machine has not been able to move yet."""
    fill(redis, 50)
    redis.xadd(keys.JOURNAL, {"event": "new"}, f"{(NOW + 400 * DAY) * 1000}-0")
    steps = hotline.mover.steps(NOW)
    with archive_of(hotline).held():
        hotline.moved.claim(archive_of(hotline).own_id(), 0, {})
    without = open_hotline(settings(redis_server.url), redis)
    without.journal.trim(NOW + 400 * DAY)
    assert redis.xlen(keys.JOURNAL) == 4 * 51 + 1
    assert sum(1 for _ in without.mover.steps(NOW)) == 0
    for _ in steps:
        pass
    assert redis.xlen(keys.JOURNAL) == 4 * 30 + 1


def test_a_file_that_is_not_ours_is_not_written_over(
    hotline: Hotline, redis: Redis, place: Path
) -> None:
    fill(redis, 33)
    move(hotline, NOW - DAY)
    (place / f"looks-{LAST_MOVED}.jsonl.gz").write_bytes(gzip.compress(b"{}\n"))
    left = redis.xlen(keys.JOURNAL)
    with pytest.raises(ArchiveError, match="is there already"):
        move(hotline)
    assert redis.xlen(keys.JOURNAL) == left


def test_a_redis_that_forgot_learns_from_the_files(hotline: Hotline, redis: Redis) -> None:
    fill(redis, 33)
    move(hotline)
    kept = hotline.moved.read()
    redis.delete(keys.ARCHIVE)
    move(hotline)
    assert hotline.moved.read() == kept


def test_files_are_kept_as_long_as_what_they_tell(hotline: Hotline, redis: Redis) -> None:
    """Looks 12 months, reports 3 years; the chain goes on."""
    for ago in (1097, 1096, 1095, 367, 366, 365, 40):
        for event in ("looked_up", "loss_reported"):
            redis.xadd(keys.JOURNAL, {"event": event}, f"{(NOW - ago * DAY) * 1000}-*")
    move(hotline)
    archive = archive_of(hotline)
    assert [name.day for name in archive.names(LOOKS)] == [
        day_of(NOW - ago * DAY) for ago in (365, 40)
    ]
    assert len(archive.names(REPORTS)) == 5
    assert archive.names(REPORTS)[0].day == day_of(NOW - 1095 * DAY)
    assert len(hotline.moved.read().ends) == verify(hotline)[0] == 7
    move(hotline, NOW + 4000 * DAY)
    assert (archive.names(), verify(hotline)) == ([], (0, 0))
    redis.xadd(keys.JOURNAL, {"event": "other"}, f"{(NOW + 4000 * DAY) * 1000}-0")
    move(hotline, NOW + 4100 * DAY)
    assert verify(hotline) == (1, 1)


def test_a_big_day_moves_in_steps(hotline: Hotline, redis: Redis) -> None:
    """So the sweep does all else in between; who reads meanwhile sees every entry once."""
    with redis.pipeline() as pipe:
        for n in range(3500):
            pipe.xadd(keys.JOURNAL, {"event": "looked_up", "n": str(n)},
                      f"{(NOW - 40 * DAY) * 1000 + n // 7}-{n % 7}")  # fmt: skip
        pipe.execute()
    seen, steps = [], hotline.mover.steps(NOW)
    for _, entry in hotline.journal.between(0, NOW):
        seen.append(entry.fields["n"])
        if len(seen) == 1001:
            for _ in steps:
                pass
            assert redis.xlen(keys.JOURNAL) == 0
    assert seen == [str(n) for n in range(3500)]
    assert Moved(redis).read().until == (NOW // DAY - 39) * DAY
