"""Where a new card is had, as data: the place of a city and bank, and the sentences it makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.prompts.languages import LanguageCode

# What is told of a place in each language. `meanwhile`, what to do until the new card is there, may
# be empty: then the catalogue's own words are said.
TEXTS: Final = ("place", "address", "open", "papers")
MEANWHILE: Final = "meanwhile"

Sentence = tuple[str, Mapping[str, str]]  # a prompt and its values


@dataclass(frozen=True)
class Place:
    """Where the holders of a city's cards get new ones; `bank`: of that bank's only, "" of any.

    fee: yuan. days: working days, 0 for on the spot. texts: by language, then by name.
    """

    city_code: str
    bank: str
    fee: int
    days: int
    texts: Mapping[LanguageCode, Mapping[str, str]]

    def guidance(self, language: LanguageCode) -> tuple[Sentence, ...]:
        """What a holder is told; nothing in a language that the place has no words in."""
        texts = self.texts.get(language)
        return () if texts is None else tuple(self._sentences(texts))

    def to_apply(self, language: LanguageCode) -> tuple[Sentence, ...]:
        """Where to go after a formal loss report."""
        texts = self.texts.get(language)
        return () if texts is None else (("status_formal_here", texts),)

    def to_collect(self, language: LanguageCode) -> tuple[Sentence, ...]:
        """Where a card lies that has arrived."""
        texts = self.texts.get(language)
        return () if texts is None else (("collect_at", texts),)

    def _sentences(self, texts: Mapping[str, str]) -> Iterator[Sentence]:
        yield "place_where", texts
        yield "place_bring", texts
        yield ("place_fee", {"fee": str(self.fee)}) if self.fee else ("place_free", {})
        yield ("place_days", {"days": str(self.days)}) if self.days else ("place_at_once", {})
        yield ("meanwhile_here", texts) if texts.get(MEANWHILE) else ("meanwhile", {})
