"""One call of the engine in real time, run by a thread of its own."""

import threading
import time
from collections.abc import Callable
from typing import Any

from simulator.engine import Call, FarEnd, State

FAST = 8.0  # how much faster prompts pass for a tester in a hurry; waiting for keys does not
_SOUND = frozenset({State.PLAYING, State.PROMPTING})


class LiveCall:
    """Starts dialling at once. Every method may be called from any thread.

    `on_change` is called, in some thread, whenever something may have happened.
    """

    def __init__(self, call: Call, on_change: Callable[[], None]) -> None:
        self.call = call
        self.fast = False
        self._on_change = on_change
        self._lock = threading.RLock()
        self._wake_up = threading.Event()
        self._position = 0.0
        self._seen_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=call.sid, daemon=True)

    def start(self) -> None:
        """Returns before anybody has answered."""
        self._thread.start()

    def press(self, keys: str) -> None:
        """Keys in the order they were pressed; those after the call's end are lost."""
        self._act(self.call.press, keys)

    def speak(self, text: str, confidence: float | None) -> None:
        """Words, as `Call.speak` takes them."""
        self._act(self.call.speak, text, confidence)

    def set_far_end(self, far_end: FarEnd) -> None:
        """While it rings: what the far end does from now on."""
        self._act(self.call.set_far_end, far_end)

    def hang_up(self) -> None:
        """Waits for the request under way, if there is one."""
        self._act(self.call.hang_up)

    def set_fast(self, fast: bool) -> None:
        """From this moment on."""
        self._act(setattr, self, "fast", fast)

    @property
    def pace(self) -> float:
        """How many call seconds pass in a second, just now."""
        return FAST if self.fast and self.call.state in _SOUND else 1.0

    @property
    def seconds(self) -> float:
        """Call seconds since dialling, just now."""
        if self.call.ended:
            return self.call.now
        passed = (time.monotonic() - self._seen_at) * self.pace
        return min(self._position + passed, max(self.call.due, self._position))

    def _run(self) -> None:
        self._act(self.call.dial)
        while not self.call.ended:
            self._wake_up.wait(self._seconds_until_due())
            self._wake_up.clear()
            self._act()

    def _seconds_until_due(self) -> float:
        left = self.call.due - self._position - (time.monotonic() - self._seen_at) * self.pace
        return min(max(left / self.pace, 0.0), 60.0)

    def _act(self, act: Callable[..., Any] | None = None, *told: Any) -> None:
        """Lets time pass until now, acts, and notes how far the call has come."""
        with self._lock:
            self.call.advance_to(self.seconds)
            if act:
                act(*told)
            self._position, self._seen_at = self.call.now, time.monotonic()
        if act:  # the call's own thread must not wake itself: it would never rest
            self._wake_up.set()
        self._on_change()
