"""Dial and Record: the stretches of a call in which Twilio itself says nothing."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from twilio.twiml.voice_response import Dial

from .activity import Activity, AddEvent, Continue, Goto, State, Transition
from .checks import LONGEST_TRANSCRIBED
from .clock import NEVER
from .faults import Fault
from .markup import Element
from .phone_line import new_sid
from .rules import FarEnd
from .speech import text_seconds
from .vocabulary import allowed_in

_PHONE_NUMBER = re.compile(r"\+?[0-9]{1,15}")
_TONES = re.compile(r"[0-9*#wW]*")
_LONGEST_RECORDING = 3600  # seconds


class Whispering(Protocol):
    """What is said to the far end before it is connected."""

    is_taken: bool

    @property
    def ended(self) -> bool: ...

    @property
    def due(self) -> float:
        """When something happens by itself, in the call's time."""

    def begin(self, far_end: FarEnd, now: float) -> None:
        """The far end has picked up."""

    def set_far_end(self, far_end: FarEnd) -> None:
        """What it does from now on."""

    def pass_to(self, seconds: float) -> None:
        """The call's time passes."""


Leaves = Callable[[str, float | None], Transition]  # DialCallStatus, seconds talked -> what is next


def nouns_of(dial: Element) -> Iterator[Element]:
    """What a `<Dial>` names; its own text is a Number, and so is nothing at all."""
    nouns = [child for child in dial.children if child.name in allowed_in(Dial)]
    if dial.own_text or not nouns:
        yield Element("Number", {}, (dial.own_text,), dial.line)
    yield from nouns


def wrong_with(noun: Element) -> Fault | None:
    """ "A bad or empty number fails (13223), ... bad sendDigits 13222." """
    if noun.name != "Number":
        return None
    if not _PHONE_NUMBER.fullmatch(re.sub(r"[-. ()]", "", noun.own_text)):
        return Fault(13223, f"line {noun.line}: {noun.own_text!r}")
    tones = noun.attributes.get("sendDigits", "")
    return None if _TONES.fullmatch(tones) else Fault(13222, f"line {noun.line}: {tones!r}")


class Dialling(Activity):
    """A number rings, is answered or not; then two people talk until one hangs up.

    `leave(status, talked)` gives what comes next: status is DialCallStatus, talked the seconds of
    conversation (None: never answered).
    """

    takes_keys = True

    def __init__(
        self,
        number: str,
        far_end: FarEnd,
        now: float,
        tell: AddEvent,
        leave: Leaves,
        *,
        timeout: float = NEVER,
        time_limit: float = NEVER,
        hangup_on_star: bool = False,
        hang_up_is_told: bool = False,
        whisper: "Whispering | None" = None,
    ) -> None:
        self.number = number
        self._far_end = far_end
        self._tell = tell
        self._leave = leave
        self._gives_up_at = now + timeout
        self._time_limit = time_limit
        self._hangup_on_star = hangup_on_star
        self._hang_up_is_told = hang_up_is_told
        self._answered_at: float | None = None
        self._whisper = whisper
        self._is_whispering = False
        self.set_far_end(far_end, now)

    @property
    def state(self) -> State:
        return State.RINGING if self._answered_at is None else State.BRIDGED

    @property
    def due(self) -> float:
        if self._whisper is not None and self._is_whispering:
            return self._whisper.due
        return self._due

    def set_far_end(self, far_end: FarEnd, now: float) -> None:
        """While it rings, or is whispered to: the far end's script from now on."""
        self._far_end = far_end
        if self._whisper is not None and self._is_whispering:
            self._whisper.set_far_end(far_end)
            return
        answers_at = now + far_end.after if far_end.outcome != "no-answer" else NEVER
        self._due = min(answers_at, self._gives_up_at)

    def on_time(self, now: float, /) -> Transition | None:
        if self._answered_at is not None:
            return self.hang_up_far_end(now)
        if self._whisper is not None and self._is_whispering:
            self._whisper.pass_to(now)
            return self._after_whisper(now)
        # "timeout 30": the far end must answer before it.
        status = self._far_end.outcome if now < self._gives_up_at else "no-answer"
        if status != "answers":
            self._tell("not connected", f"{self.number} ({status})")
            return self._leave(status, None)
        if self._whisper is not None:
            self._is_whispering = True
            self._whisper.begin(self._far_end, now)
            return self._after_whisper(now)
        self.connect(now)
        return None

    def _after_whisper(self, now: float) -> Transition | None:
        """Connected when it was taken. "A refused whisper is completed with DialBridged=false"."""
        if self._whisper is None or not self._whisper.ended:
            return None
        if not self._whisper.is_taken:
            self._tell("not connected", f"{self.number} (refused)")
            return self._leave("completed", None)
        self._whisper = None
        self.connect(now)
        return None

    def connect(self, now: float) -> None:
        """The far end picks up."""
        self._tell("connected", self.number)
        self._answered_at = now
        self._due = now + min(self._far_end.talks, self._time_limit)

    def hang_up_far_end(self, now: float) -> Transition:
        """The far end hangs up, or is hung up on."""
        self._tell("far end left", self.number)
        return self._leave("completed", now - (self._answered_at or 0.0))

    def on_key(self, key: str, now: float, /) -> Transition | None:
        if key == "*" and self._hangup_on_star and self.state is State.BRIDGED:
            return self.hang_up_far_end(now)
        return None

    def on_hang_up(self, now: float, /) -> Transition | None:
        if not self._hang_up_is_told:
            return None
        if self._answered_at is None:
            return self._leave("canceled", None)
        return self._leave("completed", now - self._answered_at)


def after_dial(dial: Element, action: str, sid: str) -> Leaves:
    """The action "gets DialCallStatus, DialCallSid, DialCallDuration", and whether a person took
    the call; without an action: next verb. `sid` is the far end's.
    """

    def leave(status: str, talked: float | None) -> Transition:
        if not dial.attributes.get("action"):
            return Continue()
        duration = {} if talked is None else {"DialCallDuration": str(round(talked))}
        bridged = "false" if talked is None else "true"
        told = {"DialCallStatus": status, "DialCallSid": sid, "DialBridged": bridged, **duration}
        return Goto(action, dial.method(), told)

    return leave


class Recording(Activity):
    """The caller leaves a message; it ends by silence, by a key, or at its greatest length."""

    takes_keys = True

    def __init__(self, record: Element, action: str, now: float, account_sid: str) -> None:
        self._record = record
        self._action = action
        self._started_at = now
        self._account_sid = account_sid
        self._silence = record.whole("timeout", 5) or NEVER  # "timeout=0 = no silence limit"
        self._silent_from = now

    @property
    def state(self) -> State:
        return State.RECORDING

    @property
    def due(self) -> float:
        return min(self._silent_from + self._silence, self._started_at + self._longest)

    @property
    def _longest(self) -> int:
        """ "maxLength 3600 (120 with transcribe)"."""
        transcribed = self._record.is_true("transcribe")
        longest = LONGEST_TRANSCRIBED if transcribed else _LONGEST_RECORDING
        return min(self._record.whole("maxLength", longest) or longest, longest)

    def on_time(self, now: float, /) -> Transition | None:
        return self._submit(now, "")  # "a silent recording is kept and the action asked"

    def on_hang_up(self, now: float, /) -> Transition | None:
        return self._submit(now, "hangup")

    def on_key(self, key: str, now: float, /) -> Transition | None:
        ends = key in self._record.attributes.get("finishOnKey", "1234567890*#")
        return self._submit(now, key) if ends else None

    def on_speech(self, text: str, _confidence: float | None, now: float, /) -> Transition | None:
        self._silent_from = now + text_seconds(text)
        return None

    def _submit(self, now: float, key: str) -> Transition:
        return Goto(self._action, self._record.method(), self._parameters(now, key))

    def _parameters(self, now: float, key: str) -> Mapping[str, str]:
        sid = new_sid("RE")
        path = f"/2010-04-01/Accounts/{self._account_sid}/Recordings/{sid}"
        return {
            "RecordingUrl": f"https://api.twilio.com{path}",
            "RecordingSid": sid,
            "RecordingDuration": str(round(now - self._started_at)),
            "Digits": key,
        }
