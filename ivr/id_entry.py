"""What a caller keyed as an ID number, or as a second factor."""

import re
from datetime import date
from typing import Final

from ivr.cards.errors import BadIdNumberError
from ivr.cards.id_number import PLACES, IdNumberProblem, check_id_number

PROOF_PLACES: Final = 6
STAR_FOR_X: Final = "*"
_VERDICTS: Final[dict[str, str]] = {
    IdNumberProblem.TOO_SHORT: "too_short",
    IdNumberProblem.FIFTEEN_PLACES: "fifteen_places",
}


def keyed_id_number(keys: str, today: date) -> tuple[str, str | None]:
    """What was keyed as (ID number, None), or ("", the verdict's name) when it is not one.

    `*` stands for X, in place 18 only (domain section 3).
    """
    if STAR_FOR_X in keys[:-1] or (keys.endswith(STAR_FOR_X) and len(keys) != PLACES):
        return "", "star"
    try:
        return check_id_number(keys.replace(STAR_FOR_X, "X"), today), None
    except BadIdNumberError as error:
        return "", _VERDICTS.get(error.code, "invalid")


def keyed_proof(keys: str) -> tuple[str, str | None]:
    """The same for a second factor: the last 6 places of a card's number, or a texted code."""
    is_whole = re.fullmatch(rf"[0-9{STAR_FOR_X}]{{{PROOF_PLACES}}}", keys, re.ASCII)
    return (keys, None) if is_whole else ("", "too_short")


def card_tail(card_number: str) -> str:
    """The last 6 places of a card's number as they are keyed: `*` stands for any letter."""
    tail = card_number[-PROOF_PLACES:]
    return "".join(place if place.isdecimal() else STAR_FOR_X for place in tail)
