"""What callers may say in place of a key, and what was heard made into one. Nothing of what was
said is kept: it may hold an ID number.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ivr.prompts.languages import LanguageCode

PHRASES_FILE: Final = Path(__file__).with_name("phrases.toml")
ANYWHERE: Final = "anywhere"
LEAST: Final = 0.5  # how sure the engine must be; one that does not say is believed
LEAST_TO_CONFIRM: Final = 0.7  # here it must say so
# Where key 1 files something: only the whole of what was said, and no other words with it.
CONFIRMED_AT: Final = frozenset({"confirm", "confirm_again", "confirm_all", "not_me"})
CONFIRMS: Final = "1"

Phrases = Mapping[str, tuple[str, ...]]  # key -> what may be said for it


@cache
def phrases_at(step: str, language: LanguageCode) -> Phrases:
    """What may be said at a step; empty for a language that is not listened to."""
    tables = _tables()
    keys = {**tables[ANYWHERE], **tables.get(step, {})}
    return {key: tuple(texts[language]) for key, texts in keys.items() if language in texts}


@cache
def hints_at(step: str, language: LanguageCode) -> str:
    """All of it, for the engine: it hears better what it expects."""
    said = [phrase for phrases in phrases_at(step, language).values() for phrase in phrases]
    return ",".join(dict.fromkeys(said))


def key_for(step: str, language: LanguageCode, said: str, confidence: float | None) -> str:
    """The key that was meant; "" when that is not sure.

    confidence: from 0 to 1, as the engine says; None when it does not.
    """
    if confidence is not None and confidence < LEAST:
        return ""
    words, found = _plain(said), dict[str, int]()
    for key, phrases in phrases_at(step, language).items():
        if step in CONFIRMED_AT and key == CONFIRMS:
            if words in map(_plain, phrases):
                return key if (confidence or 0.0) >= LEAST_TO_CONFIRM else ""
            continue
        found[key] = max((len(each) for each in phrases if _is_in(_plain(each), words)), default=0)
    longest = max(found.values(), default=0)
    keys = [key for key, length in found.items() if length == longest > 0]
    return keys[0] if len(keys) == 1 else ""


def _is_in(phrase: str, words: str) -> bool:
    """Words that are parted by blanks are whole words. In Chinese 不 before it makes its opposite
    of it: 不是我 is not 是我.
    """
    if phrase.isascii():
        return f" {phrase} " in f" {words} "
    return re.search(f"(?<!不){re.escape(phrase)}", words) is not None


def _plain(text: str) -> str:
    """Without marks and capitals; between Chinese characters an engine may write blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "")
    words = re.sub(r"[\W_]+", " ", folded).strip()
    return words if words.isascii() else words.replace(" ", "")


@cache
def _tables() -> Mapping[str, Mapping[str, Mapping[LanguageCode, list[str]]]]:
    return tomllib.loads(PHRASES_FILE.read_text(encoding="utf-8"))
