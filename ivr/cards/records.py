"""Cardholders and their cards, as the social security back end knows them."""

from dataclasses import dataclass, field
from enum import IntEnum


class CardState(IntEnum):
    """The state codes real back ends use (domain: 'card states seen in real back ends')."""

    SEALED = 0
    NORMAL = 1
    FORMAL_LOSS = 2
    LOCKED = 3
    TEMPORARY_LOSS = 4
    CANCELLED = 9


class Progress(IntEnum):
    """How far the making of a new card is (domain section 2: 'how far a reissue is')."""

    NONE = 0
    ENTERED = 1
    PAID = 2
    BEING_MADE = 3
    AT_THE_BANK = 4
    AT_THE_OUTLET = 5
    COLLECTED = 6
    FAILED = 7


@dataclass(frozen=True)
class Card:
    """One social security card. `number` and `bank_account` stay out of repr and logs.

    progress: of the card that is to take its place; None where nobody has told.
    """

    number: str = field(repr=False)
    bank: str
    bank_account: str = field(repr=False)
    city_code: str
    state: CardState = CardState.NORMAL
    progress: Progress | None = None

    @property
    def city(self) -> str:
        """How the codes of its city and of the city's districts begin (GB/T 2260)."""
        return self.city_code[:4]

    @property
    def last4(self) -> str:
        """What may be spoken of a card number."""
        return self.number[-4:]


@dataclass(frozen=True)
class Holder:
    """A cardholder with all cards. Personal fields stay out of repr and logs."""

    id_number: str = field(repr=False)
    name: str = field(repr=False)
    phone: str = field(repr=False)
    cards: tuple[Card, ...] = ()

    @property
    def last4(self) -> str:
        """What may be spoken of an ID number."""
        return self.id_number[-4:]
