"""Report numbers: 8 digits, random, and a wrong key is noticed."""

import re

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


def check_digit(body: str) -> str:
    """ISO 7064 MOD 11,10 as the standard describes it, place by place."""
    rest = 10
    for digit in body:
        rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - rest) % 10)


@given(st.one_of(st.from_regex(r"\A[0-9]{7,9}\Z"), st.text("0123456789 X０１２\n", max_size=10)))
def test_8_digits_are_a_number_when_the_last_checks_the_others(text: str) -> None:
    right = re.fullmatch("[0-9]{8}", text) and text[-1] == check_digit(text[:-1])
    assert is_report_number(text) == bool(right)


@given(st.from_regex(r"\A[0-9]{7}\Z"))
def test_7_digits_have_one_check_digit(body: str) -> None:
    numbers = [body + digit for digit in "0123456789" if is_report_number(body + digit)]
    assert numbers == [body + check_digit(body)]


@pytest.mark.parametrize(
    "text", ["", "1234567", "123456789", "1234567X", "１２３４５６７２", " 1234567", "12345678\n"]
)
def test_what_is_no_report_number(text: str) -> None:
    assert not is_report_number(text)
