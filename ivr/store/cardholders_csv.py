"""The cardholders CSV: one line is one card. Reads it line by line and says what is wrong where.

No value of a bad line is ever shown, because with shifted columns any field may hold an ID number.
"""

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Final

from ivr.cards.errors import BadIdNumberError
from ivr.cards.id_number import IdNumberProblem, check_id_number, normalise
from ivr.cards.records import Card, CardState, Holder, Progress
from ivr.errors import HotlineError
from ivr.phone_numbers import mainland_number, names_a_country, number_abroad

COLUMNS: Final = (
    "id_number",
    "name",
    "phone",
    "card_number",
    "bank",
    "bank_account",
    "city_code",
    "card_state",
)
PROGRESS: Final = "reissue"  # a column that a file may have
ENCODING: Final = "utf-8-sig"  # with or without a byte order mark
UNDECODED: Final = "surrogateescape"  # keeps bytes that are not UTF-8 to their own line

_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_CARD_NUMBER = re.compile(r"[0-9A-Z]{8,32}")
_BANK_ACCOUNT = re.compile(r"[0-9]{8,32}")
_CITY_CODE = re.compile(r"[0-9]{6}")
_MOBILE_PLACES: Final = 11
# How nearly all lines are written. Any other line is looked at value by value, and may be good too.
_ORDINARY: Final = {
    "id_number": "[0-9]{17}[0-9X]",
    "name": '[^",\n\r\udc80-\udcff]+',
    "phone": rf"(?:\+?86)?1[3-9][0-9]{{{_MOBILE_PLACES - 2}}}",
    "card_number": _CARD_NUMBER.pattern,
    "bank": "[a-z0-9_-]+",
    "bank_account": _BANK_ACCOUNT.pattern,
    "city_code": _CITY_CODE.pattern,
    "card_state": "[0-9]",
    PROGRESS: "[0-7]?",
}
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")  # address books add them

_CARD_STATES: Final = {str(int(state)): state for state in CardState}
_PROGRESS: Final = {"": Progress.NONE, **{str(int(known)): known for known in Progress}}

_ID_PROBLEMS: Final[Mapping[str, str]] = {
    IdNumberProblem.TOO_SHORT: "has fewer than 18 places",
    IdNumberProblem.TOO_LONG: "has more than 18 places",
    IdNumberProblem.FIFTEEN_PLACES: "is an old number of 15 places",
    IdNumberProblem.LETTERS: "may have digits only, and X in the last place",
    IdNumberProblem.REGION: "begins with no province's code",
    IdNumberProblem.BIRTH_DATE: "holds a birth date that does not exist",
    IdNumberProblem.IN_THE_FUTURE: "holds a birth date in the future",
    IdNumberProblem.TOO_OLD: "holds a birth date more than 130 years ago",
    IdNumberProblem.CHECK_DIGIT: "has a wrong check digit",
}


class CardholdersFileError(HotlineError):
    """The file as a whole is not a cardholders CSV; the text says why."""


@dataclass(frozen=True)
class CardLine:
    """A good line: its number in the file, and the holder with the one card it names.

    note: why the phone is left out (it is then empty); a card counts for more than a phone.
    """

    line: int
    holder: Holder = field(repr=False)
    note: str = ""


@dataclass(frozen=True)
class BadLine:
    """A line that was left out: its number in the file, and every reason, without digits."""

    line: int
    reason: str


class BadValueError(HotlineError):
    """A value fails its column's check; the text follows the column's name and holds no digits."""


def read_cardholders(
    lines: Iterable[str], banks: Collection[str], today: date
) -> Iterator[CardLine | BadLine]:
    """Reads the text lines of a file (opened with ENCODING and UNDECODED) as they come.

    Each line is parsed alone, so that a missing quote spoils only its own line.

    Args:
        banks: the ids a card's bank may have.
        today: the day in Beijing, for birth dates.

    Raises:
        CardholdersFileError: no header, or not exactly the columns of COLUMNS (and PROGRESS).
    """
    numbered = enumerate(lines, 1)
    columns = _header(next(numbered, (1, ""))[1])
    read_ordinary = _ordinary(columns, banks, today)
    checks = _checks(banks, today)
    for number, line in numbered:
        if line.strip():
            yield read_ordinary(number, line) or _read_line(number, line, columns, checks)


def check_phone(raw: str) -> str:
    """A phone number in E.164, as texts are addressed; mainland numbers may come without +86, and
    any with the trunk 0 that is dialled only at home.

    Raises:
        BadValueError: it cannot be one.
    """
    if phone := mainland_number(raw) or number_abroad(raw):
        return phone
    if names_a_country(raw):
        raise BadValueError("is no number of the country whose code it begins with")
    raise BadValueError("is not a mainland number and does not begin with + and a country code")


def read_id_number(raw: str, today: date) -> str:
    """An ID number as it is stored.

    Raises:
        BadValueError: it cannot be one on the day `today` (Beijing).
    """
    try:
        return check_id_number(raw, today)
    except BadIdNumberError as error:
        raise BadValueError(_ID_PROBLEMS[error.code]) from None


def read_card_number(raw: str) -> str:
    """A card number as it is stored.

    Raises:
        BadValueError: it cannot be one.
    """
    return _match(_CARD_NUMBER, normalise(raw), "must be 8 to 32 digits and letters")


def _header(line: str) -> list[str]:
    columns = [name.strip() for name in next(csv.reader([line]), [])]
    if not any(columns):
        raise CardholdersFileError("the file is empty: its first line must name the columns")
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise CardholdersFileError(
            f"the first line lacks {', '.join(missing)}; it must be: {','.join(COLUMNS)}"
        )
    if len(columns) > len(COLUMNS) + (PROGRESS in columns):
        raise CardholdersFileError(
            f"the first line names a column twice or one too many; it must be: {','.join(COLUMNS)}"
        )
    return columns


def _ordinary(
    columns: list[str], banks: Collection[str], today: date
) -> Callable[[int, str], CardLine | None]:
    """Reads a good line at one glance; None for one that is not written as nearly all are, or not
    good: `_read_line` says what it is. Whatever is read here, is read the same there.
    """
    shape = re.compile(",".join(f"({_ORDINARY[column]})" for column in columns) + "\n?")
    in_order = itemgetter(*map(columns.index, COLUMNS))
    tells_progress = PROGRESS in columns
    at = columns.index(PROGRESS) + 1 if tells_progress else 0
    known_banks = frozenset(banks)

    def read(number: int, line: str) -> CardLine | None:
        found = shape.fullmatch(line)
        if found is None:
            return None
        id_number, name, phone, card_number, bank, account, city, state = in_order(found.groups())
        if bank not in known_banks or state not in _CARD_STATES:
            return None
        progress = _PROGRESS[found[at]] if tells_progress else None
        card = Card(card_number, bank, account, city, _CARD_STATES[state], progress)
        try:
            person = read_id_number(id_number, today), _name(name)
        except BadValueError:
            return None
        return CardLine(number, Holder(*person, f"+86{phone[-_MOBILE_PLACES:]}", (card,)))

    return read


_Check = Callable[[str], str]


def _checks(banks: Collection[str], today: date) -> dict[str, _Check]:
    """What each column's value must pass; the answer is the value to keep."""
    known_banks = frozenset(banks)
    bank_problem = f"is none of {', '.join(sorted(known_banks))}"
    return {
        "id_number": lambda raw: read_id_number(raw, today),
        "name": _name,
        "phone": check_phone,
        "card_number": read_card_number,
        "bank": lambda raw: _one_of(known_banks, raw, bank_problem),
        "bank_account": lambda raw: _match(_BANK_ACCOUNT, normalise(raw), "must be 8 to 32 digits"),
        "city_code": lambda raw: _match(_CITY_CODE, raw, "must be 6 digits"),
        "card_state": lambda raw: _one_of(
            _CARD_STATES, raw, f"is none of {', '.join(_CARD_STATES)}"
        ),
        PROGRESS: lambda raw: _one_of(_PROGRESS, raw, "is neither empty nor one of 0 to 7"),
    }


def values_in(number: int, line: str, count: int) -> list[str] | BadLine:
    """The values of one line, which is to have so many."""
    if _NOT_UTF8.search(line):
        return BadLine(number, "is not UTF-8 text")
    try:
        values = next(csv.reader([line], strict=True))
    except csv.Error:
        return BadLine(number, "has a quote that does not end, or text after one")
    if len(values) != count:
        return BadLine(number, f"has {len(values)} values instead of {count}")
    return values


def _read_line(
    number: int, line: str, columns: list[str], checks: Mapping[str, _Check]
) -> CardLine | BadLine:
    values = values_in(number, line, len(columns))
    if isinstance(values, BadLine):
        return values
    kept: dict[str, str] = {}
    problems: list[str] = []
    note = ""
    for column, value in zip(columns, values, strict=True):
        try:
            kept[column] = checks[column](_folded(column, value))
        except BadValueError as problem:
            if column == "phone":
                kept[column], note = "", f"phone {problem}"
            else:
                problems.append(f"{column} {problem}")
    if problems:
        return BadLine(number, "; ".join([*problems, note] if note else problems))
    return CardLine(number, _holder(kept), note)


def _folded(column: str, value: str) -> str:
    """As it is meant, whatever width it was typed in; a name stays as the bank has it."""
    if column == "name":
        return value
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", value)).strip()


def _holder(kept: Mapping[str, str]) -> Holder:
    card = Card(
        number=kept["card_number"],
        bank=kept["bank"],
        bank_account=kept["bank_account"],
        city_code=kept["city_code"],
        state=_CARD_STATES[kept["card_state"]],
        progress=_PROGRESS[kept[PROGRESS]] if PROGRESS in kept else None,
    )
    return Holder(kept["id_number"], kept["name"], kept["phone"], (card,))


def _name(raw: str) -> str:
    """The name as the bank has it: only blanks are normalised (names may have U+3000 in them)."""
    name = " ".join(raw.split())
    if not name or not name.isprintable():
        raise BadValueError("is empty or has characters that cannot be printed")
    return name


def _match(pattern: re.Pattern[str], raw: str, problem: str) -> str:
    if not pattern.fullmatch(raw):
        raise BadValueError(problem)
    return raw


def _one_of(allowed: Collection[str], raw: str, problem: str) -> str:
    if raw not in allowed:
        raise BadValueError(problem)
    return raw
