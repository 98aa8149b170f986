"""What the parts of a call share: what it is doing now, and what comes next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from .clock import NEVER
from .transcript import Kind


class State(StrEnum):
    """What the call is doing, as far as a caller can tell."""

    NEW = "not dialled yet"
    PLAYING = "playing; keys are not listened to"
    PROMPTING = "a Gather is playing its prompt; a key interrupts it"
    LISTENING = "a Gather is waiting in silence"
    RECORDING = "recording the caller"
    RINGING = "the dialled number rings"
    BRIDGED = "connected to the dialled number"
    QUEUED = "waiting in a queue with hold music"
    ENDED = "over"


@dataclass(frozen=True)
class Continue:
    """On to the next verb."""


@dataclass(frozen=True)
class Goto:
    """Transfer of control: this document replaces the current one. `input` is Digits and such."""

    url: str
    method: str = "POST"
    input: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeaveQueue:
    """Out of the queue, for this reason (`QueueResult`)."""

    result: str


@dataclass(frozen=True)
class Finish:
    """The call is over. `status` is Twilio's final CallStatus."""

    status: str = "completed"
    reason: str = "line hung up"


Transition = Continue | Goto | LeaveQueue | Finish  # what the call does next


class AddEvent(Protocol):
    """Writes an event into the transcript, at the call's present time."""

    def __call__(self, kind: Kind, text: str = "", language: str = "", voice: str = "") -> None: ...


class Activity:
    """What the call is doing. This base class waits for ever and ignores the caller."""

    takes_keys = False

    @property
    def state(self) -> State:
        return State.QUEUED

    @property
    def due(self) -> float:
        """Call second at which it ends or changes by itself."""
        return NEVER

    def on_time(self, _now: float, /) -> Transition | None:
        """`due` has come. None: still the same activity, with a later `due`."""
        return None

    def on_key(self, _key: str, _now: float, /) -> Transition | None:
        """One of 0-9 * #."""
        return None

    def on_speech(self, _text: str, _confidence: float | None, _now: float, /) -> Transition | None:
        """The caller starts to speak."""
        return None

    def on_hang_up(self, _now: float, /) -> Transition | None:
        """The caller hangs up: a Goto is still asked for, its answer is heard by nobody."""
        return None
