"""Callers who report a lost card, and remember exactly what they were told."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

import requests

from ivr.cards.records import Holder
from simulator.engine import Call, HttpWire, Line
from tests.faults.city import ACCOUNT, TOKEN

NUMBER = re.compile(r"report number is ((?:\d ?){8})")

Heard = Literal["filed", "already", "not blocked", "unknown", "cut off"]


@dataclass(frozen=True)
class Told:
    """What one call ended in, as the caller heard it."""

    heard: Heard
    number: str = ""


@dataclass
class Tally:
    """What all callers of a run were told; safe to use from many threads."""

    told: dict[str, str] = field(default_factory=dict)  # report number -> card number
    confirmed: set[str] = field(default_factory=set)  # card numbers whose holder pressed 1
    heard: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, holder: Holder, told: Told) -> None:
        with self._lock:
            self.heard[told.heard] = self.heard.get(told.heard, 0) + 1
            if told.number:
                self.told[told.number] = holder.cards[0].number

    def will_confirm(self, holder: Holder) -> None:
        with self._lock:
            self.confirmed.add(holder.cards[0].number)


class Caller:
    """One person with one lost card, calling in English until a report number is heard."""

    def __init__(self, base_url: str, holder: Holder, tally: Tally, wire: HttpWire) -> None:
        self._line = Line(
            voice_url=f"{base_url}/voice",
            fallback_url=f"{base_url}/voice/fallback",
            status_callback_url=f"{base_url}/voice/status",
            account_sid=ACCOUNT,
            auth_token=TOKEN,
        )
        self._holder = holder
        self._tally = tally
        self._wire = wire

    def calls_once(self, *, twice: bool = False) -> Told:
        """One call; `twice` lets Twilio deliver the confirming webhook a second time."""
        call = Call(self._line, self._wire)
        call.dial()
        for keys in ("2", "1", self._holder.id_number.replace("X", "*"), "1"):
            call.run_to_silence()
            if keys == "1" and _hears(call, "To report it lost, press 1"):
                self._tally.will_confirm(self._holder)
            call.press(keys)
        if twice:
            _deliver_again(call)
        while not call.ended and not _number(call):
            call.advance_to(call.due)
        told = _what_was_heard(call)
        call.hang_up()
        self._tally.note(self._holder, told)
        return told


def _deliver_again(call: Call) -> None:
    """The last request once more, as a retrying network would send it."""
    last = call.exchanges[-1]
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(
                last.url, data=dict(last.parameters), headers=dict(last.headers), timeout=15
            )
        except requests.RequestException:
            return  # the process it went to was just killed


def _hears(call: Call, words: str) -> bool:
    return any(words in event.text for event in call.transcript)


def _number(call: Call) -> str:
    found = NUMBER.search(" ".join(event.text for event in call.transcript))
    return found[1].replace(" ", "") if found else ""


def _what_was_heard(call: Call) -> Told:
    if number := _number(call):
        already = _hears(call, "This card is already reported lost")
        return Told("already" if already else "filed", number)
    if _hears(call, "NOT been blocked"):
        return Told("not blocked")
    return Told("unknown" if _hears(call, "cannot confirm") else "cut off")
