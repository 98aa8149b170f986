"""One turn of a call: what was heard -> the call as it goes on. Knows no web server."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Final

import structlog
from redis.exceptions import RedisError

from ivr.actions import CHANNEL, Aside, Directory, Turn, confirmed_in, run_action
from ivr.beijing import beijing_day
from ivr.cards.limits import Caller
from ivr.cards.records import Card
from ivr.dialogue.call import UNPROVEN, Call, Line
from ivr.dialogue.flow import FILING_STEPS, FLOW, START
from ivr.dialogue.steps import MAIN_MENU, Ask, Do, End, Menu, Pick, Tell, Transfer
from ivr.dialogue.turn import (
    Check,
    Judged,
    leave,
    person_first,
    start,
    take_turn,
    without_person,
)
from ivr.id_entry import keyed_id_number, keyed_proof
from ivr.phone_numbers import calling_number, number_to_call
from ivr.service import CardService
from ivr.settings import Settings
from ivr.spoken import BankNames
from ivr.store.calls import Calls, Mistake, Snapshot
from ivr.store.known import KnownHolder
from ivr.store.limits import LookUp

log = structlog.get_logger()


@dataclass(frozen=True)
class Heard:
    """What one request says: which call, the step and turn it answers, and what the caller did.

    A new call answers nothing, so its `step` is empty and its `turn` is None.
    """

    call_id: str
    step: str = ""
    turn: int | None = None
    keys: str = field(default="", repr=False)  # may be an ID number
    caller: str = field(default="", repr=False)  # the calling number, as the engine names it
    is_caller_sure: bool = True  # False: the network says that the number may be forged

    def is_expected_by(self, call: Call) -> bool:
        """Whether this is the one next request; anything else is a repeat or comes late."""
        return call.step == self.step and call.turn == self.turn


def judge_id_number(keys: str) -> Judged:
    """The check of the Ask steps: an ID number as it is keyed in, judged by today's date."""
    number, verdict = keyed_id_number(keys, beijing_day(time.time()))
    return Judged(verdict, number)


def judge_proof(keys: str) -> Judged:
    """The check of a second factor: whether it is whole; what it is worth the action finds out."""
    entered, verdict = keyed_proof(keys)
    return Judged(verdict, entered)


def judge_phone(keys: str) -> Judged:
    """The check of a number to be called back."""
    number = number_to_call(keys)
    return Judged(None if number else "invalid", number)


CHECKS: Final[Mapping[str, Check]] = {
    "id_number": judge_id_number,
    "proof": judge_proof,
    "phone": judge_phone,
}
_OPENING: Final = start(FLOW, "", START)
_TURNS: Final = range(1_000_000)  # no call has more, but a URL may name any number


class Conversation:
    """Plays the turns of calls."""

    def __init__(
        self, calls: Calls, service: CardService, settings: Settings, banks: BankNames
    ) -> None:
        self._calls = calls
        self._service = service
        self._settings = settings
        self._banks = banks

    def play(self, heard: Heard) -> Call:
        """One turn: read everything once, decide, act, remember. Returns the call to be rendered.

        A repeated or late request changes nothing and gets the present step again.
        """
        seen, caller = self._read(heard)
        call = seen.call
        if call is None or not seen.went_on:
            call = self._take_turn(heard, caller, seen)
        if not self._settings.agent_hours.are_open(datetime.fromtimestamp(call.at, UTC)):
            call = without_person(call)
        if call.slow:
            call = person_first(call)
        call = replace(call, said=(*self._announced(call, heard, seen), *call.said))
        return replace(call, caller=heard.caller)

    def _announced(self, call: Call, heard: Heard, seen: Snapshot) -> Iterator[Line]:
        """What is announced: to everybody before the first menu, where a key cuts it short; to a
        bank's callers once their card is known, to the end, for a price may follow that must not be
        cut off with it. It is not stored with the call.
        """
        if not seen.announcements:
            return
        if heard.step == START and call.step == MAIN_MENU:
            yield from self._lines_of("", call, seen, is_asked=True)
        elif card := _card_just_found(call, heard, seen):
            yield from self._lines_of(card.bank, call, seen, is_asked=False)

    def _lines_of(self, bank: str, call: Call, seen: Snapshot, *, is_asked: bool) -> Iterator[Line]:
        for each in seen.announcements:
            if each.bank == bank and (text := each.texts.get(call.language)):
                facts = self._banks.facts(bank, call.language) if bank else {}
                prompt = "bank_announcement" if bank else "announcement"
                yield Line(prompt, {**facts, "announcement": text}, asked=is_asked)

    def find(self, call_id: str) -> Call | None:
        """A call as it stands, for the person it is put through to; None: there is none."""
        return self._calls.read(call_id).call

    def end(self, call_id: str) -> None:
        """Counts a call that is over, and keeps the language in which a holder was spoken of. Who
        was asked to confirm a report and did not is texted that nothing was reported.
        """
        self._calls.count_end()
        seen = self._calls.read(call_id)
        call, known = seen.call, seen.known
        if call is None or known is None or call.facts.get(UNPROVEN):
            return
        self._service.note_language(known.ref, call.language)
        if call.step in FILING_STEPS.key_at:
            refs = confirmed_in(call)
            self._service.tell_unreported(known, refs, call.language, seen.now)

    def _read(self, heard: Heard) -> tuple[Snapshot, Caller]:
        """The call, with the holder these keys may name, in one round trip; and who calls, where
        that may matter.
        """
        ahead = turn_ahead(heard)
        if ahead is not None and heard.step:
            return self._calls.go_on(ahead, heard.step, heard.turn, _counted(ahead)), Caller()
        caller = self._service.caller(calling_number(heard.caller) if heard.is_caller_sure else "")
        if ahead is not None:
            return self._calls.begin(ahead, _counted(ahead), caller), caller
        look_up = self._look_up_ahead(heard, caller)
        if look_up is None:
            seen = self._calls.read(heard.call_id, caller)
        else:
            seen = self._calls.look_up(heard.call_id, heard.step, heard.turn, look_up)
        return seen, replace(caller, reported=seen.reported)

    def _look_up_ahead(self, heard: Heard, caller: Caller) -> LookUp | None:
        """The look-up that these keys may ask for."""
        step = FLOW.get(heard.step)
        if not isinstance(step, Ask) or not step.looks_up or not heard.keys:
            return None
        number = CHECKS[step.check](heard.keys).entered
        if not number:
            return None
        return LookUp(self._service.holder_ref(number), caller, CHANNEL, step.looks_up)

    def _take_turn(self, heard: Heard, caller: Caller, seen: Snapshot) -> Call:
        directory = Directory(self._service, _read_ahead(seen))
        aside = Aside()
        acting = partial(
            self._act, seen=seen, directory=directory, caller=caller, aside=aside,
            asked_at=heard.step,
        )  # fmt: skip
        call = self._as_it_stands(seen, acting)
        if call is None:
            call = replace(_OPENING, sid=heard.call_id)
        elif heard.is_expected_by(call):
            call = acting(take_turn(FLOW, call, heard.keys, CHECKS))
        elif call is seen.call:
            return call
        call = replace(call, at=seen.now)
        if caller.number and seen.call is not None and call.slow is not seen.call.slow:
            self._calls.keep_slow(caller, slow=call.slow)
        self._remember(call, caller, aside)
        return call

    def _as_it_stands(self, seen: Snapshot, acting: Callable[[Call], Call]) -> Call | None:
        """The call as stored; a turn that filed a report but was not saved is played again.

        Such a call still asks for the confirmation although its own report is on record. To play
        the turn again is safe, because filing twice finds the same report.
        """
        call, known = seen.call, seen.known
        if call is None or known is None or call.step not in FILING_STEPS.key_at:
            return call
        if not any(_is_filed(known, card_ref, call) for card_ref in confirmed_in(call)):
            return call
        return acting(take_turn(FLOW, call, FILING_STEPS.key_at[call.step], CHECKS))

    def _act(
        self,
        call: Call,
        seen: Snapshot,
        directory: Directory,
        caller: Caller,
        aside: Aside,
        asked_at: str,
    ) -> Call:
        """Runs `Do` steps until the call stands where the caller is spoken to."""
        while isinstance(step := FLOW[call.step], Do):
            turn = Turn(
                self._service, self._settings, self._banks, directory, call, seen.now,
                caller, seen.met, seen.is_open, seen.is_guessed_at, aside, asked_at,
            )  # fmt: skip
            call = leave(FLOW, call, run_action(step.action, turn))
        return call

    def _remember(self, call: Call, caller: Caller, aside: Aside) -> None:
        """Saves the turn, and owes the texts it promises, in one round trip. Two kinds of turn are
        spoken even if that fails: the outcome of a report (it is true, and the next turn finds the
        report), and the end of a call or a transfer (no next turn is needed).

        Raises:
            RedisError: any other turn could not be saved; the call would repeat it for ever.
        """
        counted = (_counted(call), *aside.counts)
        mistake = Mistake(caller.ref, aside.mistaken_for) if aside.mistaken_for else None
        try:
            if aside.owes:
                saving = self._calls.saving(call, *counted, mistake=mistake)
                self._service.owe(aside.owes, call.at, [saving])
            else:
                self._calls.save(call, *counted, mistake=mistake)
        except RedisError:
            if not _is_spoken_unsaved(call):
                raise
            log.warning("turn_not_remembered", step=call.step)


def turn_ahead(heard: Heard) -> Call | None:
    """The call after this turn, if that is known before the call is read: it is a new one, or it is
    at a step where the key alone says where it goes and what is said there. Its language is empty
    where no key chooses one.
    """
    if not heard.step:
        return replace(_OPENING, sid=heard.call_id)
    if heard.turn is None or heard.turn not in _TURNS or len(heard.keys) > 1:
        return None
    arrived = _arrival(heard.step, heard.keys)
    return arrived and replace(arrived, sid=heard.call_id, turn=heard.turn + 1)


@lru_cache(maxsize=1024)  # one key is never personal
def _arrival(name: str, key: str) -> Call | None:
    is_free = isinstance(FLOW.get(name), Menu | Tell | Transfer)
    if not is_free or name in FILING_STEPS.key_at:
        return None
    call = take_turn(FLOW, Call("", name, language=""), key, CHECKS)
    has_left = call.step != name and not isinstance(FLOW[call.step], Do | Pick)
    lists = getattr(FLOW[call.step], "lists", False)
    return call if has_left and not lists and not _is_spoken_unsaved(call) else None


def _is_filed(known: KnownHolder, card_ref: str, call: Call) -> bool:
    """Whether a report of this call holds the card."""
    reading = known.readings.get(card_ref)
    suspension = reading.case.suspension if reading else None
    return suspension is not None and suspension.origin == call.sid


def _card_just_found(call: Call, heard: Heard, seen: Snapshot) -> Card | None:
    """The card that this turn's keys have led to."""
    is_entry = isinstance(FLOW.get(heard.step), Ask | Pick)
    if seen.known is None or not is_entry or isinstance(FLOW[call.step], Ask | Pick):
        return None
    return seen.known.cards.get(call.facts.get("card_ref", ""))


def _is_spoken_unsaved(call: Call) -> bool:
    return call.step in FILING_STEPS.outcomes or isinstance(FLOW[call.step], End | Transfer)


def _counted(call: Call) -> str:
    return f"step:{call.step}"


def _read_ahead(seen: Snapshot) -> dict[str, KnownHolder | None]:
    return {seen.ref: seen.known} if seen.ref else {}
