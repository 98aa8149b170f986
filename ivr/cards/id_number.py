"""ID numbers (GB 11643-1999): which ones can exist, and what can be read from them.

18 places: 6 address, 8 birth date, 3 serial, 1 check. No exception here ever holds digits: a code
says what is wrong with a number.
"""

import re
import unicodedata
from datetime import date
from enum import StrEnum
from operator import mul
from typing import Final

from ivr.cards.errors import BadIdNumberError

PLACES: Final = 18
OLD_PLACES: Final = 15  # numbers issued before 1999; an agent looks these up
OLDEST_YEARS: Final = 130
ADULT_YEARS: Final = 16  # below this a guardian reports, with the household book

# GB/T 2260 provinces; 81, 82 and 83 are residence permits of people from Hong Kong, Macao and
# Taiwan. County codes are never checked: a number keeps the code of the day it was issued.
_PROVINCE_SPANS: Final = (
    (11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (81, 83),
)  # fmt: skip
PROVINCES: Final = frozenset(
    str(code) for first, last in _PROVINCE_SPANS for code in range(first, last + 1)
)
FOREIGNER: Final = "9"

_BLANKS_AND_DASHES = re.compile(r"[\s\-\u2010-\u2015\u2212\ufe58]+")
_SHAPE = re.compile(r"[0-9]*X?")
# ISO 7064 MOD 11-2, as stdnum's `mod_11_2.checksum`, in a third of its time: an import asks it of
# every line.
_WEIGHTS: Final = tuple(2**place % 11 for place in reversed(range(PLACES)))
_VALUES: Final = {digit: value for value, digit in enumerate("0123456789X")}


class IdNumberProblem(StrEnum):
    """Why a number cannot be an ID number."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    FIFTEEN_PLACES = "fifteen_places"  # may well be real: an agent
    LETTERS = "letters"  # passports and old foreigners' numbers: an agent
    REGION = "region"
    BIRTH_DATE = "birth_date"  # no such day
    IN_THE_FUTURE = "in_the_future"
    TOO_OLD = "too_old"
    CHECK_DIGIT = "check_digit"


def normalise(raw: str) -> str:
    """The number as it is stored: NFKC, no blanks, no dashes, upper case. Checks nothing."""
    if raw.isascii() and raw.isalnum():
        return raw.upper()
    return _BLANKS_AND_DASHES.sub("", unicodedata.normalize("NFKC", raw)).upper()


def check_id_number(raw: str, today: date) -> str:
    """The normalised number, if it can be an ID number on the day `today` (Beijing).

    The check digit is checked last, so that a more exact problem is named first.

    Raises:
        BadIdNumberError: `.code` is an IdNumberProblem.
    """
    number = normalise(raw)
    problem = _shape_problem(number) or _content_problem(number, today)
    if problem:
        raise BadIdNumberError(problem)
    return number


def birth_date(id_number: str) -> date:
    """The birth date in a normalised 18-place number.

    Raises:
        BadIdNumberError: BIRTH_DATE, when there is no such day.
    """
    digits = id_number[6:14]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise BadIdNumberError(IdNumberProblem.BIRTH_DATE) from None


def is_under_16(id_number: str, today: date) -> bool:
    """Whether the holder of a normalised number has not yet had the 16th birthday."""
    return _age(birth_date(id_number), today) < ADULT_YEARS


def _shape_problem(number: str) -> IdNumberProblem | None:
    if not _SHAPE.fullmatch(number):
        return IdNumberProblem.LETTERS
    if len(number) == OLD_PLACES and not number.endswith("X"):
        return IdNumberProblem.FIFTEEN_PLACES
    if len(number) < PLACES:
        return IdNumberProblem.TOO_SHORT
    return IdNumberProblem.TOO_LONG if len(number) > PLACES else None


def _content_problem(number: str, today: date) -> IdNumberProblem | None:
    if not _is_region(number[:6]):
        return IdNumberProblem.REGION
    born = birth_date(number)
    if born > today:
        return IdNumberProblem.IN_THE_FUTURE
    if _age(born, today) > OLDEST_YEARS:
        return IdNumberProblem.TOO_OLD
    checksum = sum(map(mul, _WEIGHTS, map(_VALUES.__getitem__, number))) % 11
    return None if checksum == 1 else IdNumberProblem.CHECK_DIGIT


def _is_region(address: str) -> bool:
    """A province and any county, or a foreigner's 9 + province + any country.

    Like counties, the country (ISO 3166 numeric) is not looked up: countries come and go while
    numbers stay, and stateless residents have none. Refusing a lawful holder is worse than
    accepting a wrong number, because no record matches a wrong number anyway.
    """
    province = address[1:3] if address.startswith(FOREIGNER) else address[:2]
    return province in PROVINCES


def _age(born: date, today: date) -> int:
    """Full years; someone born on 29 February turns older on 1 March of a common year."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
