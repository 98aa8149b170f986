"""The words for a block and for a status, said, shown or texted: one table each for all channels.

The words themselves are prompts of the catalogue; here they are only named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ivr.cards.block import BlockState
from ivr.cards.records import Progress
from ivr.cards.status import Social

NEVER_BLOCKED: Final = "status_bank_normal"  # the status of a card without a block


@dataclass(frozen=True)
class BlockWords:
    """outcome: what a person who has just reported the card hears about the bank.
    status: the prompt of a status query.
    text: the prompt of the text owed when the block enters this state; true only in this state.
    """

    outcome: str
    status: str
    text: str | None


BLOCK_WORDS: Final[Mapping[BlockState, BlockWords]] = {
    BlockState.NOTIFIED: BlockWords("waiting", "status_bank_waiting", None),
    BlockState.RECEIVED: BlockWords("waiting", "status_bank_waiting", None),
    BlockState.BLOCKED: BlockWords("blocked", "status_bank_blocked", "text_blocked"),
    BlockState.FORMAL_LOSS: BlockWords("blocked", "status_bank_blocked_formal", "text_formal"),
    BlockState.REFUSED: BlockWords("failed", "status_bank_failed", "text_failed"),
    BlockState.UNDELIVERABLE: BlockWords("unreached", "status_bank_unreached", "text_unreached"),
    BlockState.UNBLOCKED: BlockWords("failed", "status_bank_unblocked", "text_unblocked"),
    BlockState.WITHDRAWN: BlockWords("unreached", "status_bank_withdrawn", None),
    BlockState.LAPSED: BlockWords("failed", "status_bank_lapsed", "text_lapsed"),
    BlockState.REPLACED: BlockWords("failed", NEVER_BLOCKED, "text_replaced"),
}

PROGRESS_WORDS: Final[Mapping[Progress, str]] = {
    Progress.ENTERED: "reissue_entered",
    Progress.PAID: "reissue_paid",
    Progress.BEING_MADE: "reissue_being_made",
    Progress.AT_THE_BANK: "reissue_at_the_bank",
    Progress.AT_THE_OUTLET: "reissue_at_the_outlet",
    Progress.COLLECTED: "reissue_collected",
    Progress.FAILED: "reissue_not_made",
}

SOCIAL_WORDS: Final[Mapping[Social, str]] = {
    Social.ACTIVE: "status_social_active",
    Social.RESTORED: "status_social_restored",
    Social.SUSPENDED: "status_social_temporary",
    Social.FORMAL: "status_social_formal",
    Social.ELSEWHERE: "already_elsewhere",
    Social.NOT_NORMAL: "status_social_not_normal",
}

TEXT_FILED: Final = "text_filed"
TEXT_ENDING: Final = "text_ending"  # the 7 days are over tomorrow
TEXT_RELEASED: Final = "text_released"
TEXT_DISPUTED: Final = "text_disputed"
TEXT_WITHDRAWN: Final = "text_withdrawn"
TEXT_CODE: Final = "text_code"
TEXT_PLACE: Final = "text_place"  # where to get a new card, and what it takes
TEXT_UNREPORTED: Final = "text_unreported"  # a call ended before anything was reported
TEXT_CODE_SITE: Final = "text_code_site"
CODES: Final = (TEXT_CODE, TEXT_CODE_SITE)  # where the code in them is to be entered
TEXT_TAKEN: Final = "text_taken"  # the bank's own service line took a report
TEXT_DECOUPLED: Final = "text_decoupled"  # which ended the suspension too
TEXT_FORMAL_WITHDRAWN: Final = "text_formal_withdrawn"


def state_told_by(text: str) -> BlockState | None:
    """The state in which a text's prompt is true; None for a text about something else."""
    return next((state for state, words in BLOCK_WORDS.items() if words.text == text), None)
