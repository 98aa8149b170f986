"""What the kit says of a receiver, in English and, for the page of a result, in Chinese.

The English stands where it is said; words.toml has the Chinese of each.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "zh")
FILE: Final = Path(__file__).with_name("words.toml")


@dataclass(frozen=True)
class Said:
    """English with {} for each value. A value that is Said, too, is said in the same language."""

    english: str
    values: tuple["str | Said", ...] = ()

    def in_language(self, language: str) -> str:
        """What nobody has translated is punctuation, or comes from the receiver."""
        text = self.english if language == "en" else chinese().get(self.english, self.english)
        known = (v.in_language(language) if isinstance(v, Said) else v for v in self.values)
        return text.format(*known)

    def __str__(self) -> str:
        return self.in_language("en")


NOTHING: Final = Said("")


def said(english: str, *values: object) -> Said:
    """An answer, as a value, says what it was."""
    return Said(english, tuple(v if isinstance(v, Said) else _of(v) for v in values))


def each(told: list[Said]) -> Said:
    """Several, one behind the other, each once."""
    first, *others = dict.fromkeys(told)
    return reduce(lambda before, one: Said("{}; {}", (before, one)), others, first)


@cache
def chinese() -> Mapping[str, str]:
    """English -> Chinese."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _of(value: object) -> "str | Said":
    told = getattr(value, "told", None)
    return told if isinstance(told, Said) else str(value)
