"""The words: one catalogue, both languages side by side, checked whole when it is loaded."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

from ivr.errors import HotlineError
from ivr.prompts.speech import Language, Part, Spelled, moment, spell

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
KINDS: Final = {"text", "digits", "time"}
LONGEST_SAY: Final = 500  # Chinese characters: Twilio counts 4 500 url-encoded ones


class CatalogueError(HotlineError):
    """The catalogue is wrong; every fault is named."""


@dataclass(frozen=True)
class Placeholder:
    """A value to be filled in, and how it is spoken."""

    name: str
    kind: str


Template = tuple[str | Placeholder, ...]


@dataclass(frozen=True)
class Catalogue:
    """Every prompt in every language; there is no fallback between languages."""

    prompts: Mapping[str, Mapping[Language, Template]]

    def say(self, prompt: str, values: Mapping[str, str], language: Language) -> tuple[Part, ...]:
        """The parts of one prompt with its values filled in.

        Raises:
            KeyError: unknown prompt, or a value is missing.
        """
        parts: list[Part] = []
        for piece in self.prompts[prompt][language]:
            for part in [piece] if isinstance(piece, str) else _spoken(piece, values, language):
                _join(parts, part)
        return tuple(parts)

    def text(self, prompt: str, values: Mapping[str, str], language: Language) -> str:
        """The same as plain text, for texts and transcripts."""
        parts = self.say(prompt, values, language)
        return "".join(p.shown if isinstance(p, Spelled) else p for p in parts)

    def shown(self, prompt: str, language: Language) -> str:
        """A prompt as it is written, its places still open: `编号是{report_number}`."""
        pieces = self.prompts[prompt][language]
        return "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in pieces)


def _join(parts: list[Part], part: Part) -> None:
    """Adds a part; neighbouring plain texts become one."""
    if parts and isinstance(part, str) and isinstance(last := parts[-1], str):
        parts[-1] = last + part
    else:
        parts.append(part)


def _spoken(place: Placeholder, values: Mapping[str, str], language: Language) -> list[Part]:
    value = values[place.name]
    if place.kind == "digits":
        return list(spell(value, language))
    return [moment(float(value), language) if place.kind == "time" else value]


@cache
def load_catalogue() -> Catalogue:
    """The catalogue beside this file."""
    path = Path(__file__).with_name("prompts.toml")
    return parse_catalogue(tomllib.loads(path.read_text(encoding="utf-8")))


def parse_catalogue(tables: Mapping[str, Any]) -> Catalogue:
    """Prompt id -> {zh, en} tables as a checked catalogue.

    Raises:
        CatalogueError: a language is missing, placeholders differ, or a text is too long.
    """
    faults = [fault for name, texts in tables.items() for fault in _faults(name, texts)]
    if faults:
        raise CatalogueError("\n".join(faults))
    return Catalogue(
        {
            name: {lang: _template(texts[lang]) for lang in LANGUAGES}
            for name, texts in tables.items()
        }
    )


def _faults(name: str, texts: Mapping[str, str]) -> list[str]:
    if set(texts) != set(LANGUAGES) or not all(t.strip() for t in texts.values()):
        return [f"{name}: needs a text in zh and in en, and nothing else"]
    places = {
        lang: {p for p in _template(t) if isinstance(p, Placeholder)} for lang, t in texts.items()
    }
    faults = [
        f"{name}: {{{p.name}:{p.kind}}} is no known kind; use {', '.join(sorted(KINDS))}"
        for p in places["zh"] | places["en"]
        if p.kind not in KINDS
    ]
    if places["zh"] != places["en"]:
        faults.append(f"{name}: zh and en have different placeholders")
    return faults + [
        f"{name}: {lang} is too long" for lang, t in texts.items() if len(t) > LONGEST_SAY
    ]


def _template(text: str) -> Template:
    pieces: list[str | Placeholder] = []
    for literal, name, kind, _ in Formatter().parse(text):
        pieces += [literal] if literal else []
        pieces += [Placeholder(name, kind or "")] if name is not None else []
    return tuple(pieces)
