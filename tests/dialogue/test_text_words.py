"""What people text, and what we take it for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialogue.text_words import WORDS, Said, Wish, read_text
from ivr.prompts.languages import LANGUAGES

REPORTS = ("挂失1234", "挂失 1234", "挂失：1234", "我要挂失１２３４", "掛失1234", " gs1234 ")


@pytest.mark.parametrize("body", REPORTS)
def test_one_command_in_many_spellings(body: str) -> None:
    assert read_text(body) == Said(Wish.REPORT, "zh", "1234")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("挂失", Said(Wish.REPORT, "zh")),
        ("挂失 002x", Said(Wish.REPORT, "zh", "002X")),
        ("挂失 002Ｘ", Said(Wish.REPORT, "zh", "002X")),
        ("挂失卡5678", Said(Wish.REPORT, "zh", "5678", is_of_card=True)),
        ("Lost 1234", Said(Wish.REPORT, "en", "1234")),
        ("report lost", Said(Wish.REPORT, "en")),
        ("lost card 5678", Said(Wish.REPORT, "en", "5678", is_of_card=True)),
        ("状态", Said(Wish.STATUS, "zh")),
        ("狀態 1234", Said(Wish.STATUS, "zh", "1234")),
        ("Status?", Said(Wish.STATUS, "en")),
        ("不是我!", Said(Wish.NOT_ME, "zh")),
        ("不是我卡5678", Said(Wish.NOT_ME, "zh", "5678", is_of_card=True)),
        ("Not me.", Said(Wish.NOT_ME, "en")),
        ("是", Said(Wish.CONFIRM, "zh")),
        ("確認", Said(Wish.CONFIRM, "zh")),
        ("Confirm", Said(Wish.CONFIRM, "en")),
        ("yes", Said(Wish.CONFIRM, "en", is_carriers=True)),
        ("654321", Said(Wish.CONFIRM, "zh", code="654321")),
        ("不是", Said(Wish.CANCEL, "zh")),
        ("No", Said(Wish.CANCEL, "en")),
        ("帮助", Said(Wish.HELP, "zh")),
        ("help", Said(Wish.HELP, "en", is_carriers=True)),
        ("STOP", Said(Wish.CANCEL, "en", is_carriers=True)),
        ("cancel", Said(Wish.CANCEL, "en", is_carriers=True)),
        ("退訂", Said(Wish.CANCEL, "zh", is_carriers=True)),
        ("START", Said(Wish.NONE, "en", is_carriers=True)),
        ("挂失 12345", Said(Wish.HELP, "zh")),
        ("挂失 X123", Said(Wish.HELP, "zh")),
        ("good morning", Said(Wish.HELP, "en")),
        ("", Said(Wish.HELP, "zh")),
        ("？", Said(Wish.HELP, "zh")),
    ],
)
def test_what_it_is_taken_for(body: str, said: Said) -> None:
    assert read_text(body) == said


@pytest.mark.parametrize(
    "body",
    [
        "挂失11010519491231002X",
        "lost 110105 19491231 002x",
        "我的身份证是１１０１０５-１９４９１２３１-００２Ｘ",
        "110105491231002",
        "6222021234565678123",
    ],
)
def test_a_whole_number_is_not_even_read(body: str) -> None:
    said = read_text(body)
    assert (said.wish, said.last4, said.code) == (Wish.WHOLE_NUMBER, "", "")


def test_every_language_has_words_for_every_wish() -> None:
    assert WORDS.keys() == LANGUAGES.keys()
    spoken = set(Wish) - {Wish.WHOLE_NUMBER, Wish.NONE}
    assert all(wishes.keys() == spoken for wishes in WORDS.values())


@given(st.text(max_size=400))
def test_anything_else_is_taken_for_something(body: str) -> None:
    said = read_text(body)
    assert said.language in LANGUAGES
    assert len(said.last4) in (0, 4)
    assert len(said.code) in (0, 6)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_with_a_whole_number_is_a_command(before: str, after: str) -> None:
    assert read_text(f"{before}110105194912310021{after}").wish is Wish.WHOLE_NUMBER
