"""Keeps the programs of a launch running: shows what they print, restarts them, ends them all.

honcho's own manager ends all programs when one of them ends; here that one is started again. Each
has a session of its own: Ctrl-C reaches the launcher only, which ends them in order.
"""

import selectors
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from simulator.stack.managed_process import ManagedProcess, ProcessSettings, Program

TICK_SECONDS = 0.1
STOP_SECONDS = 20.0  # longer than the 15 s that the web may take to finish its turns
LONGEST_LINE = 160


class Processes:
    """All programs of one launch. Everything happens in the thread that calls it."""

    def __init__(self, settings: ProcessSettings, on_change: Callable[[], None]) -> None:
        self.by_name: dict[str, ManagedProcess] = {}
        self._settings = settings
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._printer = Printer(sys.stdout, width=len("cardholders"))
        self._colours = get_colours()
        self._colour_of = {"launcher": ""}

    def start(self, program: Program) -> ManagedProcess:
        """Starts a program, and from now on restarts it when it ends."""
        process = ManagedProcess(program, self._settings)
        self.by_name[program.name] = process
        self._colour_of[program.name] = next(self._colours)
        self._watch_output(process)
        return process

    def tick(self) -> None:
        """Waits a moment, and shows what the programs print meanwhile."""
        for key, _ in self._selector.select(TICK_SECONDS):
            process: ManagedProcess = key.data
            for line in process.read_lines():
                self._show(process.program, line)
            if process.output_is_closed or process.has_ended:
                self._selector.unregister(key.fileobj)

    def ended(self) -> list[ManagedProcess]:
        """The processes whose program is not running."""
        return [process for process in self.by_name.values() if process.has_ended]

    def restart_ended(self) -> None:
        """Starts again what has ended, at once or after its pause."""
        for process in self.ended():
            if process.seconds_until_restart() > 0:
                continue
            self.say(f"{process.program.name} {process.how_it_ended}; it is started again")
            self._unwatch_output(process)
            process.restart()
            self._watch_output(process)
            self._on_change()

    def say(self, text: str) -> None:
        """A line of the launcher's own among those of the programs."""
        self._write("launcher", text)

    def stop(self, processes: list[ManagedProcess], out_of_patience: Callable[[], bool]) -> None:
        """Ends these programs and whatever they started."""
        for process in processes:
            process.ask_to_stop()
        until = time.monotonic() + STOP_SECONDS
        while not all(process.has_ended for process in processes):
            self.tick()
            if time.monotonic() > until or out_of_patience():
                break
        for process in processes:
            self.remove(process)

    def remove(self, process: ManagedProcess) -> None:
        """Ends it at once, if it has not ended yet."""
        self._unwatch_output(process)
        process.end()
        del self.by_name[process.program.name]

    def _watch_output(self, process: ManagedProcess) -> None:
        self._selector.register(process.output, selectors.EVENT_READ, process)

    def _unwatch_output(self, process: ManagedProcess) -> None:
        with suppress(KeyError):
            self._selector.unregister(process.output)

    def _show(self, program: Program, line: str) -> None:
        if not program.quiet and line.strip():
            short = line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
            self._write(program.name, short)

    def _write(self, name: str, text: str) -> None:
        moment, colour = datetime.now().astimezone(), self._colour_of[name]
        with suppress(OSError):  # the terminal may be gone: what it would have shown is in the logs
            self._printer.write(Message("line", text, moment, name, colour))
