"""The service: one function for each business act, the same for every channel.

A channel looks a holder up, asks for an act, and chooses words for the answer. Who may do what
is decided here and in ivr/cards/acts, never in a channel.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any, Final, Literal, TypeVar

import structlog

from ivr.cards.acts import report as reporting
from ivr.cards.acts.dispute import Objection, dismiss, dispute
from ivr.cards.acts.drop import drop
from ivr.cards.acts.foretell import foretell, foretold_until
from ivr.cards.acts.hear import EventStatus, hear
from ivr.cards.acts.note_receipt import note_receipt
from ivr.cards.acts.release import release
from ivr.cards.acts.remind import THEN_EVERY, remind
from ivr.cards.acts.report import Filing, Fresh, Origin, Refusal, ReportRequest
from ivr.cards.acts.restore import Restored, restore
from ivr.cards.acts.send_again import send_again
from ivr.cards.acts.settle import settle
from ivr.cards.acts.take import CHANNEL as BANK_CHANNEL
from ivr.cards.acts.whose import Whose
from ivr.cards.acts.withdraw import Decision, Withdrawal, withdraw
from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_WITHDRAWN,
    LAPSED,
    REPLACED,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, CallerReports, Change, Entry, Owed
from ivr.cards.errors import (
    FormalLossStaysError,
    NotThisBanksError,
    ReportNotThereYetError,
    ReusedEventIdError,
    TooManyEventsError,
    UnknownCardError,
    UnlawfulTransitionError,
)
from ivr.cards.limits import Caller, and_reported, may_report
from ivr.cards.loss import LossReport
from ivr.cards.news import Named, with_news
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Receipt
from ivr.cards.notice_bodies import iso, reported_body
from ivr.cards.records import Card
from ivr.cards.report_number import new_report_number
from ivr.cards.rules import Rules
from ivr.cards.status import Status, status_of
from ivr.cards.trial_bodies import trial_bodies
from ivr.cards.words import TEXT_CODE, TEXT_PLACE, TEXT_UNREPORTED
from ivr.id_entry import card_tail
from ivr.phone_numbers import takes_texts
from ivr.prompts.languages import LANGUAGES
from ivr.prompts.places import Place, Sentence
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.announcements import Announcement, Announcements
from ivr.store.assurance import Assurance
from ivr.store.callbacks import Callback, Callbacks
from ivr.store.cases import Cases, Guard, Reading, SeenEvent
from ivr.store.claims import Made
from ivr.store.deadlines import Deadlines
from ivr.store.holders import Holders
from ivr.store.known import KnownHolder
from ivr.store.limits import Limiting
from ivr.store.looks import Look, looked_up
from ivr.store.opening import Store
from ivr.store.outbox import Outbox, new_notice_id
from ivr.store.phones import Phones
from ivr.store.places import Places
from ivr.store.scripts import ScriptCall
from ivr.store.spoken_languages import SpokenLanguages

COMES_BACK_SECONDS: Final = 3600  # so long a bank is asked to wait for a report we do not have
CODE_SECONDS: Final = 600  # so long a texted code is good
PLACE_TEXT_SECONDS: Final = 24 * 3600  # later nobody waits for it
MOST_OF_ONE_PHONE: Final = 50  # holders; a number that more have is nobody's in particular
CALLS_AGAIN_SECONDS: Final = 60  # so long whoever was cut off has, to call again
UNREPORTED_SECONDS: Final = 3600  # so long it is worth telling
SEEN_SECONDS: Final = 2.0  # how long a report may take its time from what a channel saw

log = structlog.get_logger()
T = TypeVar("T")


class CardService:
    """The business acts of one deployment."""

    def __init__(
        self,
        cases: Cases,
        holders: Holders,
        phones: Phones,
        spoken_languages: SpokenLanguages,
        outbox: Outbox,
        deadlines: Deadlines,
        assurance: Assurance,
        rules: Rules,
        limiting: Limiting,
        announcements: Announcements,
        places: Places,
        callbacks: Callbacks,
        *,
        events_per_minute: int,
    ) -> None:
        """`events_per_minute`: how many one bank may tell, so that none fills Redis."""
        self._cases = cases
        self._holders = holders
        self._phones = phones
        self._spoken_languages = spoken_languages
        self._outbox = outbox
        self._deadlines = deadlines
        self._assurance = assurance
        self._rules = rules
        self._limiting = limiting
        self._announcements = announcements
        self._places = places
        self._callbacks = callbacks
        self._events_per_minute = events_per_minute

    def look_up(self, id_number: str) -> KnownHolder | None:
        """The holder of a normalised ID number, with all cards and how each stands; or None."""
        return self.holder(self.holder_ref(id_number))

    def holder_ref(self, id_number: str) -> str:
        """The reference of a normalised ID number, whether anybody has it or not."""
        return self._holders.ref(id_number)

    def holder(self, ref: str) -> KnownHolder | None:
        """The same holder by reference."""
        return self._holders.known(ref)

    def holders_of_phone(self, caller: Caller, channel: str, purpose: str) -> list[KnownHolder]:
        """Those whose registered phone this is. Who looked is journalled, found or not."""
        refs = self._phones.holders(caller.number)[:MOST_OF_ONE_PHONE]
        everybody = [self.holder(ref) for ref in refs]
        found = [each for each in everybody if each and caller.is_phone_of(each.holder)]
        look = Look(channel, caller.ref, purpose)
        for known in found:
            cards = " ".join(known.cards)
            self._cases.journal(looked_up(look, holder=known.ref, cards=cards, found=True))
        if not found:
            self._cases.journal(looked_up(look, holder="", cards="", found=False))
        return found

    def note_language(self, holder_ref: str, language: str) -> None:
        """A holder, or who speaks for them, uses this language now: so do our texts from now on."""
        self._spoken_languages.note(holder_ref, language)

    def refusal(
        self, known: KnownHolder, card_ref: str, by: Origin | None = None
    ) -> Refusal | None:
        """Why one of a holder's cards cannot be reported lost now (by this request); None when it
        can.
        """
        reading = known.readings[card_ref]
        card = known.cards[card_ref]
        return reporting.refusal(reading.case, known.holder, card, self._rules, reading.now, by)

    def status(self, known: KnownHolder, card_ref: str) -> Status:
        """How one of a holder's cards stands: social security, bank, formal report."""
        return status_of(known.readings[card_ref].case, known.cards[card_ref])

    def caller(self, number: str) -> Caller:
        """Who calls from a number in E.164; of an empty one, all who hide theirs."""
        return self._limiting.caller(number)

    def may_report(self, caller: Caller, known: KnownHolder, now: int) -> bool:
        """Whether the caller may report this holder's cards without proving more."""
        return may_report(caller, known.holder, known.ref, self._limiting.limits, now)

    def visitor(self, address: str) -> Caller:
        """Who asks from a network address."""
        return self._limiting.visitor(address)

    def text_code(self, holder_ref: str, asked_by: str) -> str:
        """The 6 digits that are texted to a holder; always the same for one question. `asked_by`
        names it: a call and its turn.
        """
        return self._limiting.code(holder_ref, asked_by)

    def proven_by(
        self, known: KnownHolder, keyed: str, codes: Collection[tuple[str, int]], now: int
    ) -> Literal["code", "tail", ""]:
        """Which second factor 6 places are: one of the texted codes, in time (`codes`: the question
        of each, and until when it is good); from a holder whose phone takes no texts, or where no
        code is texted, the last places of any card: which cards there are is not told before.
        """
        if codes and takes_texts(known.holder.phone):
            right = [
                compare_digest(keyed, self.text_code(known.ref, asked_by)) and now < until
                for asked_by, until in codes
            ]
            return "code" if any(right) else ""
        tails = [compare_digest(keyed, card_tail(c.number)) for c in known.cards.values()]
        return "tail" if any(tails) else ""

    def may_text_again(self, holder_ref: str, asked_by: str) -> bool:
        """Whether another code may be texted for an ID number, of anybody or nobody; it counts."""
        return self._limiting.may_text_again(holder_ref, asked_by)

    def code_owed(
        self, holder_ref: str, asked_by: str, language: str, now: int, text: str = TEXT_CODE
    ) -> Owed:
        """The text with that code, to be owed by `owe`; one of CODES: where it is entered."""
        body = {
            "prompt": text,
            "code": self.text_code(holder_ref, asked_by),
            "holder_ref": holder_ref,
            "until": now + CODE_SECONDS,
            "language": language,
        }
        notice_id = self._limiting.code_notice_id(holder_ref, asked_by)
        return Owed(NoticeKind.TEXT, "", now, body, id=notice_id)

    def place(self, card: Card) -> Place | None:
        """Where the holder of this card gets a new one; None where nobody has told us."""
        return self._places.find(card.city_code, card.bank)

    def announcements(self) -> tuple[Announcement, ...]:
        """What all callers, or those of one bank, are to be told now; everybody's first.

        Raises:
            redis.RedisError: they cannot be read.
        """
        return self._announcements.standing()

    def place_owed(
        self, holder_ref: str, sentences: Sequence[Sentence], asked_by: str, language: str, now: int
    ) -> Owed:
        """The text with a place's guidance to the holder's registered phone, to be owed by `owe`;
        owed twice by who asks (`asked_by`), it is one text.
        """
        body = {
            "prompt": TEXT_PLACE,
            "sentences": sentences,
            "holder_ref": holder_ref,
            "until": now + PLACE_TEXT_SECONDS,
            "language": language,
        }
        notice_id = self._limiting.code_notice_id(holder_ref, f"place:{asked_by}")
        return Owed(NoticeKind.TEXT, "", now, body, id=notice_id)

    def tell_unreported(
        self, known: KnownHolder, card_refs: Sequence[str], language: str, now: int
    ) -> bool:
        """Owes a holder the text that a call about these cards ended before anything was reported;
        it names the first of them that could be. Once a day at most, for a caller may be anybody;
        False when it was told today. Not at once: who was cut off calls again.
        """
        card_ref = next((ref for ref in card_refs if self._could_report(known, ref)), None)
        if card_ref is None:
            return False
        card = known.cards[card_ref]
        if not takes_texts(known.holder.phone):
            return False
        body = {
            "prompt": TEXT_UNREPORTED,
            "holder_ref": known.ref,
            "card_ref": card_ref,
            "until": now + UNREPORTED_SECONDS,
            "language": language,
        }
        owed = Owed(NoticeKind.TEXT, card.bank, now + CALLS_AGAIN_SECONDS, body, card_ref=card_ref)
        change = Change(owes=(owed,), unreported=known.ref)
        return self._cases.commit(change, Reading(now, Case(""), ()))

    def _could_report(self, known: KnownHolder, card_ref: str) -> bool:
        if card_ref not in known.cards or known.readings[card_ref].case.suspension is not None:
            return False
        return self.refusal(known, card_ref) is None

    def owe(self, owed: Sequence[Owed], now: int, then: Sequence[ScriptCall]) -> None:
        """Owes texts that belong to no report, and runs scripts after that, in one round trip.

        Raises:
            redis.RedisError: one of the scripts failed.
        """
        change, reading = Change(owes=tuple(owed)), Reading(now, Case(""), ())
        _, answers = self._cases.commit_all([(change, reading)], then)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer

    def callback_ref(self, number: str) -> str:
        """By what the call-back of a telephone number (E.164) is found."""
        return self._callbacks.ref(number)

    def leave_callback(self, callback: Callback) -> None:
        """Somebody waits to be called back by a person, after all who wait already.

        Raises:
            redis.RedisError: it may be left, or not; to leave it again is safe.
        """
        self._callbacks.leave(callback)

    def report_loss(
        self,
        request: ReportRequest,
        seen: KnownHolder | None = None,
        caller: Caller | None = None,
    ) -> Filing:
        """Reports a card lost, if that is allowed. All that follows is on disk, or nothing is.

        `seen` is what the channel found when it looked this holder up; it saves reading the same
        again. If it is out of date that does no harm: nothing is refused on its word, the commit
        makes sure that nothing has changed since, and after a moment it is read again.

        `caller`: whose reports are limited; None on a channel that knows its people otherwise.

        Raises:
            UnknownCardError: the directory has no such holder with such a card (any more).
            UnsafeRedisError: this Redis could lose the report; nothing was filed.
            OutcomeUnknownError: the connection broke while it was written, or the replicas did
                not answer: it may be on record, or not.
            redis.RedisError: Redis did not answer or refused; nothing was filed.
        """
        is_recent = seen is not None and time.monotonic() - seen.read_at < SEEN_SECONDS
        filing = None
        if seen and is_recent:
            filing = self._try_to_file(request, seen, caller, is_fresh=False)
        while filing is None:
            filing = self._try_to_file(request, self._holder_of(request), caller, is_fresh=True)
        if filing.suspension is not None:
            self.make_sure(filing.suspension.number_told)
        return filing

    def make_sure(self, *report_numbers: str, may_be_gone: bool = False) -> None:
        """Returns when these numbers may be told to anybody: whoever filed a report may have been
        killed before he could make sure of it. Empty ones are left out. `may_be_gone`: a report
        whose retention is over is no reason not to tell its number.

        Raises:
            OutcomeUnknownError: one may be lost again, and nobody may be told.
        """
        self._assurance.make_sure(*filter(None, report_numbers), may_be_gone=may_be_gone)

    def restore(self, report: LossReport) -> Restored | None:
        """Files a report again that was told and is not on record any more, or records that it
        has been overtaken. None when it is on record, or when its holder has left the directory.
        """
        while self._cases.missing([report]):
            known = self.holder(report.holder_ref)
            if known is None:
                log.error("report_not_restored", report=report.number, why="unknown holder")
                return None
            reading = self._cases.of_filing(report.card_ref, report.channel, report.origin)
            card = known.cards.get(report.card_ref)
            came_to, change = restore(
                reading.case, self._numbered(report), known.holder, card, reading.now,
                earlier=reading.notice, request_filed_another=reading.filed_before,
            )  # fmt: skip
            if card is not None:
                change = self._with_news(reading, change, Named(card.number, card.city))
            if self._cases.commit(change, reading.resting_on(known.guard)):
                log.warning("report_restored", report=report.number, came_to=came_to)
                return came_to
        return None

    def _numbered(self, report: LossReport) -> LossReport:
        """The report under its own number, or another one if that was given to somebody else on
        the other side of a split: its caller was told a number that is not his, so a person looks.
        """
        if self._cases.find_report(report.number) is None:
            return report
        other = new_report_number()
        log.error("report_number_taken", report=report.number, filed_as=other)
        return replace(report, number=other)

    def _try_to_file(
        self,
        request: ReportRequest,
        known: KnownHolder,
        caller: Caller | None,
        *,
        is_fresh: bool,
    ) -> Filing | None:
        """None when it must be decided again on what is read anew. `is_fresh`: just read here."""
        card, reading = known.cards.get(request.card_ref), known.readings.get(request.card_ref)
        if card is None or reading is None or known.ref != request.holder_ref:
            return None
        if is_fresh or reading.case.block is not None:  # with the notice of an earlier block
            reading = self._cases.of_filing(
                request.card_ref, request.channel, request.origin, caller.ref if caller else ""
            )
            caller = caller and replace(caller, reported=reading.reported)
        fresh = Fresh(new_report_number(), new_notice_id())
        filing, change = reporting.report(
            reading.case, known.holder, card, request, fresh, self._rules, reading.now,
            earlier=reading.notice, filed_before=reading.filed_before,
            first_filed_at=reading.first_filed_at,
        )  # fmt: skip
        if change == NOTHING:
            return filing if is_fresh else None
        if caller is not None and not self.may_report(caller, known, reading.now):
            over = Filing(Refusal.OVER_LIMIT, reading.case.suspension, block=reading.case.block)
            return over if is_fresh else None
        change = self._with_news(reading, change, Named(card.number, card.city))
        change, reading = self._counted(change, reading.resting_on(known.guard), known, caller)
        return filing if self._cases.file(change, reading) else None

    def _counted(
        self, change: Change, reading: Reading, known: KnownHolder, caller: Caller | None
    ) -> tuple[Change, Reading]:
        """The same with one more report of the caller, if nobody counts another meanwhile. What is
        reported from the holder's own phone is not counted.
        """
        most = self._limiting.limits.holders_reported_per_caller
        if caller is None or not most or caller.is_phone_of(known.holder):
            return change, reading
        text = and_reported(caller.reported, known.ref, reading.now)
        guard = (("GET", keys.reported_by(caller.ref)), caller.reported.encode())
        counted = CallerReports(caller.ref, text)
        return replace(change, counted=counted), reading.resting_on(guard)

    def _holder_of(self, request: ReportRequest) -> KnownHolder:
        known = self.holder(request.holder_ref)
        if known is None or request.card_ref not in known.cards:
            raise UnknownCardError
        return known

    def hear(self, event: BankEvent) -> EventStatus:
        """Believes what a bank tells us of a card, once. What was heard before stays a duplicate
        when the card or report is gone since. Of the event's id a reference is kept.

        Raises:
            NotThisBanksError: the card or report is not this bank's.
            ReportNotThereYetError: nor is the report there, but it may be in a moment.
            FormalLossStaysError: in this city no formal loss is withdrawn.
            OutcomeUnknownError: a report that the bank took may be lost again; to tell it again is
                safe.
            ReusedEventIdError: another event of the bank had this id.
            TooManyEventsError: the bank must wait; nothing of the event was kept.
            UnlawfulTransitionError: the block cannot make this step.
        """
        event = replace(event, id=self._cases.event_ref(event.bank, event.id))
        try:
            status, card_ref = self._hear_lawful(event)
        except NotThisBanksError:
            if self._is_repeated(event, self._cases.find_seen(event.bank, event.id)):
                return "duplicate"
            self._note_miss(event)
            raise
        if event.type == TEMPORARY_LOSS:  # its holder is told of the number of a new report
            suspension = self._cases.of_card(card_ref).case.suspension
            self.make_sure(suspension.number_told if suspension else "")
        return status

    def dispute(self, number: str, channel: str) -> Objection:
        """The holder says that a report is not theirs: recorded once, for operators to decide. Who
        objects, the channel has made sure of.

        Raises:
            OutcomeUnknownError: it may be on record, or not.
        """
        objection = self._change_report(
            number,
            lambda seen, report: dispute(
                seen.case, report, self._first_told(seen, report), channel, seen.now
            ),
        )
        if objection == "recorded":
            log.warning("report_disputed", report=number)
        self.make_sure(number if objection in ("recorded", "known") else "")
        return objection or "over"

    def dismiss(self, number: str, decision: Decision) -> bool:
        """An operator closes an objection, and the report runs on; False when none is open."""
        return bool(self._change_report(
            number,
            lambda _, report: ((change := dismiss(report, decision)) != NOTHING, change),
        ))  # fmt: skip

    def withdraw(self, number: str, decision: Decision) -> Withdrawal:
        """An operator takes a report back, once. No bank unblocks anything because of it.

        Raises:
            OutcomeUnknownError: it may be on record, or not; to ask again is safe.
        """
        came_to = self._change_report(
            number, lambda seen, report: self._withdrawn(seen, report, decision)
        )
        self.make_sure(number if came_to in (Withdrawal.WITHDRAWN, Withdrawal.ALREADY) else "")
        return came_to or Withdrawal.UNKNOWN

    def would_withdraw(self, number: str) -> Withdrawal:
        """What a withdrawal would come to now; it changes nothing."""
        seen = self._cases.of_report(number)
        if seen.report is None:
            return Withdrawal.UNKNOWN
        return self._withdrawn(seen, seen.report, Decision("", ""))[0]

    def _withdrawn(
        self, seen: Reading, report: LossReport, decision: Decision
    ) -> tuple[Withdrawal, Change]:
        first_told = self._first_told(seen, report)
        came_to, change = withdraw(
            seen.case, report, seen.notice, first_told, decision, seen.now
        )  # fmt: skip
        return came_to, self._with_news_of(seen, change, report, first_told)

    def _change_report(
        self, number: str, act: Callable[[Reading, LossReport], tuple[T, Change]]
    ) -> T | None:
        """Commits the change an act makes to a report -> what it came to; None: no such report."""
        while True:
            reading = self._of_report(number)
            if reading.report is None:
                return None
            came_to, change = act(reading, reading.report)
            if change == NOTHING or self._cases.commit(change, reading):
                return came_to

    def _of_report(self, number: str) -> Reading:
        """A report's case. What is decided on it rests on the card's city, for that one is told."""
        reading = self._cases.of_report(number)
        if reading.report is None:
            return reading
        city, guards = self._holders.city_of(reading.report.card_ref)
        return replace(reading, city=city).resting_on(*guards)

    def settle(self, notice_id: str, attempt: Attempt, next_due: int | None) -> None:
        """Writes down one attempt to deliver a notice and all that follows from it, once.

        `next_due` is when to try again after a failure, unix seconds; None gives up.
        """
        self._change_notice(notice_id, lambda reading, _: _settled(reading, attempt, next_due))

    def settle_all(self, made: Sequence[Made], then: Sequence[ScriptCall] = ()) -> list[Any]:
        """The same for many, in one round trip: what was read when a notice was claimed is most
        often still so. One that cannot be written down stops no other: its notice comes again when
        its lease ends. `then`: scripts that run after it, in the same trip; -> what they answered.
        """
        on_claimed = [
            (_settled(each.claim.reading, each.attempt, each.next_due), each.claim.reading)
            for each in made
            if each.claim.reading is not None
        ]
        found, answers = self._cases.commit_all(on_claimed, then)
        written = iter(found)
        for each in made:
            if each.claim.reading is None or not next(written):
                notice_id = each.claim.notice.id
                with self._deadlines.passing_over(keys.notice(notice_id)):
                    self.settle(notice_id, each.attempt, each.next_due)
        return answers

    def send_again(self, notice_id: str, by: str = "") -> bool:
        """A person sends a notice again, under its own id; False when it is open already or
        overtaken by events. `by`: "bank" when its bank asked on its own page.
        """
        return self._change_notice(notice_id, lambda r, n: send_again(r.case, n, r.now, by))

    def drop(self, notice_id: str) -> bool:
        """Closes an open notice without sending it, because what it says is no longer true."""
        return self._change_notice(notice_id, lambda _reading, notice: drop(notice))

    def note_receipt(self, notice_id: str, receipt: Receipt) -> bool:
        """Writes down what the network says of a text; False when that is no news."""
        return self._change_notice(
            notice_id, lambda _reading, notice: note_receipt(notice, receipt)
        )

    def ping(self, bank: str) -> str:
        """Owes a bank or subscriber a test notice through its own queue; -> the notice's id."""
        reading = self._cases.of_notice("")
        body = {"type": NoticeKind.PING, "timestamp": iso(reading.now), "data": {}}
        owed = Owed(NoticeKind.PING, bank, reading.now, body, id=new_notice_id())
        self._cases.commit(Change(owes=(owed,)), reading)
        return owed.id

    def may_send_again(self, notice: Notice) -> bool:
        """Whether `send_again` would send it now."""
        if notice.state in (NoticeState.OPEN, NoticeState.CLOSED):
            return False
        if notice.kind is not NoticeKind.LOSS_REPORTED:
            return True
        reading = self._cases.of_notice(notice.id)
        known = reading.notice
        return known is not None and send_again(reading.case, known, reading.now) != NOTHING

    def send_trials(self, bank: str) -> list[str]:
        """Owes a bank one of each type of notice, about nobody; returns their ids. Each is tried
        once; it touches no case, and nobody but the bank has to look at it.
        """
        reading = self._cases.of_notice("")
        owed = [
            Owed(NoticeKind.TEST, bank, reading.now, body, id=new_notice_id())
            for body in trial_bodies(bank, reading.now)
        ]
        entry = Entry("bank_tested", {"bank": bank})
        self._cases.commit(Change(owes=tuple(owed), journal=(entry,)), reading)
        return [each.id for each in owed]

    def release_due(self) -> int:
        """Tells bank and holder of every suspension that is over, once each even if several sweeps
        run; returns how many. An unreadable record does not hold up the others.
        """
        return sum(self._release(number) for number in self._deadlines.ended())

    def foretell_due(self) -> int:
        """Tells the holders whose suspension ends within a day, once each even if several sweeps
        run; returns how many. An unreadable record does not hold up the others.
        """
        now = self._outbox.now()
        until = foretold_until(now)
        if until is None:
            return 0
        return sum(self._foretell(number) for number in self._deadlines.ending(now, until))

    def remind_due(self) -> int:
        """Asks again every bank that took a notice and never said "blocked"; returns how often.

        If two sweeps run, only one asks. An unreadable record does not hold up the others.
        """
        due = self._deadlines.reminders_due(self._outbox.now())
        return sum(self._remind(notice_id) for notice_id in due)

    def _hear_lawful(self, event: BankEvent) -> tuple[EventStatus, str]:
        """What it came to, and the card's reference. A refusal tells the bank how its card stands,
        so it is a look too.
        """
        asked = self._card_of(event)
        try:
            while (status := self._hear_once(event, asked)) is None:
                asked = self._card_of(event)  # it, or its case, has changed meanwhile
        except (UnlawfulTransitionError, FormalLossStaysError):
            heard = self._heard_now(event)
            for entry in asked.looked:
                self._cases.journal(entry)
            self._tell_limited(event.bank, heard)
            raise
        return status, asked.card_ref

    def _hear_once(self, event: BankEvent, asked: "_Asked") -> EventStatus | None:
        reading = self._cases.of_event(asked.card_ref, event.bank, event.id)
        is_repeated = self._is_repeated(event, reading.seen)
        is_of_no_block = event.type in (UNBLOCKED, LAPSED) and reading.case.block is None
        if not is_repeated and is_of_no_block and self._may_come_yet(event):
            raise ReportNotThereYetError
        if not is_repeated and reading.heard_lately >= self._events_per_minute:
            raise TooManyEventsError
        whose, guards = (None, ()) if is_repeated else self._whose(event, asked.card_ref)
        status, change = hear(
            reading.case, reading.notice, event, self._rules, reading.now,
            heard_before=is_repeated, whose=whose,
        )  # fmt: skip
        if status == "duplicate":
            return status
        change = replace(change, journal=(*change.journal, *asked.looked))
        named = Named(event.card_number, asked.city, event.new_card_number)
        change = self._with_news(reading, change, named)
        seen = SeenEvent(event.bank, event.id, status, self._digest(event))
        if not self._cases.commit(change, reading.resting_on(*asked.guards, *guards), seen):
            return None
        self._tell_limited(event.bank, reading.heard_lately + 1)
        return status

    def _note_miss(self, event: BankEvent) -> None:
        """A bank that asks for cards which are not its own is journalled, and counted as if it had
        told something: else it could fill Redis, or try numbers for as long as it likes.
        """
        if not event.card_number:
            return
        heard = self._heard_now(event)
        card_ref = self._holders.card_ref(event.card_number)
        look = Look("bank", event.bank, event.type)
        self._cases.journal(looked_up(look, holder="", cards=card_ref, found=False))
        self._tell_limited(event.bank, heard)

    def _heard_now(self, event: BankEvent) -> int:
        """How many events the bank has told within a minute, with this one."""
        heard = self._cases.count_heard(event.bank)
        if heard > self._events_per_minute:
            raise TooManyEventsError
        return heard

    def _tell_limited(self, bank: str, heard: int) -> None:
        if heard == self._events_per_minute:
            log.warning("bank_events_limited", bank=bank, per_minute=heard)

    def _is_repeated(self, event: BankEvent, seen: SeenEvent | None) -> bool:
        """Whether this very event was heard before. Raises: ReusedEventIdError."""
        if seen is not None and seen.told not in ("", self._digest(event)):
            raise ReusedEventIdError
        return seen is not None

    def _digest(self, event: BankEvent) -> str:
        return event.digest(self._holders.card_ref)

    def _whose(self, event: BankEvent, card_ref: str) -> tuple[Whose | None, tuple[Guard, ...]]:
        """What the directory has of the card, for the news that needs it, and what of it must be so
        still when it is committed.

        Raises:
            NotThisBanksError: there is no such card any more, or the new one is somebody else's.
        """
        if event.type not in (TEMPORARY_LOSS, FORMAL_WITHDRAWN, REPLACED):
            return None, ()
        known = self._known_of(card_ref)
        fresh = Fresh(new_report_number(), new_notice_id())
        whose = Whose(known.ref, known.holder, known.cards[card_ref], fresh, next(iter(LANGUAGES)))
        guards: tuple[Guard, ...] = (known.guard,)
        if event.type == REPLACED:
            new = self._holders.card_ref(event.new_card_number)
            owner = self._holders.owner_of(new)
            if owner is not None and owner[:2] != (known.ref, event.bank):
                raise NotThisBanksError
            guards += ((("GET", keys.card(new)), (owner.record if owner else "").encode()),)
        return whose, guards

    def _known_of(self, card_ref: str) -> KnownHolder:
        """The holder of a card. Raises: NotThisBanksError: nobody has it any more."""
        owner = self._holders.owner_of(card_ref)
        known = self.holder(owner.holder) if owner else None
        if known is None or card_ref not in known.cards:
            raise NotThisBanksError
        return known

    def _change_notice(self, notice_id: str, act: Callable[[Reading, Notice], Change]) -> bool:
        """Commits the change an act makes to a notice; False when it changes nothing."""
        while True:
            reading = self._cases.of_notice(notice_id)
            if reading.notice is None:
                return False
            change = act(reading, reading.notice)
            if change == NOTHING:
                return False
            if self._cases.commit(change, reading):
                return True

    def _release(self, number: str) -> bool:
        with self._deadlines.passing_over(keys.report(number)):
            reading = self._of_report(number)
            if reading.report is None:
                return False
            first_told = self._first_told(reading, reading.report)
            change = release(reading.case, reading.report, first_told, reading.now)
            change = self._with_news_of(reading, change, reading.report, first_told)
            return change != NOTHING and self._cases.commit(change, reading)
        return False

    def _foretell(self, number: str) -> bool:
        with self._deadlines.passing_over(keys.report(number)):
            told = self._change_report(
                number,
                lambda seen, report: (
                    (change := foretell(seen.case, report, seen.now)) != NOTHING,
                    change,
                ),
            )
            return told is True
        return False

    def _first_told(self, reading: Reading, report: LossReport) -> Mapping[str, Any]:
        """The `data` of a report's first notice, by which the bank finds the account. Of a report
        that the bank took, nobody told it: then what a notice would have said.
        """
        if reading.notice is not None or report.channel != BANK_CHANNEL:
            return self._outbox.first_told(reading.notice)
        known = self.holder(report.holder_ref)
        if known is None or report.card_ref not in known.cards:
            return {}
        body = reported_body(report, known.holder, known.cards[report.card_ref])
        told: Mapping[str, Any] = body["data"]
        return told

    def _with_news_of(
        self, reading: Reading, change: Change, report: LossReport, first_told: Mapping[str, Any]
    ) -> Change:
        """The same change with its news; the card is the one that its bank was told of, in the city
        of now, or what the directory has of it.
        """
        if change == NOTHING:
            return NOTHING
        told = first_told.get("card")
        if told:
            city = reading.city or told["city_code"][:4]
            return self._with_news(reading, change, Named(told["number"], city))
        known = self.holder(report.holder_ref)
        card = known.cards.get(report.card_ref) if known else None
        if card is None:
            log.warning("subscribers_not_told", report=report.number, why="unknown card")
            return change
        return self._with_news(reading, change, Named(card.number, card.city))

    def _with_news(self, reading: Reading, change: Change, named: Named) -> Change:
        return with_news(reading.case, change, named, self._rules, reading.now)

    def _remind(self, notice_id: str) -> bool:
        with self._deadlines.passing_over(keys.notice(notice_id)):
            reading = self._cases.of_notice(notice_id)
            change = remind(reading.case, reading.notice, notice_id, reading.now)
            is_done = self._cases.commit(change, reading)  # else the bank spoke just now
            return is_done and change.journal != ()
        self._deadlines.put_off(notice_id, self._outbox.now() + THEN_EVERY)
        return False

    def _may_come_yet(self, event: BankEvent) -> bool:
        """Whether the report may be filed again in a moment. Said of other banks' reports too."""
        if not self._assurance.may_come_late:
            return False
        return event.at > self._outbox.now() - COMES_BACK_SECONDS

    def _card_of(self, event: BankEvent) -> "_Asked":
        """The card an event is about. If it is not this bank's card, the bank learns nothing."""
        if event.type == BLOCKED:
            report = self._cases.find_report(event.report_number)
            if report is None or report.bank != event.bank:
                raise ReportNotThereYetError if self._may_come_yet(event) else NotThisBanksError
            return _Asked(report.card_ref)
        card_ref = self._holders.card_ref(event.card_number)
        owner = self._holders.owner_of(card_ref)
        if owner is None or owner.bank != event.bank:
            raise NotThisBanksError
        look = Look("bank", event.bank, event.type)
        looked = looked_up(look, holder=owner.holder, cards=card_ref, found=True)
        guard = (("GET", keys.card(card_ref)), owner.record.encode())
        return _Asked(card_ref, owner.city, (looked,), (guard,))


@dataclass(frozen=True)
class _Asked:
    """The card that a bank's event is about; city: if the event names the card, and it is known.
    looked: how the journal tells that the bank named it. guards: that it is in this city still.
    """

    card_ref: str
    city: str = ""
    looked: tuple[Entry, ...] = ()
    guards: tuple[Guard, ...] = ()


def _settled(reading: Reading, attempt: Attempt, next_due: int | None) -> Change:
    notice = reading.notice
    if notice is None:
        return NOTHING
    return settle(reading.case, notice, reading.attempts, attempt, next_due, reading.now)


def open_service(store: Store, settings: Settings) -> CardService:
    """The service on one deployment's records."""
    city = settings.rules
    rules = Rules(
        banks=settings.banks.keys(),
        suspension_seconds=settings.loss_report_seconds,
        decoupling_ends_suspension=city.decoupling_ends_suspension,
        formal_loss_may_be_withdrawn=city.formal_loss_may_be_withdrawn,
        report_may_be_renewed_after_release=city.report_may_be_renewed_after_release,
        channels=city.channels,
        subscribers={s.who: s.cities for s in settings.subscribers.values() if s.notice_url},
    )
    return CardService(
        store.cases,
        store.holders,
        store.phones,
        store.spoken_languages,
        store.outbox,
        store.deadlines,
        store.assurance,
        rules,
        store.limiting,
        store.announcements,
        store.places,
        store.callbacks,
        events_per_minute=settings.bank_events_per_minute,
    )
