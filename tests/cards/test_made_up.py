"""Made-up cardholders: the same from the same seed, and every unusual kind among them."""

from collections import Counter
from datetime import date
from random import Random

from ivr.cards.id_number import birth_date, is_under_16
from ivr.cards.records import CardState
from ivr.made_up import cardholder_rows, made_up_holder, made_up_id_number

BANKS = ["icbc", "ccb", "abc"]


def test_the_same_seed_gives_the_same_people() -> None:
    first, again, other = (list(cardholder_rows(Random(s), 60, BANKS)) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_exactly_as_many_lines_as_asked_for() -> None:
    for n in (0, 1, 4, 5, 8, 100):
        assert len(list(cardholder_rows(Random(1), n, BANKS))) == n


def test_lines_are_made_as_they_are_asked_for() -> None:
    endless = cardholder_rows(Random(1), 10**12, BANKS)
    assert next(endless) != next(endless)


def test_one_round_shows_every_kind() -> None:
    rows = list(cardholder_rows(Random(5), 43, BANKS, year=2026))
    today = date(2026, 11, 22)
    cards_each = Counter(row[0] for row in rows)
    assert Counter(cards_each.values()) == {1: 38, 2: 1, 3: 1}
    assert {row[7] for row in rows} == {str(int(state)) for state in CardState}
    assert sum(is_under_16(number, today) for number in cards_each) == 1
    assert sum(number.startswith("9") for number in cards_each) == 1
    assert {row[4] for row in rows} == set(BANKS)
    assert len({row[6] for row in rows}) > 3


def test_several_cards_are_at_different_banks() -> None:
    holder = made_up_holder(Random(1), BANKS, states=[CardState.NORMAL] * 3)
    assert {card.bank for card in holder.cards} == set(BANKS)


def test_birth_and_province_as_asked() -> None:
    number = made_up_id_number(Random(1), date(2020, 2, 29), "83")
    assert number.startswith("83")
    assert birth_date(number) == date(2020, 2, 29)
    assert made_up_id_number(Random(1), province="944").startswith("944")


def test_cards_do_not_repeat() -> None:
    rows = list(cardholder_rows(Random(3), 4_000, BANKS))
    assert len({row[3] for row in rows}) == 4_000
