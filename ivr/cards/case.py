"""How a card stands: the one idea behind every answer and every act."""

from dataclasses import dataclass

from ivr.cards.block import Block
from ivr.cards.loss import LossReport, Suspension


@dataclass(frozen=True)
class Case:
    """One card at one moment.

    suspension: the social security function is off exactly while there is one.
    block: what we believe of the financial function; None if no bank was ever told to block.
    report: the report the block belongs to; None for a formal loss that only the bank took, and
        once the report's retention is over.
    """

    card_ref: str
    suspension: Suspension | None = None
    block: Block | None = None
    report: LossReport | None = None
