"""A call's way to the hotline: measures every exchange and delivers some requests once more.

Networks repeat: the same signed request again at once, at the same moment, or long after others.
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from simulator.engine import Answer, Limits, Wire, WireError

Repeat = Literal["", "again", "at once", "late"]
INCOMING: Final = "incoming"
_STEP: Final = re.compile(r"/voice(?:/([^/?#]+))?/?(?:[?#]|$)")


@dataclass(frozen=True)
class Turn:
    """One exchange: which step was posted to, the answer's status (0: none came), wall time."""

    step: str
    repeat: Repeat
    status: int
    milliseconds: float
    answered_at: float  # unix seconds
    failure: str = ""


@dataclass(frozen=True)
class _Message:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    limits: Limits


class CallWire:
    """The wire of one call, over one shared by all calls; `turns` keeps every exchange."""

    def __init__(self, wire: Wire, repeats: float, rng: Random) -> None:
        self._wire = wire
        self._repeats = repeats
        self._rng = rng
        self._late: list[_Message] = []
        self._threads: list[threading.Thread] = []
        self.turns: list[Turn] = []
        self.answered_at = 0.0

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        message = _Message(method, url, headers, body, limits)
        late, self._late = self._late, []
        repeat = self._draw()
        if repeat == "at once":
            self._start_twin(message)
        try:
            answer = self._exchange(message, "")
        finally:
            self.answered_at = time.time()
        self._deliver(late, "late")
        if repeat == "again":
            self._deliver([message], "again")
        elif repeat == "late":
            self._late.append(message)
        return answer

    def close(self) -> None:
        """The call is over: what was still on its way arrives."""
        for thread in self._threads:
            thread.join()
        self._deliver(self._late, "late")
        self._late = []

    def _draw(self) -> Repeat:
        if self._rng.random() >= self._repeats:
            return ""
        return self._rng.choice(("again", "at once", "late"))

    def _start_twin(self, message: _Message) -> None:
        twin = threading.Thread(target=self._deliver, args=([message], "at once"))
        self._threads.append(twin)
        twin.start()

    def _deliver(self, messages: list[_Message], repeat: Repeat) -> None:
        """Nobody hears the answers; that there were good ones is noted."""
        for message in messages:
            try:
                self._exchange(message, repeat)
            except WireError:
                continue  # noted as a turn with status 0

    def _exchange(self, message: _Message, repeat: Repeat) -> Answer:
        started, status, failure = time.perf_counter(), 0, ""
        try:
            answer = self._wire.send(
                message.method, message.url, message.headers, message.body, message.limits
            )
            status = answer.status
        except WireError as error:
            failure = f"{error.failure}: {error}"
            raise
        finally:
            ms = (time.perf_counter() - started) * 1000
            self.turns.append(Turn(step_in(message.url), repeat, status, ms, time.time(), failure))
        return answer


def step_in(text: str) -> str:
    """The step that a URL names (the contract: POST /voice/<step>)."""
    found = _STEP.search(text)
    return (found[1] or INCOMING) if found else ""
