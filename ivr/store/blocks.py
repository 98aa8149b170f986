"""What we believe of each card's financial function, and what every delivery changes about it."""

from typing import Final

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from ivr.cards.block import Block, BlockEvent, BlockState, after
from ivr.cards.loss import LossReport
from ivr.store import keys
from ivr.store.codec import dump, load
from ivr.store.journal import Journal
from ivr.store.notices import Attempt, Notice, NoticeKind, NoticeState, Outbox, Outcome
from ivr.store.reports import owe_text

# What one attempt makes of the notice, and what it means for the block. FAILED stays open
# until the sweep's list of attempts is used up.
_CLOSED_BY: Final = {
    Outcome.RECEIVED: (NoticeState.DELIVERED, BlockEvent.RECEIVED),
    Outcome.BLOCKED: (NoticeState.DELIVERED, BlockEvent.BLOCKED),
    Outcome.REFUSED: (NoticeState.REFUSED, BlockEvent.REFUSED),
    Outcome.FAILED: (NoticeState.UNDELIVERABLE, BlockEvent.GAVE_UP),
}
_TEXTS: Final = {
    BlockState.BLOCKED: "text_blocked",
    BlockState.REFUSED: "text_failed",
    BlockState.UNDELIVERABLE: "text_failed",
}


class BlockBook:
    """The blocks of this Redis. Every change is one transaction with its journal entry."""

    def __init__(self, redis: "Redis", outbox: Outbox, journal: Journal) -> None:
        self._redis = redis
        self._outbox = outbox
        self._journal = journal

    def settle(self, notice: Notice, attempt: Attempt, next_due: int | None) -> None:
        """Writes down one attempt and all that follows from it, in one transaction.

        `next_due` (unix seconds) is when to try again after a failure; None gives up.
        """
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    self._settle(pipe, notice, attempt, next_due)
                    return
                except WatchError:
                    continue

    def _settle(
        self, pipe: "Pipeline", notice: Notice, attempt: Attempt, next_due: int | None
    ) -> None:
        pipe.watch(keys.block(notice.card_ref), keys.notice(notice.id))
        block_text, report_text = pipe.mget(
            keys.block(notice.card_ref), keys.report(notice.report_number)
        )
        still_open = pipe.hget(keys.notice(notice.id), "state") == NoticeState.OPEN.encode()
        again = attempt.outcome is Outcome.FAILED and next_due is not None
        state, event = _CLOSED_BY[attempt.outcome]
        pipe.multi()
        reopens = again and still_open
        new_state = NoticeState.OPEN if again else state
        self._outbox.record(pipe, notice, attempt, new_state, next_due if reopens else None)
        self._journal.write(
            pipe, f"notice_{attempt.outcome}", notice=notice.id, report=notice.report_number,
            bank=notice.bank, kind=notice.kind, status=str(attempt.status or attempt.answer),
        )  # fmt: skip
        if block_text and report_text and notice.kind is NoticeKind.LOSS_REPORTED and not again:
            report = load(LossReport, report_text)
            self.step(pipe, load(Block, block_text), event, report, attempt.at)
        pipe.execute()

    def step(
        self, pipe: "Pipeline", block: Block, event: BlockEvent, report: LossReport, at: int
    ) -> None:
        """Steps a block by an event about `report`, in the caller's MULTI.

        News about an earlier report of the same card changes nothing.
        """
        if block.report_number != report.number:
            return
        stepped = after(block, event, at)
        if stepped is block:
            return
        pipe.set(keys.block(block.card_ref), dump(stepped))
        self._journal.write(
            pipe, f"block_{stepped.state}", report=report.number, card=block.card_ref,
            bank=block.bank,
        )  # fmt: skip
        if stepped.state in _TEXTS:
            owe_text(pipe, self._outbox, report, _TEXTS[stepped.state], at)
