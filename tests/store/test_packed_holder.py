"""A cardholder as few bytes: whatever it says comes back the same."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.cards.records import Card, CardState, Holder, Progress
from ivr.made_up import made_up_card, made_up_holder
from ivr.store.packed_holder import merge, pack, unpack

digits = st.text("0123456789", max_size=32)
texts = digits | st.text(max_size=20)
progress = st.none() | st.sampled_from(Progress)
cards = st.builds(Card, texts, texts, texts, texts, st.sampled_from(CardState), progress)
phones = texts | digits.map("+{}".format)
holders = st.builds(Holder, texts, texts, phones, st.lists(cards, max_size=8).map(tuple))


@settings(deadline=None)
@given(holders)
def test_what_is_packed_is_unpacked(holder: Holder) -> None:
    assert unpack(pack(holder)) == holder


@pytest.mark.parametrize(
    "account", ["0622202", "6222021234567890123", "62220212345678901234", "9" * 32, "٦٢٢٢", ""]
)
def test_no_digit_of_an_account_is_lost(account: str) -> None:
    holder = made_up_holder(Random(1), ["icbc"])
    odd = replace(holder, cards=(replace(holder.cards[0], bank_account=account),))
    assert unpack(pack(odd)).cards[0].bank_account == account


def test_how_far_a_new_card_is_takes_a_byte_and_old_records_are_read() -> None:
    holder = made_up_holder(Random(1), ["icbc"])
    (card,) = holder.cards
    told = replace(holder, cards=(replace(card, progress=Progress.AT_THE_OUTLET),))
    assert len(pack(told)) == len(pack(holder)) + 1
    assert unpack(pack(holder)) == holder
    assert merge(pack(told), pack(holder)) == pack(told), "a file without the column tells nothing"
    over = replace(holder, cards=(replace(card, progress=Progress.NONE),))
    assert unpack(merge(pack(told), pack(over))) == over


def test_eight_cards_come_one_by_one_and_keep_their_places() -> None:
    rng = Random(8)
    holder = made_up_holder(rng, ["icbc"])
    eight = tuple(made_up_card(rng, "icbc") for _ in range(8))
    single = [pack(replace(holder, cards=(card,))) for card in eight]
    known = single[0]
    for news in [*single[1:], *single]:
        known = merge(known, news)
    assert unpack(known) == replace(holder, cards=eight)
    assert merge(known, single[3]) == known, "nothing new"


def test_a_line_without_a_phone_takes_none_away() -> None:
    holder = made_up_holder(Random(1), ["icbc"])
    known = pack(holder)
    assert merge(known, pack(replace(holder, phone=""))) == known
    renamed = merge(known, pack(replace(holder, phone="", name="新名")))
    assert unpack(renamed) == replace(holder, name="新名")
