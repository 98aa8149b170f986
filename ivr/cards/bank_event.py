"""What a bank tells us about a card's financial function (design section 2, 'Bank events')."""

import hashlib
import json
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

    def digest(self, card_ref: str) -> str:
        """Stands for what is told, so that another event under the same id is noticed: of a report
        the number, of a card the rest too. `card_ref` takes the card number's place, which could
        be guessed from a digest.
        """
        about_card = [card_ref, self.at, self.outlet] if self.card_number else []
        told = json.dumps([self.type, self.report_number, *about_card])
        return hashlib.sha256(told.encode()).hexdigest()[:32]
