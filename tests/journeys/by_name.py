"""A call retold with its prompts by name, for the words are in the catalogue and nowhere else:

    line    confirm_what: last4 0169, bank icbc, card_last4 5678

Word for word or not at all: what is no prompt of the catalogue, or not in the language it is
spoken in, fails. What only the language changes is named too, so that one transcript serves both:
the key that chooses it, and the names of banks. That every line is in the caller's own language
is asserted here, and not written.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from ivr.prompts.catalogue import Placeholder, Template, load_catalogue
from ivr.prompts.languages import LanguageCode
from simulator.engine import Event
from simulator.kit import Retold
from tests.journeys.town import BANKS, LANGUAGE_KEYS, SOUNDS

SPOKEN_AS: Final[Mapping[str, LanguageCode]] = {"cmn-CN": "zh", "en-US": "en"}
BILINGUAL: Final = {"welcome", "language"}  # said before a language is chosen
CHOOSES: Final = "{language key}"


def by_name(language: LanguageCode) -> Retold:
    """Retells the call of someone who chooses, or is given, this language."""

    def retell(events: Iterable[Event]) -> Iterator[Event]:
        acted = False
        for event in events:
            if event.kind == "said":
                yield replace(event, text=_named(event, language), language="")
                continue
            chooses = not acted and event.kind == "pressed"
            acted = acted or event.kind in ("pressed", "silence")
            yield replace(event, text=CHOOSES) if chooses and _is_key(event, language) else event

    return retell


def _is_key(event: Event, language: LanguageCode) -> bool:
    return event.text == LANGUAGE_KEYS[language]


def _named(event: Event, language: LanguageCode) -> str:
    """A line by its prompt's name; the two languages of the greeting are told apart."""
    spoken = SPOKEN_AS[event.language]
    name, values = prompt_of(event.text, spoken)
    if name in BILINGUAL:
        return f"[{spoken}] {name}"
    assert spoken == language, f"to someone who chose {language}, in {spoken}: {event.text}"
    told = ", ".join(f"{place} {value}" for place, value in values.items())
    return f"{name}: {told}" if told else name


def prompt_of(text: str, language: LanguageCode) -> tuple[str, dict[str, str]]:
    """The one prompt that sounds like this, and the values it was spoken with."""
    heard = {
        name: _values(found, name, language)
        for name, pattern in _patterns(language).items()
        if (found := pattern.fullmatch(text))
    }
    assert heard, f"no prompt of the catalogue in {language}: {text!r}"
    assert len(heard) == 1, f"{' and '.join(heard)} sound the same: {text!r}"
    return heard.popitem()


def _values(found: re.Match[str], prompt: str, language: LanguageCode) -> dict[str, str]:
    kinds = {p.name: p.kind for p in _places(prompt, language)}
    banks = {names[language]: bank for bank, names in BANKS.items()}
    values = found.groupdict()
    for name, spoken in values.items():
        if kinds[name] == "digits":
            values[name] = "".join(SOUNDS[language][sound] for sound in spoken.split(" "))
        elif name == "bank":
            values[name] = banks.get(spoken, spoken)
    return values


def _places(prompt: str, language: LanguageCode) -> list[Placeholder]:
    template = load_catalogue().prompts[prompt][language]
    return [piece for piece in template if isinstance(piece, Placeholder)]


@cache
def _patterns(language: LanguageCode) -> dict[str, re.Pattern[str]]:
    prompts = load_catalogue().prompts
    return {
        name: re.compile(_pattern(texts[language], language)) for name, texts in prompts.items()
    }


def _pattern(template: Template, language: LanguageCode) -> str:
    """A value that comes twice must be the same both times."""
    digit = f"[{''.join(SOUNDS[language])}]"
    pattern = ""
    for piece in template:
        if isinstance(piece, str):
            pattern += re.escape(piece)
        elif f"(?P<{piece.name}>" in pattern:
            pattern += f"(?P={piece.name})"
        else:
            sounds = f"{digit}(?: {digit})*" if piece.kind == "digits" else ".+"
            pattern += f"(?P<{piece.name}>{sounds})"
    return pattern
