"""A new card in sentences, the same on every channel: how far it is, and where it is had."""

from collections.abc import Callable, Mapping
from typing import Final

from ivr.cards.records import Card, Progress
from ivr.cards.words import PROGRESS_WORDS
from ivr.prompts.languages import LanguageCode
from ivr.prompts.places import Place, Sentence

WHERE_USUALLY: Final[list[Sentence]] = [("reissue", {}), ("meanwhile", {})]
NO_FORMAL_LOSS: Final[list[Sentence]] = [("status_formal_none", {})]

FindsPlace = Callable[[Card], Place | None]  # where its holder gets a new one, if anybody said


def where_had(card: Card, place_of: FindsPlace, language: LanguageCode) -> list[Sentence]:
    """Where the holder of a card gets a new one; the usual words where nobody has told us."""
    place = place_of(card)
    return [*(place.guidance(language) if place else ())] or WHERE_USUALLY


def how_far(
    card: Card, place_of: FindsPlace, facts: Mapping[str, str], language: LanguageCode
) -> list[Sentence]:
    """How far the card's successor is and, once it has arrived, where; nothing when none is on its
    way. `facts`: how the card is named.
    """
    if card.progress is None or card.progress is Progress.NONE:
        return []
    place = place_of(card) if card.progress is Progress.AT_THE_OUTLET else None
    return [(PROGRESS_WORDS[card.progress], facts), *(place.to_collect(language) if place else ())]


def after_formal_loss(card: Card, place_of: FindsPlace, language: LanguageCode) -> list[Sentence]:
    """That there is a formal report, and where to go for a new card."""
    place = place_of(card)
    return [*(place.to_apply(language) if place else ())] or [("status_formal", {})]
