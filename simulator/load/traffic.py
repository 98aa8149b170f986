"""Starts calls at a steady rate, and lets each call go on when it is due."""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from simulator.load.calls import CallInProgress, CallRecord

_TICK_SECONDS = 0.25


@dataclass
class LoadProgress:
    """Figures of the moment, for whoever watches."""

    planned: int
    started_at: float = field(default_factory=time.monotonic)
    started: int = 0
    records: list[CallRecord] = field(default_factory=list)
    most_at_once: int = 0
    ended_at: float | None = None

    @property
    def in_progress(self) -> int:
        return self.started - len(self.records)

    @property
    def seconds(self) -> float:
        """From the start of the first call, to the end of the last once that is known."""
        return (self.ended_at or time.monotonic()) - self.started_at


@dataclass(frozen=True)
class Pace:
    """`speed`: call seconds in a second of wall time. `at_once`, `lines`: calls, requests at most.

    `longest`: seconds after which no call is started any more, however few there were.
    """

    per_second: float
    calls: int
    speed: float
    at_once: int
    lines: int
    longest: float


class Traffic:
    """All calls of a load. `stop` ends it early: calls in progress are hung up."""

    def __init__(
        self,
        pace: Pace,
        new_call: Callable[[], CallInProgress],
        finish: Callable[[CallInProgress], CallRecord],
        stop: threading.Event,
    ) -> None:
        self._pace = pace
        self._new_call = new_call
        self._finish = finish
        self._stop = stop
        self._asleep: list[tuple[float, int, CallInProgress, float]] = []
        self._order = itertools.count()
        self._news: queue.SimpleQueue[CallRecord | BaseException | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.progress = LoadProgress(pace.calls)

    def run(self, watch: Callable[[LoadProgress], None]) -> LoadProgress:
        """Returns when every call that was started is over."""
        with ThreadPoolExecutor(self._pace.lines) as pool:
            try:
                while not self._is_over():
                    self._start_due(pool)
                    self._wake_due(pool)
                    self._hear_news()
                    watch(self.progress)
            except BaseException:
                self._stop.set()
                raise
        self.progress.ended_at = time.monotonic()
        return self.progress

    def _is_over(self) -> bool:
        return not self._more_to_start() and not self.progress.in_progress

    def _more_to_start(self) -> bool:
        progress = self.progress
        in_time = progress.seconds < self._pace.longest
        return progress.started < self._pace.calls and in_time and not self._stop.is_set()

    def _next_start(self) -> float:
        """Wall seconds at which the next call is due; never, when there is no room for it."""
        room = self.progress.in_progress < self._pace.at_once
        if not room or not self._more_to_start():
            return float("inf")
        return self.progress.started_at + self.progress.started / self._pace.per_second

    def _start_due(self, pool: ThreadPoolExecutor) -> None:
        while self._next_start() <= time.monotonic():
            self.progress.started += 1
            self.progress.most_at_once = max(self.progress.most_at_once, self.progress.in_progress)
            pool.submit(self._continue, self._new_call(), time.monotonic())

    def _wake_due(self, pool: ThreadPoolExecutor) -> None:
        now = float("inf") if self._stop.is_set() else time.monotonic()
        with self._lock:
            while self._asleep and self._asleep[0][0] <= now:
                _, _, call, dialled_at = heapq.heappop(self._asleep)
                pool.submit(self._continue, call, dialled_at)

    def _hear_news(self) -> None:
        """Waits for a call's end, or until something is due."""
        with self._lock:
            next_awake = self._asleep[0][0] if self._asleep else float("inf")
        pause = min(next_awake, self._next_start()) - time.monotonic()
        try:
            news = self._news.get(timeout=min(max(pause, 0.0), _TICK_SECONDS))
        except queue.Empty:
            return
        if isinstance(news, BaseException):
            raise news
        if news:
            self.progress.records.append(news)

    def _continue(self, call: CallInProgress, dialled_at: float) -> None:
        """In the pool: the call goes on until it has to wait or is over."""
        try:
            moment = self._next_moment(call, dialled_at)
            if moment is None:
                self._news.put(self._finish(call))
                return
        except BaseException as error:  # raised again in `run`
            self._news.put(error)
            return
        with self._lock:
            entry = (dialled_at + moment / self._pace.speed, next(self._order))
            heapq.heappush(self._asleep, (*entry, call, dialled_at))
        self._news.put(None)

    def _next_moment(self, call: CallInProgress, dialled_at: float) -> float | None:
        """The call second to wait for; None when the call is over."""
        while not self._stop.is_set():
            moment = call.go_on()
            if moment is None or dialled_at + moment / self._pace.speed > time.monotonic():
                return moment
        call.hang_up()
        return None
