"""What a `<Number url>` says to the far end alone, before it is connected: a whisper.

Source: twilio.com/docs/voice/twiml/number. A leg of its own, with a call id of its own, played by
the same machine, in the call's own time. The document's end connects; a hang-up refuses.
"""

from collections.abc import Callable, Mapping
from typing import Final

from .activity import AddEvent, Continue, Finish, Goto, State, Transition
from .clock import NEVER
from .faults import Fault, fault_of
from .fetch import Fetcher
from .machine import Machine
from .phone_line import PhoneLine, standard_parameters
from .rules import HANGS_UP, FarEnd, Rules
from .transcript import Kind

ALLOWED: Final = frozenset({"Say", "Play", "Pause", "Gather", "Hangup", "Redirect"})
_TOLD: Final[Mapping[Kind, Kind]] = {
    "said": "whispered",
    "played": "whispered",
    "pressed": "far end pressed",
}
_REACTION: Final = 1.0  # seconds in which the far end does what it does


class Whisper(Machine):
    """The far end's leg until it is connected."""

    def __init__(
        self,
        line: PhoneLine,
        fetcher: Fetcher,
        rules: Rules,
        *,
        parent_sid: str,
        sid: str,
        shown: str,
        number: str,
        first: Goto,
        tell: AddEvent,
        report: Callable[[Fault], None],
    ) -> None:
        super().__init__(line, fetcher, shown, rules)
        self.sid = sid
        self.is_taken = False
        self._parent_sid = parent_sid
        self._number = number
        self._tell_parent = tell
        self._report_parent = report
        self._first = first
        self._far_end_does = ""
        self._acts_at = NEVER

    def begin(self, far_end: FarEnd, now: float) -> None:
        """The far end has picked up, and hears the document."""
        self._clock.move_to(now)
        self._far_end_does = far_end.at_whisper
        self._follow(self._first)
        self._settle()
        self._plan()

    def set_far_end(self, far_end: FarEnd) -> None:
        """What the far end does from now on."""
        self._far_end_does = far_end.at_whisper
        self._plan()

    @property
    def due(self) -> float:
        return min(super().due, self._acts_at)

    def pass_to(self, seconds: float) -> None:
        """Its time passes; the far end acts when all has been said."""
        while not self.ended and self.due <= seconds:
            if self.due == self._acts_at:
                self._act()
            else:
                self._advance(self.due)
            self._plan()
        if not self.ended:
            self._advance(seconds)

    def _act(self) -> None:
        self._clock.move_to(self._acts_at)
        self._acts_at = NEVER
        keys, self._far_end_does = self._far_end_does, ""
        if keys == HANGS_UP:
            self._finish(Finish())
        for key in keys if keys != HANGS_UP else "":
            self._press(key)

    def _plan(self) -> None:
        is_asked = self.state is State.LISTENING and self._far_end_does
        hangs_up = self._far_end_does == HANGS_UP and not self.ended
        if (is_asked or hangs_up) and self._acts_at == NEVER:
            self._acts_at = self.now + _REACTION

    def _next_verb(self) -> Transition | None:
        verb = self._script.peek()
        if verb is not None and verb.name not in ALLOWED:
            self._script.next_verb()
            code = 13201 if verb.name == "Dial" else 12200
            self._report(Fault(code, f"line {verb.line}: <{verb.name}> in a whisper"))
            return self._next_verb()
        return super()._next_verb()

    def _end_of_document(self) -> Transition:
        """It is connected."""
        self.is_taken = True
        return Finish()

    def _load(self, goto: Goto) -> Transition:
        """One that cannot be fetched connects nobody: the line's fallback is the caller's."""
        try:
            self._script.open(goto, self._parameters(), self.now)
        except Exception as error:  # whatever an answer holds
            self._report(fault_of(error, goto.url))
            return Finish()
        return Continue()

    def _finish(self, _end: Finish, _last: Goto | None = None) -> None:
        self._activity = None
        self._over = True

    def _parameters(self) -> dict[str, str]:
        told = standard_parameters(self.line, self.sid, self.caller, "in-progress", {})
        to = {"To": self._number, "Called": self._number}
        of = {"ParentCallSid": self._parent_sid, "Direction": "outbound-dial"}
        return {**told, **to, **of, **dict(self.rules.extra_parameters)}

    def _tell(self, kind: Kind, text: str = "", language: str = "", voice: str = "") -> None:
        told = _TOLD.get(kind)
        if told:
            self._tell_parent(told, text, language, voice)

    def _report(self, fault: Fault) -> None:
        self._report_parent(fault)
