"""Things made in a process of its own, ahead of whoever uses them."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

import pytest

from ivr.errors import HotlineError
from ivr.store.cardholders_csv import CardholdersFileError
from ivr.web.commands.ahead import MakerDiedError, made_ahead


def pids() -> Iterator[int]:
    """The number of the process that makes them, without end."""
    return (os.getpid() for _ in count())


def test_the_same_things_in_the_same_order_by_another_process() -> None:
    with made_ahead([[1, 2], [], [3]]) as made:
        assert list(made) == [[1, 2], [], [3]]
    with made_ahead(pids()) as made:
        assert next(made) != os.getpid()


def test_what_is_read_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork by multiprocessing begins with closing it."""
    (tmp_path / "lines").write_text("one\ntwo\n")
    with (tmp_path / "lines").open() as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        with made_ahead(line for line in lines) as made:
            assert list(made) == ["one\n", "two\n"]
        assert sys.stdin is lines


def test_an_error_comes_in_its_place() -> None:
    def two_and_an_error() -> Iterator[int]:
        yield from (1, 2)
        raise CardholdersFileError("is no such file")

    with made_ahead(two_and_an_error()) as made:
        assert (next(made), next(made)) == (1, 2)
        with pytest.raises(CardholdersFileError, match="is no such file"):
            next(made)


def test_who_is_killed_is_missed() -> None:
    with made_ahead(pids()) as made:
        os.kill(next(made), signal.SIGKILL)
        with pytest.raises(MakerDiedError, match="running this again is safe"):
            list(made)


def test_nobody_is_left_behind() -> None:
    """Neither one that waits until somebody takes what it made, nor one that is at work."""
    with suppress(HotlineError), made_ahead(pids()) as made:
        (maker, *_) = islice(made, 100)
        raise HotlineError
    with pytest.raises(ProcessLookupError):
        os.kill(maker, 0)
