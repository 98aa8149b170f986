"""A call as lines a product owner can read: when, who, what."""

import re
from collections.abc import Iterable, Iterator, Mapping

from .transcript import Event, Kind

_CALLER: Mapping[Kind, str] = {
    "called": "dials {}",
    "pressed": "presses {}",
    "spoke": "says {}",
    "silence": "stays silent",
}
_LINE: Mapping[Kind, str] = {
    "said": "{}",
    "played": "plays {}",
    "dialled": "dials {}",
    "connected": "connects to {}",
    "not connected": "does not reach {}",
    "queued": "puts the call in queue {}",
    "recording": "records",
}
_FAR_END: Mapping[Kind, str] = {
    "whispered": "hears {}",
    "far end pressed": "presses {}",
    "far end left": "hangs up",
}
_ENDINGS = {"caller hung up": ("caller", "hangs up"), "line hung up": ("line", "hangs up")}


def journey_lines(events: Iterable[Event], language: str = "") -> Iterator[str]:
    """One line per event. Keys pressed in a row share a line. A change of language is named;
    `language` is the one before the first event.
    """
    for event in _keys_joined(events):
        who, what = _who_and_what(event)
        if event.kind == "said" and event.language != language:
            language = event.language
            what = f"[{language}] {what}"
        yield f"{event.at_seconds:6.1f}  {who:<7} {what}".rstrip()


def journey_text(events: Iterable[Event], title: str, steady: Mapping[str, str]) -> str:
    """The whole journey as a file. `steady`: regular expressions of what differs from run to run
    (report numbers, dates) and what to write instead.
    """
    text = "\n".join(journey_lines(events))
    for pattern, instead in steady.items():
        text = re.sub(pattern, instead, text)
    return f"# {title}\n{text}\n"


def _who_and_what(event: Event) -> tuple[str, str]:
    if event.kind == "ended":
        return _ENDINGS.get(event.text, ("twilio", event.text))
    if event.kind in _FAR_END:
        return "far end", _FAR_END[event.kind].format(event.text)
    if event.kind in _CALLER:
        return "caller", _CALLER[event.kind].format(event.text)
    if event.kind in _LINE:
        return "line", _LINE[event.kind].format(event.text)
    return "twilio", f"{event.kind} {event.text}"


def _keys_joined(events: Iterable[Event]) -> Iterator[Event]:
    pressed: Event | None = None
    for event in events:
        if event.kind == "pressed":
            keys = (pressed.text if pressed else "") + event.text
            pressed = Event((pressed or event).at_seconds, "pressed", keys)
            continue
        if pressed:
            yield pressed
            pressed = None
        yield event
    if pressed:
        yield pressed
