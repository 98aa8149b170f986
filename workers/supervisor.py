"""Keeps one process alive for each slot, and leaves none behind."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Final

SOON: Final = 5.0  # seconds; a process that ends sooner than this has ended quickly
LONGEST_PAUSE: Final = 2.0
STOP_SECONDS: Final = 10.0  # how long a graceful stop may take: an attempt's usual length

log = logging.getLogger("workers")
_FORK: Final = multiprocessing.get_context("fork")  # children share what is already imported


@dataclass(frozen=True)
class Slot:
    """A place for one process; `work` runs in it and returns when told to stop by SIGTERM."""

    name: str
    work: Callable[[], None]


class _Seat:
    """A slot with the process that runs in it now."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.child: ForkProcess | None = None
        self.due = 0.0  # when to start the next one (monotonic)
        self._born = 0.0
        self._quick_deaths = 0

    def start(self, body: Callable[[Slot], None]) -> None:
        self._born = time.monotonic()
        self.child = _FORK.Process(target=body, args=(self.slot,), name=self.slot.name)
        self.child.start()

    def clear(self, child: ForkProcess) -> None:
        """Its process has ended: the next one starts at once, or after a short, growing pause."""
        code = child.exitcode
        child.close()
        self.child = None
        if time.monotonic() - self._born >= SOON:
            self._quick_deaths = 0
        if self._quick_deaths == 0:
            log.warning("%s ended (status %s): starting another", self.slot.name, code)
        pause = min(0.1 * 2**self._quick_deaths, LONGEST_PAUSE) if self._quick_deaths else 0.0
        self.due = time.monotonic() + pause
        self._quick_deaths = min(self._quick_deaths + 1, 10)


class Supervisor:
    """Runs until SIGTERM or SIGINT, then stops all processes gracefully. After a second signal,
    or 10 s, it kills them.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._seats = [_Seat(slot) for slot in slots]
        self._pid = os.getpid()
        self._signals = 0
        self._woken, self._waker = os.pipe()
        # Nothing is ever written to this pipe. It closes when this process ends, even by kill -9.
        self._lifeline, self._life = os.pipe()

    def run(self) -> None:
        """Returns when the last process is gone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._signals:
            for seat in self._seats:
                if seat.child is None and seat.due <= time.monotonic():
                    seat.start(self._in_child)
            self._wait(self._seconds_to_next_start())
        self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            os._exit(0)  # a new child that still has our signal handlers
        self._signals += 1
        os.write(self._waker, b"!")

    def _seconds_to_next_start(self) -> float | None:
        dues = [seat.due for seat in self._seats if seat.child is None]
        return max(min(dues) - time.monotonic(), 0.0) if dues else None

    def _wait(self, seconds: float | None) -> None:
        """Waits until a child ends, a signal comes or the time is over; clears what has ended."""
        self._doze([seat.child for seat in self._seats if seat.child is not None], seconds)
        for seat in self._seats:
            if seat.child is not None and not seat.child.is_alive():
                seat.clear(seat.child)

    def _doze(self, children: list[ForkProcess], seconds: float | None) -> None:
        """A child that has ended already is noticed at once: its sentinel stays ready."""
        if self._woken in wait([self._woken, *(c.sentinel for c in children)], seconds):
            os.read(self._woken, 16)

    def _stop(self) -> None:
        for child in self._living():
            child.terminate()
        until = time.monotonic() + STOP_SECONDS
        while (living := self._living()) and self._signals < 2 and time.monotonic() < until:
            self._doze(living, until - time.monotonic())
        for child in self._living():
            log.warning("%s did not stop: killed", child.name)
            child.kill()
            child.join()

    def _living(self) -> list[ForkProcess]:
        return [s.child for s in self._seats if s.child is not None and s.child.is_alive()]

    def _in_child(self, slot: Slot) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C: the supervisor answers
        os.close(self._life)
        threading.Thread(target=_follow, args=(self._lifeline,), daemon=True).start()
        slot.work()


def _follow(lifeline: int) -> None:
    """Stops this process once the supervisor is gone, gracefully at first."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
