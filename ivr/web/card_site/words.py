"""What the pages say of a card: the service's answers as prompts of the catalogue."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.cards.acts.report import Refusal
from ivr.cards.block import BlockState
from ivr.cards.id_number import IdNumberProblem
from ivr.cards.records import Card
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, SOCIAL_WORDS
from ivr.errands import Standing
from ivr.new_card import (
    NO_FORMAL_LOSS,
    WHERE_USUALLY,
    FindsPlace,
    after_formal_loss,
    how_far,
    where_had,
)
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.places import Sentence
from ivr.spoken import BankNames
from ivr.store.announcements import Announcement
from ivr.store.known import KnownHolder

ID_PROBLEMS: Final[Mapping[str, str]] = {
    IdNumberProblem.TOO_SHORT: "site_id_length",
    IdNumberProblem.TOO_LONG: "site_id_length",
    IdNumberProblem.LETTERS: "site_id_letters",
    IdNumberProblem.REGION: "site_id_region",
    IdNumberProblem.BIRTH_DATE: "site_id_birth_date",
    IdNumberProblem.IN_THE_FUTURE: "site_id_birth_date",
    IdNumberProblem.TOO_OLD: "site_id_birth_date",
    IdNumberProblem.CHECK_DIGIT: "site_id_check_digit",
}
# What is said of a card that cannot be reported.
_REFUSALS: Final[Mapping[Refusal, str]] = {
    Refusal.UNDER_16: "under_16",
    Refusal.ALREADY: "site_already",
    Refusal.ELSEWHERE: "already_elsewhere",
    Refusal.FORMAL: "site_formal",
    Refusal.CHANNEL_CLOSED: "site_not_online",
    Refusal.NOT_RENEWED: "not_renewed",
    Refusal.NEEDS_A_PERSON: "site_not_online",
    Refusal.REPLAYED: "site_not_online",
    Refusal.OVER_LIMIT: "site_not_online",
}
# The state in two or three words, with the sentence beside it.
_SOCIAL_SHORT: Final[Mapping[Social, str]] = {
    Social.ACTIVE: "site_word_active",
    Social.RESTORED: "site_word_active",
    Social.SUSPENDED: "site_word_suspended",
    Social.FORMAL: "site_word_blocked",
    Social.ELSEWHERE: "site_word_elsewhere",
    Social.NOT_NORMAL: "site_word_not_normal",
}
_WAITING: Final = (BlockState.NOTIFIED, BlockState.RECEIVED)
_BLOCKED: Final = (BlockState.BLOCKED, BlockState.FORMAL_LOSS)
_NOT_BLOCKED: Final = (
    BlockState.REFUSED, BlockState.UNBLOCKED, BlockState.LAPSED, BlockState.REPLACED,
)  # fmt: skip


@dataclass(frozen=True)
class CardShown:
    """One card as a page shows it. `is_waiting`: the bank has not said its word. `usually`: how
    long it takes. `progress`: how far a new card is.
    """

    ref: str
    name: str
    facts: Mapping[str, str]
    number: str
    until: str
    social: str
    social_word: str
    bank: str
    bank_word: str
    bank_mark: str  # which shape stands beside it: blocked, waiting or open
    usually: str
    formal: str
    progress: Sequence[str]
    why_not: str
    price: str
    is_waiting: bool


class Words:
    """The catalogue in one language."""

    def __init__(
        self,
        catalogue: Catalogue,
        banks: BankNames,
        place_of: FindsPlace,
        language: LanguageCode,
    ) -> None:
        self._catalogue = catalogue
        self._banks = banks
        self._place_of = place_of
        self.language = language

    def __call__(self, prompt: str, **values: str) -> str:
        """One prompt as text."""
        return self._catalogue.text(prompt, values, self.language)

    def sentences(self, told: Iterable[Sentence]) -> list[str]:
        return [self(prompt, **values) for prompt, values in told]

    def guidance(self, known: KnownHolder | None) -> list[str]:
        """Where a new card is had: once the holder is known, where theirs are; with several places
        each says for which cards.
        """
        cards = known.cards.values() if known else ()
        told: dict[tuple[str, ...], list[str]] = {}
        for card in cards:
            where = where_had(card, self._place_of, self.language)
            told.setdefault(tuple(self.sentences(where)), []).append(self._name(card))
        if len(told) < 2:
            return [*next(iter(told), self.sentences(WHERE_USUALLY))]
        between = LANGUAGES[self.language].between_spans
        return [line for lines, names in told.items() for line in (between.join(names), *lines)]

    def announced(self, standing: Iterable[Announcement], banks: Collection[str]) -> list[str]:
        """What is announced to the callers of these banks; "" are all callers."""
        told = []
        for each in standing:
            if each.bank in banks and (text := each.texts.get(self.language)):
                facts = self._banks.facts(each.bank, self.language) if each.bank else {}
                prompt = "bank_announcement" if each.bank else "announcement"
                told.append(self(prompt, announcement=text, **facts))
        return told

    def _name(self, card: Card) -> str:
        return self("site_card", **self._facts(card))

    def _facts(self, card: Card) -> dict[str, str]:
        return {**self._banks.facts(card.bank, self.language), "card_last4": card.last4}

    def card(self, known: KnownHolder, standing: Standing, days: str) -> CardShown:
        """A card with all that may be said of it."""
        card, case = known.cards[standing.card_ref], known.readings[standing.card_ref].case
        facts = self._facts(card)
        told = self._banks.facts(case.block.bank if case.block else card.bank, self.language)
        status = standing.status
        report = {"report_number": standing.number, "until": str(_until(standing))}
        seconds = known.readings[standing.card_ref].usual_seconds
        formal = NO_FORMAL_LOSS
        if status.social is Social.FORMAL:
            formal = after_formal_loss(card, self._place_of, self.language)
        price = "confirm_price_again" if standing.is_again else "confirm_price"
        word, mark = _bank_word(status.block)
        why = _REFUSALS[standing.refusal] if standing.refusal else ""
        block = BLOCK_WORDS[status.block].status if status.block else NEVER_BLOCKED
        return CardShown(
            ref=standing.card_ref,
            name=self._name(card),
            facts=facts,
            number=self("site_report_number", **report) if standing.number else "",
            until=self("site_until_when", **report) if standing.number else "",
            social=self(SOCIAL_WORDS[status.social], **facts, **report),
            social_word=self(_SOCIAL_SHORT[status.social]),
            bank=self(block, **told),
            bank_word=self(word),
            bank_mark=mark,
            usually=self("bank_usually", **told, within=str(seconds)) if seconds else "",
            formal=" ".join(self.sentences(formal)),
            progress=self.sentences(how_far(card, self._place_of, facts, self.language)),
            why_not=self(why, **facts, **report) if why else "",
            price=self(price, days=days),
            is_waiting=status.block in _WAITING,
        )


def _bank_word(block: BlockState | None) -> tuple[str, str]:
    if block in _BLOCKED:
        return "site_word_blocked", "blocked"
    if block is None:
        return "site_word_never", "open"
    if block in _NOT_BLOCKED:
        return "site_word_not_blocked", "open"
    return "site_word_waiting", "waiting"


def _until(standing: Standing) -> int:
    suspension = standing.status.suspension
    return suspension.release_at or 0 if suspension else 0
