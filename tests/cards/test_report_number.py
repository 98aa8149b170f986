"""Report numbers: 8 digits, random, and a wrong key is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cards.report_number import DIGITS, is_report_number, new_report_number


def test_numbers_have_eight_digits_and_a_right_check_digit() -> None:
    numbers = [new_report_number() for _ in range(500)]

    assert all(len(n) == DIGITS == 8 and n.isdigit() for n in numbers)
    assert all(is_report_number(n) for n in numbers)


def test_numbers_are_spread_over_the_whole_range() -> None:
    numbers = [new_report_number() for _ in range(2000)]

    assert len(set(numbers)) > 1990
    assert {n[0] for n in numbers} == set("0123456789")


@given(st.integers(0, DIGITS - 1), st.sampled_from("0123456789"))
def test_every_single_wrong_digit_is_noticed(place: int, digit: str) -> None:
    number = new_report_number()
    wrong = number[:place] + digit + number[place + 1 :]
    assert is_report_number(wrong) == (wrong == number)


@given(st.text(max_size=10))
def test_any_text_is_judged(text: str) -> None:
    assert is_report_number(text) in (True, False)


@pytest.mark.parametrize(
    "text", ["", "1234567", "123456789", "1234567X", "１２３４５６７０", " 1234567", "12345678\n"]
)
def test_what_is_no_report_number(text: str) -> None:
    assert not is_report_number(text)
