"""Prompts told by name: exactly the catalogue's words, in the right language, or a failure."""

from dataclasses import replace

import pytest

from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import Spelled
from simulator.engine import Event
from tests.journeys.by_name import CHOOSES, SPOKEN_AS, by_name, prompt_of
from tests.journeys.town import BANKS

EVERY = [(prompt, language) for prompt in load_catalogue().prompts for language in LANGUAGES]
SAID: dict[str, str] = {
    "announcement": "x", "place": "p", "address": "a", "open": "o", "papers": "i", "fee": "20",
    "meanwhile": "m", "guidance": "g",
    "bank_phone": "95588", "card_last4": "5670", "code": "123456", "days": "7", "hours": "any time",
    "cards": "ICBC 5670", "count": "2", "phone_last4": "8000", "language": "普通话",
    "key": "1", "last4": "002X", "report_number": "12345670", "reported_at": "0", "until": "86400",
    "within": "30",
}  # fmt: skip
TAGS = {language: tag for tag, language in SPOKEN_AS.items()}
PRESSED = {"zh": Event(0, "pressed", "1"), "en": Event(0, "pressed", "2")}


def words(prompt: str, language: LanguageCode, **changes: str) -> str:
    values = {"bank": BANKS["icbc"][language], **SAID, **changes}
    parts = load_catalogue().say(prompt, values, language)
    return "".join(part.alias if isinstance(part, Spelled) else part for part in parts)


def said(prompt: str, language: LanguageCode, **changes: str) -> Event:
    return Event(0, "said", words(prompt, language, **changes), TAGS[language])


def told(to: LanguageCode, *events: Event) -> list[str]:
    return [event.text for event in by_name(to)(list(events))]


@pytest.mark.parametrize(("prompt", "language"), EVERY)
def test_every_prompt_is_known_by_its_sound_alone(prompt: str, language: LanguageCode) -> None:
    name, values = prompt_of(words(prompt, language), language)
    assert name == prompt
    for place, value in values.items():
        assert place in ("reported_at", "until") or value == {**SAID, "bank": "icbc"}[place]


def test_values_are_written_as_they_were_spoken() -> None:
    line = said("confirm_what", "zh", bank="建设银行", last4="002X", card_last4="2117")
    assert told("zh", line) == ["confirm_what: last4 002X, bank ccb, card_last4 2117"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_nobody_knows_is_told_as_unknown(language: LanguageCode) -> None:
    line = said("cancelled", language, bank=BANKS["ccb"][language], bank_phone="")
    assert told(language, line) == ["cancelled: bank ccb, bank_phone unknown"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_number_is_not_told_but_must_be_right(language: LanguageCode) -> None:
    line = said("antifraud", language)
    assert told(language, line) == ["antifraud"]
    one, two = ("幺", "二") if language == "zh" else ("1", "2")
    with pytest.raises(AssertionError):
        told(language, replace(line, text=line.text.replace(one, two, 1)))


@pytest.mark.parametrize(
    "wrong",
    ["", "Press 1.", "For English, press 3.", " For English, press 2.", "For English, press 2.."],
)
def test_other_words_fail(wrong: str) -> None:
    with pytest.raises(AssertionError, match="no prompt of the catalogue"):
        told("en", replace(said("welcome", "en"), text=wrong))


def test_a_value_said_otherwise_the_second_time_fails() -> None:
    line = said("filed", "en")
    first, second, _ = line.text.split("1 2 3 4 5 6 7 0")
    told("en", line)
    with pytest.raises(AssertionError, match="no prompt of the catalogue"):
        told("en", replace(line, text=f"{first}1 2 3 4 5 6 7 0{second}1 2 3 4 5 6 7 1."))


@pytest.mark.parametrize("number", ["1 2 3 4", "一 二 三 四", "幺二三四"])
def test_digits_that_do_not_sound_as_they_must_fail(number: str) -> None:
    line = said("bank_failed", "zh")
    with pytest.raises(AssertionError, match="no prompt of the catalogue"):
        told("zh", replace(line, text=line.text.replace("九 五 五 八 八", number)))


def test_english_read_by_a_chinese_voice_fails() -> None:
    with pytest.raises(AssertionError, match="no prompt of the catalogue in zh"):
        told("zh", replace(said("main_menu", "en"), language="cmn-CN"))


def test_a_line_in_another_language_than_was_chosen_fails() -> None:
    with pytest.raises(AssertionError, match="to someone who chose en, in zh"):
        told("en", said("main_menu", "en"), said("confirm", "zh"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_first_key_chooses_a_language(language: LanguageCode) -> None:
    greeting, menu, key = said("welcome", "en"), said("main_menu", language), PRESSED[language]
    assert told(language, greeting, key, menu, key) == [
        "[en] welcome", CHOOSES, "main_menu", key.text,
    ]  # fmt: skip


def test_after_silence_no_key_chooses_a_language() -> None:
    silence = Event(0, "silence")
    assert told("zh", silence, PRESSED["zh"]) == ["", "1"]


def test_another_key_than_the_languages_own_is_told() -> None:
    assert told("zh", PRESSED["en"]) == ["2"]
