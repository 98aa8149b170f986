"""`python -m simulator.load`: traffic, settling, checks, summary.

Exit status: 0 everything adds up · 1 something does not · 2 nothing could be called · 130 Ctrl-C.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console

from simulator.engine import HttpTransport
from simulator.load.calls import CallInProgress, CallRecord, keep_transcript
from simulator.load.checks import find_discrepancies
from simulator.load.collecting import collect_when_settled
from simulator.load.options import Options, read_options
from simulator.load.people import CallerPool, Person, new_people, people_in
from simulator.load.progress import shown
from simulator.load.summary import Summary, as_json, show, summarise
from simulator.load.target import Target, find_target
from simulator.load.traffic import Pace, Traffic
from simulator.stack.problem import StartError

_FEWEST_CARDS, _MOST_CARDS = 40, 20_000
_PATIENCE_SECONDS = 60.0  # beyond twice the asked-for time nothing is started any more


@dataclass
class Interruptions:
    """Counts Ctrl-C and SIGTERM: the first ends the traffic, the second the settling."""

    times: int = 0
    first: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> "Interruptions":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._once_more)
        return self

    def _once_more(self, *_: object) -> None:
        self.times += 1
        self.first.set()


def main(arguments: Sequence[str]) -> int:
    """-> the exit status."""
    options = read_options(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        target = find_target(options, os.environ)
        people = _people(options, target)
        _make_folder(options.record)
    except StartError as problem:
        print(problem, file=sys.stderr)
        return 2
    interruptions = Interruptions().listen()
    summary = _load(options, target, people, console, interruptions)
    show(console, summary)
    if options.json:
        text = json.dumps(as_json(summary), ensure_ascii=False, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    if not summary.adds_up:
        return 1
    return 130 if interruptions.times else 0


def _load(
    options: Options,
    target: Target,
    people: list[Person],
    console: Console,
    interruptions: Interruptions,
) -> Summary:
    console.print(f"{options.calls} calls to {target.line.voice_url}, seed {options.seed}")
    started_at = time.time()
    transport = HttpTransport(target.via, connections=options.lines)
    new_call = _dialler(options, target, people, transport)
    traffic = Traffic(_pace(options), new_call, _finisher(options.record), interruptions.first)
    with shown(console, options.calls) as watch:
        progress = traffic.run(watch)
    transport.close()

    told = 0

    def impatient(waiting: int) -> bool:
        nonlocal told
        if waiting != told:
            console.print(f"settling: {waiting} reports wait for their bank")
            told = waiting
        return interruptions.times > 1

    evidence = collect_when_settled(target, progress.records, started_at, options.settle, impatient)
    return summarise(progress, evidence, find_discrepancies(evidence))


def _dialler(
    options: Options, target: Target, people: list[Person], transport: HttpTransport
) -> Callable[[], CallInProgress]:
    """The next caller of the mix; the same seed gives the same callers."""
    rng = Random(options.seed)
    pool = CallerPool(people, rng)
    errands, weights = list(options.mix), list(options.mix.values())

    def dial() -> CallInProgress:
        errand = rng.choices(errands, weights)[0]
        own = Random(rng.getrandbits(64))
        return CallInProgress(target, transport, errand, pool.next(errand), own)

    return dial


def _finisher(folder: Path | None) -> Callable[[CallInProgress], CallRecord]:
    def finish(in_progress: CallInProgress) -> CallRecord:
        record = in_progress.record()
        if folder:
            keep_transcript(folder, in_progress.call, record)
        return record

    return finish


def _pace(options: Options) -> Pace:
    return Pace(
        per_second=options.calls_per_second,
        calls=options.calls,
        speed=options.speed,
        at_once=options.at_once,
        lines=options.lines,
        longest=2 * options.seconds + _PATIENCE_SECONDS,
    )


def _people(options: Options, target: Target) -> list[Person]:
    if options.cardholders:
        return people_in(options.cardholders)
    count = min(max(options.calls, _FEWEST_CARDS), _MOST_CARDS)
    return new_people(target.environ, count, Random().randrange(10**9))


def _make_folder(folder: Path | None) -> None:
    if folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"{folder} cannot be made: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
