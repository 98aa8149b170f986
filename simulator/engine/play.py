"""Say, Play and Pause: what is heard and for how long."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from .activity import Activity, AddEvent, Continue, State, Transition
from .clock import NEVER
from .markup import Element
from .speech import heard_text, say_seconds

# Twilio plays loop="0" "until the call is hung up"; it stops after a thousand rounds.
_ENDLESS = 1000
_TONE_SECONDS = 0.5


@dataclass(frozen=True)
class Segment:
    """One uninterrupted stretch of sound, or of nothing."""

    kind: Literal["said", "played", "paused"]
    seconds: float
    text: str = ""
    language: str = ""
    voice: str = ""


# The words of a recording and its seconds, by the URL as it is written; None: it is not heard.
Fetches = Callable[[str], tuple[str, float] | None]


def segments(element: Element, fetches: Fetches) -> list[Segment]:
    """The sound of a Say, Play or Pause; of a Gather, that of its nested ones."""
    if element.name == "Gather":
        heard = (child for child in element.children if not child.attributes.get("digits"))
        return [s for child in heard for s in segments(child, fetches)]
    if element.name == "Say":
        return _looped(element, _say(element))
    if element.name == "Play":
        played = _play(element, fetches)
        return _looped(element, played) if played else []
    if element.name == "Pause":
        return [Segment("paused", float(element.whole("length", 1)))]
    return []


def _say(say: Element) -> Segment:
    language = say.attributes.get("language", "en-US")
    voice = say.attributes.get("voice", "man")
    return Segment("said", say_seconds(say), heard_text(say), language, voice)


def _play(play: Element, fetches: Fetches) -> Segment | None:
    tones = play.attributes.get("digits", "")
    if tones:
        return Segment("played", len(tones) * _TONE_SECONDS, f"tones {tones}")
    found = fetches(play.own_text)
    return Segment("played", found[1], found[0]) if found else None


def _looped(element: Element, once: Segment) -> list[Segment]:
    rounds = min(element.whole("loop", 1), _ENDLESS)
    if rounds:
        return [once] * rounds
    seconds = once.seconds * _ENDLESS
    return [Segment(once.kind, seconds, once.text, once.language, once.voice)]


class Playback:
    """Plays segments one after another and tells the transcript when each begins."""

    def __init__(self, parts: Iterable[Segment], tell: AddEvent) -> None:
        self._parts: Iterator[Segment] = iter(deque(parts))
        self._tell = tell
        self.ends_at = NEVER

    def play_next(self, now: float) -> bool:
        """Starts the next segment; False when there is none."""
        part = next(self._parts, None)
        if part is None:
            return False
        if part.kind != "paused" and part.text:
            self._tell(part.kind, part.text, part.language, part.voice)
        self.ends_at = now + part.seconds
        return True


class Playing(Activity):
    """Sound outside a Gather: nothing the caller does interrupts it."""

    def __init__(self, playback: Playback, now: float) -> None:
        self._playback = playback
        if not playback.play_next(now):
            playback.ends_at = now

    @property
    def state(self) -> State:
        return State.PLAYING

    @property
    def due(self) -> float:
        return self._playback.ends_at

    def on_time(self, now: float, /) -> Transition | None:
        return None if self._playback.play_next(now) else Continue()
