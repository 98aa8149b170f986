"""The cardholders CSV: good lines, every kind of bad line, and files that are something else."""

from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.cards.records import Card, CardState, Holder, Progress
from ivr.made_up import cardholder_rows
from ivr.store.cardholders_csv import (
    COLUMNS,
    PROGRESS,
    BadLine,
    BadValueError,
    CardholdersFileError,
    CardLine,
    check_phone,
    read_cardholders,
)

TODAY = date(2026, 11, 22)
HEADER = "id_number,name,phone,card_number,bank,bank_account,city_code,card_state"
GOOD = {
    "id_number": "11010519491231002X",
    "name": "王伟",
    "phone": "13800000000",
    "card_number": "A12345678",
    "bank": "icbc",
    "bank_account": "6222020200112230000",
    "city_code": "330100",
    "card_state": "1",
}


def line(**values: str) -> str:
    return ",".join((GOOD | values).values())


def read(*lines: str, header: str = HEADER) -> list[CardLine | BadLine]:
    return list(read_cardholders([header, *lines], ["icbc", "ccb"], TODAY))


def the_holder(read_line: CardLine | BadLine) -> Holder:
    assert isinstance(read_line, CardLine), read_line
    return read_line.holder


def reasons(*lines: str) -> list[str]:
    found = read(*lines)
    return [bad.reason for bad in found if isinstance(bad, BadLine)]


class TestGoodLines:
    def test_a_line_is_a_holder_with_one_card(self) -> None:
        card = Card("A12345678", "icbc", "6222020200112230000", "330100", CardState.NORMAL)
        holder = Holder("11010519491231002X", "王伟", "+8613800000000", (card,))
        assert read(line()) == [CardLine(2, holder)]

    def test_columns_in_any_order(self) -> None:
        header = ",".join(reversed(COLUMNS))
        backwards = ",".join(reversed(GOOD.values()))
        assert read(backwards, header=header) == read(line())

    def test_values_are_tidied(self) -> None:
        untidy = line(
            id_number=" 110105-19491231-002x ",
            name="\u3000买买提\u3000江 ",
            phone="138 0000-0000",
            card_number="a12345678",
            bank=" icbc ",
        )
        assert the_holder(read(untidy)[0]) == the_holder(read(line(name="买买提 江"))[0])

    @pytest.mark.parametrize("state", CardState)
    def test_every_card_state(self, state: CardState) -> None:
        assert the_holder(read(line(card_state=str(int(state))))[0]).cards[0].state is state

    @pytest.mark.parametrize(
        ("value", "progress"),
        [
            ("", Progress.NONE),
            *((str(int(known)), known) for known in Progress),
            ("５", Progress(5)),
        ],
    )
    def test_a_column_for_how_far_a_new_card_is(self, value: str, progress: Progress) -> None:
        told = read(f"{line()},{value}", header=f"{HEADER},{PROGRESS}")
        assert the_holder(told[0]).cards[0].progress is progress
        first = read(f"{value},{line()}", header=f"{PROGRESS},{HEADER}")
        assert first == told
        assert the_holder(read(line())[0]).cards[0].progress is None

    @pytest.mark.parametrize("value", ["8", "-1", "made", "00"])
    def test_no_other_progress(self, value: str) -> None:
        (bad,) = read(f"{line()},{value}", header=f"{HEADER},{PROGRESS}")
        assert bad == BadLine(2, "reissue is neither empty nor one of 0 to 7")

    def test_that_column_twice(self) -> None:
        with pytest.raises(CardholdersFileError, match="twice or one too many"):
            read(header=f"{HEADER},{PROGRESS},{PROGRESS}")

    def test_whatever_is_made_up(self) -> None:
        rows = [",".join(row) for row in cardholder_rows(Random(7), 500, ["icbc", "ccb"])]
        assert not reasons(*rows)

    def test_line_ends_and_quotes(self) -> None:
        assert read(line() + "\r\n", line() + "\r", line(name='"王伟"')) == [
            CardLine(number, the_holder(read(line())[0])) for number in (2, 3, 4)
        ]

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("id_number", "１１０１０５－１９４９１２３１－００２ｘ"),
            ("id_number", "\u202d110105 19491231 002X\u202c"),
            ("card_number", "ａ１２３４５６７８"),
            ("card_number", "A1234‑5678"),
            ("card_number", "A1234 5678"),
            ("bank_account", "6222 0202 0011 2230 000"),
            ("bank_account", "６２２２－０２０２００１１２２３００００"),
            ("bank", "ｉｃｂｃ"),
            ("city_code", "３３０１００"),
            ("card_state", "１"),
            ("phone", "１３８００００００００"),
            ("phone", "\u202d+86 138 0000 0000\u202c"),
        ],
    )
    def test_width_dashes_and_blanks_are_folded_in_every_column(
        self, column: str, value: str
    ) -> None:
        assert read(line(**{column: value})) == read(line())

    @pytest.mark.parametrize("phone", ["", "无", "12345", "62340001", "13800000000/010-62340001"])
    def test_a_phone_that_cannot_be_read_costs_the_phone_and_not_the_card(self, phone: str) -> None:
        (found,) = read(line(phone=phone))
        assert isinstance(found, CardLine)
        assert found.holder.phone == ""
        assert found.holder.cards == the_holder(read(line())[0]).cards
        assert found.note == (
            "phone is not a mainland number and does not begin with + and a country code"
        )

    def test_a_phone_abroad_that_does_not_exist_is_named_as_that(self) -> None:
        (found,) = read(line(phone="+999 123 456 789"))
        assert isinstance(found, CardLine)
        assert found.note == "phone is no number of the country whose code it begins with"


# Of each column, what is read at one glance, what is not, and what is bad.
VALUES: dict[str, list[str]] = {
    "id_number": ["11010519491231002X", "11010519491231002x", "110105194912310021", "1101051949123"]
    + ["110105 19491231 002X", "11010519491331002X", "99010519491231002X", "11010520991231002X"],
    "name": ["王伟", "王  伟", " 王伟", "阿·不都", "王\x07", "王\u3000伟", " ", "", "O'Neil"],
    "phone": ["13800000000", "+8613800000000", "8613800000000", "12800000000", "+14155552671", ""]
    + ["008613800000000", "013800000000", "010-12345678", "138000000001", "+86 138 0000 0000"],
    "card_number": ["A12345678", "a12345678", "A1234", "A1234_5678", "1" * 33, "Ａ12345678"],
    "bank": ["icbc", "ccb", "boc", "ICBC", " icbc", "", "icbc-2"],
    "bank_account": ["6222020200112230000", "6222 0202 0011", "622202", "6222020x", "6" * 33],
    "city_code": ["330100", "33010", "３３０１００", "3301000", "33 100"],
    "card_state": ["0", "1", "2", "3", "4", "9", "5", "8", "01", "", " 1"],
}


class TestAtOneGlance:
    @settings(deadline=None)
    @given(st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in COLUMNS}))
    def test_a_line_is_what_it_is_value_by_value(self, values: dict[str, str]) -> None:
        """No line with a quote is read at one glance."""
        quoted = ",".join(f'"{values[column]}"' for column in COLUMNS)
        assert read(line(**values)) == read(quoted) == read(line(**values) + "\n")

    @pytest.mark.parametrize("column", COLUMNS)
    def test_each_value_in_a_line_that_is_good_else(self, column: str) -> None:
        for value in VALUES[column]:
            values = (GOOD | {column: value}).values()
            assert read(",".join(values)) == read(",".join(f'"{each}"' for each in values))

    def test_where_no_bank_is_known(self) -> None:
        (found,) = read_cardholders([HEADER, line()], [], TODAY)
        assert found == BadLine(2, "bank is none of ")


class TestBadLines:
    @pytest.mark.parametrize(
        ("column", "value", "reason"),
        [
            ("id_number", "110105194912310021", "id_number has a wrong check digit"),
            ("id_number", "11010519491231", "id_number has fewer than 18 places"),
            ("id_number", "1101051949123100210", "id_number has more than 18 places"),
            ("id_number", "110105491231002", "id_number is an old number of 15 places"),
            ("id_number", "E12345678", "id_number may have digits only, and X in the last place"),
            ("id_number", "990105194912310021", "id_number begins with no province's code"),
            (
                "id_number",
                "110105190002290010",
                "id_number holds a birth date that does not exist",
            ),
            ("id_number", "110105209901010010", "id_number holds a birth date in the future"),
            (
                "id_number",
                "110105180001010010",
                "id_number holds a birth date more than 130 years ago",
            ),
            ("name", "  ", "name is empty or has characters that cannot be printed"),
            ("name", "王\x07", "name is empty or has characters that cannot be printed"),
            ("card_number", "A123", "card_number must be 8 to 32 digits and letters"),
            ("card_number", "A1234_5678", "card_number must be 8 to 32 digits and letters"),
            ("card_number", "1" * 33, "card_number must be 8 to 32 digits and letters"),
            ("bank", "abc", "bank is none of ccb, icbc"),
            ("bank", "", "bank is none of ccb, icbc"),
            ("bank_account", "62220202", ""),
            ("bank_account", "6222020", "bank_account must be 8 to 32 digits"),
            ("bank_account", "6222 0202 0011", ""),
            ("bank_account", "6222 0202", ""),
            ("bank_account", "6222 020x", "bank_account must be 8 to 32 digits"),
            ("city_code", "33010", "city_code must be 6 digits"),
            ("city_code", "３３０１００", ""),
            ("card_state", "5", "card_state is none of 0, 1, 2, 3, 4, 9"),
            ("card_state", "01", "card_state is none of 0, 1, 2, 3, 4, 9"),
        ],
    )
    def test_each_column_has_its_check(self, column: str, value: str, reason: str) -> None:
        assert reasons(line(**{column: value})) == ([reason] if reason else [])

    def test_all_problems_of_a_line_are_told_together(self) -> None:
        told = reasons(line(name="", city_code="1", card_state="x"))[0]
        assert told.count("; ") == 2

    def test_too_few_and_too_many_values(self) -> None:
        assert reasons("a,b", line() + ",") == [
            "has 2 values instead of 8",
            "has 9 values instead of 8",
        ]

    def test_a_forgotten_quote_spoils_only_its_own_line(self) -> None:
        found = read(line(name='"王伟'), line(), line(name='"王"伟'), line())
        assert [type(each) for each in found] == [BadLine, CardLine, BadLine, CardLine]

    def test_bytes_that_are_not_utf_8_spoil_only_their_own_line(self) -> None:
        in_gbk = line().encode("gbk").decode("utf-8-sig", "surrogateescape")
        assert read(in_gbk, line())[0] == BadLine(2, "is not UTF-8 text")
        assert len(reasons(in_gbk, line())) == 1

    def test_lines_are_numbered_as_an_editor_does(self) -> None:
        found = read("", line(), "  \n", "bad", "\r\n", line())
        assert [each.line for each in found] == [3, 5, 7]

    def test_no_digits_of_any_value_are_repeated(self) -> None:
        """Shifted columns put the ID number under every other name."""
        number = "110105194912310021"
        for column in COLUMNS:
            if column not in ("card_number", "bank_account"):  # where 18 digits are in order
                told = repr(read(line(**{column: number}))[0])
                assert number[:6] not in told
                assert number[-4:] not in told

    def test_a_good_line_shows_nothing_in_logs(self) -> None:
        shown = repr(read(line()))
        assert not any(value in shown for key, value in GOOD.items() if key != "card_state")


class TestOtherFiles:
    @pytest.mark.parametrize("start", [[], [""], ["\n"], [" , ,"]])
    def test_an_empty_file(self, start: list[str]) -> None:
        with pytest.raises(CardholdersFileError, match="empty"):
            list(read_cardholders(start, ["icbc"], TODAY))

    @pytest.mark.parametrize("column", COLUMNS)
    def test_a_missing_column_is_named(self, column: str) -> None:
        rest = ",".join(name for name in COLUMNS if name != column)
        with pytest.raises(CardholdersFileError, match=f"lacks {column};"):
            read(header=rest)

    @pytest.mark.parametrize("extra", ["note", "phone"])
    def test_a_column_too_many(self, extra: str) -> None:
        with pytest.raises(CardholdersFileError, match="twice or one too many"):
            read(header=f"{HEADER},{extra}")


class TestPhones:
    @pytest.mark.parametrize(
        ("raw", "phone"),
        [
            ("13800000000", "+8613800000000"),
            ("+86 138 0000 0000", "+8613800000000"),
            ("8613800000000", "+8613800000000"),
            ("0086-13800000000", "+8613800000000"),
            ("010-12345678", None),
            ("010-62345678", "+861062345678"),
            ("(0571) 87654321", "+8657187654321"),
            ("0571-8765432", "+865718765432"),
            ("+86 571 8765 4321", "+8657187654321"),
            ("+852 9123 4567", "+85291234567"),
            ("+1 202 555 0100", "+12025550100"),
            ("12800000000", None),
            ("+8612800000000", None),
            ("1380000000", None),
            ("138000000000", None),
            ("95588", None),
            ("+0123456789", None),
            ("+1234567890123456", None),
            # As offices write them.
            ("１３８００００００００", "+8613800000000"),
            ("（010）62340001", "+861062340001"),
            ("015400010001", "+8615400010001"),
            ("+86 (0)10 6234 0001", "+861062340001"),
            ("+86 015400010001", "+8615400010001"),
            ("154‑0001‑0001", "+8615400010001"),
            ("154—0001–0001", "+8615400010001"),
            ("154.0001.0001", "+8615400010001"),
            ("86 10 6234 0001", "+861062340001"),
            ("0086 0571 8765 4321", "+8657187654321"),
            ("00852 9123 4567", "+85291234567"),
            ("+8613800000000", "+8613800000000"),
            # A trunk 0, which is dialled only at home; Italy keeps its 0.
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+44 020 7946 0958", "+442079460958"),
            ("0044 (0)20 7946 0958", "+442079460958"),
            ("+886-0912-345-678", "+886912345678"),
            ("+1 (0)415 555 0123", "+14155550123"),
            ("+49(0)30123456", "+4930123456"),
            ("+39 06 6982", "+39066982"),
            ("+852 123", None),
            ("+999 123 456 789", None),
            ("+1 800 FLOWERS", None),
            ("+8613800138000x", None),
            ("62340001", None),
            ("110105194912310021", None),
            ("", None),
        ],
    )
    def test_kept_in_e164_or_refused(self, raw: str, phone: str | None) -> None:
        if phone is None:
            with pytest.raises(BadValueError):
                check_phone(raw)
        else:
            assert check_phone(raw) == phone
