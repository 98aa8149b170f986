"""Shows how a load is going: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.load.traffic import LoadProgress

_LINE_EVERY_SECONDS = 5.0
_BAR_EVERY_SECONDS = 0.2


@contextmanager
def shown(console: Console, planned: int) -> Iterator[Callable[[LoadProgress], None]]:
    """Yields a function that shows the figures of the moment; call it as often as you like."""
    if not console.is_terminal:
        yield _every(_LINE_EVERY_SECONDS, lambda progress: console.print(line_of(progress)))
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("dialling", total=planned)

        def draw(progress: LoadProgress) -> None:
            bar.update(task, completed=len(progress.records), description=line_of(progress))

        yield _every(_BAR_EVERY_SECONDS, draw)


def line_of(progress: LoadProgress) -> str:
    """The figures of the moment in a line."""
    turns = [turn for record in progress.records[-200:] for turn in record.turns]
    slowest = max((turn.milliseconds for turn in turns), default=0.0)
    return (
        f"{progress.seconds:3.0f} s: {progress.started} of {progress.planned} calls started, "
        f"{progress.in_progress} in progress, {len(progress.records)} over, "
        f"slowest recent turn {slowest:.0f} ms"
    )


def _every(seconds: float, show: Callable[[LoadProgress], None]) -> Callable[[LoadProgress], None]:
    next_at = time.monotonic() + seconds

    def now_and_then(progress: LoadProgress) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + seconds
            show(progress)

    return now_and_then
