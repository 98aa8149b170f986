"""Mixed calls at a fixed rate: what 25 callers press, and the clock they press it by.

Open loop: every turn has a moment at which it is due, whatever became of the others, and its time
counts from that moment (no coordinated omission). A caller presses a key `THINKS` after the last.
"""

import heapq
import selectors
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from random import Random
from typing import Final

from bench.machine import QUICK
from bench.phone import Answer, Call, Line, UnexpectedAnswerError

THINKS: Final = 0.25 if QUICK else 1.0  # seconds
ID: Final = "their ID number"
_HEARS_AGAIN, _WRONG_ID = "9", "110101199001010000"
_REPORTS: Final = ("2", _HEARS_AGAIN, "1", _WRONG_ID, ID, "8", "1", _HEARS_AGAIN)
_LOOKS_ONLY: Final = ("2", "2", ID, _HEARS_AGAIN, "3", "1", "*", "2", "*")
_READS_ON: Final = ("2", "3", "1", "*", "2", "*", "3", "*", "*")
_CHANGES_HIS_MIND: Final = ("1", "1", ID, "2", "1", ID, "2")
_LEAVES: Final = ("2", "1", "12", "*", "3", "1")
# Of 25 callers 12 report a card (0.48 reports a call).
MIX: Final = (
    *[_REPORTS] * 12, *[_LOOKS_ONLY] * 5, *[_READS_ON] * 4, *[_CHANGES_HIS_MIND] * 2,
    *[_LEAVES] * 2,
)  # fmt: skip
TURNS_A_CALL: Final = sum(len(keys) + 1 for keys in MIX) / len(MIX)
LONGEST_CALL: Final = max(len(keys) for keys in MIX) * THINKS  # seconds
REPORTS_A_CALL: Final = sum(keys is _REPORTS for keys in MIX) / len(MIX)


@dataclass
class Caller:
    """A call in progress and what is still to be pressed."""

    call: Call
    keys: Iterator[str | None]
    due: float = 0.0
    tries: int = 0
    request: bytes = b""

    def presses(self) -> bool:
        """Whether there was a key left; `request` is what it makes."""
        for keys in self.keys:
            self.request, self.tries = self.call.request(keys), 0
            return True
        return False


@dataclass
class Traffic:
    """What came of it: each turn's time from the moment it was due, and the reports heard of."""

    seconds: list[float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    failed: int = 0

    @property
    def numbers(self) -> list[str]:
        return [call.number for call in self.calls if call.number]


def mixed(base_url: str, id_numbers: Sequence[str]) -> Iterator[Caller]:
    """Endless callers; ends with the ID numbers, of which every caller who needs one takes one."""
    people = iter(id_numbers)
    order = list(MIX)
    Random(12333).shuffle(order)
    for keys in cycle(order):
        person = next(people, None) if ID in keys else ""
        if person is None:
            return
        own = [person.replace("X", "*") if key is ID else key for key in keys]
        yield Caller(Call(base_url), iter([None, *own]))


def people_for(calls: int) -> int:
    """How many ID numbers so many calls take, and some more."""
    return int(calls * sum(ID in keys for keys in MIX) / len(MIX)) + len(MIX)


def play(callers: Iterator[Caller], calls: int, per_second: float, *, patience: int = 0) -> Traffic:
    """Returns when every call is over. `patience`: how often a broken request is made again, half
    a second later, as Twilio's retries would. Raises UnexpectedAnswerError.
    """
    return _Switchboard(patience).play(list(islice(callers, calls)), per_second)


class _Switchboard:
    """One thread, as many connections as there are requests on their way."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._traffic = Traffic()
        self._idle: list[Line] = []
        self._due: list[tuple[float, int, Caller]] = []
        self._order = count()
        self._ready = selectors.DefaultSelector()

    def play(self, callers: list[Caller], per_second: float) -> Traffic:
        begun = time.monotonic()
        for number, caller in enumerate(callers):
            caller.presses()
            self._wait(caller, begun + number / per_second)
        with self._ready:
            while self._due or self._ready.get_map():
                self._send_due()
                self._hear(self._due[0][0] - time.monotonic() if self._due else None)
        for line in self._idle:
            line.close()
        self._traffic.calls = [caller.call for caller in callers]
        return self._traffic

    def _wait(self, caller: Caller, due: float, again: float | None = None) -> None:
        caller.due = due
        heapq.heappush(self._due, (again or due, next(self._order), caller))

    def _send_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            caller = heapq.heappop(self._due)[2]
            try:
                line = self._idle.pop() if self._idle else Line(caller.call.base_url)
                line.send(caller.request)
            except OSError as error:
                self._try_again(caller, error)
            else:
                self._ready.register(line.socket, selectors.EVENT_READ, (line, caller))

    def _hear(self, seconds: float | None) -> None:
        for key, _ in self._ready.select(None if seconds is None else max(seconds, 0)):
            line, caller = key.data
            try:
                answer = line.read()
            except OSError as error:
                self._ready.unregister(line.socket)
                line.close()
                self._try_again(caller, error)
                continue
            if answer is not None:
                self._ready.unregister(line.socket)
                self._idle.append(line)
                self._go_on(caller, answer)

    def _go_on(self, caller: Caller, answer: Answer) -> None:
        self._traffic.seconds.append(answer.came - caller.due)
        caller.call.hears(answer)
        if caller.call.target and caller.presses():
            self._wait(caller, caller.due + THINKS)

    def _try_again(self, caller: Caller, error: OSError) -> None:
        self._traffic.failed += 1
        caller.tries += 1
        if caller.tries > self._patience:
            raise UnexpectedAnswerError(f"{caller.call.target}: {error}") from error
        self._wait(caller, caller.due, time.monotonic() + 0.5)
