"""One phone call, from the caller's keypad to the status callback: a plain object with a clock."""

import threading
from collections.abc import Callable, Collection
from datetime import datetime

from .activity import Goto, State
from .clock import NEVER
from .dial import Dialling
from .machine import Machine
from .phone_line import PhoneLine
from .rules import FarEnd, Rules
from .transport import Transport

KEYS = frozenset("0123456789*#")
_LISTENED_TO = frozenset({State.PLAYING, State.PROMPTING})


class Call(Machine):
    """A call to `line`. Only its methods make anything happen; any thread may call them.

    Time is `now`, in seconds since dialling; `due` is when the call next changes by itself. A
    driver either runs it step by step (`run_to_gather`, `run_to_silence`) or keeps it at wall
    time (`advance_to`).
    """

    def __init__(
        self,
        line: PhoneLine,
        transport: Transport,
        caller: str = "+8613800138000",
        rules: Rules | None = None,
        far_end: FarEnd | Callable[[str], FarEnd] | None = None,
        started_at: datetime | None = None,
    ) -> None:
        super().__init__(line, transport, caller, rules, far_end, started_at)
        self._lock = threading.RLock()

    # What a caller does

    def dial(self) -> None:
        """Calls the line: the voice URL is asked for and its first verb starts."""
        with self._lock:
            if self.state is not State.NEW:
                raise RuntimeError("this call has been dialled already")
            self._tell("called", self.line.number)
            self._follow(Goto(self.line.voice_url, self.line.voice_method))
            self._settle()

    def press(self, keys: str, gap: float = 0.0) -> None:
        """Presses 0-9 * #, one after another with `gap` seconds between; stops when it ends."""
        if not KEYS.issuperset(keys):
            raise ValueError("a telephone has the keys 0-9 * # only")
        for position, key in enumerate(keys):
            with self._lock:
                if position:
                    self.advance_to(self.now + gap)
                if self._activity:
                    self._press(key)

    def speak(self, text: str, confidence: float | None = 0.9) -> None:
        """Starts to say `text`; a Gather or Record that listens takes it. None: not sent."""
        with self._lock:
            if self._activity:
                self._tell("spoke", text)
                self._follow(self._activity.on_speech(text, confidence, self.now))
                self._settle()

    def hang_up(self) -> None:
        """Ends the call now. Asks once more what Twilio asks then: a Record's or Enqueue's action,
        the status callback.
        """
        with self._lock:
            if self._activity:
                self._hang_up()

    # What the far end of a Dial does

    def set_far_end(self, far_end: FarEnd) -> None:
        """While it rings: replaces the far end's script, counted from now."""
        with self._lock:
            if isinstance(self._activity, Dialling) and self.state is State.RINGING:
                self._activity.set_far_end(far_end, self.now)
                self._settle()

    def hang_up_far_end(self) -> None:
        """While connected: the far end hangs up now."""
        with self._lock:
            if isinstance(self._activity, Dialling) and self.state is State.BRIDGED:
                self._follow(self._activity.hang_up_far_end(self.now))
                self._settle()

    # Time

    def advance_to(self, seconds: float) -> None:
        """Lets the call's time pass; everything due until then happens, in order."""
        with self._lock:
            self._advance(seconds)

    def run_while(self, states: Collection[State]) -> State:
        """Time passes as long as the call is in one of these states."""
        with self._lock:
            while self.state in states and self.due < NEVER:
                self.advance_to(self.due)
            return self.state

    def run_to_gather(self) -> State:
        """To the first moment at which a key could matter; a prompt may only just begin."""
        return self.run_while({State.PLAYING})

    def run_to_silence(self) -> State:
        """To the moment at which all has been said and Twilio waits for the caller (or ended)."""
        return self.run_while(_LISTENED_TO)
