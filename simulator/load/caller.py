"""One caller: listens, thinks, presses, errs, gives up."""

import re
from collections.abc import Iterator
from random import Random
from typing import Final

from simulator.engine import Call, State
from simulator.load.errands import CARD, HANG_UP, ID, SILENCE, WISHES, Errand, habits_of, slipped
from simulator.load.people import Person

MOST_ACTS: Final = 40
PATIENCE_SECONDS: Final = 300.0
MOSTLY_GONE_BY: Final = 100.0  # whoever hangs up early does so within these seconds
_NEXT: Final = re.compile(r"/voice/([a-z0-9_]+)\?turn=")
_LANGUAGE_KEYS: Final = {"zh": "1", "en": "2"}


class SimulatedCaller:
    """A person with an errand on a call of their own."""

    def __init__(
        self, call: Call, errand: Errand, person: Person, language: str, rng: Random
    ) -> None:
        self._call = call
        self._wishes = WISHES[errand]
        self._habits = habits_of(errand)
        self._person = person
        self._language = language
        self._rng = rng
        leaves = rng.random() < self._habits.leaves
        self._leaves_at = rng.uniform(0, MOSTLY_GONE_BY) if leaves else PATIENCE_SECONDS

    def run(self) -> Iterator[float]:
        """The whole call. Yields the call second until which the caller does nothing."""
        self._call.dial()
        for _ in range(MOST_ACTS):
            yield from self._listen()
            if self._call.ended:
                return
            yield from self._act(self._wish())
        self._call.hang_up()

    def _listen(self) -> Iterator[float]:
        """To the end of what is said, or to where a key can interrupt it; agents too."""
        waits = {State.PLAYING, State.PROMPTING, State.RINGING, State.BRIDGED, State.QUEUED}
        if self._rng.random() < self._habits.interrupts:
            waits.remove(State.PROMPTING)
        while self._call.state in waits:
            yield from self._until(self._call.due)

    def _wish(self) -> str:
        """What to press, before anything goes wrong."""
        step = step_now(self._call)
        if step == "language":
            return _LANGUAGE_KEYS[self._language]
        wish = self._rng.choice(self._wishes.get(step, (HANG_UP,)))
        if wish == CARD:
            return str(self._rng.randint(1, min(len(self._person.cards), 8)))
        return self._person.id_keys if wish == ID else wish

    def _act(self, keys: str) -> Iterator[float]:
        if keys != HANG_UP and self._rng.random() < self._habits.slips:
            keys = slipped(keys, self._rng)
        yield from self._until(self._call.now + self._rng.uniform(0.3, 2.0))
        if keys == HANG_UP:
            self._call.hang_up()
        elif keys == SILENCE:
            yield from self._until(self._call.due)
        else:
            yield from self._type(keys)

    def _type(self, keys: str) -> Iterator[float]:
        """Presses every key, even a # that is not wanted any more."""
        for position, key in enumerate(keys):
            if position:
                yield from self._until(self._call.now + self._rng.uniform(0.2, 0.9))
            self._call.press(key)
        if len(keys) > 1 and self._call.state is State.LISTENING:
            yield from self._until(self._call.due)  # thinks that this was all

    def _until(self, moment: float) -> Iterator[float]:
        """Time passes, unless patience ends first."""
        if moment < self._leaves_at:
            yield moment
        elif not self._call.ended:
            yield self._leaves_at
            self._call.hang_up()


def step_now(call: Call) -> str:
    """The step that the present document listens for, empty if it listens for nothing."""
    documents = [exchange for exchange in call.exchanges if exchange.purpose == "voice"]
    found = _NEXT.search(documents[-1].body) if documents else None
    return found[1] if found else ""
