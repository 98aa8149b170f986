"""No loose ends: a block that failed is asked about again or seen by a person, and a card that
was unblocked stays so.
"""

from tests.cards.acts.builders import WEEK
from tests.cards.acts.the_card import TheCard

DAY = 86_400


def is_seen_or_asked_again(card: TheCard) -> bool:
    """Somebody looks at the notice of the block, now or later."""
    assert card.case.block is not None
    notice = card.case.block.notice_id
    on_lists = {*card.open_notices(), *card.reminders, *card.for_a_person}
    return notice in on_lists


def test_a_late_receipt_of_a_refused_notice_leaves_it_to_a_person_or_is_believed() -> None:
    """Two attempts overlapped. "Refused: a person must look" (ivr/cards/block.py) still holds."""
    card = TheCard()
    card.is_reported()
    card.is_attempted("refused")
    assert is_seen_or_asked_again(card)
    card.is_attempted("received")
    assert is_seen_or_asked_again(card)


def test_a_bank_that_stays_silent_after_a_person_asked_is_not_forgotten() -> None:
    """The 3 days of reminders are over, and the bank only takes the notice once more."""
    card = TheCard()
    card.is_reported()
    card.is_attempted("received")
    card.waits(3 * DAY)
    assert is_seen_or_asked_again(card)
    card.is_sent_again()
    card.is_attempted("received")
    assert is_seen_or_asked_again(card)


def test_no_notice_of_an_earlier_report_blocks_a_card_that_was_unblocked() -> None:
    """A person sent it again on the sixth day, so that it is tried until the ninth; meanwhile
    the card was released, reported again, and unblocked at an outlet.
    """
    card = TheCard()
    card.is_reported()
    card.waits(3 * DAY)
    card.is_attempted("failed")
    card.waits(3 * DAY)
    card.is_sent_again()
    card.waits(WEEK - 6 * DAY)
    card.is_reported()
    card.is_told("unblocked")
    assert card.open_notices() == []
