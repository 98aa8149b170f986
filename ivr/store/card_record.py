"""What is known of one card at the moment something changes it, and which news comes too late."""

from dataclasses import dataclass
from typing import Final

from ivr.cards.bank_event import BLOCKED, MEANS, BankEvent
from ivr.cards.block import Block, BlockEvent, BlockState
from ivr.cards.loss import LossReport, Suspension
from ivr.cards.notice import Notice, NoticeKind

# From here a notice to block would do harm: the holder stood at an outlet since.
OVER: Final = (BlockState.UNBLOCKED, BlockState.FORMAL_LOSS)


@dataclass(frozen=True)
class CardRecord:
    """One card as the store knows it at the moment of a change."""

    card_ref: str
    block: Block | None
    suspension: Suspension | None
    report: LossReport | None


def would_block_again(notice: Notice, record: CardRecord) -> bool:
    """Whether a notice to block is of an earlier report, or of a card unblocked since."""
    if notice.kind is not NoticeKind.LOSS_REPORTED:
        return False
    block = record.block
    is_the_latest = block is not None and block.notice_id == notice.id
    return not is_the_latest or (block is not None and block.state in OVER)


def is_overtaken(event: BankEvent, block: Block, report: LossReport | None) -> bool:
    """News about an earlier report of the card, or an unblocking from before the report."""
    if event.type == BLOCKED:
        return event.report_number != block.report_number
    is_unblocking = MEANS[event.type] is BlockEvent.UNBLOCKED
    return is_unblocking and report is not None and event.at < report.reported_at
