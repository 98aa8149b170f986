"""Whose card a bank's event is about, for the acts that need more than its case."""

from dataclasses import dataclass

from ivr.cards.acts.report import Fresh
from ivr.cards.records import Card, Holder


@dataclass(frozen=True)
class Whose:
    """As the directory has holder and card; `fresh`: for a report that begins with the event.

    `language`: of texts to a holder of whom no earlier report says it.
    """

    holder_ref: str
    holder: Holder
    card: Card
    fresh: Fresh
    language: str
