"""What each `Do` step of the flow does: the call's facts -> one service call -> an outcome.

Actions decide nothing about words or where the call goes: the flow does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ivr.beijing import beijing_day
from ivr.cards.block import Block, BlockState
from ivr.cards.errors import CardNotReportableError
from ivr.cards.id_number import is_under_16
from ivr.cards.loss import ReportKind, Suspension
from ivr.cards.records import Card, CardState, Holder
from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.turn import MAX_TRIES, Result
from ivr.prompts.languages import LanguageCode
from ivr.settings import Settings
from ivr.spoken import bank_facts, hours_text
from ivr.store.calls import Snapshot, Standing
from ivr.store.hotline import Hotline
from ivr.store.reports import OutcomeUnknownError, Request

CHANNEL: Final = "phone"
MOST_LOOKUPS: Final = 6  # ID numbers in one call; nobody reports for more people than that
IS_BLOCKED: Final = (BlockState.BLOCKED, BlockState.FORMAL_LOSS)


@dataclass(frozen=True)
class Turn:
    """What an action may look at: the call so far and what was read at the turn's beginning."""

    hotline: Hotline
    call: Call
    seen: Snapshot

    @property
    def card_ref(self) -> str:
        return self.call.facts["card_ref"]

    @property
    def card(self) -> Card:
        return self.seen.cards[self.card_ref]

    @property
    def holder(self) -> Holder:
        if self.seen.holder is None:
            raise LookupError("the holder of this call is not in the directory any more")
        return self.seen.holder

    @property
    def standing(self) -> Standing:
        return self.seen.standings.get(self.card_ref, Standing())

    @property
    def block_bank_facts(self) -> dict[str, str]:
        """The bank that was told, which the card may have left since."""
        bank = self.standing.block.bank if self.standing.block else self.card.bank
        return bank_facts(self.hotline.settings, bank, self.call.language)


def run_action(name: str, turn: Turn) -> Result:
    """Runs the action of a `Do` step."""
    return ACTIONS[name](turn)


def find_holder(turn: Turn) -> Result:
    """Whose number was keyed: nobody's, a holder of one card, or of several."""
    misses, lookups = _count(turn.call, "misses"), _count(turn.call, "lookups")
    if misses > MAX_TRIES or lookups > MOST_LOOKUPS:
        return Result("too_many", lines=(Line("too_many_tries"),))
    holder = turn.seen.holder
    if holder is None or not holder.cards:
        return _missed(misses, lookups)
    facts = {
        "holder_ref": turn.seen.holder_ref,
        "last4": holder.last4,
        "lookups": str(lookups),
        "report_number": "",  # an earlier report of this call was another holder's, maybe
    }
    if len(holder.cards) == 1:
        return Result("one", {**facts, "card_ref": next(iter(turn.seen.cards))})
    choices = tuple(
        Choice(ref, _card_facts(card, turn.hotline.settings, turn.call.language))
        for ref, card in list(turn.seen.cards.items())[:8]  # one key each; 9 and 0 are taken
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
    """Whether the chosen card can be reported lost by phone (domain: 'card states')."""
    card = turn.card
    facts = _card_facts(card, turn.hotline.settings, turn.call.language)
    if is_under_16(turn.holder.id_number, beijing_day(turn.seen.now)):
        return Result("under_16", facts)
    if turn.standing.suspension is not None:
        return _already(turn, turn.standing.suspension, facts)
    if card.state is CardState.TEMPORARY_LOSS:
        return Result("already", facts, (Line("already_elsewhere"),))
    outcomes = {CardState.FORMAL_LOSS: "formal"}
    if card.bank in turn.hotline.settings.banks:  # else nobody could tell the bank
        outcomes[CardState.NORMAL] = "reportable"
    return Result(outcomes.get(card.state, "not_by_phone"), facts)


def file_report(turn: Turn) -> Result:
    """Files the loss report: the only action that changes anything."""
    request = Request(
        turn.call.facts["holder_ref"],
        turn.holder,
        turn.card,
        CHANNEL,
        origin=turn.call.sid,
        language=turn.call.language,
    )
    try:
        filing = turn.hotline.reports.report_loss(request)
    except OutcomeUnknownError:
        return Result("unknown")
    except CardNotReportableError:
        return Result("not_by_phone")
    if filing.outcome != "filed":
        return _already(turn, filing.suspension, {})
    days = turn.hotline.settings.loss_report_days
    return Result("filed", {**_report_facts(filing.suspension), "days": str(days)})


def read_block(turn: Turn) -> Result:
    """What the bank has said so far, from what is stored, never guessed."""
    block = turn.standing.block
    return Result(_BLOCK_OUTCOMES[block.state] if block else "waiting", turn.block_bank_facts)


def read_status(turn: Turn) -> Result:
    """The three parts of a card's status: social security, bank, formal report."""
    standing, card = turn.standing, turn.card
    values = turn.block_bank_facts
    lines = (
        _social_line(standing, card),
        Line(_bank_prompt(standing.block), values),
        Line("status_formal" if _is_formal(standing, card) else "status_formal_none"),
    )
    return Result("read", lines=lines)


def find_person(turn: Turn) -> Result:
    """Whether a person answers now; outside the hours the caller hears them."""
    hours = turn.hotline.settings.agent_hours
    if hours.are_open(datetime.fromtimestamp(turn.seen.now, UTC)):
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

_BLOCK_OUTCOMES: Final = {
    BlockState.NOTIFIED: "waiting",
    BlockState.RECEIVED: "waiting",
    BlockState.BLOCKED: "blocked",
    BlockState.FORMAL_LOSS: "blocked",
    BlockState.REFUSED: "failed",
    BlockState.UNDELIVERABLE: "unreached",
    BlockState.UNBLOCKED: "failed",
}
_BANK_PROMPTS: Final = {
    BlockState.NOTIFIED: "status_bank_waiting",
    BlockState.RECEIVED: "status_bank_waiting",
    BlockState.BLOCKED: "status_bank_blocked",
    BlockState.FORMAL_LOSS: "status_bank_blocked_formal",
    BlockState.REFUSED: "status_bank_failed",
    BlockState.UNDELIVERABLE: "status_bank_unreached",
    BlockState.UNBLOCKED: "status_bank_unblocked",
}


def _already(turn: Turn, suspension: Suspension, facts: dict[str, str]) -> Result:
    """The existing report; and the bank's part, unless it is blocked: nobody may hang up in the
    belief that it is.
    """
    if suspension.kind is ReportKind.FORMAL:
        return Result("formal", facts)
    known = _report_facts(suspension)
    lines = [Line("already_reported", known)]
    block = turn.standing.block
    if block is not None and block.state not in IS_BLOCKED:
        lines.append(Line(_bank_prompt(block), turn.block_bank_facts))
    return Result("already", {**facts, **known}, tuple(lines))


def _report_facts(suspension: Suspension) -> dict[str, str]:
    return {"report_number": suspension.report_number, "until": str(suspension.release_at)}


def _card_facts(card: Card, settings: Settings, language: LanguageCode) -> dict[str, str]:
    return {**bank_facts(settings, card.bank, language), "card_last4": card.last4}


def _is_formal(standing: Standing, card: Card) -> bool:
    suspended = standing.suspension is not None and standing.suspension.kind is ReportKind.FORMAL
    return suspended or card.state is CardState.FORMAL_LOSS


def _bank_prompt(block: Block | None) -> str:
    return "status_bank_normal" if block is None else _BANK_PROMPTS[block.state]


def _social_line(standing: Standing, card: Card) -> Line:
    if _is_formal(standing, card):
        return Line("status_social_formal")
    if standing.suspension is not None:
        return Line("status_social_temporary", _report_facts(standing.suspension))
    if card.state is CardState.TEMPORARY_LOSS:
        return Line("already_elsewhere")
    if card.state is not CardState.NORMAL:
        return Line("status_social_not_normal")
    return Line("status_social_active" if standing.block is None else "status_social_restored")
