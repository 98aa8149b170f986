"""Shows how a load is going: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.load.traffic import Board

_LINE_EVERY_SECONDS = 5.0
_BAR_EVERY_SECONDS = 0.2


@contextmanager
def shown(console: Console, planned: int) -> Iterator[Callable[[Board], None]]:
    """Yields what to call, as often as one likes, with the figures of the moment."""
    if not console.is_terminal:
        yield _every(_LINE_EVERY_SECONDS, lambda board: console.print(line_of(board)))
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("dialling", total=planned)

        def draw(board: Board) -> None:
            bar.update(task, completed=len(board.records), description=line_of(board))

        yield _every(_BAR_EVERY_SECONDS, draw)


def line_of(board: Board) -> str:
    """The figures of the moment in a line."""
    turns = [turn for record in board.records[-200:] for turn in record.turns]
    slowest = max((turn.milliseconds for turn in turns), default=0.0)
    return (
        f"{board.seconds:3.0f} s: {board.started} of {board.planned} calls started, "
        f"{board.in_progress} in progress, {len(board.records)} over, "
        f"slowest recent turn {slowest:.0f} ms"
    )


def _every(seconds: float, show: Callable[[Board], None]) -> Callable[[Board], None]:
    next_at = time.monotonic() + seconds

    def now_and_then(board: Board) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + seconds
            show(board)

    return now_and_then
