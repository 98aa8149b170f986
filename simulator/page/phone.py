"""One phone: a browser tab's, with its number, its present call and the case it looks at."""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from simulator.engine import (
    BUSY,
    NO_ANSWER,
    REFUSES,
    VOICEMAIL,
    Call,
    FarEnd,
    HttpTransport,
    PhoneLine,
    Rules,
)
from simulator.page.live_call import LiveCall
from simulator.page.people import Person, masked_phone
from simulator.page.records import Records

NUMBER_OF_NOBODY = "+8613800138000"
ID_NUMBER_PLACES = 18
LONGEST_PRESS = 64
# What the person does to whom a call is put through: the tester chooses.
AGENTS: Mapping[str, FarEnd] = {
    "takes": FarEnd(after=3, talks=3600),
    "refuses": replace(REFUSES, after=3),
    "voicemail": replace(VOICEMAIL, after=3),
    "busy": BUSY,
    "silent": NO_ANSWER,
}


class BusyError(Exception):
    """The phone is in a call already."""


@dataclass(frozen=True)
class SharedByPhones:
    """What all phones of this server share."""

    line: PhoneLine
    transport: HttpTransport
    records: Records
    people: tuple[Person, ...]


class Phone:
    """Its methods may be called from any thread; `news` is notified of every change."""

    def __init__(self, shared: SharedByPhones) -> None:
        self.id = secrets.token_urlsafe(12)
        self.owner: Person | None = None
        self.live: LiveCall | None = None
        self.fast = False
        self.agent = "takes"
        self.news = threading.Condition()
        self._watchers = 0
        self._shared = shared
        self._lock = threading.Lock()
        self._seen_at = time.monotonic()
        self._last_keys = ""
        self._card_ref = ""
        self._chosen = False

    @property
    def number(self) -> str:
        """Whose texts arrive here, and who the next call is from."""
        return self.owner.phone if self.owner else NUMBER_OF_NOBODY

    @property
    def in_call(self) -> bool:
        """From dialling to the end of the call."""
        return self.live is not None and not self.live.call.ended

    def dial(self) -> None:
        """Raises BusyError."""
        with self._lock:
            if self.in_call:
                raise BusyError
            rules = Rules(requests_take_time=True)
            call = Call(
                self._shared.line, self._shared.transport, self.number, rules,
                far_end=lambda _number: AGENTS[self.agent],
            )  # fmt: skip
            self.live = LiveCall(call, self.notify)
            self.live.fast = self.fast
            self._chosen = False
            self._last_keys = ""
        self.live.start()

    def press(self, keys: str) -> None:
        """Without a call nothing happens, as on any phone."""
        self._last_keys = (self._last_keys + keys)[-ID_NUMBER_PLACES:]
        for person in self._shared.people:
            if person.keys == self._last_keys:
                self.set_owner(person)
        if self.live:
            self.live.press(keys)

    def speak(self, text: str, confidence: float | None) -> None:
        """Says something to the line. confidence: what the engine will make of it; None: it does
        not say.
        """
        if self.live:
            self.live.speak(text, confidence)

    def set_agent(self, name: str) -> None:
        """What the person does from now on, also while it rings; one of AGENTS."""
        self.agent = name
        if self.live:
            self.live.set_far_end(AGENTS[name])
        self.notify()

    def hang_up(self) -> None:
        """Without a call nothing happens."""
        if self.live:
            self.live.hang_up()

    def set_fast(self, fast: bool) -> None:
        """This call and those to come."""
        self.fast = fast
        if self.live:
            self.live.set_fast(fast)
        self.notify()

    def set_owner(self, person: Person) -> None:
        """From now on it is this person's registered phone."""
        self.owner = person
        self.notify()

    def look_at(self, report: str) -> bool:
        """Shows the case of a report until the next call; False if there is no such report."""
        card_ref = self._shared.records.card_of_report(report)
        if card_ref:
            self._card_ref, self._chosen = card_ref, True
            self.notify()
        return bool(card_ref)

    def card_ref(self) -> str:
        """The card whose case is shown: the chosen one, else the call's, else the last one."""
        if self.live and not self._chosen:
            self._card_ref = self._shared.records.card_of_call(self.live.call.sid) or self._card_ref
        return self._card_ref

    def notify(self) -> None:
        """Wakes the streams of this phone."""
        with self.news:
            self.news.notify_all()

    # Presence

    def note_presence(self) -> None:
        """Its tab has just shown that it is alive."""
        self._seen_at = time.monotonic()

    def seconds_away(self) -> float:
        """Since its tab was last heard of; 0 while it listens."""
        return 0.0 if self._watchers else time.monotonic() - self._seen_at

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While a stream of it is open."""
        with self.news:
            self._watchers += 1
        try:
            yield
        finally:
            with self.news:
                self._watchers -= 1
                self._seen_at = time.monotonic()
                self.news.notify_all()

    def wait_until_unwatched(self, seconds: float) -> None:
        """Returns when its streams have ended, or after `seconds`."""
        with self.news:
            self.news.wait_for(lambda: not self._watchers, seconds)

    def as_json(self) -> dict[str, Any]:
        """{number, owner, fast, agent, call: null or {sid, state, status, ended, pace}}."""
        call = self.live.call if self.live else None
        return {
            "number": masked_phone(self.number),
            "owner": self.owner.place if self.owner else None,
            "fast": self.fast,
            "agent": self.agent,
            "call": call
            and {
                "sid": call.sid,
                "state": call.state.name.lower(),
                "status": call.status,
                "ended": call.ended,
                "pace": self.live.pace if self.live else 1,
            },
        }
