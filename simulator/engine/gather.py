"""Gather: collects keys or speech. Source: twilio.com/docs/voice/twiml/gather."""

from dataclasses import dataclass

from .activity import Activity, AddEvent, Continue, Goto, State, Transition
from .clock import NEVER
from .markup import Element
from .play import Playback
from .rules import Rules
from .speech import text_seconds

# speechTimeout="auto" ends at the first pause in speech.
_PAUSE_IN_SPEECH = 1.0
_LONGEST_SPEECH = 60.0


@dataclass(frozen=True)
class GatherSettings:
    """A Gather's attributes with Twilio's defaults filled in; times in seconds."""

    dtmf: bool = True
    speech: bool = False
    timeout: float = 5.0
    speech_timeout: float = 5.0
    finish_on_key: str = "#"
    num_digits: int = 0  # 0: unlimited
    barge_in: bool = True
    action_on_empty: bool = False
    action: str = ""
    method: str = "POST"

    @classmethod
    def of(cls, gather: Element, action: str) -> "GatherSettings":
        """`action`: already resolved to an absolute URL."""
        timeout = float(gather.whole("timeout", 5) or 5)
        inputs = gather.attributes.get("input", "dtmf").split()
        key = gather.attributes.get("finishOnKey", "#")
        auto = gather.attributes.get("speechTimeout") == "auto"
        return cls(
            dtmf="dtmf" in inputs or "speech" not in inputs,
            speech="speech" in inputs,
            timeout=timeout,
            speech_timeout=_PAUSE_IN_SPEECH
            if auto
            else gather.whole("speechTimeout", int(timeout)),
            finish_on_key=key if key in set("0123456789*#") | {""} else "#",
            num_digits=gather.whole("numDigits", 0),
            barge_in=gather.is_true("bargeIn", default=True),
            action_on_empty=gather.is_true("actionOnEmptyResult"),
            action=action,
            method=gather.method(),
        )


class Gathering(Activity):
    """One Gather at work: prompt, then silence, keys or speech, until it submits or gives up."""

    takes_keys = True

    def __init__(
        self, settings: GatherSettings, playback: Playback, now: float, rules: Rules, tell: AddEvent
    ) -> None:
        self._settings = settings
        self._playback = playback
        self._rules = rules
        self._tell = tell
        self._digits = ""
        self._spoken: tuple[str, float | None] | None = None
        self._deadline = NEVER
        self._prompting = playback.play_next(now)
        if not self._prompting:
            self._restart_timeout(now)

    @property
    def state(self) -> State:
        return State.PROMPTING if self._prompting else State.LISTENING

    @property
    def due(self) -> float:
        return self._playback.ends_at if self._prompting else self._deadline

    def on_time(self, now: float, /) -> Transition | None:
        if self._prompting:
            if not self._playback.play_next(now):
                self._stop_prompt(now)
            return None
        if self._spoken:
            return self._submit_speech(*self._spoken)
        if self._digits:  # "Timeout with digits submits the partial input."
            return self._submit_digits("")
        self._tell("silence")
        return self._empty("")

    def on_key(self, key: str, now: float, /) -> Transition | None:
        if not self._settings.dtmf or self._spoken:
            return None
        self._stop_prompt(now)
        if key == self._settings.finish_on_key:
            return self._submit_digits(key) if self._digits else self._empty(key)
        self._digits += key
        if len(self._digits) == self._settings.num_digits:
            return self._submit_digits("")
        return None

    def on_speech(self, text: str, confidence: float | None, now: float, /) -> Transition | None:
        # "With speech: whichever input comes first wins."
        busy = self._digits or self._spoken or (self._prompting and not self._settings.barge_in)
        if not self._settings.speech or busy:
            return None
        self._stop_prompt(now)
        self._spoken = (text, confidence)
        self._deadline = (
            now + min(text_seconds(text), _LONGEST_SPEECH) + self._settings.speech_timeout
        )
        return None

    def _stop_prompt(self, now: float) -> None:
        """The timeout "counts from the end of the nested prompt, then between digits"."""
        self._prompting = False
        self._restart_timeout(now)

    def _restart_timeout(self, now: float) -> None:
        self._deadline = now + self._settings.timeout

    def _submit_digits(self, finished_on: str) -> Transition:
        return self._goto({"Digits": self._digits, "FinishedOnKey": finished_on})

    def _submit_speech(self, text: str, confidence: float | None) -> Transition:
        sureness = {} if confidence is None else {"Confidence": str(confidence)}
        return self._goto({"SpeechResult": text, **sureness})

    def _empty(self, finished_on: str) -> Transition:
        """Falls through with "no request"; actionOnEmptyResult asks the action all the same."""
        if not self._settings.action_on_empty:
            return Continue()
        digits = {"Digits": ""} if self._rules.empty_digits_sent else {}
        return self._goto({**digits, "FinishedOnKey": finished_on})

    def _goto(self, gathered: dict[str, str]) -> Goto:
        parameters = {**gathered, "msg": "Gather End"}
        return Goto(self._settings.action, self._settings.method, parameters)
