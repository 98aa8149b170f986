"""The places CSV: one line is the place of a city, or of one bank in it. What is wrong is named by
its line.
"""

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.errors import HotlineError
from ivr.prompts.languages import LANGUAGES
from ivr.prompts.places import MEANWHILE, TEXTS, Place
from ivr.store.cardholders_csv import BadLine, BadValueError, values_in

MOST_YUAN: Final = 1000
MOST_DAYS: Final = 365
LONGEST: Final = 240  # letters, of which a Chinese character counts 3: 20 seconds to listen to
_CITY_CODE: Final = re.compile(r"[0-9]{6}")


class PlacesFileError(HotlineError):
    """The file as a whole is not a places CSV; the text says why."""


@dataclass(frozen=True)
class PlaceLine:
    """A good line: its number in the file, and its place."""

    line: int
    place: Place


def columns() -> tuple[str, ...]:
    """The first line of the file: a language more is some columns more."""
    texts = (f"{name}_{code}" for code in LANGUAGES for name in (*TEXTS, MEANWHILE))
    return ("city_code", "bank", "fee", "days", *texts)


def read_places(lines: Iterable[str], banks: Collection[str]) -> Iterator[PlaceLine | BadLine]:
    """Reads the text lines of a file (opened as a cardholders' file is) as they come.

    Each line is parsed alone, so that a missing quote spoils only its own line.

    Raises:
        PlacesFileError: no header, or other columns.
    """
    numbered = enumerate(lines, 1)
    names = [name.strip() for name in next(csv.reader([next(numbered, (1, ""))[1]]), [])]
    if sorted(names) != sorted(columns()):
        raise PlacesFileError(f"the first line must be: {','.join(columns())}")
    seen: dict[tuple[str, str], int] = {}
    for number, line in numbered:
        if not line.strip():
            continue
        found = _read_line(number, line, names, banks)
        if isinstance(found, PlaceLine):
            key = found.place.city_code, found.place.bank
            first = seen.setdefault(key, number)
            if first != number:
                found = BadLine(number, f"is of the same city and bank as line {first}")
        yield found


def _read_line(
    number: int, line: str, names: list[str], banks: Collection[str]
) -> PlaceLine | BadLine:
    values = values_in(number, line, len(names))
    if isinstance(values, BadLine):
        return values
    kept: dict[str, str] = {}
    problems: list[str] = []
    for name, value in zip(names, values, strict=True):
        try:
            kept[name] = _checked(name, value, banks)
        except BadValueError as problem:
            problems.append(f"{name} {problem}")
    problems += _lacking(kept)
    return BadLine(number, "; ".join(problems)) if problems else PlaceLine(number, _place(kept))


def _checked(name: str, raw: str, banks: Collection[str]) -> str:
    if name in _CHECKS:
        return _CHECKS[name](unicodedata.normalize("NFKC", raw).strip())
    if name == "bank":
        bank = raw.strip()
        if bank and bank not in banks:
            raise BadValueError(f"is none of {', '.join(sorted(banks))}; empty means any")
        return bank
    text = " ".join(raw.split())
    if not text.isprintable():
        raise BadValueError("has a character that cannot be spoken")
    if _length(text) > LONGEST:
        raise BadValueError(f"is longer than {LONGEST} letters (a Chinese character counts 3)")
    if not text and not name.startswith(MEANWHILE):
        raise BadValueError("is empty")
    return text


def _length(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + 2 * wide


def _lacking(kept: Mapping[str, str]) -> list[str]:
    """What to do meanwhile is said in every language or in none."""
    told = [code for code in LANGUAGES if kept.get(f"{MEANWHILE}_{code}")]
    lacks = [code for code in LANGUAGES if told and f"{MEANWHILE}_{code}" in kept]
    return [f"{MEANWHILE}_{code} is empty" for code in lacks if code not in told]


def _city_code(raw: str) -> str:
    if not _CITY_CODE.fullmatch(raw):
        raise BadValueError("must be 6 digits")
    return raw


def _whole(raw: str, most: int) -> str:
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 6 and int(raw) <= most):
        raise BadValueError(f"must be a whole number up to {most}")
    return raw


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "city_code": _city_code,
    "fee": lambda raw: _whole(raw, MOST_YUAN),
    "days": lambda raw: _whole(raw, MOST_DAYS),
}


def _place(kept: Mapping[str, str]) -> Place:
    texts = {
        code: {name: kept[f"{name}_{code}"] for name in (*TEXTS, MEANWHILE)} for code in LANGUAGES
    }
    return Place(kept["city_code"], kept["bank"], int(kept["fee"]), int(kept["days"]), texts)
