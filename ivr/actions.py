"""What each `Do` step of the flow does: the call's facts -> one service call -> an outcome.

Actions decide nothing about words or where the call goes: the flow does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Final

from ivr.cards.acts.report import Filing, Origin, Refusal, ReportRequest
from ivr.cards.block import Block
from ivr.cards.case import Case
from ivr.cards.change import Owed
from ivr.cards.errors import UnknownCardError
from ivr.cards.limits import Caller, SecondFactor
from ivr.cards.loss import Suspension
from ivr.cards.records import Card, Progress
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, PROGRESS_WORDS, SOCIAL_WORDS
from ivr.dialogue.call import UNPROVEN, Call, Choice, Line
from ivr.dialogue.filing import FACT, OnRecord
from ivr.dialogue.steps import ONLY_PERSON
from ivr.dialogue.turn import GIVEN_UP, MAX_TRIES, Result
from ivr.id_entry import card_tail
from ivr.phone_numbers import takes_texts
from ivr.prompts.languages import LanguageCode
from ivr.prompts.places import Sentence
from ivr.service import CODE_SECONDS, CardService
from ivr.settings import Settings
from ivr.spoken import BankNames, hours_text
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.known import KnownHolder

CHANNEL: Final = "phone"
WAITING: Final = "waiting"  # for the bank's word, which will be texted
KEPT: Final = "keeps_deadline"  # a fact: the report took over the deadline of an earlier one
REPORTED_HERE: Final = "reported_here"  # a fact: this call has filed a report, of whomever
# Of these the list of cards says that they are reported already.
REPORTED: Final = {Refusal.ALREADY, Refusal.ELSEWHERE, Refusal.FORMAL}
REFUSED: Final = "refused"  # a fact: self-service cannot help with this holder
PROVEN: Final = "proven"  # a fact: the holder whom a second factor was right for
MOST_LOOKUPS: Final = 6  # ID numbers in one call; nobody reports for more people than that


class Directory:
    """The holders that one turn looks at; what was read with the call is not read again."""

    def __init__(self, service: CardService, read: Mapping[str, KnownHolder | None]) -> None:
        """`read`: what was read already, by holder reference; None: there is no such holder."""
        self._service = service
        self._read = dict(read)

    def find(self, ref: str) -> KnownHolder | None:
        """The holder of a reference, or None."""
        return self._of(ref)

    def of_call(self, call: Call) -> KnownHolder:
        """The holder whom the call is about.

        Raises:
            UnknownCardError: the holder is not in the directory any more.
        """
        known = self._of(call.facts["holder_ref"])
        if known is None:
            raise UnknownCardError
        return known

    def _of(self, ref: str) -> KnownHolder | None:
        if ref not in self._read:
            self._read[ref] = self._service.holder(ref)
        return self._read[ref]


@dataclass
class Aside:
    """What a turn leaves besides the call, to be written with it.

    owes: texts. mistaken_for: the ID number (by reference) for which a wrong second factor was
    keyed. counts: names of counters.
    """

    owes: list[Owed] = field(default_factory=list)
    mistaken_for: str = ""
    counts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """What an action may look at, and `aside`, where it leaves what is to be written with the call.

    now: unix seconds by Redis' clock.
    met: the limit that the look-up of this turn meets (see store/limits.py), or "".
    is_open: the breaker of the line.
    is_guessed_at: too many second factors for this ID number were wrong lately, in whatever calls.
    """

    service: CardService
    settings: Settings
    banks: BankNames
    directory: Directory
    call: Call
    now: int
    caller: Caller = Caller()  # noqa: RUF009 - it is frozen
    met: str = ""
    is_open: bool = False
    is_guessed_at: bool = False
    aside: Aside = field(default_factory=Aside)

    @property
    def is_own_phone(self) -> bool:
        """Whether the holder's registered phone calls. Calling numbers can be forged, so nothing is
        ever released because of it.
        """
        return self.caller.is_phone_of(self.known.holder)

    @property
    def card_ref(self) -> str:
        return self.call.facts["card_ref"]

    @property
    def origin(self) -> Origin:
        """Whose wish it is: this call's."""
        return Origin(CHANNEL, self.call.sid)

    @property
    def known(self) -> KnownHolder:
        return self.directory.of_call(self.call)

    @property
    def card(self) -> Card:
        return self.known.cards[self.card_ref]

    @property
    def case(self) -> Case:
        return self.known.readings[self.card_ref].case

    @property
    def card_facts(self) -> dict[str, str]:
        return _card_facts(self.card, self.banks, self.call.language)

    @property
    def block_bank_facts(self) -> dict[str, str]:
        """The bank that we told. The card may have moved to another bank since."""
        return self.told_bank_facts(self.case.block)

    def told_bank_facts(self, block: Block | None) -> dict[str, str]:
        """The bank that a block belongs to, else the card's."""
        return self.banks.facts(block.bank if block else self.card.bank, self.call.language)


def run_action(name: str, turn: Turn) -> Result:
    """Runs the action of a `Do` step. A number that nobody can be sure of is never spoken."""
    try:
        return ACTIONS[name](turn)
    except OutcomeUnknownError:
        return Result("unknown", {FACT: OnRecord.UNKNOWN, **turn.card_facts})


def find_holder(turn: Turn) -> Result:
    """Finds the holder of the keyed number: none, one with one card, or one with several."""
    misses, lookups = _count(turn.call, "misses"), _count(turn.call, "lookups")
    proofs = _count(turn.call, "proofs")
    if misses > MAX_TRIES or proofs > MAX_TRIES or lookups > MOST_LOOKUPS:
        return Result("too_many", lines=GIVEN_UP[ONLY_PERSON])
    ref = turn.service.holder_ref(turn.call.entered)
    known = turn.directory.find(ref)
    # An earlier report of this call may be another holder's.
    facts = {"lookups": str(lookups), "report_number": "", FACT: OnRecord.NO, REFUSED: ""}
    if _must_prove_to_look(turn, ref, known):
        return Result("prove", {**facts, **_unproven(ref), "card_ref": ""})
    if known is None or not known.cards:
        return _missed(misses, lookups)
    return _of_holder(turn, known, facts)


def _of_holder(turn: Turn, known: KnownHolder, facts: Mapping[str, str]) -> Result:
    """Goes on with a holder. The card may be chosen already."""
    facts = {"holder_ref": known.ref, "last4": known.holder.last4, UNPROVEN: "", **facts}
    chosen = turn.call.facts.get("card_ref") if turn.call.facts.get(UNPROVEN) else ""
    if len(known.cards) == 1 or chosen in known.cards:
        return Result("one", {**facts, "card_ref": chosen or next(iter(known.cards))})
    return Result("several", facts, choices=_choices(turn, known))


def _must_prove_to_look(turn: Turn, ref: str, known: KnownHolder | None) -> bool:
    """Whether a second factor is asked before anything is said of a number, be it anybody's or
    nobody's. From the holder's own phone none is asked, unless everybody is.
    """
    if turn.call.facts.get(PROVEN) == ref:
        return False
    if turn.settings.second_factor is not SecondFactor.NONE:
        return True
    return bool(turn.met) and not _is_own_phone(turn, known)


def _is_own_phone(turn: Turn, known: KnownHolder | None) -> bool:
    return known is not None and turn.caller.is_phone_of(known.holder)


def _unproven(ref: str) -> dict[str, str]:
    """The holder is nobody's until a second factor is right."""
    return {UNPROVEN: ref, "holder_ref": ""}


def ask_proof(turn: Turn) -> Result:
    """Which second factor is asked; the same whether anybody has the number or not. With a text
    code, an ID number that was looked up too often gets a person: nobody is texted all day.
    """
    ref = turn.call.facts[UNPROVEN]
    known = turn.directory.find(ref)
    if turn.is_guessed_at and not _is_own_phone(turn, known):
        return Result("too_many", lines=GIVEN_UP[ONLY_PERSON])
    if turn.settings.second_factor is not SecondFactor.TEXT_CODE:
        return Result("tail", {"code_until": ""})
    if turn.met == "number" and not _is_own_phone(turn, known):
        return Result("too_many", lines=GIVEN_UP[ONLY_PERSON])
    texted, _, until = turn.call.facts.get(f"code {ref}", "").rpartition(" ")
    if texted and turn.now < int(until):  # one text is enough
        return Result("code", {"code_of": texted, "code_until": until})
    asked_by = f"{turn.call.sid}:{turn.call.turn}"
    if known is not None and takes_texts(known.holder.phone):
        owed = turn.service.code_owed(ref, asked_by, turn.call.language, turn.now)
        turn.aside.owes.append(owed)
    until = str(turn.now + CODE_SECONDS)
    now_asked = {f"code {ref}": f"{asked_by} {until}", "code_of": asked_by, "code_until": until}
    return Result("code", now_asked)


def check_proof(turn: Turn) -> Result:
    """Whether the second factor is right; a wrong one counts as a miss of the caller."""
    ref, proofs = turn.call.facts[UNPROVEN], _count(turn.call, "proofs")
    known = turn.directory.find(ref)
    if turn.is_guessed_at and not _is_own_phone(turn, known):
        return Result("too_many", {UNPROVEN: ""}, GIVEN_UP[ONLY_PERSON])
    if known is not None and known.cards and _is_proof(turn, known):
        return _of_holder(turn, known, {PROVEN: ref, "proofs": "0"})
    turn.aside.mistaken_for = ref
    facts = {"proofs": str(proofs)}
    if proofs >= MAX_TRIES:
        return Result("too_many", {**facts, UNPROVEN: ""}, GIVEN_UP[ONLY_PERSON])
    asked = "wrong_code" if turn.call.facts["code_until"] else "wrong_tail"
    return Result(asked, facts, (Line("proof_wrong"),))


def _is_proof(turn: Turn, known: KnownHolder) -> bool:
    """The texted code, in time; from a holder whose phone takes no texts, or where no code is
    texted, the last places of any card: which cards there are is not told before.
    """
    facts, keyed = turn.call.facts, turn.call.entered
    if facts["code_until"] and takes_texts(known.holder.phone):
        code = turn.service.text_code(known.ref, facts["code_of"])
        return compare_digest(keyed, code) and turn.now < int(facts["code_until"])
    return any(compare_digest(keyed, card_tail(card.number)) for card in known.cards.values())


def list_cards(turn: Turn) -> Result:
    """The holder's cards once more, for another of them; "none" when there is only the one."""
    known = turn.known
    if len(known.cards) == 1:
        return Result("none")
    return Result("several", choices=_choices(turn, known))


def _choices(turn: Turn, known: KnownHolder) -> tuple[Choice, ...]:
    """One key each, and 9 and 0 are taken. What is reported already says so."""
    return tuple(
        Choice(
            ref,
            _card_facts(card, turn.banks, turn.call.language),
            "pick_item_reported" if _is_surely_reported(turn, known, ref) else "",
        )
        for ref, card in list(known.cards.items())[:8]
    )


def _is_surely_reported(turn: Turn, known: KnownHolder, card_ref: str) -> bool:
    """Whether the list may say so: of our own report only when it may be told."""
    why = _why_not(turn, known, card_ref)
    suspension = known.readings[card_ref].case.suspension
    if why is Refusal.ALREADY and suspension is not None:
        try:
            turn.service.make_sure(suspension.number_told)
        except OutcomeUnknownError:
            return False
    return why in REPORTED


def _why_not(turn: Turn, known: KnownHolder, card_ref: str) -> Refusal | None:
    return turn.service.refusal(known, card_ref, turn.origin)


def _count(call: Call, fact: str) -> int:
    """How often this happened in the whole call, this time included (domain section 4)."""
    return int(call.facts.get(fact, "0")) + 1


def _missed(misses: int, lookups: int) -> Result:
    """A number nobody holds: the same words for every miss."""
    facts = {"misses": str(misses), "lookups": str(lookups)}
    if misses < MAX_TRIES:
        return Result("none", facts)
    return Result("too_many", facts, GIVEN_UP[ONLY_PERSON])


def look_at_card(turn: Turn) -> Result:
    """Whether the chosen card can be reported lost, for the first time or again."""
    refusal = _why_not(turn, turn.known, turn.card_ref)
    suspension = turn.case.suspension
    days = str(turn.settings.loss_report_days)
    if refusal is None and _must_prove_to_report(turn):
        return _over_limit(turn)
    if refusal is None:
        outcome = "again" if suspension else "reportable"
        return Result(outcome, {**turn.card_facts, "days": days})
    seen = Filing(refusal, suspension, block=turn.case.block)
    if suspension is not None:
        turn.service.make_sure(suspension.number_told)
    return _refused(turn, seen, refusal, turn.card_facts)


def _must_prove_to_report(turn: Turn) -> bool:
    """Whether a second factor is asked before this card may be reported."""
    known = turn.known
    if turn.call.facts.get(PROVEN) == known.ref or _is_own_phone(turn, known):
        return False
    return turn.is_open or not turn.service.may_report(turn.caller, known, turn.now)


def _over_limit(turn: Turn) -> Result:
    turn.aside.counts.append("limit:line" if turn.is_open else "limit:reports")
    return Result("prove", _unproven(turn.known.ref))


def file_report(turn: Turn) -> Result:
    """Files the loss report: the only action that changes anything."""
    call, known = turn.call, turn.known
    by = turn.caller.ref
    request = ReportRequest(known.ref, turn.card_ref, CHANNEL, call.sid, call.language, by)
    caller = replace(turn.caller, is_proven=call.facts.get(PROVEN) == known.ref)
    try:
        filing = turn.service.report_loss(request, known, caller)
    except UnknownCardError:  # gone from the directory since the last turn
        return Result("not_by_phone")
    if filing.refusal is Refusal.OVER_LIMIT:
        return _over_limit(turn)
    if filing.refusal is not None:
        return _refused(turn, filing, filing.refusal, {})
    kept = "1" if filing.keeps_deadline else ""
    return Result("filed", {**_report_facts(filing.suspension), KEPT: kept, REPORTED_HERE: "1"})


def read_block(turn: Turn) -> Result:
    """The deadline, and what the bank has said so far, from what is stored, never guessed."""
    block = turn.case.block
    outcome = BLOCK_WORDS[block.state].outcome if block else WAITING
    if outcome == WAITING and not takes_texts(turn.known.holder.phone):
        outcome = "waiting_untexted"
    deadline = "filed_deadline_kept" if turn.call.facts.get(KEPT) else "filed_deadline"
    return Result(outcome, turn.block_bank_facts, (Line(deadline),))


def read_status(turn: Turn) -> Result:
    """The three parts of a card's status: social security, bank, formal report."""
    status = turn.service.status(turn.known, turn.card_ref)
    if status.suspension is not None:
        turn.service.make_sure(status.suspension.number_told)
    is_formal = status.social is Social.FORMAL
    bank_facts = turn.block_bank_facts
    lines = (
        Line("status_card", turn.card_facts),
        Line(SOCIAL_WORDS[status.social], {**turn.card_facts, **_report_facts(status.suspension)}),
        Line(_bank_prompt(turn.case.block), bank_facts),
        *(_formal_lines(turn) if is_formal else (Line("status_formal_none"),)),
        *_progress_lines(turn),
    )
    outcome = "read" if _why_not(turn, turn.known, turn.card_ref) else "reportable"
    return Result(outcome + _own(turn, status.suspension), lines=lines)


def _formal_lines(turn: Turn) -> list[Line]:
    """That there is a formal report, and where a new card is had."""
    place = turn.service.place(turn.card)
    there = place.to_apply(turn.call.language) if place else ()
    return [Line(prompt, values) for prompt, values in there] or [Line("status_formal")]


def _progress_lines(turn: Turn) -> list[Line]:
    """How far the new card is, and once it has arrived, where."""
    progress = turn.card.progress
    if progress is None or progress is Progress.NONE:
        return []
    lines = [Line(PROGRESS_WORDS[progress], turn.card_facts)]
    place = turn.service.place(turn.card) if progress is Progress.AT_THE_OUTLET else None
    there = place.to_collect(turn.call.language) if place else ()
    return lines + [Line(prompt, values) for prompt, values in there]


def find_place(turn: Turn) -> Result:
    """Where a new card is had: for the holder's city, once the holder and the card are known."""
    card_ref = _card_in_question(turn)
    sentences = _guidance(turn, card_ref)
    if not sentences:
        return Result("default")
    facts = {"holder_ref": turn.known.ref, "card_ref": card_ref}
    lines = tuple(Line(prompt, values, asked=True) for prompt, values in sentences)
    texted = takes_texts(turn.known.holder.phone)
    return Result("text" if texted else "place", facts, lines)


def _guidance(turn: Turn, card_ref: str) -> tuple[Sentence, ...]:
    place = turn.service.place(turn.known.cards[card_ref]) if card_ref else None
    return place.guidance(turn.call.language) if place else ()


def _card_in_question(turn: Turn) -> str:
    """The card that the call is about, or the only one; "" when that is nobody's or not sure."""
    if not turn.call.facts.get("holder_ref"):
        return ""
    try:
        cards = turn.known.cards
    except UnknownCardError:
        return ""
    chosen = turn.call.facts.get("card_ref", "")
    if chosen in cards:
        return chosen
    return next(iter(cards)) if len(cards) == 1 else ""


def owe_place(turn: Turn) -> Result:
    """The same as a text to the registered phone, and to no other; once in a call."""
    sentences = _guidance(turn, _card_in_question(turn))
    if not sentences or not takes_texts(turn.known.holder.phone):
        return Result("gone")
    call = turn.call
    owed = turn.service.place_owed(turn.known.ref, sentences, call.sid, call.language, turn.now)
    turn.aside.owes.append(owed)
    return Result("texted")


def _own(turn: Turn, suspension: Suspension | None) -> str:
    """The end of an outcome after which the holder may say "it was not me": of a report that runs,
    on the registered phone.
    """
    runs = suspension is not None and suspension.number_told
    return "_own" if runs and turn.is_own_phone else ""


def dispute_report(turn: Turn) -> Result:
    """The holder says that the report which suspends the card is not theirs."""
    suspension = turn.case.suspension
    if suspension is None or not _own(turn, suspension):
        return Result("unsure")
    try:
        objection = turn.service.dispute(suspension.number_told, CHANNEL)
    except OutcomeUnknownError:
        return Result("unsure")
    return Result("unsure" if objection == "over" else "disputed", turn.block_bank_facts)


def look_back(turn: Turn) -> Result:
    """What must be said at the end of a call that reported nothing, or may not have."""
    facts = turn.call.facts
    if facts.get(FACT) == OnRecord.UNKNOWN:
        return Result("unknown", lines=(Line("outcome_unknown_now"), Line("call_any_bank")))
    if facts.get(REPORTED_HERE) or facts.get(FACT):
        return Result("reported")
    return Result("nothing", lines=(Line("nothing_reported"), Line("call_any_bank")))


def find_person(turn: Turn) -> Result:
    """Whether a person answers now. `_only`: self-service has refused what this caller wants, or
    would refuse it.
    """
    only = "_only" if turn.call.facts.get(REFUSED) or _would_be_refused(turn) else ""
    hours = turn.settings.agent_hours
    if hours.are_open(datetime.fromtimestamp(turn.now, UTC)):
        return Result(f"open{only}")
    return Result(f"closed{only}", {"hours": hours_text(hours, turn.call.language)})


def _would_be_refused(turn: Turn) -> bool:
    """Whether the card the call is about cannot be reported now; with no card chosen, none can."""
    if not turn.call.facts.get("holder_ref"):
        return False
    try:
        known = turn.known
    except UnknownCardError:
        return False
    chosen = turn.call.facts.get("card_ref", "")
    cards = [chosen] if chosen in known.cards else list(known.cards)
    return all(_why_not(turn, known, card_ref) for card_ref in cards)


def find_only_person(turn: Turn) -> Result:
    """The same, for a caller whom self-service has just refused; the call remembers that."""
    refused = {REFUSED: "1"}
    call = replace(turn.call, facts={**turn.call.facts, **refused})
    found = find_person(replace(turn, call=call))
    return replace(found, facts={**found.facts, **refused})


ACTIONS: Final[Mapping[str, Callable[[Turn], Result]]] = {
    "find_holder": find_holder,
    "ask_proof": ask_proof,
    "check_proof": check_proof,
    "look_at_card": look_at_card,
    "file_report": file_report,
    "read_block": read_block,
    "read_status": read_status,
    "dispute_report": dispute_report,
    "find_person": find_person,
    "find_only_person": find_only_person,
    "list_cards": list_cards,
    "find_place": find_place,
    "owe_place": owe_place,
    "look_back": look_back,
}

_OUTCOMES: Final[Mapping[Refusal, str]] = {
    Refusal.UNDER_16: "under_16",
    Refusal.ALREADY: "already",
    Refusal.ELSEWHERE: "already",
    Refusal.FORMAL: "formal",
    Refusal.NEEDS_A_PERSON: "not_by_phone",
    Refusal.REPLAYED: "not_by_phone",
    Refusal.OVER_LIMIT: "prove",
}


def _refused(turn: Turn, filing: Filing, refusal: Refusal, facts: dict[str, str]) -> Result:
    """Words for a refusal. If a report is running and the bank has not blocked the card, the
    caller hears that too, because nobody may hang up believing that the card is blocked. Both are
    told as they were at the refusal: another channel may have filed since this turn looked.
    """
    outcome = _OUTCOMES[refusal]
    if refusal is Refusal.ELSEWHERE:
        return Result(outcome, facts, (Line("already_elsewhere", turn.card_facts),))
    if refusal is not Refusal.ALREADY:
        return Result(outcome, facts)
    known = _report_facts(filing.suspension)
    lines = (
        Line("already_reported", {**turn.card_facts, **known}),
        Line(_bank_prompt(filing.block), turn.told_bank_facts(filing.block)),
    )
    return Result(outcome + _own(turn, filing.suspension), {**facts, **known}, lines)


def _report_facts(suspension: Suspension | None) -> dict[str, str]:
    """The number and deadline of a temporary report; empty for a formal report, or for none."""
    if suspension is None or not suspension.number_told:
        return {}
    number, until = suspension.number_told, str(suspension.release_at)
    return {"report_number": number, "until": until, FACT: OnRecord.YES}


def _card_facts(card: Card, banks: BankNames, language: LanguageCode) -> dict[str, str]:
    return {**banks.facts(card.bank, language), "card_last4": card.last4}


def _bank_prompt(block: Block | None) -> str:
    return NEVER_BLOCKED if block is None else BLOCK_WORDS[block.state].status
