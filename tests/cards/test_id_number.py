"""ID numbers: what is accepted, what is not and why, and that no slip of a finger gets through."""

from datetime import date
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from ivr.cards.errors import BadIdNumberError
from ivr.cards.id_number import (
    PROVINCES,
    IdNumberProblem,
    birth_date,
    check_id_number,
    is_under_16,
    normalise,
)
from ivr.made_up import cardholder_rows, made_up_id_number

TODAY = date(2026, 11, 22)

VALID = (
    "11010519491231002X",
    "320102195006150014",
    "33011320230615001X",
    "810000199001010019",
    "820000199001010010",
    "830000199001010012",
    "932840198503120014",
)

seeds = st.integers(min_value=0, max_value=2**32)
births = st.dates(min_value=date(1897, 1, 1), max_value=TODAY)
id_numbers = st.builds(lambda seed, birth: made_up_id_number(Random(seed), birth), seeds, births)


def with_check_digit(body: str) -> str:
    return body + str(mod_11_2.calc_check_digit(body))


def refused(raw: str, today: date = TODAY) -> str:
    """The code with which a number is refused."""
    with pytest.raises(BadIdNumberError) as caught:
        check_id_number(raw, today)
    return caught.value.code


class TestAccepted:
    @pytest.mark.parametrize("number", VALID)
    def test_every_kind_of_holder(self, number: str) -> None:
        assert check_id_number(number, TODAY) == number

    @pytest.mark.parametrize(
        "raw",
        [
            "11010519491231002x",
            " 110105 19491231 002X ",
            "110105-19491231-002X",
            "110105\u201319491231\u2212002X",
            "11010519491231002X",
            "110105\u300019491231\u00a0002X",
        ],
    )
    def test_however_it_is_written(self, raw: str) -> None:
        assert check_id_number(raw, TODAY) == "11010519491231002X"

    @pytest.mark.parametrize("province", sorted(PROVINCES))
    def test_every_province_even_with_a_county_nobody_lists(self, province: str) -> None:
        for address in (f"{province}9999", f"9{province}000"):
            number = with_check_digit(f"{address}19850312001")
            assert check_id_number(number, TODAY) == number

    @given(id_numbers)
    def test_whatever_is_made_up(self, number: str) -> None:
        assert check_id_number(number, TODAY) == number

    @settings(max_examples=20)
    @given(seeds)
    def test_whatever_is_made_up_for_a_file(self, seed: int) -> None:
        for row in cardholder_rows(Random(seed), 45, ["icbc"]):
            assert check_id_number(row[0], TODAY) == row[0]


class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("", IdNumberProblem.TOO_SHORT),
            ("1101051949123100", IdNumberProblem.TOO_SHORT),
            ("11010549123100X", IdNumberProblem.TOO_SHORT),
            ("110105491231002", IdNumberProblem.FIFTEEN_PLACES),
            ("11010519491231002X0", IdNumberProblem.LETTERS),
            ("1101051949123100210", IdNumberProblem.TOO_LONG),
            ("USA330184052100", IdNumberProblem.LETTERS),
            ("E12345678", IdNumberProblem.LETTERS),
            ("1101051949123100X2", IdNumberProblem.LETTERS),
            ("11010519491231002*", IdNumberProblem.LETTERS),
            ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢٢", IdNumberProblem.LETTERS),
            ("110105194912310021", IdNumberProblem.CHECK_DIGIT),
            ("110105194912310020", IdNumberProblem.CHECK_DIGIT),
            (with_check_digit("11010519000229001"), IdNumberProblem.BIRTH_DATE),
            (with_check_digit("11010519901301001"), IdNumberProblem.BIRTH_DATE),
            (with_check_digit("11010500000101001"), IdNumberProblem.BIRTH_DATE),
            (with_check_digit("11010520990101001"), IdNumberProblem.IN_THE_FUTURE),
            (with_check_digit("11010518000101001"), IdNumberProblem.TOO_OLD),
            (with_check_digit("16010519850312001"), IdNumberProblem.REGION),
            (with_check_digit("71010519850312001"), IdNumberProblem.REGION),
            (with_check_digit("84010519850312001"), IdNumberProblem.REGION),
            (with_check_digit("00010519850312001"), IdNumberProblem.REGION),
            (with_check_digit("91684019850312001"), IdNumberProblem.REGION),
        ],
    )
    def test_with_the_reason(self, raw: str, code: IdNumberProblem) -> None:
        assert refused(raw) == code

    @pytest.mark.parametrize("last", "0123456789X")
    def test_a_future_birth_whatever_the_check_digit(self, last: str) -> None:
        assert refused(f"11010520990101001{last}") == IdNumberProblem.IN_THE_FUTURE

    def test_future_and_age_turn_on_the_very_day(self) -> None:
        born_today = with_check_digit("11010520261122001")
        assert check_id_number(born_today, TODAY) == born_today
        assert refused(born_today, date(2026, 11, 21)) == IdNumberProblem.IN_THE_FUTURE
        very_old = with_check_digit("11010518951123001")
        assert check_id_number(very_old, TODAY) == very_old
        assert refused(very_old, date(2026, 11, 23)) == IdNumberProblem.TOO_OLD

    @given(id_numbers, st.integers(0, 17), st.sampled_from("0123456789X"))
    def test_any_single_wrong_place(self, number: str, place: int, key: str) -> None:
        assume(number[place] != key)
        refused(number[:place] + key + number[place + 1 :])

    @given(id_numbers, st.integers(0, 15))
    def test_any_swap_of_neighbours(self, number: str, place: int) -> None:
        left, right = number[place], number[place + 1]
        assume(left != right)
        refused(number[:place] + right + left + number[place + 2 :])

    @given(st.text())
    def test_whatever_is_typed_by_code_only(self, raw: str) -> None:
        assert refused(raw) in list(IdNumberProblem)

    @given(id_numbers)
    def test_without_repeating_digits(self, number: str) -> None:
        wrong_check = "0" if number[-1] != "0" else "1"
        with pytest.raises(BadIdNumberError) as caught:
            check_id_number(number[:-1] + wrong_check, TODAY)
        told = f"{caught.value!r} {caught.value} {caught.value.__context__!r}"
        assert not any(sign.isdigit() for sign in told)


class TestReading:
    def test_the_birth_date(self) -> None:
        assert birth_date("932840198503120014") == date(1985, 3, 12)

    @pytest.mark.parametrize(
        ("born", "today", "under"),
        [
            ("20101123", TODAY, True),
            ("20101122", TODAY, False),
            ("20101121", TODAY, False),
            ("20120229", date(2028, 2, 28), True),
            ("20120229", date(2028, 2, 29), False),
        ],
    )
    def test_under_16_ends_on_the_birthday(self, born: str, today: date, under: bool) -> None:
        assert is_under_16(with_check_digit(f"110105{born}001"), today) is under

    @given(id_numbers, st.lists(st.tuples(st.integers(0, 18), st.sampled_from(" -\t–—−　"))))
    def test_blanks_and_dashes_never_matter(
        self, number: str, strewn: list[tuple[int, str]]
    ) -> None:
        written = list(number.lower())
        for place, sign in strewn:
            written.insert(place, sign)
        assert normalise("".join(written)) == number
