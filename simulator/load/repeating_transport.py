"""The transport of one call: times every exchange and delivers some requests twice.

Networks do that: the same signed request comes again right after its answer ("again"), at the same
moment ("at once"), or after a later one ("late").
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from simulator.engine import HttpResponse, Limits, Transport, TransportError

Repeat = Literal["", "again", "at once", "late"]
INCOMING: Final = "incoming"
_STEP: Final = re.compile(r"/voice(?:/([^/?#]+))?/?(?:[?#]|$)")


@dataclass(frozen=True)
class TimedTurn:
    """One exchange: which step was posted to, the answer's status (0: none came), wall time."""

    step: str
    repeat: Repeat
    status: int
    milliseconds: float
    answered_at: float  # unix seconds
    failure: str = ""


@dataclass(frozen=True)
class _SignedRequest:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    limits: Limits


class RepeatingTransport:
    """One call's own, over a transport shared by all calls. `turns` keeps every exchange."""

    def __init__(self, transport: Transport, repeats: float, rng: Random) -> None:
        self._transport = transport
        self._repeats = repeats
        self._rng = rng
        self._late: list[_SignedRequest] = []
        self._threads: list[threading.Thread] = []
        self.turns: list[TimedTurn] = []
        self.answered_at = 0.0

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        request = _SignedRequest(method, url, headers, body, limits)
        late, self._late = self._late, []
        repeat = self._draw()
        if repeat == "at once":
            self._start_twin(request)
        try:
            answer = self._exchange(request, "")
        finally:
            self.answered_at = time.time()
        self._deliver(late, "late")
        if repeat == "again":
            self._deliver([request], "again")
        elif repeat == "late":
            self._late.append(request)
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

    def _start_twin(self, request: _SignedRequest) -> None:
        twin = threading.Thread(target=self._deliver, args=([request], "at once"))
        self._threads.append(twin)
        twin.start()

    def _deliver(self, requests: list[_SignedRequest], repeat: Repeat) -> None:
        """Nobody hears these answers, but each is recorded as a turn."""
        for request in requests:
            try:
                self._exchange(request, repeat)
            except TransportError:
                continue  # noted as a turn with status 0

    def _exchange(self, request: _SignedRequest, repeat: Repeat) -> HttpResponse:
        started, status, failure = time.perf_counter(), 0, ""
        try:
            answer = self._transport.send(
                request.method, request.url, request.headers, request.body, request.limits
            )
            status = answer.status
        except TransportError as error:
            failure = f"{error.failure}: {error}"
            raise
        finally:
            ms = (time.perf_counter() - started) * 1000
            self.turns.append(
                TimedTurn(step_in(request.url), repeat, status, ms, time.time(), failure)
            )
        return answer


def step_in(text: str) -> str:
    """The step that a URL names (the contract: POST /voice/<step>)."""
    found = _STEP.search(text)
    return (found[1] or INCOMING) if found else ""
