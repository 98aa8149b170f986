"""What a bank tells us about a card's financial function (design section 2, 'Bank events')."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ivr.cards.block import BlockEvent

BLOCKED: Final = "financial_function.blocked"
UNBLOCKED: Final = "financial_function.unblocked"
FORMAL_LOSS: Final = "formal_loss.reported"

TEMPORARY_LOSS: Final = "temporary_loss.reported"
LAPSED: Final = "financial_function.block_lapsed"
FORMAL_WITHDRAWN: Final = "formal_loss.withdrawn"
REPLACED: Final = "card.replaced"

MEANS: Final = {
    BLOCKED: BlockEvent.BLOCKED,
    UNBLOCKED: BlockEvent.UNBLOCKED,
    FORMAL_LOSS: BlockEvent.FORMAL_LOSS,
    TEMPORARY_LOSS: BlockEvent.TAKEN,
    LAPSED: BlockEvent.LAPSED,
    FORMAL_WITHDRAWN: BlockEvent.FORMAL_WITHDRAWN,
    REPLACED: BlockEvent.REPLACED,
}


@dataclass(frozen=True)
class BankEvent:
    """One event of one bank. `at` is when it happened there, unix seconds. `id`: as the bank gave
    it, which may hold a number, until the service puts a reference in its place.

    `blocked` names our report, the others name the card. `new_card_number`, `new_bank_account`: of
    a card that was replaced. Card numbers and accounts stay out of repr.
    """

    id: str = field(repr=False)
    bank: str
    type: str
    at: int
    report_number: str = ""
    card_number: str = field(default="", repr=False)
    outlet: str = ""
    new_card_number: str = field(default="", repr=False)
    new_bank_account: str = field(default="", repr=False)

    def digest(self, hidden: Callable[[str], str]) -> str:
        """Stands for what is told, so that another event under the same id is noticed: of a report
        the number, of a card the rest too. What `hidden` (a keyed hash) makes of a card number or
        account takes its place, which could be guessed from a digest.
        """
        about_card = [hidden(self.card_number), self.at, self.outlet] if self.card_number else []
        new = filter(None, (self.new_card_number, self.new_bank_account))
        told = json.dumps([self.type, self.report_number, *about_card, *map(hidden, new)])
        return hashlib.sha256(told.encode()).hexdigest()[:32]
