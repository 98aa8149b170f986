"""One call of a load, from dialling to what is kept of it once it is over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from simulator.engine import ANSWERS, BUSY, NO_ANSWER, Call, Fault, Rules, Transport
from simulator.engine.journey import journey_lines
from simulator.load.caller import SimulatedCaller, step_now
from simulator.load.claims import Claim, Heard, claims_in
from simulator.load.errands import Errand, habits_of
from simulator.load.people import Person
from simulator.load.repeating_transport import RepeatingTransport, TimedTurn, step_in
from simulator.load.target import Target

# What a call is filed under: the first of these that was heard, else where it ended.
_WEIGHTY: Final = (Claim.FILED, Claim.ALREADY, Claim.UNKNOWN, Claim.NOT_FILED, Claim.STATUS)
_LONG_ENTRY: Final = re.compile(r"(presses )[\d*#]{5,}")


@dataclass(frozen=True)
class CallRecord:
    """What the checks need to know of a call. `confirmed`: the confirming key was sent, at least
    once. `last_step`: where the call stood at its end.
    """

    sid: str
    errand: Errand
    language: str
    cards: tuple[str, ...] = field(repr=False)
    confirmed: bool
    heard: tuple[Heard, ...]
    last_step: str
    seconds: float
    turns: tuple[TimedTurn, ...]
    faults: tuple[Fault, ...]

    @property
    def outcome(self) -> str:
        """What it came to, in a word or two."""
        claims = {heard.claim for heard in self.heard}
        weighty = next((claim for claim in _WEIGHTY if claim in claims), None)
        return str(weighty) if weighty else f"ended at {self.last_step}"

    def numbers(self, claim: Claim) -> set[str]:
        """The report numbers heard with a claim."""
        return {heard.number for heard in self.heard if heard.claim is claim}


class CallInProgress:
    """A call in progress. Any thread may let it go on, one at a time."""

    def __init__(
        self, target: Target, transport: Transport, errand: Errand, person: Person, rng: Random
    ) -> None:
        self._errand = errand
        self._person = person
        self._language = rng.choice(("zh", "en"))
        self._transport = RepeatingTransport(transport, habits_of(errand).repeats, rng)
        self.call = Call(
            target.line,
            self._transport,
            caller=_number_of(person, rng),
            rules=Rules(keys_outside_gather=rng.choice(("dropped", "buffered"))),
            far_end=rng.choice((ANSWERS, ANSWERS, BUSY, NO_ANSWER)),
        )
        self._marks: list[tuple[int, float]] = []
        caller = SimulatedCaller(self.call, errand, person, self._language, rng)
        self._moments: Iterator[float] = caller.run()
        self._awaited: float | None = None

    def go_on(self) -> float | None:
        """-> the call second at which to come back, None when the call is over."""
        if self._awaited is not None:
            self._advance_to(self._awaited)
        self._awaited = next(self._moments, None)
        self._note_progress()
        return self._awaited

    def hang_up(self) -> None:
        """Ends the call, whatever the caller had in mind."""
        self.call.hang_up()
        self._note_progress()

    def record(self) -> CallRecord:
        """What is kept of the call, once its late deliveries have arrived."""
        self._transport.close()
        call = self.call
        return CallRecord(
            sid=call.sid,
            errand=self._errand,
            language=self._language,
            cards=self._person.cards,
            confirmed=self._confirmed(),
            heard=tuple(self._heard()),
            last_step=step_now(call) or ("goodbye" if call.exchanges else "nowhere"),
            seconds=call.now,
            turns=tuple(self._transport.turns),
            faults=tuple(call.faults),
        )

    def _advance_to(self, moment: float) -> None:
        """One due moment after another, so that the time of each answer is known."""
        while not self.call.ended and self.call.due < moment:
            self.call.advance_to(self.call.due)
            self._note_progress()
        self.call.advance_to(moment)

    def _note_progress(self) -> None:
        """Notes that all said so far came with the answers until now."""
        self._marks.append((len(self.call.transcript), self._transport.answered_at))

    def _said_at(self, position: int) -> float:
        return next(
            (at for length, at in self._marks if position < length), self._transport.answered_at
        )

    def _heard(self) -> Iterator[Heard]:
        number = ""
        for position, event in enumerate(self.call.transcript):
            if event.kind == "said":
                for claim, told in claims_in(event.text):
                    number = told or number
                    yield Heard(claim, number, self._said_at(position))

    def _confirmed(self) -> bool:
        """1 was pressed where the line asks for a confirmation, and Twilio sent it."""
        return any(
            step_in(exchange.url) == "confirm" and exchange.parameters.get("Digits") == "1"
            for exchange in self.call.exchanges
        )


def _number_of(person: Person, rng: Random) -> str:
    """People call from their registered phone, or from another: whoever has lost it too."""
    other = f"+86154{rng.randrange(10**8):08d}"
    return rng.choice((person.phone or other, other))


def keep_transcript(folder: Path, call: Call, record: CallRecord) -> None:
    """`<outcome>-<CallSid>.txt`: the call as people read it, then its requests. Of a long entry
    (an ID number) only its length is kept.
    """
    lines = [
        f"# {record.outcome}: {record.errand}, {record.language}, {record.sid}",
        *journey_lines(call.transcript),
        "",
        *(_turn_line(turn) for turn in record.turns),
        *(str(fault) for fault in record.faults),
    ]
    text = _LONG_ENTRY.sub(lambda m: f"{m[1]}{len(m[0]) - len(m[1])} keys", "\n".join(lines))
    name = f"{record.outcome.replace(' ', '-')}-{record.sid}.txt"
    (folder / name).write_text(text + "\n", encoding="utf-8")


def _turn_line(turn: TimedTurn) -> str:
    repeat = f"  delivered {turn.repeat}" if turn.repeat else ""
    answer = turn.status or turn.failure
    return f"POST {turn.step:<18} {answer} in {turn.milliseconds:.0f} ms{repeat}"
