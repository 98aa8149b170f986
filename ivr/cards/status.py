"""The three parts of a card's status: social security, bank, formal report (domain section 1)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.loss import ReportKind, Suspension
from ivr.cards.records import Card, CardState


class Social(StrEnum):
    """The social security function."""

    ACTIVE = "active"
    RESTORED = "restored"  # active again after a report
    SUSPENDED = "suspended"  # by a temporary report, which ends by itself
    FORMAL = "formal"  # suspended until the card is replaced
    ELSEWHERE = "elsewhere"  # suspended by a report we know only from the directory
    NOT_NORMAL = "not_normal"  # sealed, locked or cancelled


@dataclass(frozen=True)
class Status:
    """What may be told of a card. `block` is None for a card nobody was told to block."""

    social: Social
    block: BlockState | None
    suspension: Suspension | None


def status_of(case: Case, card: Card) -> Status:
    """The status of a card, from our own records and the state in the directory."""
    if case.block is not None and case.block.state is BlockState.REPLACED:
        case = replace(case, block=None)  # that was the card before this one, of the same number
    block = None if case.block is None else case.block.state
    return Status(_social(case, card), block, case.suspension)


def _social(case: Case, card: Card) -> Social:
    suspension = case.suspension
    if card.state is CardState.FORMAL_LOSS or _is_formal(suspension):
        return Social.FORMAL
    if suspension is not None:
        return Social.SUSPENDED
    if card.state is CardState.TEMPORARY_LOSS:
        return Social.ELSEWHERE
    if card.state is not CardState.NORMAL:
        return Social.NOT_NORMAL
    return Social.ACTIVE if case.block is None else Social.RESTORED


def _is_formal(suspension: Suspension | None) -> bool:
    return suspension is not None and suspension.kind is ReportKind.FORMAL
