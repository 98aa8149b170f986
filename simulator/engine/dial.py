"""Dial and Record: the stretches of a call in which Twilio itself says nothing."""

from collections.abc import Callable, Mapping

from .activity import Activity, AddEvent, Continue, Goto, State, Transition
from .clock import NEVER
from .markup import Element
from .phone_line import new_sid
from .rules import FarEnd
from .speech import text_seconds


def dialled_numbers(dial: Element) -> str:
    """What is dialled: the text of `<Dial>` or of its nouns, comma separated."""
    return ", ".join([n for n in (dial.own_text, *(c.own_text for c in dial.children)) if n])


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
        leave: Callable[[str, float | None], Transition],
        *,
        timeout: float = NEVER,
        time_limit: float = NEVER,
        hangup_on_star: bool = False,
    ) -> None:
        self.number = number
        self._far_end = far_end
        self._tell = tell
        self._leave = leave
        self._gives_up_at = now + timeout
        self._time_limit = time_limit
        self._hangup_on_star = hangup_on_star
        self._answered_at: float | None = None
        self.set_far_end(far_end, now)

    @property
    def state(self) -> State:
        return State.RINGING if self._answered_at is None else State.BRIDGED

    @property
    def due(self) -> float:
        return self._due

    def set_far_end(self, far_end: FarEnd, now: float) -> None:
        """While it rings: the far end's script from now on."""
        self._far_end = far_end
        answers_at = now + far_end.after if far_end.outcome != "no-answer" else NEVER
        self._due = min(answers_at, self._gives_up_at)

    def on_time(self, now: float, /) -> Transition | None:
        if self._answered_at is not None:
            return self.hang_up_far_end(now)
        # "timeout 30": the far end must answer before it.
        status = self._far_end.outcome if now < self._gives_up_at else "no-answer"
        if status != "answers":
            self._tell("not connected", f"{self.number} ({status})")
            return self._leave(status, None)
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
        talked = 0.0 if self._answered_at is None else now - self._answered_at
        return self._leave("completed", talked)

    def on_key(self, key: str, now: float, /) -> Transition | None:
        if key == "*" and self._hangup_on_star and self.state is State.BRIDGED:
            return self.hang_up_far_end(now)
        return None


def after_dial(dial: Element, action: str) -> Callable[[str, float | None], Transition]:
    """The action "gets DialCallStatus, DialCallSid, DialCallDuration"; without one: next verb."""
    sid = new_sid("CA")

    def leave(status: str, talked: float | None) -> Transition:
        if not dial.attributes.get("action"):
            return Continue()
        duration = {} if talked is None else {"DialCallDuration": str(round(talked))}
        parameters = {"DialCallStatus": status, "DialCallSid": sid, **duration}
        return Goto(action, dial.method(), parameters)

    return leave


class Recording(Activity):
    """The caller leaves a message; it ends by silence, by a key, or at its greatest length."""

    takes_keys = True

    def __init__(self, record: Element, action: str, now: float, account_sid: str) -> None:
        self._record = record
        self._action = action
        self._started_at = now
        self._account_sid = account_sid
        self._spoken = False
        self._silent_from = now

    @property
    def state(self) -> State:
        return State.RECORDING

    @property
    def due(self) -> float:
        silence_ends = self._silent_from + self._record.whole("timeout", 5)
        return min(silence_ends, self._started_at + self._record.whole("maxLength", 3600))

    def on_time(self, now: float, /) -> Transition | None:
        # "Record: when nothing was said, the next verb": there is no recording to hand over.
        return self._submit(now, "") if self._spoken else Continue()

    def on_key(self, key: str, now: float, /) -> Transition | None:
        ends = key in self._record.attributes.get("finishOnKey", "1234567890*#")
        return self._submit(now, key) if ends else None

    def on_speech(self, text: str, _confidence: float | None, now: float, /) -> Transition | None:
        self._spoken = True
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
