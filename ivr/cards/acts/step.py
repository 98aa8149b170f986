"""One step of a block: the part that is the same in every act that changes a block."""

from ivr.cards.block import BlockEvent, after
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Timed, text_about
from ivr.cards.words import BLOCK_WORDS


def step(case: Case, event: BlockEvent, now: int, *, text: str | None = None) -> Change:
    """The block after an event, its journal entry and the holder's text; NOTHING when the event
    is late or repeated news. `text`: another prompt than that of the block's new state.

    Raises:
        UnlawfulTransitionError: the block's table has no such step.
    """
    before = case.block
    stepped = None if before is None else after(before, event, now)
    if stepped is None or stepped is before:
        return NOTHING
    text = text or BLOCK_WORDS[stepped.state].text
    owes = (text_about(case.report, text, now),) if case.report and text else ()
    fields = {"report": stepped.report_number, "card": stepped.card_ref, "bank": stepped.bank}
    journal = (Entry(f"block_{stepped.state}", fields),)
    is_timed = event is BlockEvent.BLOCKED  # what it has blocked of itself, it was not asked for
    timed = Timed(stepped.notice_id, stepped.bank, is_over=True) if is_timed else None
    return Change(block=stepped, owes=owes, journal=journal, timed=timed)
