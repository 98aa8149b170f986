"""Callers who report a lost card, and remember exactly what they were told."""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Literal, Self

import requests

from ivr.cards.records import Holder
from simulator.engine import Call, HttpTransport, PhoneLine
from tests.faults.city import ACCOUNT, TOKEN

NUMBER = re.compile(r"(?:Reported\. Number|report number is) ((?:\d ?){8})")
CONFIRM = "To confirm, press 1"

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
    helped_at: float = 0.0  # when the latest call that ended with a number was dialled
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, holder: Holder, told: Told) -> None:
        with self._lock:
            self.heard[told.heard] = self.heard.get(told.heard, 0) + 1
            if told.number:
                self.told[told.number] = holder.cards[0].number

    def was_helped(self, dialled_at: float) -> None:
        with self._lock:
            self.helped_at = max(self.helped_at, dialled_at)

    def will_confirm(self, holder: Holder) -> None:
        with self._lock:
            self.confirmed.add(holder.cards[0].number)


class Caller:
    """One person with one lost card, calling in English until a report number is heard."""

    def __init__(
        self, base_url: str, holder: Holder, tally: Tally, transport: HttpTransport
    ) -> None:
        self._line = PhoneLine(
            voice_url=f"{base_url}/voice",
            fallback_url=f"{base_url}/voice/fallback",
            status_callback_url=f"{base_url}/voice/status",
            account_sid=ACCOUNT,
            auth_token=TOKEN,
        )
        self._holder = holder
        self._tally = tally
        self._transport = transport
        self.call = Call(self._line, transport, holder.phone)
        self._dialled_at = 0.0

    def calls_once(self, *, twice: bool = False) -> Told:
        """One call; `twice` lets Twilio deliver the confirming webhook a second time."""
        self.to_confirmation().confirms()
        if twice:
            self.webhook_comes_again()
        return self.listens()

    def to_confirmation(self) -> Self:
        """Up to the question whether to report the card."""
        self._dialled_at = time.monotonic()
        self.call = Call(self._line, self._transport, self._holder.phone)
        self.call.dial()
        for keys in ("2", "1", self._holder.id_number.replace("X", "*")):
            self.call.run_to_silence()
            self.call.press(keys)
        return self

    def confirms(self) -> Self:
        self.call.run_to_silence()
        if self._hears(CONFIRM):
            self._tally.will_confirm(self._holder)
        self.call.press("1")
        return self

    def listens(self) -> Told:
        """Until a report number is heard or the call ends; then hangs up."""
        while not self.call.ended and not self._number():
            self.call.advance_to(self.call.due)
        told = self._what_was_heard()
        self.call.hang_up()
        self._tally.note(self._holder, told)
        if told.number:
            self._tally.was_helped(self._dialled_at)
        return told

    def webhook_comes_again(self, place: int = -1) -> str:
        """A request of this call once more, as a retrying network would send it (the last one,
        or any by its place); -> the answer, empty when there was none.
        """
        sent = self.call.exchanges[place]
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.post(
                    sent.url, data=dict(sent.parameters), headers=dict(sent.headers), timeout=15
                ).text
            except requests.RequestException:
                return ""  # the process it went to was just killed

    def times_asked(self) -> int:
        """How often the caller was asked whether to report the card."""
        self.call.run_to_silence()
        return sum(CONFIRM in event.text for event in self.call.transcript)

    def _hears(self, words: str) -> bool:
        return any(words in event.text for event in self.call.transcript)

    def _number(self) -> str:
        found = NUMBER.search(" ".join(event.text for event in self.call.transcript))
        return found[1].replace(" ", "") if found else ""

    def _what_was_heard(self) -> Told:
        if number := self._number():
            already = self._hears("is already reported lost")
            return Told("already" if already else "filed", number)
        if self._hears("NOT been blocked"):
            return Told("not blocked")
        return Told("unknown" if self._hears("cannot confirm") else "cut off")
