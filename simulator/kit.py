"""The test kit: a caller with verbs, on any TwiML application.

    caller = a_caller(app, phone_line(auth_token="12345", status="/voice/status"))
    caller.dials().hears("您好").presses("1").hears("请输入").presses("110105199001011234#")
    caller.is_connected_to("+8610123456").hangs_up()

Every verb returns the caller. A verb that fails says what was expected and shows the transcript so
far; in strict mode (the default) so does everything Twilio's debugger would complain about.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from .engine import (
    Call,
    Event,
    Exchange,
    FarEnd,
    HttpTransport,
    PhoneLine,
    Rules,
    State,
    Transport,
    WsgiTransport,
)  # fmt: skip
from .engine.clock import NEVER
from .engine.journey import journey_lines, journey_text

BASE_URL = "https://hotline.example"

Retold = Callable[[list[Event]], Iterable[Event]]  # a transcript in other words, before it is text


@dataclass(frozen=True)
class Manners:
    """How long this caller takes, in seconds: to react to a prompt, and between two keys."""

    reaction: float = 0.8
    between_keys: float = 0.4


def phone_line(
    base_url: str = BASE_URL,
    voice: str = "/voice",
    status: str = "",
    fallback: str = "",
    **line: Any,
) -> PhoneLine:
    """A number at Twilio. Paths are joined to `base_url`; `line`: number, other_numbers,
    account_sid, auth_token, voice_method, new_call_sid (`somleng_call_sid`: the ids of another
    engine) as in `PhoneLine`.
    """
    base = base_url.rstrip("/")
    return PhoneLine(
        voice_url=base + voice,
        status_callback_url=base + status if status else "",
        fallback_url=base + fallback if fallback else "",
        **line,
    )


def a_caller(
    target: Any,
    line: PhoneLine | None = None,
    number: str = "+8613800138000",
    *,
    strict: bool = True,
    rules: Rules | None = None,
    far_end: FarEnd | Callable[[str], FarEnd] | None = None,
    manners: Manners | None = None,
) -> "Caller":
    """Someone about to call. `target`: a WSGI app, a transport or a base URL. If the line's public
    URLs name another host, the base URL gets the requests as from a proxy.
    """
    line = line or phone_line()
    call = Call(line, _transport(target, line), number, rules, far_end)
    return Caller(call, strict=strict, manners=manners or Manners())


def _transport(target: Any, line: PhoneLine) -> Transport:
    if isinstance(target, str):
        return HttpTransport(via=target)
    host = urlsplit(line.voice_url).netloc.rpartition("@")[2]
    return WsgiTransport(target, host) if callable(target) else target


class Caller:
    """A person on the phone. Listens to a prompt to its end before reacting, unless told not to."""

    def __init__(self, call: Call, *, strict: bool, manners: Manners) -> None:
        self.call = call
        self._strict = strict
        self._manners = manners
        self._tolerated: set[int] = set()
        self._faults_seen = 0
        self._since_last_act = 0
        self._heard = (0, 0)

    # Acting

    def dials(self) -> Self:
        """Calls the line, and hears nothing yet."""
        self._expect(self.call.state is State.NEW, "a caller who has not dialled yet")
        self.call.dial()
        self.call.run_to_gather()
        return self._checked()

    def presses(self, keys: str, *, at_once: bool = False) -> Self:
        """Presses keys, `#` and `*` included, when all has been said; `at_once`: interrupting."""
        self._act(at_once)
        self.call.press(keys, self._manners.between_keys)
        self.call.run_to_gather()
        return self._checked()

    def says(self, text: str, confidence: float | None = 0.9, *, at_once: bool = False) -> Self:
        """Speaks, and waits until the line has understood."""
        self._act(at_once)
        self.call.speak(text, confidence)
        if self.call.state in (State.LISTENING, State.RECORDING):
            self.call.advance_to(self.call.due)
        self.call.run_to_gather()
        return self._checked()

    def waits(self) -> Self:
        """Stays silent until something happens: a timeout, an answer, the far end's hang-up."""
        state = self._listen()
        self._expect(self.call.due < NEVER, f"something to wait for, but the call is {state}")
        self._forget_what_was_heard()
        self.call.advance_to(self.call.due)
        if state is State.RINGING:  # what is whispered to the far end the caller does not hear
            self.call.run_while({State.RINGING})
        self.call.run_to_gather()
        return self._checked()

    def hangs_up(self) -> Self:
        """Ends the call, in the middle of a prompt if need be."""
        self._expect(not self.call.ended, "a call that still goes on")
        self.call.hang_up()
        return self._checked()

    def tolerates(self, *codes: int) -> Self:
        """Twilio's errors and warnings a strict caller puts up with."""
        self._tolerated.update(codes)
        return self

    # Expecting

    def hears(self, text: str) -> Self:
        """`text` is said since the caller last acted, after what `hears` found before."""
        found = self._next_said(text)
        while found is None and self.call.state in (State.PLAYING, State.PROMPTING):
            self.call.advance_to(self.call.due)
            found = self._next_said(text)
        self._expect(found is not None, f"to hear {text!r}")
        self._heard = found or self._heard
        return self._checked()

    def does_not_hear(self, text: str) -> Self:
        """`text` is not said between the caller's last act and the next silence."""
        self._listen()
        said = [_plain(e.text) for e in self._said_since(self._since_last_act)]
        self._expect(not any(_plain(text) in words for words in said), f"not to hear {text!r}")
        return self._checked()

    def is_connected_to(self, number: str) -> Self:
        """The line has dialled `number`, and it answers."""
        self._listen()
        self.call.run_while({State.RINGING})
        connected = [e.text for e in self.transcript if e.kind == "connected"]
        reached = self.call.state is State.BRIDGED and number in connected[-1].split(", ")
        self._expect(reached, f"to be connected to {number}")
        return self._checked()

    def is_hung_up_on(self) -> Self:
        """The line says what it has to say and ends the call."""
        self._listen()
        self._expect(self.call.ended, "that the line hangs up")
        return self._checked()

    # Seeing

    @property
    def seconds(self) -> float:
        """Call time so far."""
        return self.call.now

    @property
    def transcript(self) -> list[Event]:
        return self.call.transcript

    @property
    def exchanges(self) -> list[Exchange]:
        return self.call.exchanges

    def journey(
        self, title: str = "", steady: dict[str, str] | None = None, retold: Retold = list
    ) -> str:
        """The call as text for people, its events `retold`; see `journey_text`."""
        events = retold(self.transcript)
        return journey_text(events, title or self.call.line.voice_url, steady or {})

    # How it is done

    def _act(self, at_once: bool) -> None:
        if not at_once:
            self._listen()
        self.call.advance_to(self.call.now + self._manners.reaction)
        self._expect(not self.call.ended, "a call that still goes on")
        self._forget_what_was_heard()

    def _listen(self) -> State:
        return self.call.run_to_silence()

    def _forget_what_was_heard(self) -> None:
        self._since_last_act = len(self.transcript)
        self._heard = (self._since_last_act, 0)

    def _said_since(self, position: int) -> list[Event]:
        return [e for e in self.transcript[position:] if e.kind in ("said", "played")]

    def _next_said(self, text: str) -> tuple[int, int] | None:
        event_index, offset = self._heard
        for index in range(event_index, len(self.transcript)):
            event = self.transcript[index]
            if event.kind in ("said", "played"):
                start = offset if index == event_index else 0
                at = _plain(event.text).find(_plain(text), start)
                if at >= 0:
                    return index, at + len(_plain(text))
        return None

    def _expect(self, truth: bool, expected: str) -> None:
        if not truth:
            raise AssertionError(f"expected {expected}\n{self._so_far()}")

    def _checked(self) -> Self:
        new, self._faults_seen = self.call.faults[self._faults_seen :], len(self.call.faults)
        bad = [str(fault) for fault in new if fault.code not in self._tolerated]
        if self._strict and bad:
            raise AssertionError("Twilio complains:\n" + "\n".join(bad) + "\n" + self._so_far())
        return self

    def _so_far(self) -> str:
        lines = "\n".join(journey_lines(self.transcript)) or "(nothing yet)"
        return f"The call so far ({self.call.state}):\n{lines}"


def _plain(text: str) -> str:
    return " ".join(text.split())
