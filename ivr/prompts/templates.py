"""The texts to holders as templates, as domestic gateways want them: registered word for word, and
sent as a template's id with the values of its variables in order.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.prompts.catalogue import Catalogue, Placeholder, spoken
from ivr.prompts.languages import LanguageCode
from ivr.prompts.speech import Spelled

TEXT: Final = "text_"  # how the prompts that are texts to holders begin
REPLY: Final = "_reply"  # how they end where holders can answer by text

# The signature, which the gateway puts there itself.
_SIGNED: Final = re.compile(r"【[^】]*】|\[[^\]]*\] ?")


@dataclass(frozen=True)
class TextTemplate:
    """A text to be registered. `words` has ${1}, ${2} … where its variables stand: each of these
    once, so a value that is said twice is two variables. `names`: what they are.
    """

    name: str  # text_filed.zh
    words: str
    names: tuple[str, ...]


def template_names(catalogue: Catalogue) -> Iterator[str]:
    """The names of all texts that go through a gateway, which brings no answers."""
    for prompt, texts in catalogue.prompts.items():
        if prompt.startswith(TEXT) and not prompt.endswith(REPLY):
            yield from (f"{prompt}.{language}" for language in texts)


def template(catalogue: Catalogue, name: str) -> TextTemplate:
    """One of them. Raises: KeyError: there is no such text."""
    prompt, _, language = name.partition(".")
    words, names = "", list[str]()
    for piece in catalogue.prompts[prompt][language]:
        if isinstance(piece, Placeholder) and not piece.value:
            names.append(piece.name)
            words += f"${{{len(names)}}}"
        else:
            words += _shown(piece, {}, language)
    return TextTemplate(name, _SIGNED.sub("", words, count=1), tuple(names))


def parameters(
    catalogue: Catalogue, prompt: str, values: Mapping[str, str], language: LanguageCode
) -> list[str]:
    """The values of a text's variables, in the order of its template."""
    pieces = catalogue.prompts[prompt][language]
    places = [p for p in pieces if isinstance(p, Placeholder) and not p.value]
    return [_shown(place, values, language) for place in places]


def _shown(piece: str | Placeholder, values: Mapping[str, str], language: LanguageCode) -> str:
    parts = [piece] if isinstance(piece, str) else spoken(piece, values, language)
    return "".join(part.shown if isinstance(part, Spelled) else part for part in parts)
