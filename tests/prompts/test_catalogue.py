"""The catalogue: whole in every language, used to the last line, refused when unsound."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ivr import id_entry
from ivr.cards.words import BLOCK_WORDS
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Ask, prompts
from ivr.prompts.catalogue import (
    CatalogueError,
    LineItself,
    Placeholder,
    load_catalogue,
    parse_catalogue,
)
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.templates import REPLY

HOUSE = Path(__file__).parents[2]
CATALOGUE = load_catalogue()
EVERY = [(name, language) for name in CATALOGUE.prompts for language in LANGUAGES]
# The places each bank, card, report, announcement or place brings along; nothing else can be filled
# in.
PLACES = {
    "bank", "bank_phone", "card_last4", "code", "days", "hotline", "hours", "key", "last4", "line",
    "report_number", "reported_at", "until", "within",
    *("announcement", "place", "address", "open", "papers", "fee", "meanwhile", "guidance"),
    "cards", "count", "language", "phone_last4",
}  # fmt: skip
TEXTED = ("text_", "sms_")  # how the prompts begin that are read and not heard
# These go on in the line that follows them; every other prompt is a whole sentence.
FRAGMENTS = {"status_card", "busy_call_banks", "busy_bank"}
ENDS = {"zh": ("。", "？"), "en": (".", "?")}
GOES_ON = {"zh": ("，", "："), "en": (".", ":")}
LONGEST_ENCODED = 4500  # Twilio's limit for one Say, URL-encoded
LONGEST_TEXT = {"zh": 134, "en": 335}  # an SMS of two (UCS-2) or three segments


def places(name: str, language: LanguageCode) -> set[Placeholder]:
    return {p for p in CATALOGUE.prompts[name][language] if isinstance(p, Placeholder)}


def spoken_verdicts() -> set[str]:
    """The words for every verdict on a number that keeps the caller at the question."""
    verdicts = {
        "id_number": {"star", "invalid", *id_entry._VERDICTS.values()},
        "proof": {"too_short"},
        "phone": {"invalid"},
    }
    steps = [step for step in FLOW.values() if isinstance(step, Ask)]
    return {f"{step.check}_{v}" for step in steps for v in verdicts[step.check] - {*step.exits}}


def named_in_code() -> Iterator[str]:
    """Every text in our code that could be a prompt's name."""
    for path in [*HOUSE.glob("ivr/**/*.py"), *HOUSE.glob("workers/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def lines_in_code() -> Iterator[str]:
    """The names that stand in a Line(...) anywhere in our code."""
    for path in HOUSE.glob("ivr/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Line":
                names = [a for first in node.args[:1] for a in ast.walk(first)]
                texts = [a.value for a in names if isinstance(a, ast.Constant)]
                yield from (text for text in texts if isinstance(text, str))


BANK_PROMPTS = [words.status for words in BLOCK_WORDS.values()]


def test_no_prompt_is_missing() -> None:
    asked_for = {name for step in FLOW.values() for name in prompts(step)}
    asked_for |= spoken_verdicts() | set(BANK_PROMPTS) | set(lines_in_code())
    asked_for |= {name for name in named_in_code() if re.fullmatch(r"(text|sms|busy)_\w+", name)}
    assert asked_for - CATALOGUE.prompts.keys() == set()


def test_no_prompt_is_unused() -> None:
    named = set(named_in_code())
    answerable = {name + REPLY for name in named if name.startswith("text_")}
    assert CATALOGUE.prompts.keys() - named - answerable - spoken_verdicts() == set()


def test_no_two_prompts_say_the_same() -> None:
    texts = [CATALOGUE.shown(name, "zh") for name in CATALOGUE.prompts]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", CATALOGUE.prompts)
def test_every_place_can_be_filled(name: str) -> None:
    assert {place.name for language in LANGUAGES for place in places(name, language)} <= PLACES


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_what_is_long_is_cut_by_twilio_so_nothing_is(name: str, language: LanguageCode) -> None:
    text = CATALOGUE.shown(name, language)
    assert len(quote(text)) < LONGEST_ENCODED
    if name.startswith(TEXTED) and name != "text_place":  # as long as a city's own words
        assert len(CATALOGUE.text(name, filled_in(language), language)) <= LONGEST_TEXT[language]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_prompt_can_be_spoken(name: str, language: LanguageCode) -> None:
    text = CATALOGUE.text(name, filled_in(language), language)
    assert text.strip() == text
    assert "{" not in text
    assert text.endswith((GOES_ON if name in FRAGMENTS else ENDS)[language])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [n for n in CATALOGUE.prompts if n.endswith("_failed")])
def test_a_bank_without_a_number_is_still_called(name: str, language: LanguageCode) -> None:
    """Never by a gap: "call ICBC on  now"."""
    text = CATALOGUE.text(name, filled_in(language) | {"bank_phone": ""}, language)
    assert LANGUAGES[language].unknown_phone in text
    assert "  " not in text


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_lines_own_number_is_spelled_like_any_other(name: str, language: LanguageCode) -> None:
    """Else a voice says twelve thousand three hundred and thirty-three."""
    own = [place for place in places(name, language) if place.name == "hotline"]
    read = "text" if name.startswith(TEXTED) else "digits"
    assert {place.kind for place in own} <= {read}
    assert not re.search(r"\d{4,}", CATALOGUE.shown(name, language))


@pytest.mark.parametrize(
    "name",
    # NOT ME is what a holder texts
    [
        n
        for n in CATALOGUE.prompts
        if "NOT" in re.sub("NOT ME", "", CATALOGUE.shown(n, "en")).split()
    ],
)
def test_what_is_not_done_is_said_in_both_languages(name: str) -> None:
    mandarin = CATALOGUE.shown(name, "zh")
    assert any(word in mandarin for word in ("没有", "没能", "还没有", "不是我"))


def test_a_missing_value_is_an_error_in_the_test_not_a_gap_in_the_call() -> None:
    with pytest.raises(KeyError, match="bank"):
        CATALOGUE.say("bank_blocked", {}, "zh")


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ({"a": {"zh": "好。"}}, "a: has no text in en"),
        ({"a": {"zh": "好。", "en": " "}}, "a: has no text in en"),
        ({"a": {"zh": "好。", "en": "Yes.", "fr": "Oui."}}, "a: fr is no language here"),
        ({"a": {"zh": "{x:text}", "en": "x"}}, "a: en lacks {x:text}"),
        ({"a": {"zh": "{x:text}", "en": "{x:digits}"}}, "a: zh lacks {x:digits}"),
        ({"a": {"zh": "{x}", "en": "{x}"}}, "a: {x:} is no known kind"),
        ({"a": {"zh": "{x:date}", "en": "{x:date}"}}, "a: {x:date} is no known kind"),
        ({"a": {"zh": "好" * 501, "en": "Yes."}}, "a: zh is too long"),
    ],
)
def test_an_unsound_catalogue_does_not_load(tables: dict[str, object], fault: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(tables, LANGUAGES, LineItself())
    assert fault in str(caught.value)


def test_all_faults_are_named_together() -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue({"a": {"zh": "好。"}, "b": {"en": "Yes."}}, LANGUAGES, LineItself())
    assert caught.value.faults == ["a: has no text in en", "b: has no text in zh"]


def test_a_prompt_as_it_is_written() -> None:
    assert CATALOGUE.shown("filed", "zh").count("{report_number}") == 2
    assert "{hours}" in CATALOGUE.shown("person_closed", "en")


def filled_in(language: LanguageCode) -> dict[str, str]:
    """Values as long as they get."""
    return {
        "bank": "浙江省农村信用社联合社" if language == "zh" else "Zhejiang Rural Credit Union",
        "bank_phone": "4008896596", "card_last4": "5678", "days": "30", "hours": "周一 08:30",
        "key": "8", "last4": "002X", "report_number": "12345670", "reported_at": "1790000000",
        "code": "012345", "cards": "工商银行 5678，建设银行 4321",
        "until": "1790604800", "within": "2700", "fee": "20",
        **dict.fromkeys(("place", "address", "open", "papers"), "x"),
        # whole sentences
        **dict.fromkeys(("announcement", "meanwhile", "guidance"), f"x{ENDS[language][0]}"),
        "count": "2",
        "phone_last4": "8000",
        "language": "普通话",
    }  # fmt: skip
