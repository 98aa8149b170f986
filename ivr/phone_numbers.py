"""Phone numbers: how people write them, which can be called back, and which a text reaches.

Numbers abroad are looked up in Google's libphonenumber (32 µs a number). Mainland numbers need not
stand in it: it refuses a new range until it is updated, and our rule is quicker.
"""

import re
from typing import TYPE_CHECKING, Final

from ivr.cards.id_number import normalise

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_E_164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: at most 15 digits
_MARKS: Final = re.compile(r"[().]")
_CHINA: Final = r"(?:\+?86|0086)"
_MOBILE: Final = re.compile(rf"{_CHINA}?0?(1[3-9][0-9]{{9}})")
_LANDLINE: Final = re.compile(
    rf"(?:{_CHINA}0?|0)((?:10|2[0-9])[2-8][0-9]{{7}}|[3-9][0-9]{{2}}[2-8][0-9]{{6,7}})"
)
_ABROAD: Final = re.compile(r"(?:\+|00)(?!86)([1-9][0-9().]+)")
_TRUNK: Final = "(0)"  # "+1 (0)415 …": a habit of countries that have a trunk 0, on any number


def mainland_number(raw: str) -> str | None:
    """A mainland number, however an office writes it, in E.164; None when it is none."""
    number = _MARKS.sub("", normalise(raw))
    found = _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number)
    return f"+86{found[1]}" if found else None


def names_a_country(raw: str) -> bool:
    """Whether it begins as a number abroad does: + or 00, then a country code that is not 86."""
    return bool(_ABROAD.fullmatch(normalise(raw)))


def number_abroad(raw: str) -> str | None:
    """A number with a country code abroad in E.164, without a trunk 0; None when that country has
    no such number.
    """
    written = _ABROAD.fullmatch(normalise(raw))
    if written is None:
        return None
    for number in (f"+{written[1]}", f"+{written[1].replace(_TRUNK, '', 1)}"):
        if (found := _valid(number)) is not None:
            return _e_164(found)
    return None


def can_be_called_back(number: str) -> bool:
    """Whether a caller's number is E.164 and somebody may have it. Numbers that spell `anonymous`
    or `restricted` on a telephone's keys belong to nobody.
    """
    if not _E_164.fullmatch(number):
        return False
    return mainland_number(number) == number or _valid(number) is not None


def calling_number(raw: str) -> str:
    """The number somebody calls from, in E.164; empty when the network does not tell it."""
    return mainland_number(raw) or (raw if can_be_called_back(raw) else "")


def number_to_call(keys: str) -> str:
    """A number keyed in to be called, in E.164; empty when it is none. 00 leads abroad."""
    return mainland_number(keys) or number_abroad(keys) or ""


def takes_texts(number: str) -> bool:
    """Whether a text can reach an E.164 number: no landline, and not the lack of a phone."""
    if number.startswith("+86"):
        return bool(_MOBILE.fullmatch(number))
    found = _valid(number)
    return found is not None and _may_be_mobile(found)


def _may_be_mobile(number: "PhoneNumber") -> bool:
    from phonenumbers import PhoneNumberType, number_type

    # In North America nobody can tell a mobile from a landline.
    return number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _e_164(number: "PhoneNumber") -> str:
    from phonenumbers import PhoneNumberFormat, format_number

    return format_number(number, PhoneNumberFormat.E164)


def _valid(number: str) -> "PhoneNumber | None":
    """A number that somebody may have."""
    # Imported here and in its like: 31 ms and 3 MB, and every worker imports this module.
    from phonenumbers import NumberParseException, is_valid_number, parse

    try:
        found = parse(number)
    except NumberParseException:
        return None
    return found if is_valid_number(found) else None
