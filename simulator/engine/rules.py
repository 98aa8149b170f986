"""What a tester may set: what Twilio does not document, how long things take, who picks up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .clock import NEVER


def _its_url(url: str) -> str:
    return url


@dataclass(frozen=True)
class Rules:
    """Settings for what no reliable source documents, and the simulator's own limits.

    keys_outside_gather: keys pressed while no Gather listens are "dropped" or kept ("buffered")
    for the next one. hang_up_asks_dial_action: the caller's hang-up in a `<Dial>` is told to its
    action. empty_digits_sent: `actionOnEmptyResult` sends `Digits=` or no Digits.
    requests_take_time: wall-clock time of requests passes in the call too (real-time phones).
    audio_seconds: length of a `<Play>` by URL, which is then not fetched. said_by: what the
    transcript tells of a recording, by its URL. extra_parameters: in every request.
    """

    keys_outside_gather: Literal["dropped", "buffered"] = "dropped"
    empty_digits_sent: bool = True
    hang_up_asks_dial_action: bool = False
    requests_take_time: bool = False
    audio_seconds: Callable[[str], float] | None = None
    said_by: Callable[[str], str] = _its_url
    extra_parameters: Mapping[str, str] = field(default_factory=dict)
    longest_call: float = 4 * 3600.0
    most_documents: int = 10_000
    most_documents_at_once: int = 30


HANGS_UP = "hangs up"


@dataclass(frozen=True)
class FarEnd:
    """What the other side of a `<Dial>` (or the agent who empties a queue) does.

    after: seconds until it answers or is found busy; talks: seconds until it hangs up. at_whisper:
    the keys it presses once a whisper has been said to it; "": it stays silent, as a voicemail
    does; HANGS_UP.
    """

    outcome: Literal["answers", "busy", "no-answer", "failed"] = "answers"
    after: float = 4.0
    talks: float = 30.0
    at_whisper: str = "1"


ANSWERS = FarEnd()
BUSY = FarEnd("busy", after=2.0)
NO_ANSWER = FarEnd("no-answer", after=NEVER)
REFUSES = FarEnd(at_whisper=HANGS_UP)
VOICEMAIL = FarEnd(at_whisper="")
