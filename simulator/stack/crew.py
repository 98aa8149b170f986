"""Keeps the programs of a launch running: shows what they say, restarts them, ends them all.

honcho's manager would end every program when one dies; a hotline wants the dead one back. Each
has a session of its own, so that Ctrl-C reaches the launcher only, which ends them in order.
"""

import selectors
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from simulator.stack.member import Member, Program, Surroundings

TICK_SECONDS = 0.1
STOP_SECONDS = 20.0  # longer than the 15 s that the web may take to finish its turns
LONGEST_LINE = 160


class Crew:
    """All programs of one launch. Everything happens in the thread that calls it."""

    def __init__(self, surroundings: Surroundings, on_change: Callable[[], None]) -> None:
        self.members: dict[str, Member] = {}
        self._surroundings = surroundings
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._printer = Printer(sys.stdout, width=len("cardholders"))
        self._colours = get_colours()
        self._colour_of = {"launcher": ""}

    def start(self, program: Program) -> Member:
        """Starts it; from now on it belongs to the crew."""
        member = Member(program, self._surroundings)
        self.members[program.name] = member
        self._colour_of[program.name] = next(self._colours)
        self._listen_to(member)
        return member

    def tick(self) -> None:
        """Passes on what was said in the last moment."""
        for key, _ in self._selector.select(TICK_SECONDS):
            member: Member = key.data
            for line in member.hear():
                self._pass_on(member.program, line)
            if member.has_fallen_silent or member.has_ended:
                self._selector.unregister(key.fileobj)

    def ended(self) -> list[Member]:
        """Those whose program is not running."""
        return [member for member in self.members.values() if member.has_ended]

    def revive(self) -> None:
        """Starts again what has ended, at once or after its pause."""
        for member in self.ended():
            if member.seconds_until_revival() > 0:
                continue
            self.say(f"{member.program.name} {member.how_it_ended}; it is started again")
            self._deaf_to(member)
            member.revive()
            self._listen_to(member)
            self._on_change()

    def say(self, text: str) -> None:
        """A line of the launcher's own among those of the programs."""
        self._write("launcher", text)

    def stop(self, members: list[Member], out_of_patience: Callable[[], bool]) -> None:
        """Ends these programs and whatever they started."""
        for member in members:
            member.ask_to_stop()
        until = time.monotonic() + STOP_SECONDS
        while not all(member.has_ended for member in members):
            self.tick()
            if time.monotonic() > until or out_of_patience():
                break
        for member in members:
            self.dismiss(member)

    def dismiss(self, member: Member) -> None:
        """Ends it at once, if it has not ended yet."""
        self._deaf_to(member)
        member.end()
        del self.members[member.program.name]

    def _listen_to(self, member: Member) -> None:
        self._selector.register(member.voice, selectors.EVENT_READ, member)

    def _deaf_to(self, member: Member) -> None:
        with suppress(KeyError):
            self._selector.unregister(member.voice)

    def _pass_on(self, program: Program, line: str) -> None:
        if not program.quiet and line.strip():
            short = line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
            self._write(program.name, short)

    def _write(self, name: str, text: str) -> None:
        moment, colour = datetime.now().astimezone(), self._colour_of[name]
        with suppress(OSError):  # the terminal may be gone: what it would have shown is in the logs
            self._printer.write(Message("line", text, moment, name, colour))
