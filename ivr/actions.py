"""What each `Do` step of the flow does: the call's facts -> one service call -> an outcome.

Actions decide nothing about words or where the call goes: the flow does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from redis.exceptions import RedisError

from ivr.cards.acts.report import Filing, Origin, Refusal, ReportRequest
from ivr.cards.block import Block
from ivr.cards.case import Case
from ivr.cards.change import Owed
from ivr.cards.errors import UnknownCardError
from ivr.cards.limits import Caller, SecondFactor
from ivr.cards.loss import Suspension
from ivr.cards.records import Card
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, SOCIAL_WORDS
from ivr.dialogue.call import ALL, UNPROVEN, Call, Choice, Line
from ivr.dialogue.filing import FACT, OnRecord
from ivr.dialogue.steps import ONLY_PERSON
from ivr.dialogue.topics import TOPIC_OF
from ivr.dialogue.turn import GIVEN_UP, MAX_TRIES, Result
from ivr.new_card import NO_FORMAL_LOSS, after_formal_loss, how_far
from ivr.phone_numbers import takes_texts
from ivr.prompts.languages import LanguageCode
from ivr.prompts.places import Sentence
from ivr.service import CODE_SECONDS, CardService
from ivr.settings import Settings
from ivr.spoken import BankNames, hours_text
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.callbacks import Callback
from ivr.store.connection import UnsafeRedisError
from ivr.store.known import KnownHolder

CHANNEL: Final = "phone"
WAITING: Final = "waiting"  # for the bank's word, which will be texted
KEPT: Final = "keeps_deadline"  # a fact: the report took over the deadline of an earlier one
REPORTED_HERE: Final = "reported_here"  # a fact: this call has filed a report, of whomever
# Of these the list of cards says that they are reported already.
REPORTED: Final = {Refusal.ALREADY, Refusal.ELSEWHERE, Refusal.FORMAL}
REFUSED: Final = "refused"  # a fact: self-service cannot help with this holder
TOPIC: Final = "topic"  # a fact: the prompt that names what somebody needs a person for
CALLED_BACK: Final = "called_back"  # a fact: this call has left a call-back
NUMBER: Final = "report_number"  # a fact, and a value of a card whose report is on record
_PROVE: Final = "prove"
_CameTo = tuple[str, Mapping[str, str]]  # what came of one card's report: a prompt, and its values
_NOT_FILED: Final[_CameTo] = ("not_filed_card", {})
_OVER: Final[_CameTo] = (_PROVE, {})
PROVEN: Final = "proven"  # a fact: the holder whom a second factor was right for
MOST_CHOICES: Final = 8  # of keys 1 to 9; 9 repeats
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
    asked_at: the step at which the caller did what this turn is about.
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
    asked_at: str = ""

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

    def usual_seconds(self, block: Block | None) -> float | None:
        """Within how many seconds the bank of this block usually confirms, if that is known."""
        if block is None or block != self.case.block:
            return None
        return self.known.readings[self.card_ref].usual_seconds

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
    facts = turn.call.facts
    codes = [(facts["code_of"], int(facts["code_until"]))] if facts["code_until"] else []
    return turn.service.proven_by(known, turn.call.entered, codes, turn.now) != ""


def list_cards(turn: Turn) -> Result:
    """The holder's cards once more, for another of them; "none" when there is only the one."""
    known = turn.known
    if len(known.cards) == 1:
        return Result("none")
    return Result("several", choices=_choices(turn, known))


def _choices(turn: Turn, known: KnownHolder) -> tuple[Choice, ...]:
    """One key each, and 9 and 0 are taken. What is reported already says so. All at once are the
    last choice, where more than one can be reported.
    """
    cards = [
        Choice(
            ref,
            _card_facts(card, turn.banks, turn.call.language),
            "pick_item_reported" if _is_surely_reported(turn, known, ref) else "",
        )
        for ref, card in list(known.cards.items())[:MOST_CHOICES]
    ]
    if len(cards) < MOST_CHOICES and len(_unreported(turn, known)) > 1:
        cards.append(Choice(ALL, {}, "pick_all"))
    return tuple(cards)


def _unreported(turn: Turn, known: KnownHolder) -> list[str]:
    """The cards that can be reported, and that nothing suspends."""
    return [
        ref
        for ref in known.cards
        if _why_not(turn, known, ref) is None and known.readings[ref].case.suspension is None
    ]


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
    """Files the loss report of one card."""
    known = turn.known
    try:
        filing = _file(turn, turn.card_ref, known)
    except UnknownCardError:  # gone from the directory since the last turn
        return Result("not_by_phone")
    if filing.refusal is Refusal.OVER_LIMIT:
        return _over_limit(turn)
    if filing.refusal is not None:
        return _refused(turn, filing, filing.refusal, {})
    kept = "1" if filing.keeps_deadline else ""
    return Result("filed", {**_report_facts(filing.suspension), KEPT: kept, REPORTED_HERE: "1"})


def _file(turn: Turn, card_ref: str, seen: KnownHolder | None) -> Filing:
    """One report. `seen`: the holder as the turn read it, where that is fresh."""
    call, known, by = turn.call, turn.known, turn.caller.ref
    request = ReportRequest(known.ref, card_ref, CHANNEL, call.sid, call.language, by)
    caller = replace(turn.caller, is_proven=call.facts.get(PROVEN) == known.ref)
    return turn.service.report_loss(request, seen, caller)


def confirmed_in(call: Call) -> list[str]:
    """The cards whose report a call that stands at a confirmation asks to confirm."""
    if call.facts.get("card_ref"):
        return [call.facts["card_ref"]]
    return [choice.value for choice in call.choices]


def look_at_all(turn: Turn) -> Result:
    """The cards of the holder that one confirmation reports. Another channel may have been quicker
    since they were offered.
    """
    known = turn.known
    cards = _unreported(turn, known)
    if not cards:
        return Result("none")
    if len(cards) == 1:
        return Result("one", {"card_ref": cards[0]})
    if _must_prove_to_report(turn):
        return _over_limit(turn)
    facts = {"card_ref": "", "count": str(len(cards)), "days": str(turn.settings.loss_report_days)}
    told = tuple(
        Choice(ref, _card_facts(known.cards[ref], turn.banks, turn.call.language), "confirm_card")
        for ref in cards
    )
    return Result("several", facts, choices=told)


def file_all(turn: Turn) -> Result:
    """Files a report of each card that was confirmed. What comes of one is said as that card's.
    Once Redis is lost no more are tried, for the caller waits.
    """
    told: list[Choice] = []
    known, is_lost = turn.known, False
    for choice in turn.call.choices:
        came_to = _NOT_FILED
        try:
            if not is_lost:
                came_to = _file_one(turn, choice.value, None if told else known)
        except (RedisError, UnsafeRedisError):
            if not told:
                raise
            is_lost = True
        if came_to == _OVER and not _on_record(told):
            return _over_limit(turn)
        prompt, facts = _NOT_FILED if came_to == _OVER else came_to
        is_lost = is_lost or prompt == "unknown_card"
        told.append(Choice(choice.value, {**choice.values, **facts}, prompt))
    return Result("told", _facts_of_all(told), choices=tuple(told))


def _file_one(turn: Turn, card_ref: str, seen: KnownHolder | None) -> _CameTo:
    """Files a report of one card. `seen`: the holder as this turn read it, until one is filed."""
    try:
        filing = _file(turn, card_ref, seen)
    except UnknownCardError:
        return _NOT_FILED
    except OutcomeUnknownError:
        return "unknown_card", {}
    if filing.refusal not in (None, Refusal.ALREADY):
        return _OF_ONE[filing.refusal], {}
    facts = _report_facts(filing.suspension)
    kept = {KEPT: "1"} if filing.keeps_deadline else {}
    return _OF_ONE[filing.refusal], {NUMBER: facts[NUMBER], "until": facts["until"], **kept}


def _on_record(told: Iterable[Choice]) -> list[Choice]:
    return [choice for choice in told if NUMBER in choice.values]


def _facts_of_all(told: list[Choice]) -> dict[str, str]:
    """What the call remembers of several reports: the last number, whether it is sure of all."""
    filed = _on_record(told)
    facts = {FACT: OnRecord.YES, NUMBER: filed[-1].values[NUMBER]} if filed else {}
    if any(choice.prompt == "filed_card" for choice in told):
        facts[REPORTED_HERE] = "1"
    if any(choice.prompt == "unknown_card" for choice in told):
        facts[FACT] = OnRecord.UNKNOWN
    return facts


def read_blocks(turn: Turn) -> Result:
    """What each bank has said so far of each card on record, and when social security comes back:
    once, when that is the same minute for all.
    """
    known = turn.known
    filed = [c for c in _on_record(turn.call.choices) if c.value in known.cards]
    banks = [_bank_line(turn, known, choice) for choice in filed]
    is_texted = "all_texted" if takes_texts(known.holder.phone) else "all_untexted"
    waiting = (Line(is_texted),) if any(b.prompt == _BANK_OF_ONE[WAITING] for b in banks) else ()
    lines = (*banks, *waiting, *_deadline_lines(filed))
    return Result("told" if filed else "none", lines=lines)


def _deadline_lines(filed: Sequence[Choice]) -> list[Line]:
    is_same = len({int(c.values["until"]) // 60 for c in filed}) == 1
    if is_same and all(_deadline_of(choice) == "filed_deadline" for choice in filed):
        return [Line("filed_deadline_all", {"until": filed[0].values["until"]})]
    each = [(choice, _deadline_of(choice)) for choice in filed]
    return [
        line
        for choice, prompt in each
        if prompt
        for line in (Line("status_card", choice.values), Line(prompt, choice.values))
    ]


def _deadline_of(choice: Choice) -> str:
    """The prompt that tells it; of a report that was there before, it is told with the number."""
    if choice.prompt != "filed_card":
        return ""
    return "filed_deadline_kept" if choice.values.get(KEPT) else "filed_deadline"


def _bank_line(turn: Turn, known: KnownHolder, choice: Choice) -> Line:
    """What the bank that we told has said of one card."""
    block, card = known.readings[choice.value].case.block, known.cards[choice.value]
    outcome = BLOCK_WORDS[block.state].outcome if block else WAITING
    facts = turn.banks.facts(block.bank if block else card.bank, turn.call.language)
    return Line(_BANK_OF_ONE[outcome], {**facts, "card_last4": card.last4})


def read_block(turn: Turn) -> Result:
    """The deadline, and what the bank has said so far, from what is stored, never guessed."""
    block = turn.case.block
    outcome = BLOCK_WORDS[block.state].outcome if block else WAITING
    if outcome == WAITING and not takes_texts(turn.known.holder.phone):
        outcome = "waiting_untexted"
    deadline = "filed_deadline_kept" if turn.call.facts.get(KEPT) else "filed_deadline"
    return Result(outcome, turn.block_bank_facts, (Line(deadline), *_usually(turn, block)))


def read_status(turn: Turn) -> Result:
    """The three parts of a card's status: social security, bank, formal report."""
    status = turn.service.status(turn.known, turn.card_ref)
    if status.suspension is not None:
        turn.service.make_sure(status.suspension.number_told)
    card, place_of, language = turn.card, turn.service.place, turn.call.language
    is_formal = status.social is Social.FORMAL
    bank_facts = turn.block_bank_facts
    lines = (
        Line("status_card", turn.card_facts),
        Line(SOCIAL_WORDS[status.social], {**turn.card_facts, **_report_facts(status.suspension)}),
        Line(_bank_prompt(turn.case.block), bank_facts),
        *_usually(turn, turn.case.block),
        *_lines(after_formal_loss(card, place_of, language) if is_formal else NO_FORMAL_LOSS),
        *_lines(how_far(card, place_of, turn.card_facts, language)),
    )
    outcome = "read" if _why_not(turn, turn.known, turn.card_ref) else "reportable"
    return Result(outcome + _own(turn, status.suspension), lines=lines)


def _lines(sentences: Iterable[Sentence]) -> list[Line]:
    return [Line(prompt, values) for prompt, values in sentences]


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
    topic = TOPIC_OF.get(turn.asked_at) or turn.call.facts.get(TOPIC, "")
    hours = turn.settings.agent_hours
    if hours.are_open(datetime.fromtimestamp(turn.now, UTC)):
        return Result(f"open{only}", {TOPIC: topic})
    told = hours_text(hours, turn.call.language)
    return Result(f"closed{only}", {TOPIC: topic, "hours": told})


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


def find_callback(turn: Turn) -> Result:
    """Whether the calling number can be called back; a call leaves one call-back."""
    if turn.call.facts.get(CALLED_BACK):
        return Result("left")
    number = turn.caller.number
    return Result("calling" if number else "keyed", {"phone_last4": number[-4:], "differed": "0"})


def leave_callback(turn: Turn) -> Result:
    """Leaves one for the calling number."""
    number = turn.caller.number
    return _leave_callback(turn, number) if number else Result("keyed")


def note_callback(turn: Turn) -> Result:
    """Remembers which number was keyed, by its reference, to compare it with the second time."""
    return Result("noted", {"callback_ref": turn.service.callback_ref(turn.call.entered)})


def leave_keyed_callback(turn: Turn) -> Result:
    """Leaves one for the number that was keyed twice."""
    number = turn.call.entered
    if turn.service.callback_ref(number) == turn.call.facts["callback_ref"]:
        return _leave_callback(turn, number)
    differed = _count(turn.call, "differed")
    outcome = "too_many" if differed >= MAX_TRIES else "differs"
    return Result(outcome, {"differed": str(differed)}, (Line("callback_differs"),))


def _leave_callback(turn: Turn, number: str) -> Result:
    call, facts = turn.call, turn.call.facts
    callback = Callback(
        turn.service.callback_ref(number), number, call.language, facts.get(TOPIC, ""),
        facts.get("last4", ""), facts.get(NUMBER, ""), turn.now, holder_ref=_about(facts),
    )  # fmt: skip
    turn.service.leave_callback(callback)
    hours = hours_text(turn.settings.agent_hours, call.language)
    return Result("left", {CALLED_BACK: "1", "phone_last4": number[-4:], "hours": hours})


def _about(facts: Mapping[str, str]) -> str:
    """The holder whose ID number was keyed, proven or not; empty when that is nobody on record."""
    return facts.get("holder_ref") or facts.get(UNPROVEN, "")


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
    "look_at_all": look_at_all,
    "file_all": file_all,
    "read_blocks": read_blocks,
    "read_block": read_block,
    "read_status": read_status,
    "dispute_report": dispute_report,
    "find_person": find_person,
    "find_only_person": find_only_person,
    "find_callback": find_callback,
    "leave_callback": leave_callback,
    "note_callback": note_callback,
    "leave_keyed_callback": leave_keyed_callback,
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
    Refusal.CHANNEL_CLOSED: "phone_closed",
    Refusal.NOT_RENEWED: "not_renewed",
    Refusal.NEEDS_A_PERSON: "not_by_phone",
    Refusal.REPLAYED: "not_by_phone",
    Refusal.OVER_LIMIT: _PROVE,
}

# What the bank has said of one of several cards (`BLOCK_WORDS`): the prompt that tells it.
_BANK_OF_ONE: Final[Mapping[str, str]] = {
    "blocked": "all_blocked",
    WAITING: "all_waiting",
    "failed": "all_failed",
    "unreached": "all_unreached",
}

# Of one of several cards: the prompt that tells what came of its report.
_OF_ONE: Final[Mapping[Refusal | None, str]] = {
    None: "filed_card",
    Refusal.UNDER_16: "not_filed_card",
    Refusal.ALREADY: "already_reported",
    Refusal.ELSEWHERE: "already_elsewhere",
    Refusal.FORMAL: "formal_card",
    Refusal.CHANNEL_CLOSED: "not_filed_card",
    Refusal.NOT_RENEWED: "not_renewed",
    Refusal.NEEDS_A_PERSON: "not_filed_card",
    Refusal.REPLAYED: "not_filed_card",
    Refusal.OVER_LIMIT: _PROVE,
}


def _refused(turn: Turn, filing: Filing, refusal: Refusal, facts: dict[str, str]) -> Result:
    """Words for a refusal. If a report is running and the bank has not blocked the card, the
    caller hears that too, because nobody may hang up believing that the card is blocked. Both are
    told as they were at the refusal: another channel may have filed since this turn looked.
    """
    outcome = _OUTCOMES[refusal]
    bank = Line(_bank_prompt(filing.block), turn.told_bank_facts(filing.block))
    if refusal is Refusal.NOT_RENEWED:
        return Result(outcome, facts, (Line("not_renewed", turn.card_facts), bank))
    if refusal is Refusal.ELSEWHERE:
        return Result(outcome, facts, (Line("already_elsewhere", turn.card_facts),))
    if refusal is not Refusal.ALREADY:
        return Result(outcome, facts)
    known = _report_facts(filing.suspension)
    lines = (
        Line("already_reported", {**turn.card_facts, **known}),
        bank,
        *_usually(turn, filing.block),
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


def _usually(turn: Turn, block: Block | None) -> tuple[Line, ...]:
    """How long the bank of this block usually takes, for whoever waits for its word."""
    seconds = turn.usual_seconds(block)
    if seconds is None:
        return ()
    return (Line("bank_usually", {**turn.told_bank_facts(block), "within": str(seconds)}),)


def _bank_prompt(block: Block | None) -> str:
    return NEVER_BLOCKED if block is None else BLOCK_WORDS[block.state].status
