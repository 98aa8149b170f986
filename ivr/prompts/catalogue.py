"""The words: one catalogue, all languages side by side, checked whole when it is loaded. What only
the website says stands in a file of its own.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

from ivr.errors import HotlineError
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import Part, Spelled, duration, moment, spell

PROMPTS_FILE: Final = Path(__file__).with_name("prompts.toml")
SITE_FILE: Final = Path(__file__).with_name("site.toml")
KINDS: Final = {"text", "digits", "phone", "time", "duration"}
# What every prompt may name without being told: this line's own number and name.
EVERYWHERE: Final = ("hotline", "line")
HOTLINE: Final = "12333"
LONGEST_SAY: Final = 500  # Chinese characters: Twilio counts 4 500 url-encoded ones


class CatalogueError(HotlineError):
    """The words cannot be used; `faults` has one line for each thing to correct."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Words to correct:\n" + "\n".join(f"  - {f}" for f in faults))
        self.faults = faults


@dataclass(frozen=True, order=True)
class Placeholder:
    """A value to be filled in, and how it is spoken."""

    name: str
    kind: str
    value: str = ""  # of what is the same in every call

    def __str__(self) -> str:
        return f"{{{self.name}:{self.kind}}}"


@dataclass(frozen=True)
class LineItself:
    """The line's own number, and its name in the languages where it is not called as usual."""

    number: str = HOTLINE
    names: tuple[tuple[LanguageCode, str], ...] = ()

    def values(self, language: LanguageCode) -> dict[str, str]:
        """By placeholder."""
        row = LANGUAGES.get(language)
        usual = row.line_name if row else ""
        return {"hotline": self.number, "line": dict(self.names).get(language, usual)}


Template = tuple[str | Placeholder, ...]


@dataclass(frozen=True)
class Catalogue:
    """Every prompt in every language; there is no fallback between languages."""

    prompts: Mapping[str, Mapping[LanguageCode, Template]]

    def say(
        self, prompt: str, values: Mapping[str, str], language: LanguageCode
    ) -> tuple[Part, ...]:
        """The parts of one prompt with its values filled in.

        Raises:
            KeyError: unknown prompt, or a value is missing.
        """
        parts: list[Part] = []
        for piece in self.prompts[prompt][language]:
            for part in [piece] if isinstance(piece, str) else spoken(piece, values, language):
                _join(parts, part)
        return tuple(parts)

    def text(self, prompt: str, values: Mapping[str, str], language: LanguageCode) -> str:
        """The same as plain text, for texts and transcripts."""
        parts = self.say(prompt, values, language)
        return "".join(p.shown if isinstance(p, Spelled) else p for p in parts)

    def shown(self, prompt: str, language: LanguageCode) -> str:
        """A prompt as it is written, with its placeholders: `编号是{report_number}`."""
        pieces = self.prompts[prompt][language]
        return "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in pieces)


def _join(parts: list[Part], part: Part) -> None:
    """Adds a part; neighbouring plain texts become one."""
    if parts and isinstance(part, str) and isinstance(last := parts[-1], str):
        parts[-1] = last + part
    else:
        parts.append(part)


def spoken(place: Placeholder, values: Mapping[str, str], language: LanguageCode) -> list[Part]:
    """The parts of one value, as its kind is spoken.

    Raises:
        KeyError: it is missing.
    """
    value = place.value or values[place.name]
    if place.kind == "phone" and not value:
        return [LANGUAGES[language].unknown_phone]
    if place.kind in ("digits", "phone"):
        return list(spell(value, language))
    if place.kind in _OF_TIME:
        return [_OF_TIME[place.kind](float(value), language)]
    return [value]


# A moment, unix seconds; a stretch, seconds.
_OF_TIME: Final = {"time": moment, "duration": duration}


def load_catalogue(line: LineItself | None = None) -> Catalogue:
    """The catalogue in prompts.toml, with a column for each row of LANGUAGES; `line`: the line that
    speaks, if it is not the usual one.

    Raises:
        CatalogueError: as `parse_catalogue` does.
    """
    return _read(PROMPTS_FILE, tuple(LANGUAGES), line or LineItself())


def load_all_words(line: LineItself | None = None) -> Catalogue:
    """The same with the words that only the website has, in site.toml.

    Raises:
        CatalogueError: as `parse_catalogue` does, for both files; or a prompt stands in both.
    """
    found, faults = [], []
    for path in (PROMPTS_FILE, SITE_FILE):
        try:
            found.append(_read(path, tuple(LANGUAGES), line or LineItself()).prompts)
        except CatalogueError as error:
            faults += error.faults
    if faults:
        raise CatalogueError(faults)
    said, own = found
    if both := said.keys() & own.keys():
        raise CatalogueError([f"{name}: stands in both files" for name in sorted(both)])
    return Catalogue({**said, **own})


@cache
def _read(path: Path, languages: tuple[LanguageCode, ...], line: LineItself) -> Catalogue:
    return parse_catalogue(tomllib.loads(path.read_text(encoding="utf-8")), languages, line)


def parse_catalogue(
    tables: Mapping[str, Any], languages: Collection[LanguageCode], line: LineItself
) -> Catalogue:
    """Prompt id -> {language: text} tables as a checked catalogue.

    Raises:
        CatalogueError: a language is missing or unknown, a placeholder is missing in one, or a
            text is too long.
    """
    faults = [
        f"{name}: {fault}"
        for name, texts in tables.items()
        for fault in (*_column_faults(texts, languages), *_place_faults(texts))
    ]
    if faults:
        raise CatalogueError(faults)
    return Catalogue(
        {
            name: {code: _template(text, line.values(code)) for code, text in texts.items()}
            for name, texts in tables.items()
        }
    )


def _column_faults(
    texts: Mapping[LanguageCode, str], languages: Collection[LanguageCode]
) -> Iterator[str]:
    yield from (f"has no text in {code}" for code in languages if not texts.get(code, "").strip())
    yield from (f"{code} is no language here" for code in texts if code not in languages)
    yield from (f"{code} is too long" for code, text in texts.items() if len(text) > LONGEST_SAY)


def _place_faults(texts: Mapping[LanguageCode, str]) -> Iterator[str]:
    places = {code: _own_places(text) for code, text in texts.items()}
    known = sorted(set().union(*places.values()))
    kinds = ", ".join(sorted(KINDS))
    yield from (f"{p} is no known kind; use {kinds}" for p in known if p.kind not in KINDS)
    yield from (f"{code} lacks {p}" for code, own in places.items() for p in known if p not in own)


def _own_places(text: str) -> set[Placeholder]:
    found = {piece for piece in _template(text, {}) if isinstance(piece, Placeholder)}
    return {place for place in found if place.name not in EVERYWHERE}


def _template(text: str, own: Mapping[str, str]) -> Template:
    pieces: list[str | Placeholder] = []
    for literal, name, kind, _ in Formatter().parse(text):
        pieces += [literal] if literal else []
        if name is not None:
            pieces.append(Placeholder(name, kind or "", own.get(name, "")))
    return tuple(pieces)
