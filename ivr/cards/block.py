"""The block of a card's financial function: its states and every lawful step between them.

The bank blocks and unblocks; we only believe what the bank told us. So a block is `blocked` only
after the bank said so. That we sent a notice is never enough.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Final

from ivr.cards.errors import UnlawfulTransitionError


class BlockState(StrEnum):
    """How far the block is, as far as we know."""

    NOTIFIED = "notified"  # the notice is written down and on its way
    RECEIVED = "received"  # the bank has the notice and has not yet said "blocked"
    BLOCKED = "blocked"
    REFUSED = "refused"  # the bank said no: a person must look
    UNDELIVERABLE = "undeliverable"  # 72 hours without an answer: a person must look
    UNBLOCKED = "unblocked"
    FORMAL_LOSS = "formal_loss"  # blocked until the card is replaced
    WITHDRAWN = "withdrawn"  # the report was taken back before the bank had said "blocked"
    LAPSED = "lapsed"  # the bank's own rule has ended its block: not blocked any more
    REPLACED = "replaced"  # the card was replaced: what was on record of the old one is over


class BlockEvent(StrEnum):
    """What can happen to a block."""

    RECEIVED = "received"
    BLOCKED = "blocked"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    RESENT = "resent"  # a person sends the notice again
    UNBLOCKED = "unblocked"
    FORMAL_LOSS = "formal_loss"
    WITHDRAWN = "withdrawn"  # the report was taken back
    TAKEN = "taken"  # the bank's own service line took a report, and has blocked
    LAPSED = "lapsed"
    FORMAL_WITHDRAWN = "formal_withdrawn"
    REPLACED = "replaced"


_S, _E = BlockState, BlockEvent

TRANSITIONS: Final[dict[tuple[BlockState, BlockEvent], BlockState]] = {
    (_S.NOTIFIED, _E.RECEIVED): _S.RECEIVED,
    (_S.NOTIFIED, _E.BLOCKED): _S.BLOCKED,
    (_S.NOTIFIED, _E.REFUSED): _S.REFUSED,
    (_S.NOTIFIED, _E.GAVE_UP): _S.UNDELIVERABLE,
    (_S.RECEIVED, _E.BLOCKED): _S.BLOCKED,
    # The bank may act on a notice whose answer never reached us, so its word counts even when late.
    (_S.REFUSED, _E.BLOCKED): _S.BLOCKED,
    (_S.UNDELIVERABLE, _E.RECEIVED): _S.RECEIVED,
    (_S.UNDELIVERABLE, _E.REFUSED): _S.REFUSED,
    (_S.UNDELIVERABLE, _E.BLOCKED): _S.BLOCKED,
    (_S.REFUSED, _E.RESENT): _S.NOTIFIED,
    (_S.UNDELIVERABLE, _E.RESENT): _S.NOTIFIED,
    # Nobody asks for a block any more. What the bank has blocked, only the bank unblocks.
    (_S.NOTIFIED, _E.WITHDRAWN): _S.WITHDRAWN,
    (_S.RECEIVED, _E.WITHDRAWN): _S.WITHDRAWN,
    (_S.REFUSED, _E.WITHDRAWN): _S.WITHDRAWN,
    (_S.UNDELIVERABLE, _E.WITHDRAWN): _S.WITHDRAWN,
    (_S.WITHDRAWN, _E.BLOCKED): _S.BLOCKED,  # the notice had reached it
    # Decoupling at an outlet is lawful from every state: the holder stood there with an ID.
    (_S.NOTIFIED, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.RECEIVED, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.BLOCKED, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.REFUSED, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.UNDELIVERABLE, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.WITHDRAWN, _E.UNBLOCKED): _S.UNBLOCKED,
    (_S.LAPSED, _E.UNBLOCKED): _S.UNBLOCKED,
    # So is a formal report; the bank blocks the account itself when it takes one. From there on
    # only two things help: the outlet takes it back, where the city lets it, or a new card.
    **{(s, _E.FORMAL_LOSS): _S.FORMAL_LOSS for s in BlockState if s is not _S.FORMAL_LOSS},
    # The bank blocked for the formal loss, and has not said that it unblocks.
    (_S.FORMAL_LOSS, _E.FORMAL_WITHDRAWN): _S.BLOCKED,
    **{(s, _E.REPLACED): _S.REPLACED for s in BlockState if s is not _S.REPLACED},
    # Whatever came of our notice: the bank says that it has blocked.
    **{(s, _E.TAKEN): _S.BLOCKED for s in BlockState if s not in (_S.BLOCKED, _S.FORMAL_LOSS)},
    # Only of a block that there may have been. One that the bank is still to be asked for, or has
    # refused, is not what has lapsed there.
    (_S.RECEIVED, _E.LAPSED): _S.LAPSED,
    (_S.BLOCKED, _E.LAPSED): _S.LAPSED,
    (_S.UNDELIVERABLE, _E.LAPSED): _S.LAPSED,
    (_S.WITHDRAWN, _E.LAPSED): _S.LAPSED,
}

# The bank has said that it does not block the card, or not any more.
ENDED: Final = (_S.UNBLOCKED, _S.LAPSED, _S.REPLACED)

# News that changes nothing any more: logged, never an error (style: late news is a no-op).
STALE: Final[frozenset[tuple[BlockState, BlockEvent]]] = frozenset(
    {
        (_S.RECEIVED, _E.RECEIVED),
        # A receipt stays valid: a later refusal of the same notice says nothing about the block.
        (_S.RECEIVED, _E.REFUSED),
        (_S.RECEIVED, _E.GAVE_UP),
        (_S.BLOCKED, _E.RECEIVED),
        (_S.BLOCKED, _E.BLOCKED),
        (_S.BLOCKED, _E.REFUSED),
        (_S.BLOCKED, _E.GAVE_UP),
        (_S.UNBLOCKED, _E.RECEIVED),
        (_S.UNBLOCKED, _E.BLOCKED),
        (_S.UNBLOCKED, _E.REFUSED),
        (_S.UNBLOCKED, _E.GAVE_UP),
        (_S.UNBLOCKED, _E.UNBLOCKED),
        (_S.REFUSED, _E.REFUSED),
        (_S.REFUSED, _E.RECEIVED),
        (_S.REFUSED, _E.GAVE_UP),
        (_S.UNDELIVERABLE, _E.GAVE_UP),
        (_S.FORMAL_LOSS, _E.RECEIVED),
        (_S.FORMAL_LOSS, _E.BLOCKED),
        (_S.FORMAL_LOSS, _E.REFUSED),
        (_S.FORMAL_LOSS, _E.GAVE_UP),
        (_S.FORMAL_LOSS, _E.FORMAL_LOSS),
        (_S.BLOCKED, _E.WITHDRAWN),
        (_S.UNBLOCKED, _E.WITHDRAWN),
        (_S.FORMAL_LOSS, _E.WITHDRAWN),
        (_S.WITHDRAWN, _E.RECEIVED),
        (_S.WITHDRAWN, _E.REFUSED),
        (_S.WITHDRAWN, _E.GAVE_UP),
        (_S.WITHDRAWN, _E.WITHDRAWN),
        # After either, a late word about our notice must not make anybody believe in a block.
        *product(
            (_S.LAPSED, _S.REPLACED),
            (_E.RECEIVED, _E.BLOCKED, _E.REFUSED, _E.GAVE_UP, _E.WITHDRAWN, _E.LAPSED),
        ),
        (_S.REPLACED, _E.UNBLOCKED),
        (_S.REPLACED, _E.REPLACED),
        (_S.BLOCKED, _E.TAKEN),
        (_S.FORMAL_LOSS, _E.TAKEN),  # a formal report outranks a temporary one
        (_S.NOTIFIED, _E.LAPSED),
        (_S.REFUSED, _E.LAPSED),
        (_S.UNBLOCKED, _E.LAPSED),
        *((s, _E.FORMAL_WITHDRAWN) for s in BlockState if s is not _S.FORMAL_LOSS),
    }
)


@dataclass(frozen=True)
class Block:
    """What we believe of one card's financial function.

    Times are unix seconds by Redis' clock. `report_number` is empty when the bank took a formal
    report of a card that was never reported to us.
    """

    card_ref: str
    bank: str
    state: BlockState
    report_number: str
    notice_id: str
    changed_at: int


def after(block: Block, event: BlockEvent, at: int) -> Block:
    """The block after an event; the same object when the event is late or repeated news.

    Raises:
        UnlawfulTransitionError: the table has no such step.
    """
    step = (block.state, event)
    if step in STALE:
        return block
    if step not in TRANSITIONS:
        raise UnlawfulTransitionError(block.state, event)
    return replace(block, state=TRANSITIONS[step], changed_at=at)
