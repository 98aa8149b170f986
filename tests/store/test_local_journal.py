"""A machine's own journal: what was written is read again, whatever happened to who wrote it."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.cards.loss import LossReport, ReportState
from ivr.store.codec import dump
from ivr.store.local_journal import LocalJournal
from tests.cards.acts.builders import a_report

REPORT = a_report()


def journal(place: Path) -> LocalJournal:
    return LocalJournal(place, keep_days=7)


def reports(count: int) -> list[LossReport]:
    return [replace(REPORT, number=f"{n:08}") for n in range(count)]


def read(place: Path) -> list[LossReport]:
    return list(journal(place).read_on({}))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for report in reports(3):
        journal(tmp_path).write(report)
    assert read(tmp_path) == reports(3)


def test_only_what_is_new_is_read_on(tmp_path: Path) -> None:
    reader, places = journal(tmp_path), dict[str, int]()
    first, second, third = reports(3)
    for report in (first, second):
        journal(tmp_path).write(report)
    assert list(reader.read_on(places)) == [first, second]
    journal(tmp_path).write(third)
    assert list(reader.read_on(places)) == [third]
    assert list(reader.read_on(places)) == []


def test_one_process_writes_a_report_once(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    for _ in range(3):
        writer.write(REPORT)
    assert read(tmp_path) == [REPORT]


def test_many_write_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda report: journal(tmp_path).write(report), reports(200)))
    assert sorted(r.number for r in read(tmp_path)) == [r.number for r in reports(200)]


@pytest.mark.parametrize("length", [1, 40, -1])
def test_who_is_killed_in_the_middle_of_a_line_spoils_no_other(tmp_path: Path, length: int) -> None:
    first, torn, last = reports(3)
    journal(tmp_path).write(first)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as lines:
        lines.write((b"\n" + dump(torn) + b"\n")[:length])
    journal(tmp_path).write(last)
    found = read(tmp_path)
    assert found == ([first, torn, last] if length == -1 else [first, last])


def test_a_line_that_is_just_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    journal(tmp_path).write(REPORT)
    (file,) = tmp_path.iterdir()
    whole, places = file.read_bytes(), dict[str, int]()
    file.write_bytes(whole[:-5])
    assert list(journal(tmp_path).read_on(places)) == []
    file.write_bytes(whole)
    assert list(journal(tmp_path).read_on(places)) == [REPORT]


def test_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    journal(tmp_path).write(REPORT)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_when_the_disk_does_not_take_it(tmp_path: Path) -> None:
    """Told to whoever wanted to tell the number."""
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from ivr.store.local_journal import LocalJournal\n"
        "from tests.cards.acts.builders import a_report\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30, 30))\n"
        "try: LocalJournal(Path(sys.argv[1]), 7).write(a_report())\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "OSError"
    assert read(tmp_path) == []


def test_a_day_is_forgotten_when_its_reports_are_over(tmp_path: Path) -> None:
    journal(tmp_path).write(REPORT)
    (file,) = tmp_path.iterdir()
    for days, is_there in ((7.9, True), (8.1, False)):
        then = time.time() - days * 24 * 3600
        os.utime(file, (then, then))
        journal(tmp_path).forget_old(time.time())
        assert file.exists() is is_there


def test_without_a_directory_nothing_is_kept() -> None:
    nowhere = LocalJournal(None, keep_days=7)
    nowhere.write(REPORT)
    nowhere.forget_old(time.time())
    assert list(nowhere.read_on({})) == []
    assert not nowhere.is_kept
    assert nowhere.trouble() == ""


@pytest.mark.parametrize("line", ["null", "[1]", "7", '{"number": 1}', "\xff", "{"])
def test_a_line_that_is_no_report_hides_no_other(tmp_path: Path, line: str) -> None:
    first, last = reports(2)
    journal(tmp_path).write(first)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as lines:
        lines.write(line.encode("latin-1") + b"\n")
    journal(tmp_path).write(last)
    assert read(tmp_path) == [first, last]


def test_a_file_that_cannot_be_read_hides_no_other_and_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "reports-20000101.jsonl").mkdir()
    journal(tmp_path).write(REPORT)
    reader = journal(tmp_path).read_on({})
    assert next(reader) == REPORT
    with pytest.raises(IsADirectoryError):
        next(reader)


def test_a_file_that_was_taken_away_is_written_again(tmp_path: Path) -> None:
    """By a process that had written this report already."""
    writer = journal(tmp_path)
    writer.write(REPORT)
    (file,) = tmp_path.iterdir()
    file.unlink()
    writer.write(REPORT)
    assert read(tmp_path) == [REPORT]


def test_a_report_that_is_over_is_not_written(tmp_path: Path) -> None:
    """It was while it ran; written now, it would be filed again as one that runs."""
    for state in (ReportState.RELEASED, ReportState.SUPERSEDED):
        journal(tmp_path).write(replace(REPORT, state=state))
    assert read(tmp_path) == []


def test_without_a_clock_that_looks_it_is_in_trouble(tmp_path: Path) -> None:
    """Each machine needs its own: another machine's looks after another journal."""
    kept = journal(tmp_path)
    assert "no clock on this machine" in kept.trouble()
    kept.say_looked()
    assert kept.trouble() == ""
    then = time.time() - 20
    os.utime(tmp_path / "looked", (then, then))
    assert "no clock on this machine" in kept.trouble()


def test_a_days_file_that_cannot_be_written_is_a_trouble(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.say_looked()
    (tmp_path / f"reports-{time.strftime('%Y%m%d', time.gmtime())}.jsonl").mkdir()
    assert "cannot be written" in kept.trouble()
    with pytest.raises(IsADirectoryError):
        kept.write(REPORT)


def test_a_directory_that_went_away_is_a_trouble(tmp_path: Path) -> None:
    place = tmp_path / "gone"
    assert "cannot be written" in journal(place).trouble()
    with pytest.raises(OSError, match="gone"):
        journal(place).write(REPORT)
