"""Replace a card: all that is on record of the old one is over, and the new one has its place."""

from dataclasses import replace

from ivr.cards.acts.report import overtaken
from ivr.cards.acts.step import step
from ivr.cards.acts.whose import Whose
from ivr.cards.bank_event import BankEvent
from ivr.cards.block import BlockEvent, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Reissue
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import Notice
from ivr.cards.records import Card, CardState, Holder


def replace_card(
    case: Case, notice: Notice | None, event: BankEvent, whose: Whose, now: int
) -> Change:
    """The suspension ends, the report and the block are closed, nobody asks the bank to block any
    more, and in the directory the new card has the old one's place; its city, unless an import has
    brought another. The number may be the same, on a new card with a new account; then NOTHING for
    news from before the report or formal loss.

    `notice` is the one that asked the bank to block the old card.
    """
    report, is_same = case.report, event.new_card_number == whose.card.number
    if is_same and event.at < _lost_at(case):
        return NOTHING
    by_number = {card.number: card for card in whose.holder.cards}
    new = replace(
        whose.card,
        number=event.new_card_number,
        bank_account=event.new_bank_account,
        city_code=by_number.get(event.new_card_number, whose.card).city_code,
        state=CardState.NORMAL,
        progress=None,
    )
    holder = _with(whose.holder, whose.card, new)
    closed = step(case, BlockEvent.REPLACED, now)
    if closed == NOTHING and case.suspension is None and holder == whose.holder:
        return NOTHING
    fields = {"card": case.card_ref, "bank": event.bank,
              "report": report.number if report else ""}  # fmt: skip
    return replace(
        closed,
        lifted=case.suspension is not None,
        report=_closed(report),
        notice=overtaken(notice),
        reissue=Reissue(whose.holder_ref, holder, case.card_ref, new),
        journal=(*closed.journal, Entry("card_replaced", fields)),
    )


def _lost_at(case: Case) -> int:
    """When the card was last reported, temporarily or formally, unix seconds; 0 for never."""
    report, block = case.report, case.block
    is_formal = block is not None and block.state is BlockState.FORMAL_LOSS
    return max(report.reported_at if report else 0, block.changed_at if block and is_formal else 0)


def _closed(report: LossReport | None) -> LossReport | None:
    if report is None or report.state is not ReportState.ACTIVE:
        return None
    return replace(report, state=ReportState.CLOSED)


def _with(holder: Holder, old: Card, new: Card) -> Holder:
    """The new card where the old one was; an import may have brought it before."""
    others = [card for card in holder.cards if card.number != new.number or card is old]
    cards = tuple(new if card.number == old.number else card for card in others)
    return replace(holder, cards=cards)
