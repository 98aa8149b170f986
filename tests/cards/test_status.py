"""A card's status in three parts, for every state of the directory and of our own records."""

from itertools import product
from typing import Final

import pytest

from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.records import Card, CardState
from ivr.cards.status import Social, Status, status_of
from tests.cards.acts.builders import (
    CARD_REF,
    EVERY_BLOCK,
    a_case,
    a_formal_suspension,
    a_suspension,
)

# fmt: off
# The state in the directory, what suspends the card by our own records:
# the social security function when nobody was ever told to block, and when somebody was.
SOCIAL: Final = {
    (CardState.SEALED,         "nothing"):   ("not_normal", "not_normal"),
    (CardState.SEALED,         "temporary"): ("suspended",  "suspended"),
    (CardState.SEALED,         "formal"):    ("formal",     "formal"),
    (CardState.NORMAL,         "nothing"):   ("active",     "restored"),
    (CardState.NORMAL,         "temporary"): ("suspended",  "suspended"),
    (CardState.NORMAL,         "formal"):    ("formal",     "formal"),
    (CardState.FORMAL_LOSS,    "nothing"):   ("formal",     "formal"),
    (CardState.FORMAL_LOSS,    "temporary"): ("formal",     "formal"),
    (CardState.FORMAL_LOSS,    "formal"):    ("formal",     "formal"),
    (CardState.LOCKED,         "nothing"):   ("not_normal", "not_normal"),
    (CardState.LOCKED,         "temporary"): ("suspended",  "suspended"),
    (CardState.LOCKED,         "formal"):    ("formal",     "formal"),
    (CardState.TEMPORARY_LOSS, "nothing"):   ("elsewhere",  "elsewhere"),
    (CardState.TEMPORARY_LOSS, "temporary"): ("suspended",  "suspended"),
    (CardState.TEMPORARY_LOSS, "formal"):    ("formal",     "formal"),
    (CardState.CANCELLED,      "nothing"):   ("not_normal", "not_normal"),
    (CardState.CANCELLED,      "temporary"): ("suspended",  "suspended"),
    (CardState.CANCELLED,      "formal"):    ("formal",     "formal"),
}
# fmt: on
SUSPENDED_BY: Final = {
    "nothing": None,
    "temporary": a_suspension(),
    "formal": a_formal_suspension(),
}


def test_the_table_is_whole() -> None:
    assert list(SOCIAL) == list(product(CardState, SUSPENDED_BY))


@pytest.mark.parametrize(("state", "by"), SOCIAL)
def test_all_a_card_can_be(state: CardState, by: str) -> None:
    """What is told of the bank is how far the block is, whatever else holds."""
    suspension, card = SUSPENDED_BY[by], Card("A12345678", "icbc", "622202", "110100", state)
    never_told, told = SOCIAL[state, by]
    for name in EVERY_BLOCK:
        block = a_case(name).block
        status = status_of(Case(CARD_REF, suspension, block), card)
        is_of_none = name in ("none", "replaced")  # that was the card before, of the same number
        social, expected = (never_told, None) if is_of_none else (told, BlockState(name))
        assert status == Status(Social(social), expected, suspension), f"block {name}"
