"""What we believe of each card's financial function, and all that changes it: what deliveries
came to, and what banks tell us.
"""

from dataclasses import replace
from typing import Final, Literal

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from ivr.cards.bank_event import BLOCKED, MEANS, BankEvent
from ivr.cards.block import TRANSITIONS, Block, BlockEvent, BlockState, after
from ivr.cards.errors import NotThisBanksError
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from ivr.store.bank_health import BankHealth
from ivr.store.card_record import CardRecord, is_overtaken, would_block_again
from ivr.store.codec import dump, load, plain
from ivr.store.connection import is_cut
from ivr.store.journal import Journal
from ivr.store.notices import Outbox
from ivr.store.reports import owe_text, write_block
from ivr.store.vault import Vault

Answer = Literal["applied", "duplicate", "stale"]

# What one attempt makes of the notice, and what it means for the block. FAILED stays open
# until the sweep's list of attempts is used up.
_CLOSED_BY: Final = {
    Outcome.RECEIVED: (NoticeState.DELIVERED, BlockEvent.RECEIVED),
    Outcome.BLOCKED: (NoticeState.DELIVERED, BlockEvent.BLOCKED),
    Outcome.REFUSED: (NoticeState.REFUSED, BlockEvent.REFUSED),
    Outcome.FAILED: (NoticeState.UNDELIVERABLE, BlockEvent.GAVE_UP),
}
_GOOD_NEWS: Final = (Outcome.RECEIVED, Outcome.BLOCKED)
_TEXTS: Final = {
    BlockState.BLOCKED: "text_blocked",
    BlockState.REFUSED: "text_failed",
    BlockState.UNDELIVERABLE: "text_unreached",
    BlockState.UNBLOCKED: "text_unblocked",
    BlockState.FORMAL_LOSS: "text_formal",
}


class BlockBook:
    """The blocks of this Redis. Every change is one transaction with its journal entry."""

    def __init__(
        self,
        redis: "Redis",
        vault: Vault,
        outbox: Outbox,
        journal: Journal,
        health: BankHealth,
        *,
        retention_seconds: int,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._journal = journal
        self._health = health
        self._retention_seconds = retention_seconds

    def settle(self, notice: Notice, attempt: Attempt, next_due: int | None) -> None:
        """Writes down one attempt and all that follows from it, in one transaction.

        `next_due` (unix seconds) is when to try again after a failure; None gives up.
        """
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    self._settle(pipe, notice, attempt, next_due)
                    return
                except WatchError as error:
                    if is_cut(error) and self._outbox.attempts(notice.id)[-1:] == [attempt]:
                        return  # it was written down before the connection broke

    def apply(self, event: BankEvent) -> Answer:
        """Applies what a bank tells us, once: the same event again is a "duplicate", news
        overtaken by later news is "stale", and neither changes anything.

        Raises:
            NotThisBanksError: the card or report is not this bank's.
            UnlawfulTransitionError: the block cannot make this step.
        """
        card_ref = self._card_of(event)
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    return self._apply(pipe, event, card_ref)
                except WatchError:
                    continue

    def resend(self, notice: Notice) -> bool:
        """A person sends a notice again, under the same id; False when it is open already or
        overtaken by events (an unblocked card must not be blocked by a late notice).
        """
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    return self._resend(pipe, notice)
                except WatchError:
                    continue

    def _resend(self, pipe: "Pipeline", notice: Notice) -> bool:
        pipe.watch(keys.block(notice.card_ref), keys.notice(notice.id))
        record = self._read(pipe, notice.card_ref)
        state = plain(pipe.hget(keys.notice(notice.id), "state"))
        if state in (NoticeState.OPEN, NoticeState.CLOSED) or would_block_again(notice, record):
            return False
        now, _ = pipe.time()
        pipe.multi()
        self._outbox.reopen(pipe, notice, now)
        self._journal.write(pipe, "notice_resent", notice=notice.id, bank=notice.bank)
        is_its_own = record.block is not None and record.block.notice_id == notice.id
        if is_its_own and record.block and (record.block.state, BlockEvent.RESENT) in TRANSITIONS:
            self._step(pipe, record, record.block, BlockEvent.RESENT, now)
        pipe.execute()
        return True

    def _settle(
        self, pipe: "Pipeline", notice: Notice, attempt: Attempt, next_due: int | None
    ) -> None:
        pipe.watch(keys.block(notice.card_ref), keys.notice(notice.id))
        record = self._read(pipe, notice.card_ref)
        is_open = pipe.hget(keys.notice(notice.id), "state") == NoticeState.OPEN.encode()
        # Two attempts may overlap, when a lease ended: what is closed only good news can change.
        is_news = is_open or attempt.outcome in _GOOD_NEWS
        again = attempt.outcome is Outcome.FAILED and next_due is not None
        closed, event = _CLOSED_BY[attempt.outcome]
        if attempt.outcome is Outcome.REFUSED and self._may_have_arrived(pipe, notice):
            event = BlockEvent.GAVE_UP
        now, _ = pipe.time()
        pipe.multi()
        state = NoticeState.OPEN if again or not is_news else closed
        self._outbox.record(pipe, notice, attempt, state, next_due if again and is_open else None)
        self._journal.write(
            pipe, f"notice_{attempt.outcome}", notice=notice.id, report=notice.report_number,
            bank=notice.bank, kind=notice.kind, status=str(attempt.status or attempt.answer),
        )  # fmt: skip
        self._note_health(pipe, notice, attempt, now)
        is_about_block = notice.kind is NoticeKind.LOSS_REPORTED and is_news and not again
        if is_about_block and record.block and record.block.notice_id == notice.id:
            self._step(pipe, record, record.block, event, now)
        pipe.execute()

    def _may_have_arrived(self, pipe: "Pipeline", notice: Notice) -> bool:
        """Whether an earlier attempt got no answer: the bank may have blocked on it, so that a
        refusal of a later one does not prove that nothing is blocked.
        """
        earlier = pipe.lrange(keys.attempts(notice.id), 0, -1)
        return any(load(Attempt, text).status is None for text in earlier)

    def _note_health(self, pipe: "Pipeline", notice: Notice, attempt: Attempt, now: int) -> None:
        if notice.kind is NoticeKind.TEXT:
            return
        if attempt.outcome is Outcome.FAILED:
            self._health.count_failure(pipe, notice.bank, now)
        else:
            self._health.count_answer(pipe, notice.bank)

    def _apply(self, pipe: "Pipeline", event: BankEvent, card_ref: str) -> Answer:
        seen = keys.seen_event(event.bank, event.id)
        pipe.watch(seen, keys.block(card_ref), keys.loss(card_ref))
        if pipe.exists(seen):
            return "duplicate"
        record = self._read(pipe, card_ref)
        if record.report is not None:  # a release may be under way: see `_suspend_without_end`
            pipe.watch(keys.report(record.report.number))
            record = self._read(pipe, card_ref)
        now, _ = pipe.time()
        pipe.multi()
        answer = self._change(pipe, event, record, now)
        pipe.set(seen, answer, ex=keys.SEEN_EVENT_SECONDS)
        self._journal.write(
            pipe, "bank_event", type=event.type, answer=answer, card=card_ref, bank=event.bank,
            id=event.id,
        )  # fmt: skip
        pipe.execute()
        return answer

    def _change(self, pipe: "Pipeline", event: BankEvent, record: CardRecord, now: int) -> Answer:
        meaning, block = MEANS[event.type], record.block
        if meaning is BlockEvent.FORMAL_LOSS and block is None:
            block = Block(record.card_ref, event.bank, BlockState.UNBLOCKED, "", "", now)
        if block is None or is_overtaken(event, block, record.report):
            return "stale"
        if not self._step(pipe, record, block, meaning, now):
            return "stale"
        if meaning is not BlockEvent.BLOCKED and block.notice_id:
            self._outbox.close_if_open(pipe, block.notice_id)
        pipe.zrem(keys.NOTICES_STUCK, block.notice_id)  # the bank's word settles it
        if meaning is BlockEvent.FORMAL_LOSS:
            self._suspend_without_end(pipe, record)
        return "applied"

    def _suspend_without_end(self, pipe: "Pipeline", record: CardRecord) -> None:
        """A formal report supersedes a temporary one: no 7-day release any more (domain 1)."""
        number = record.report.number if record.report else ""
        formal = Suspension(ReportKind.FORMAL, number, origin="bank", release_at=None)
        pipe.set(keys.loss(record.card_ref), dump(formal))
        if record.report and record.report.state is ReportState.ACTIVE:
            superseded = replace(record.report, state=ReportState.SUPERSEDED)
            pipe.set(keys.report(number), dump(superseded), keepttl=True)
            pipe.zrem(keys.DEADLINES, number)

    def _step(
        self, pipe: "Pipeline", record: CardRecord, block: Block, event: BlockEvent, at: int
    ) -> bool:
        """Steps a block in the caller's MULTI; False when the news changes nothing."""
        stepped = after(block, event, at)
        if stepped is block:
            return False
        write_block(pipe, stepped, self._retention_seconds)
        self._journal.write(
            pipe, f"block_{stepped.state}", report=stepped.report_number, card=stepped.card_ref,
            bank=stepped.bank,
        )  # fmt: skip
        if record.report is not None and stepped.state in _TEXTS:
            owe_text(pipe, self._outbox, record.report, _TEXTS[stepped.state], at)
        return True

    def _read(self, pipe: "Pipeline", card_ref: str) -> CardRecord:
        """The card's block, suspension and the block's report, under the caller's WATCH."""
        block_text, loss_text = pipe.mget(keys.block(card_ref), keys.loss(card_ref))
        block = None if block_text is None else load(Block, block_text)
        report = pipe.get(keys.report(block.report_number)) if block is not None else None
        return CardRecord(
            card_ref,
            block,
            None if loss_text is None else load(Suspension, loss_text),
            None if report is None else load(LossReport, report),
        )

    def _card_of(self, event: BankEvent) -> str:
        """The card an event is about, if it is this bank's; otherwise it learns nothing."""
        if event.type == BLOCKED:
            text = self._redis.get(keys.report(event.report_number))
            report = None if text is None else load(LossReport, text)
            if report is None or report.bank != event.bank:
                raise NotThisBanksError
            return report.card_ref
        card_ref = self._vault.ref("card", event.card_number)
        owner = self._redis.get(keys.card(card_ref))
        if owner is None or plain(owner).split()[1] != event.bank:
            raise NotThisBanksError
        return card_ref
