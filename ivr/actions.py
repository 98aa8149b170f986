"""What each `Do` step of the flow does: the call's facts -> one service call -> an outcome.

Actions decide nothing about words or where the call goes: the flow does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ivr.cards.acts.report import Refusal
from ivr.cards.case import Case
from ivr.cards.loss import Suspension
from ivr.cards.records import Card
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, SOCIAL_WORDS
from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.filing import FACT, OnRecord
from ivr.dialogue.turn import MAX_TRIES, Result
from ivr.prompts.languages import LanguageCode
from ivr.service import CardService
from ivr.settings import Settings
from ivr.spoken import bank_facts, hours_text
from ivr.store.cases import OutcomeUnknownError
from ivr.store.known import KnownHolder

CHANNEL: Final = "phone"
MOST_LOOKUPS: Final = 6  # ID numbers in one call; nobody reports for more people than that


class Directory:
    """The holders that one turn looks at; what was read with the call is not read again."""

    def __init__(self, service: CardService, read: Mapping[str, KnownHolder | None]) -> None:
        """`read`: by holder reference; None for one that nobody knows."""
        self._service = service
        self._read = dict(read)

    def of_number(self, id_number: str) -> KnownHolder | None:
        """The holder of a normalised ID number, or None."""
        return self._of(self._service.holder_ref(id_number))

    def of_call(self, call: Call) -> KnownHolder:
        """The holder whom the call is about.

        Raises:
            LookupError: the holder is not in the directory any more.
        """
        known = self._of(call.facts["holder_ref"])
        if known is None:
            raise LookupError("the holder of this call is not in the directory any more")
        return known

    def _of(self, ref: str) -> KnownHolder | None:
        if ref not in self._read:
            self._read[ref] = self._service.holder(ref)
        return self._read[ref]


@dataclass(frozen=True)
class Turn:
    """What an action may look at. `now`: unix seconds by Redis' clock."""

    service: CardService
    settings: Settings
    directory: Directory
    call: Call
    now: int

    @property
    def card_ref(self) -> str:
        return self.call.facts["card_ref"]

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
        return _card_facts(self.card, self.settings, self.call.language)

    @property
    def block_bank_facts(self) -> dict[str, str]:
        """The bank that was told, which the card may have left since."""
        bank = self.case.block.bank if self.case.block else self.card.bank
        return bank_facts(self.settings, bank, self.call.language)


def run_action(name: str, turn: Turn) -> Result:
    """Runs the action of a `Do` step."""
    return ACTIONS[name](turn)


def find_holder(turn: Turn) -> Result:
    """Whose number was keyed: nobody's, a holder of one card, or of several."""
    misses, lookups = _count(turn.call, "misses"), _count(turn.call, "lookups")
    if misses > MAX_TRIES or lookups > MOST_LOOKUPS:
        return Result("too_many", lines=(Line("too_many_tries"),))
    known = turn.directory.of_number(turn.call.entered)
    if known is None or not known.cards:
        return _missed(misses, lookups)
    facts = {
        "holder_ref": known.ref,
        "last4": known.holder.last4,
        "lookups": str(lookups),
        "report_number": "",  # an earlier report of this call was another holder's, maybe
        FACT: OnRecord.NO,
    }
    if len(known.cards) == 1:
        return Result("one", {**facts, "card_ref": next(iter(known.cards))})
    choices = tuple(
        Choice(ref, _card_facts(card, turn.settings, turn.call.language))
        for ref, card in list(known.cards.items())[:8]  # one key each; 9 and 0 are taken
    )
    return Result("several", facts, choices=choices)


def _count(call: Call, fact: str) -> int:
    """How often by now, this time included; over the whole call (domain section 4)."""
    return int(call.facts.get(fact, "0")) + 1


def _missed(misses: int, lookups: int) -> Result:
    """A number nobody holds: the same words for every miss."""
    facts = {"misses": str(misses), "lookups": str(lookups)}
    if misses < MAX_TRIES:
        return Result("none", facts)
    return Result("too_many", facts, (Line("too_many_tries"),))


def look_at_card(turn: Turn) -> Result:
    """Whether the chosen card can be reported lost."""
    refusal = turn.service.refusal(turn.known, turn.card_ref)
    if refusal is None:
        return Result("reportable", turn.card_facts)
    return _refused(turn, refusal, turn.case.suspension, turn.card_facts)


def file_report(turn: Turn) -> Result:
    """Files the loss report: the only action that changes anything."""
    request = turn.known.request(turn.card_ref, CHANNEL, turn.call.sid, turn.call.language)
    try:
        filing = turn.service.report_loss(request, turn.known.readings[turn.card_ref])
    except OutcomeUnknownError:
        return Result("unknown", {FACT: OnRecord.UNKNOWN})
    if filing.refusal is not None:
        return _refused(turn, filing.refusal, filing.suspension, {})
    days = str(turn.settings.loss_report_days)
    return Result("filed", {**_report_facts(filing.suspension), "days": days})


def read_block(turn: Turn) -> Result:
    """What the bank has said so far, from what is stored, never guessed."""
    block = turn.case.block
    return Result(BLOCK_WORDS[block.state].outcome if block else "waiting", turn.block_bank_facts)


def read_status(turn: Turn) -> Result:
    """The three parts of a card's status: social security, bank, formal report."""
    status = turn.service.status(turn.known, turn.card_ref)
    is_formal = status.social is Social.FORMAL
    lines = (
        Line(SOCIAL_WORDS[status.social], _report_facts(status.suspension)),
        Line(_bank_prompt(turn.case), turn.block_bank_facts),
        Line("status_formal" if is_formal else "status_formal_none"),
    )
    return Result("read", lines=lines)


def find_person(turn: Turn) -> Result:
    """Whether a person answers now; outside the hours the caller hears them."""
    hours = turn.settings.agent_hours
    if hours.are_open(datetime.fromtimestamp(turn.now, UTC)):
        return Result("open")
    spoken = hours_text(hours, turn.call.language)
    return Result("closed", lines=(Line("person_closed", {"hours": spoken}),))


ACTIONS: Final[Mapping[str, Callable[[Turn], Result]]] = {
    "find_holder": find_holder,
    "look_at_card": look_at_card,
    "file_report": file_report,
    "read_block": read_block,
    "read_status": read_status,
    "find_person": find_person,
}

_OUTCOMES: Final[Mapping[Refusal, str]] = {
    Refusal.UNDER_16: "under_16",
    Refusal.ALREADY: "already",
    Refusal.ELSEWHERE: "already",
    Refusal.FORMAL: "formal",
    Refusal.NEEDS_A_PERSON: "not_by_phone",
    Refusal.REPLAYED: "not_by_phone",
}


def _refused(
    turn: Turn, refusal: Refusal, suspension: Suspension | None, facts: dict[str, str]
) -> Result:
    """Words for a refusal. Of an existing report also the bank's part, unless it is blocked:
    nobody may hang up in the belief that it is.
    """
    outcome = _OUTCOMES[refusal]
    if refusal is Refusal.ELSEWHERE:
        return Result(outcome, facts, (Line("already_elsewhere"),))
    if refusal is not Refusal.ALREADY:
        return Result(outcome, facts)
    known = _report_facts(suspension)
    lines = [Line("already_reported", known)]
    block = turn.case.block
    if block is not None and BLOCK_WORDS[block.state].outcome != "blocked":
        lines.append(Line(_bank_prompt(turn.case), turn.block_bank_facts))
    return Result(outcome, {**facts, **known}, tuple(lines))


def _report_facts(suspension: Suspension | None) -> dict[str, str]:
    """The number and deadline of a temporary report; nothing of a formal one, or of none."""
    if suspension is None or suspension.release_at is None:
        return {}
    number, until = suspension.report_number, str(suspension.release_at)
    return {"report_number": number, "until": until, FACT: OnRecord.YES}


def _card_facts(card: Card, settings: Settings, language: LanguageCode) -> dict[str, str]:
    return {**bank_facts(settings, card.bank, language), "card_last4": card.last4}


def _bank_prompt(case: Case) -> str:
    return NEVER_BLOCKED if case.block is None else BLOCK_WORDS[case.block.state].status
