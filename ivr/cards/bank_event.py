"""What a bank tells us about a card's financial function (design section 2, 'Bank events')."""

from dataclasses import dataclass, field
from typing import Final

from ivr.cards.block import BlockEvent

BLOCKED: Final = "financial_function.blocked"
UNBLOCKED: Final = "financial_function.unblocked"
FORMAL_LOSS: Final = "formal_loss.reported"

MEANS: Final = {
    BLOCKED: BlockEvent.BLOCKED,
    UNBLOCKED: BlockEvent.UNBLOCKED,
    FORMAL_LOSS: BlockEvent.FORMAL_LOSS,
}


@dataclass(frozen=True)
class BankEvent:
    """One event of one bank. `at` is when it happened there, unix seconds.

    `blocked` names our report, the other two name the card; the card number stays out of repr.
    """

    id: str
    bank: str
    type: str
    at: int
    report_number: str = ""
    card_number: str = field(default="", repr=False)
    outlet: str = ""
