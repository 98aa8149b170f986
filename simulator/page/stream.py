"""What a tab is told while it is open, as server-sent events (WHATWG HTML, section 9.2).

  phone        {number, owner, fast, call, seconds}     whenever it changed
  transcript   {call, from, items: [EVENT]}             from 0: forget what you have
  exchanges    {call, from, items: [EXCHANGE]}          the same
  case         {reachable, case: null or CASE}          CASE as `Records.case` tells it
  banks        as `BankScreens.show` tells it
  texts        {items: [MESSAGE], fate}                 all of the phone's, oldest first; what
                                                        becomes of the next one

Each connection starts with everything, so a tab that reconnects needs no memory.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from simulator.page.call_json import event_json, exchange_json
from simulator.page.phone import Phone
from simulator.page.records import RecordsUnavailableError
from simulator.page.state import PageState

LOOK_EVERY = 0.25  # seconds; a call's own news comes at once
STAY_IN_TOUCH = 5.0  # so that a closed tab is noticed, and the countdown stays true
RECONNECT_MS = 1000

Json = dict[str, Any]


class Stream:
    """One connection to one tab."""

    def __init__(self, state: PageState, phone: Phone) -> None:
        self._state = state
        self._phone = phone
        self._told: dict[str, Any] = {}
        self._call = ""
        self._events = 0
        self._exchanges = 0
        self._in_touch_at = 0.0

    def __iter__(self) -> Iterator[str]:
        """Until the tab goes or the server stops."""
        with self._phone.watched():
            yield f"retry: {RECONNECT_MS}\n\n"
            while not self._state.closing.is_set():
                yield from self._news()
                with self._phone.news:
                    self._phone.news.wait(LOOK_EVERY)

    def _news(self) -> Iterator[str]:
        yield from self._of_phone()
        yield from self._of_call()
        for name, told, steady in (self._case(), self._banks(), self._texts()):
            yield from self._changed(name, told, steady)
        if time.monotonic() - self._in_touch_at > STAY_IN_TOUCH:
            self._in_touch_at = time.monotonic()
            self._told.pop("case", None)
            yield ": still here\n\n"

    def _of_phone(self) -> Iterator[str]:
        told = self._phone.as_json()
        live = self._phone.live
        seconds = round(live.seconds, 2) if live else 0
        yield from self._changed("phone", {**told, "seconds": seconds}, told)

    def _of_call(self) -> Iterator[str]:
        if not self._phone.live:
            return
        call = self._phone.live.call
        if call.sid != self._call:
            self._call, self._events, self._exchanges = call.sid, 0, 0
        events = [event_json(event) for event in call.transcript[self._events :]]
        turns = [exchange_json(turn) for turn in call.exchanges[self._exchanges :]]
        for name, start, items in (
            ("transcript", self._events, events),
            ("exchanges", self._exchanges, turns),
        ):
            if items:
                yield _event(name, {"call": call.sid, "from": start, "items": items})
        self._events += len(events)
        self._exchanges += len(turns)

    def _case(self) -> tuple[str, Json, Json]:
        """The seconds left go down by themselves: they are no news."""
        try:
            card_ref = self._phone.card_ref()
            case = self._state.records.case(card_ref) if card_ref else None
        except RecordsUnavailableError:
            return "case", {"reachable": False, "case": None}, {"reachable": False}
        steady = case and {k: v for k, v in case.items() if k not in ("now", "ttl_ms")}
        return "case", {"reachable": True, "case": case}, {"reachable": True, "case": steady}

    def _banks(self) -> tuple[str, Json, Json]:
        told = self._state.banks.show()
        return "banks", told, told

    def _texts(self) -> tuple[str, Json, Json]:
        messages = self._state.messages.of_phone(self._phone.number)
        told = {
            "items": [message.as_json() for message in messages[-50:]],
            "fate": self._state.network.fate_of(self._phone.number),
        }
        return "texts", told, told

    def _changed(self, name: str, told: Json, steady: Any) -> Iterator[str]:
        if self._told.get(name) != steady:
            self._told[name] = steady
            yield _event(name, told)


def _event(name: str, told: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"
