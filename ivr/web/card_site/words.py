"""What the pages say of a card: the service's answers as prompts of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ivr.cards.acts.report import Refusal
from ivr.cards.block import BlockState
from ivr.cards.id_number import IdNumberProblem
from ivr.cards.status import Social
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, SOCIAL_WORDS
from ivr.errands import Standing
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LanguageCode
from ivr.spoken import BankNames
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
    """One card as a page shows it. `is_waiting`: the bank has not said its word."""

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
    formal: str
    why_not: str
    price: str
    is_waiting: bool


class Words:
    """The catalogue in one language."""

    def __init__(self, catalogue: Catalogue, banks: BankNames, language: LanguageCode) -> None:
        self._catalogue = catalogue
        self._banks = banks
        self.language = language

    def __call__(self, prompt: str, **values: str) -> str:
        """One prompt as text."""
        return self._catalogue.text(prompt, values, self.language)

    def card(self, known: KnownHolder, standing: Standing, days: str) -> CardShown:
        """A card with all that may be said of it."""
        card, case = known.cards[standing.card_ref], known.readings[standing.card_ref].case
        facts = {**self._banks.facts(card.bank, self.language), "card_last4": card.last4}
        told = self._banks.facts(case.block.bank if case.block else card.bank, self.language)
        status = standing.status
        report = {"report_number": standing.number, "until": str(_until(standing))}
        formal = "status_formal" if status.social is Social.FORMAL else "status_formal_none"
        price = "confirm_price_again" if standing.is_again else "confirm_price"
        word, mark = _bank_word(status.block)
        why = _REFUSALS[standing.refusal] if standing.refusal else ""
        block = BLOCK_WORDS[status.block].status if status.block else NEVER_BLOCKED
        return CardShown(
            ref=standing.card_ref,
            name=self("site_card", **facts),
            facts=facts,
            number=self("site_report_number", **report) if standing.number else "",
            until=self("site_until_when", **report) if standing.number else "",
            social=self(SOCIAL_WORDS[status.social], **facts, **report),
            social_word=self(_SOCIAL_SHORT[status.social]),
            bank=self(block, **told),
            bank_word=self(word),
            bank_mark=mark,
            formal=self(formal),
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
