"""What a visitor of the website does, one page at a time; each act is one call of the service.

As `actions.py` does for a call. Knows no web server, and chooses no words.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import structlog
from redis.exceptions import RedisError

from ivr.cards.acts.report import Origin, Refusal, ReportRequest
from ivr.cards.errors import UnknownCardError
from ivr.cards.id_number import normalise
from ivr.cards.limits import Caller, SecondFactor
from ivr.cards.status import Status
from ivr.cards.words import TEXT_CODE_SITE
from ivr.id_entry import PROOF_PLACES, card_tail
from ivr.phone_numbers import takes_texts
from ivr.prompts.languages import LanguageCode
from ivr.service import CODE_SECONDS, CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.connection import UnsafeRedisError
from ivr.store.known import KnownHolder
from ivr.store.limits import LookUp
from ivr.store.visits import Sight, Visit, Visits

CHANNEL: Final = "web"
MOST_LOOKS: Final = 6  # ID numbers in one visit, as in a call
MOST_TRIES: Final = 5  # wrong second factors in one visit
MOST_CODES: Final = 3  # texts for one ID number in one visit
CODE_AGAIN_SECONDS: Final = 60
TOO_MANY: Final = "too_many"

# What came of the report of a chosen card, when it is no refusal. That this request failed says
# nothing of the card: the same form may have come before it.
FILED, UNSURE, GONE = "filed", "unsure", "gone"

Proof = Literal["proven", "wrong", "expired", "stopped"]
SentAgain = Literal["sent_again", "send_later", "send_no_more", "stopped"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Visitor:
    """Who asks: the cookie and its reference, and the network address as a caller."""

    cookie: str
    ref: str
    caller: Caller
    language: LanguageCode


@dataclass(frozen=True)
class Standing:
    """How one card stands, and why it cannot be reported in this visit; None when it can.
    `is_again`: it is suspended already, and a new report would only tell the bank once more.
    """

    card_ref: str
    status: Status
    refusal: Refusal | None
    is_again: bool

    @property
    def number(self) -> str:
        """The number of the report that runs; empty when none does."""
        return self.status.suspension.number_told if self.status.suspension else ""


class Errands:
    """The pages' way to the service."""

    def __init__(
        self, visits: Visits, service: CardService, factor: SecondFactor = SecondFactor.NONE
    ) -> None:
        """`factor`: CARD_TAIL asks for the card's last 6 places; else codes are texted."""
        self._visits = visits
        self._service = service
        self.texts_codes = factor is not SecondFactor.CARD_TAIL

    def see(self, visitor: Visitor) -> Sight:
        """The visit as it stands, with its holder."""
        return self._visits.read(visitor.ref)

    def enter(self, visitor: Visitor, seen: Sight, number: str, purpose: str) -> Visit:
        """An ID number was entered: it is looked up and, if somebody has it, a code is texted. All
        of it is the same for a number that nobody has. The same form again changes nothing.
        """
        before = seen.visit or Visit(born=seen.now)
        ref = self._service.holder_ref(number)
        if before.holder_ref == ref and not before.proven and not before.outcomes:
            return before
        looks = before.looks + 1
        look = LookUp(
            ref, visitor.caller, CHANNEL, purpose, is_silent=True, texts_code=self.texts_codes
        )
        found = self._visits.look_up(visitor.ref, looks, look)
        visit = Visit(found.born, ref, looks, before.tries, is_long=before.is_long)
        if looks > MOST_LOOKS or before.tries >= MOST_TRIES or self._is_over_a_limit(found):
            return self._stop(visitor, visit)
        return self._ask(visitor, visit, found)

    def _is_over_a_limit(self, found: Sight) -> bool:
        """The breaker asks everybody for a second factor, and so does the website anyway."""
        over = ("caller", "number") if self.texts_codes else ("caller",)
        return found.is_guessed_at or found.met in over

    def _stop(self, visitor: Visitor, visit: Visit) -> Visit:
        visit = replace(visit, stopped=TOO_MANY, codes=())
        self._visits.save(visitor.ref, visit)
        return visit

    def _ask(self, visitor: Visitor, visit: Visit, found: Sight) -> Visit:
        """Owes the text with the code, if there is anybody to text, and saves the visit: one round
        trip in any case.
        """
        if not self.texts_codes:
            self._visits.save(visitor.ref, visit)
            return visit
        asked_by = _asked_by(visitor, visit)
        visit = replace(visit, codes=(*visit.codes, (asked_by, found.now)))
        owed = []
        if found.known is not None and takes_texts(found.known.holder.phone):
            owed.append(self._service.code_owed(
                visit.holder_ref, asked_by, visitor.language, found.now, TEXT_CODE_SITE
            ))  # fmt: skip
        self._service.owe(owed, found.now, [self._visits.saving(visitor.ref, visit)])
        return visit

    def send_again(self, visitor: Visitor, seen: Sight, visit: Visit) -> SentAgain:
        """Texts another code; those before it stay good for their own time. It counts for the ID
        number as a look-up does, of all visits and calls.
        """
        if seen.is_guessed_at:  # no code is good any more
            self._stop(visitor, visit)
            return "stopped"
        if len(visit.codes) >= MOST_CODES or not visit.codes:
            return "send_no_more"
        if seen.now < visit.codes[-1][1] + CODE_AGAIN_SECONDS:
            return "send_later"
        if not self._service.may_text_again(visit.holder_ref, _asked_by(visitor, visit)):
            return "send_no_more"
        self._ask(visitor, visit, seen)
        return "sent_again"

    def prove(self, visitor: Visitor, seen: Sight, visit: Visit, entered: str) -> tuple[Proof, str]:
        """What 6 places are worth, and the cookie with which a proven visit goes on. A wrong one
        counts for the ID number, of all visits and calls, before it is looked at.
        """
        name = f"{visitor.ref}:{secrets.token_hex(8)}"
        if visit.stopped or visit.tries >= MOST_TRIES:
            return "stopped", ""
        if not self._visits.may_try(visit.holder_ref, name):
            self._stop(visitor, visit)
            return "stopped", ""
        by, late = self._judge(seen, visit, entered)
        if by:
            cookie = self._visits.next_cookie(visitor.cookie, visit.holder_ref)
            proven = replace(visit, proven=by, tries=0)
            self._visits.prove(self._visits.ref(cookie), visitor.ref, proven, name)
            self._service.note_language(visit.holder_ref, visitor.language)
            return "proven", cookie
        visit = replace(visit, tries=visit.tries + 1)
        if visit.tries >= MOST_TRIES:
            self._stop(visitor, visit)
            return "stopped", ""
        self._visits.save(visitor.ref, visit)
        return ("expired" if late else "wrong"), ""

    def _judge(self, seen: Sight, visit: Visit, entered: str) -> tuple[str, bool]:
        """By what it proves the holder, and whether it would have, in time."""
        if seen.known is None or not seen.known.cards:
            return "", False
        keyed = card_tail(entered)  # a letter stands for any, as on a telephone
        codes = [(asked_by, at + CODE_SECONDS) for asked_by, at in visit.codes]
        by = self._service.proven_by(seen.known, keyed, codes, seen.now)
        late = not by and bool(self._service.proven_by(seen.known, keyed, codes, 0))
        return by, late

    def standings(self, known: KnownHolder, origin: str) -> Sequence[Standing]:
        """How each card stands, in the holder's order. `origin`: of the reports of this visit.

        Raises:
            OutcomeUnknownError: a report on record may be lost again, and must not be told.
        """
        by = Origin(CHANNEL, origin)
        found = [
            Standing(
                ref,
                self._service.status(known, ref),
                self._service.refusal(known, ref, by),
                known.readings[ref].case.suspension is not None,
            )
            for ref in known.cards
        ]
        if numbers := [each.number for each in found if each.number]:
            self._service.make_sure(*numbers)
        return found

    def choose(self, visitor: Visitor, visit: Visit, cards: Sequence[str]) -> Visit:
        """The cards to report, under a new origin; the same choice again keeps its origin."""
        if visit.origin and not visit.outcomes and visit.chosen == tuple(cards):
            return visit
        visit = replace(visit, chosen=tuple(cards), origin=secrets.token_hex(16), outcomes=())
        self._visits.save(visitor.ref, visit)
        return visit

    def report(self, visitor: Visitor, visit: Visit, known: KnownHolder) -> Visit:
        """Reports the chosen cards, each on its own; what is filed stays filed when another fails.
        The same form again files nothing twice, for its reports have one origin.

        Raises:
            RedisError, UnsafeRedisError: this request filed nothing, of any card.
        """
        done, trouble = dict(visit.outcomes), None
        for ref in visit.chosen:
            if done.get(ref, UNSURE) == UNSURE:
                try:
                    done[ref] = self._report_one(visitor, visit, known, ref)
                except (RedisError, UnsafeRedisError) as error:
                    done[ref], trouble = UNSURE, error
        if trouble is not None and set(done.values()) == {UNSURE}:
            raise trouble
        visit = replace(visit, outcomes=tuple(done.items()))
        try:
            self._visits.save(visitor.ref, visit)
        except RedisError:  # the receipt finds the reports by their origin
            log.warning("visit_not_remembered")
        return visit

    def _report_one(self, visitor: Visitor, visit: Visit, known: KnownHolder, card_ref: str) -> str:
        request = ReportRequest(
            known.ref, card_ref, CHANNEL, visit.origin, visitor.language, visitor.caller.ref
        )
        caller = replace(visitor.caller, is_proven=True)
        try:
            filing = self._service.report_loss(request, known, caller)
        except UnknownCardError:
            return GONE
        except OutcomeUnknownError:
            return UNSURE
        return FILED if filing.refusal is None else filing.refusal

    def outcomes(self, visit: Visit, known: KnownHolder) -> Mapping[str, str]:
        """What came of the choice, by card; a report whose visit was not saved is found by its
        origin. Empty when nothing was confirmed.
        """
        found = dict(visit.outcomes)
        for ref in visit.chosen:
            reading = known.readings.get(ref)
            suspension = reading.case.suspension if reading else None
            if suspension is not None and visit.origin and suspension.origin == visit.origin:
                found[ref] = FILED
        return found

    def object_to(self, visitor: Visitor, visit: Visit, standing: Standing) -> Visit:
        """The holder, proven by a code on the registered phone, did not make this report."""
        outcome = UNSURE
        if visit.proven == "code" and standing.number:
            try:
                objection = self._service.dispute(standing.number, CHANNEL)
                outcome = UNSURE if objection == "over" else standing.card_ref
            except OutcomeUnknownError:
                pass
        visit = replace(visit, objected=outcome)
        self._visits.save(visitor.ref, visit)
        return visit

    def lengthen(self, visitor: Visitor, visit: Visit) -> None:
        """The visitor needs more time: ten times as much."""
        self._visits.save(visitor.ref, replace(visit, is_long=True))

    def end(self, visitor: Visitor) -> None:
        """The visitor leaves."""
        self._visits.end(visitor.ref)


def _asked_by(visitor: Visitor, visit: Visit) -> str:
    """The question that the next code answers. A browser keeps its cookie when a visit ends: the
    next one's codes are others.
    """
    return f"{visitor.ref}:{visit.born}:{visit.looks}:{len(visit.codes) + 1}"


def entered_proof(raw: str) -> tuple[str, int]:
    """6 places as they are judged, and how many were entered; the places are "" when they cannot be
    a second factor.
    """
    text = normalise(raw)
    is_whole = re.fullmatch(rf"[0-9A-Z]{{{PROOF_PLACES}}}", text, re.ASCII)
    return (text if is_whole else "", len(text))
