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
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import duration
from ivr.store.block_times import BOUNDS
from simulator.engine import Event
from simulator.kit import Retold
from tests.journeys.town import BANKS, LANGUAGE_KEYS, SOUNDS

OWN_NUMBER: Final = "12333"
SPOKEN_AS: Final[Mapping[str, LanguageCode]] = {"cmn-CN": "zh", "en-US": "en"}
BILINGUAL: Final = {"welcome"}  # said before a language is chosen
CHOOSES: Final = "{language key}"
UNKNOWN: Final = "unknown"  # a phone number that nobody told us


def by_name(language: LanguageCode) -> Retold:
    """Retells the call of someone who chooses, or is given, this language."""

    def retell(events: Iterable[Event]) -> Iterator[Event]:
        is_asked = False  # for the language
        for event in events:
            if event.kind == "said":
                told = _named(event, language)
                is_asked = told.endswith(tuple(BILINGUAL))
                yield replace(event, text=told, language="")
                continue
            if event.kind == "whispered":
                yield replace(event, text=_whispered(event.text), language="")
                continue
            chooses = is_asked and event.kind == "pressed"
            yield replace(event, text=CHOOSES) if chooses and _is_key(event, language) else event

    return retell


def _whispered(text: str) -> str:
    """What a person hears, in Mandarin; which language the caller speaks is no transcript's."""
    name, values = prompt_of(text, "zh")
    told = ", ".join(f"{place} {value}" for place, value in values.items() if place != "language")
    return f"{name}: {told}" if told else name


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
    """The one prompt that sounds like this, and the values it was spoken with. Our own number and
    name are the same in every call: they must be right, and are not told.
    """
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
        if kinds[name] == "phone" and spoken == LANGUAGES[language].unknown_phone:
            values[name] = UNKNOWN
        elif kinds[name] in ("digits", "phone"):
            values[name] = "".join(SOUNDS[language][sound] for sound in spoken.split(" "))
        elif kinds[name] == "duration":
            said = {duration(seconds, language): seconds for seconds in reversed(BOUNDS)}
            values[name] = f"{said[spoken]:g}"
        elif name == "bank":
            values[name] = banks.get(spoken, spoken)
    assert values.pop("hotline", OWN_NUMBER) == OWN_NUMBER
    own_name = LANGUAGES[language].line_name
    assert values.pop("line", own_name) == own_name
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
    """A value that comes twice must be the same both times; a bank is called by its name."""
    row = LANGUAGES[language]
    banks = "|".join([*(re.escape(names[language]) for names in BANKS.values()), row.issuing_bank])
    digit = f"[{''.join(SOUNDS[language])}]"
    pattern = ""
    for piece in template:
        if isinstance(piece, str):
            pattern += re.escape(piece)
        elif f"(?P<{piece.name}>" in pattern:
            pattern += f"(?P={piece.name})"
        else:
            digits = f"{digit}(?: {digit})*"
            phone = f"{digits}|{re.escape(row.unknown_phone)}"
            sounds = {"digits": digits, "phone": phone}.get(piece.kind, ".+")
            pattern += f"(?P<{piece.name}>{banks if piece.name == 'bank' else sounds})"
    return pattern
