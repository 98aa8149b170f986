"""One exchange of texts: what came from a phone -> what it is answered. Knows no web server.

A channel like any other: it is handed the service, decides nothing, and finds words. Who texts is
known by the number alone, which others can forge: so it blocks and never unblocks, every answer
goes to that phone, and a phone that is nobody's is told the same as one without such a card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from ivr.cards.acts.report import Filing, Origin, Refusal, ReportRequest
from ivr.cards.errors import UnknownCardError
from ivr.cards.limits import Caller, SecondFactor
from ivr.cards.status import Social, Status
from ivr.cards.words import BLOCK_WORDS, NEVER_BLOCKED, SOCIAL_WORDS
from ivr.dialogue.text_words import Said, Wish, read_text
from ivr.logs import fault
from ivr.phone_numbers import calling_number
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.service import CardService
from ivr.settings import Settings
from ivr.spoken import BankNames
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.known import KnownHolder
from ivr.store.texting import Before, Question, TextExchanges

CHANNEL: Final = "text"
ANSWER_SECONDS: Final = 600  # so long a question waits for its yes
MOST_MISSES: Final = 5  # texts that lead nowhere and are answered, of one phone in 24 hours
MOST_ANSWERS: Final = 20  # texts of one phone that are answered, in 24 hours
MOST_YESES: Final = 3  # to one question, that are answered; they are none of those
MOST_STATUSES: Final = 3  # texts in one answer
MOST_LISTED: Final = 4  # cards in one text

Line = tuple[str, Mapping[str, str]]  # a prompt and its values

log = structlog.get_logger()


@dataclass(frozen=True)
class Incoming:
    """A text that came. `sender` as the carrier names it; `is_answered`: the carrier has answered
    it already.
    """

    id: str
    sender: str = field(repr=False)
    body: str = field(repr=False)  # may be an ID number, which it must not be
    is_answered: bool = False


@dataclass(frozen=True)
class Reply:
    """What is answered: texts, each of lines. `question`: what waits for
    an answer from now on. `is_miss`: it led nowhere.
    """

    language: LanguageCode
    texts: Sequence[Sequence[Line]] = ()
    question: Question | None = None
    is_miss: bool = False


class Texting:
    """Answers texts."""

    def __init__(
        self,
        service: CardService,
        exchanges: TextExchanges,
        catalogue: Catalogue,
        banks: BankNames,
        settings: Settings,
    ) -> None:
        self._service = service
        self._exchanges = exchanges
        self._catalogue = catalogue
        self._banks = banks
        self._days = str(settings.loss_report_days)
        self._asks_code = settings.second_factor is not SecondFactor.NONE

    def answer(self, text: Incoming) -> tuple[str, ...]:
        """The texts that answer one; none for a sender that is no telephone, nor where the carrier
        answers. The same text once more gets the same answer, and nothing happens twice.
        """
        caller = self._service.caller(calling_number(text.sender))
        if not caller.number:
            return ()
        said = read_text(text.body)
        try:
            return self._answer(text, said, caller)
        except OutcomeUnknownError:
            return self._words(Reply(said.language, [[("sms_unknown", {})]]))
        except Exception as error:  # whoever texts is told, and no carrier asks again
            return self._failed(said, error)

    def _failed(self, said: Said, error: Exception) -> tuple[str, ...]:
        log.error("answer_failed", wish=said.wish, **fault(error))
        prompt = "sms_unknown" if said.wish is Wish.CONFIRM else "sms_busy"
        return self._words(Reply(said.language, [[(prompt, {})]]))

    def _answer(self, text: Incoming, said: Said, caller: Caller) -> tuple[str, ...]:
        before = self._exchanges.before(caller.ref, text.id)
        if before.answered is not None:
            return before.answered
        if said.code and before.question:  # digits are of no language
            said = replace(said, language=before.question.language)
        is_begun = before.question is not None and said.wish in (Wish.CONFIRM, Wish.CANCEL)
        if said.wish is Wish.CONFIRM and before.question and before.question.told >= MOST_YESES:
            reply = Reply(said.language, question=before.question)
        elif before.answers >= MOST_ANSWERS and not is_begun and not text.is_answered:
            reply = _enough(said, before)
        else:
            reply = _Turn(self, self._service, text, said, caller, before).reply()
        is_silent = text.is_answered or (reply.is_miss and before.misses >= MOST_MISSES)
        answer = () if is_silent else self._words(reply)
        self._exchanges.save(
            caller.ref, text.id, answer, _told(reply.question, by=answer if is_begun else ()),
            is_miss=reply.is_miss and bool(answer), is_counted=bool(answer) and not is_begun,
        )  # fmt: skip
        return answer

    def _words(self, reply: Reply) -> tuple[str, ...]:
        return tuple(
            "\n".join(self._catalogue.text(p, values, reply.language) for p, values in lines)
            for lines in reply.texts
        )

    def facts(self, bank: str, language: LanguageCode) -> dict[str, str]:
        """How a bank is named and called."""
        return self._banks.facts(bank, language)

    @property
    def days(self) -> str:
        return self._days

    @property
    def asks_code(self) -> bool:
        """Whether a yes must repeat what the question says: where everybody proves more."""
        return self._asks_code


def _told(question: Question | None, *, by: Sequence[str]) -> Question | None:
    """The question that waits on; `by`: what its yes was answered."""
    return replace(question, told=question.told + 1) if question and by else question


def _enough(said: Said, before: Before) -> Reply:
    """Nothing is done on a text of a phone that was answered so often. It is told once."""
    is_told = before.answers > MOST_ANSWERS or said.is_carriers or said.wish is Wish.NONE
    lines: list[list[Line]] = [] if is_told else [[("sms_too_many", {})]]
    return Reply(said.language, lines, before.question)


@dataclass(frozen=True)
class _Found:
    """One card of a holder whose phone it is."""

    known: KnownHolder
    card_ref: str

    @property
    def bank(self) -> str:
        return self.known.cards[self.card_ref].bank

    @property
    def last4(self) -> str:
        return self.known.cards[self.card_ref].last4


@dataclass(frozen=True)
class _Turn:
    """One text and all that is known when it comes."""

    texting: Texting
    service: CardService
    text: Incoming
    said: Said
    caller: Caller
    before: Before

    def reply(self) -> Reply:
        said, question = self.said, self.before.question
        match said.wish:
            case Wish.CONFIRM if question is not None:
                return self._confirmed(question)
            case Wish.CANCEL if question is not None:
                return self._cancelled(question)
            case Wish.REPORT:
                return self._asked_to_report()
            case Wish.STATUS:
                return self._status()
            case Wish.NOT_ME:
                return self._not_me()
        if said.is_carriers or said.wish is Wish.NONE:
            return Reply(said.language, question=question)
        if said.wish in (Wish.CONFIRM, Wish.CANCEL):
            return self._says("sms_nothing_waiting", is_miss=True)
        if said.wish is Wish.WHOLE_NUMBER:
            return self._says("sms_whole_number", is_miss=True)
        return self._says("sms_help", is_miss=True, keeps=question)

    # --- a report ------------------------------------------------------------------------------

    def _asked_to_report(self) -> Reply:
        holders = self._holders()
        found = [each for each in _cards_of(holders) if self._is_meant(each)]
        if not found:
            return self._says("sms_no_match", is_miss=not holders)
        if len(found) == 1:
            return self._ask(found[0])
        if len({each.last4 for each in found}) == len(found) and not self.said.is_of_card:
            between = LANGUAGES[self.said.language].between_spans
            listed = between.join(
                f"{self._facts(each)['bank']} {each.last4}" for each in found[:MOST_LISTED]
            )
            return self._says("sms_which_card", {"cards": listed})
        return self._says("sms_not_by_text")

    def _is_meant(self, each: _Found) -> bool:
        if not self.said.last4:
            return True
        of_holder = not self.said.is_of_card and each.known.holder.last4 == self.said.last4
        return of_holder or each.last4 == self.said.last4

    def _ask(self, found: _Found) -> Reply:
        """Says what will happen, and asks; or why it cannot."""
        by = Origin(CHANNEL, self.text.id)
        refusal = self.service.refusal(found.known, found.card_ref, by)
        if refusal is not None:
            return self._refused(found, refusal)
        is_again = found.known.readings[found.card_ref].case.suspension is not None
        question = Question(
            self.text.id, found.known.ref, found.card_ref, self.before.now, self.said.language
        )
        ends: Line = ("sms_say_yes", {})
        if self.texting.asks_code:
            code = self.service.text_code(found.known.ref, self.text.id)
            ends = ("sms_say_code", {"code": code})
        price = "confirm_price_again" if is_again else "confirm_price"
        lines: list[Line] = [
            ("sms_ask", self._facts(found)),
            (price, {"days": self.texting.days}),
            ends,
        ]
        return Reply(self.said.language, [lines], question)

    def _confirmed(self, question: Question) -> Reply:
        """A yes. The same question files once, however often it is answered."""
        found = self._asked_about(question)
        if found is None:
            return self._says("sms_nothing_waiting", is_miss=True)
        reading = found.known.readings[found.card_ref]
        is_filed = reading.case.suspension is not None
        is_late = self.before.now - question.asked_at > ANSWER_SECONDS
        if is_late or not self._has_code(question):
            prompt = "sms_expired" if is_late else "sms_wrong_code"
            return self._status_of(found) if is_filed else self._says(prompt)
        request = ReportRequest(
            found.known.ref, found.card_ref, CHANNEL, question.id, question.language,
            self.caller.ref,
        )  # fmt: skip
        try:
            filing = self.service.report_loss(request, found.known, self.caller)
        except UnknownCardError:  # gone from the directory since
            return self._says("sms_not_by_text")
        if filing.refusal is not None:
            return self._refused(found, filing.refusal, question)
        return self._filed(filing, question)

    def _filed(self, filing: Filing, question: Question) -> Reply:
        values = {"report_number": filing.report_number}
        return Reply(question.language, [[("sms_filed", values)]], question)

    def _asked_about(self, question: Question) -> _Found | None:
        """The card of the question, if this is still its holder's phone."""
        for known in self._holders():
            if known.ref == question.holder_ref and question.card_ref in known.cards:
                return _Found(known, question.card_ref)
        return None

    def _has_code(self, question: Question) -> bool:
        if not self.texting.asks_code:
            return not self.said.code
        return self.said.code == self.service.text_code(question.holder_ref, question.id)

    def _cancelled(self, question: Question) -> Reply:
        """Nothing is asked any more; what was filed meanwhile is not undone."""
        if self.said.is_carriers:
            return Reply(self.said.language)
        found = self._asked_about(question)
        if found is None:
            return self._says("sms_nothing_waiting", is_miss=True)
        if found.known.readings[found.card_ref].case.suspension is not None:
            return self._status_of(found)
        return self._says("cancelled", self._facts(found))

    def _refused(self, found: _Found, why: Refusal, question: Question | None = None) -> Reply:
        if why in (Refusal.ALREADY, Refusal.FORMAL, Refusal.ELSEWHERE):
            fresh = self.service.holder(found.known.ref) or found.known
            return self._status_of(_Found(fresh, found.card_ref), question)
        return self._says(_REFUSALS.get(why, "not_by_phone"), self._facts(found))

    # --- status, and "it was not me" ------------------------------------------------------------

    def _status(self) -> Reply:
        return self._status_among(self._holders())

    def _status_among(self, holders: Sequence[KnownHolder]) -> Reply:
        told = [each for each in _cards_of(holders) if self._is_meant(each)]
        told = [each for each in told if _is_worth_telling(self._standing(each))]
        if not told:
            return self._says("sms_status_none", is_miss=not holders)
        texts = [self._lines_of(each) for each in told[:MOST_STATUSES]]
        return Reply(self.said.language, texts, self.before.question)

    def _status_of(self, found: _Found, question: Question | None = None) -> Reply:
        return Reply(self.said.language, [self._lines_of(found)], question)

    def _standing(self, found: _Found) -> Status:
        return self.service.status(found.known, found.card_ref)

    def _lines_of(self, found: _Found) -> list[Line]:
        """The three parts of a card's status, in the words of the telephone."""
        status = self._standing(found)
        values, held = self._facts(found), status.suspension
        if held is not None and held.number_told:
            self.service.make_sure(held.number_told)
            values |= {"report_number": held.number_told, "until": str(held.release_at)}
        block = found.known.readings[found.card_ref].case.block
        told = self.texting.facts(block.bank if block else found.bank, self.said.language)
        bank = NEVER_BLOCKED if status.block is None else BLOCK_WORDS[status.block].status
        if status.social is Social.ELSEWHERE:
            return [(SOCIAL_WORDS[status.social], values)]
        return [("status_card", values), (SOCIAL_WORDS[status.social], values), (bank, told)]

    def _not_me(self) -> Reply:
        holders = self._holders()
        running = [
            (each, number)
            for each in _cards_of(holders)
            if self._is_meant(each) and (number := self._number_of(each))
        ]
        if not running:  # a formal loss, maybe: only its bank can say whose it was
            return self._status_among(holders)
        if len(running) > 1:
            return self._says("sms_which_report")
        ((_, number),) = running
        objection = self.service.dispute(number, CHANNEL)
        return self._says("dispute_unsure" if objection == "over" else "sms_disputed")

    def _number_of(self, found: _Found) -> str:
        held = found.known.readings[found.card_ref].case.suspension
        return held.number_told if held else ""

    # --- words ----------------------------------------------------------------------------------

    def _holders(self) -> list[KnownHolder]:
        found = self.service.holders_of_phone(self.caller, CHANNEL, self.said.wish)
        for known in found:
            self.service.note_language(known.ref, self.said.language)
        return found

    def _facts(self, found: _Found) -> dict[str, str]:
        return {
            "card_last4": found.last4,
            **self.texting.facts(found.bank, self.said.language),
        }

    def _says(
        self,
        prompt: str,
        values: Mapping[str, str] | None = None,
        *,
        is_miss: bool = False,
        keeps: Question | None = None,
    ) -> Reply:
        return Reply(self.said.language, [[(prompt, values or {})]], keeps, is_miss)


# What is said of a card that cannot be reported, where that is not how it stands.
_REFUSALS: Final[Mapping[Refusal, str]] = {
    Refusal.UNDER_16: "under_16",
    Refusal.CHANNEL_CLOSED: "sms_not_by_text",
    Refusal.NOT_RENEWED: "not_renewed",
}


def _cards_of(holders: Sequence[KnownHolder]) -> list[_Found]:
    return [_Found(known, ref) for known in holders for ref in known.cards]


def _is_worth_telling(status: Status) -> bool:
    """A card that nothing ever happened to has no status to be texted."""
    return status.social is not Social.ACTIVE or status.block is not None
