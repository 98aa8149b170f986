"""What a caller keyed as an ID number."""

from datetime import date
from typing import Final

from ivr.cards.errors import BadIdNumberError
from ivr.cards.id_number import PLACES, IdNumberProblem, check_id_number

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
