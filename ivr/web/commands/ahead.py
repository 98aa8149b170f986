"""Makes things in a process of its own, one ahead of whoever uses them: a long import reads and
checks the next lines on one core while it writes the last ones from another.
"""

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TextIO, TypeVar, cast

from ivr.errors import HotlineError

T = TypeVar("T")


class MakerDiedError(HotlineError):
    """Somebody killed the process that made things for this one; what it had made was used."""

    def __init__(self) -> None:
        super().__init__(
            "the process that reads ahead was killed; what was written stays and running this "
            "again is safe"
        )


@contextmanager
def made_ahead(things: Iterable[T]) -> Iterator[Iterator[T]]:
    """The same things, made by a fork of this process; gone with it when the block ends.

    An error while one is made is raised here, in its place. The pipe holds less than one batch, so
    the maker is at most two ahead.

    Raises:
        MakerDiedError: somebody killed the maker; where the next thing is asked for.
    """
    context = get_context("fork")  # nothing is started anew, and nothing but the things is sent
    ours, theirs = context.Pipe(duplex=False)
    maker = context.Process(target=_make, args=(things, theirs), daemon=True)
    with _standard_input_left_open():
        maker.start()
    theirs.close()
    try:
        yield _received(ours)
    finally:
        maker.terminate()
        maker.join()
        ours.close()


@contextmanager
def _standard_input_left_open() -> Iterator[None]:
    """multiprocessing closes it in a fork, and the things may be read from it."""
    opened, sys.stdin = sys.stdin, cast("TextIO", None)
    try:
        yield
    finally:
        sys.stdin = opened


def _make(things: Iterable[Any], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the user of the things, who ends us
    with suppress(BrokenPipeError):  # nobody wants them any more
        try:
            for thing in things:
                pipe.send((thing, None))
            pipe.send((None, None))
        except HotlineError as error:
            pipe.send((None, error))


def _received(pipe: Connection) -> Iterator[Any]:
    while True:
        try:
            thing, error = pipe.recv()
        except EOFError:
            raise MakerDiedError from None
        if error is not None:
            raise error
        if thing is None:
            return
        yield thing
