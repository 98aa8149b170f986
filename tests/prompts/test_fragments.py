"""Recorded fragments, one after another, say what synthesis would say, and nothing else."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.beijing import BEIJING
from ivr.prompts.catalogue import Placeholder, load_catalogue
from ivr.prompts.fragments import NOT_SPOKEN, Script
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import PLAIN_SECONDS, Spelled
from tests.languages.house import CODE, ROW

WORDS: Final = load_catalogue()
NAMES: Final = {
    code: {"line": row.line_name, "bank.icbc": f"bank {code}", "number.7": "7",
           **{f"language.{each}": other.called for each, other in LANGUAGES.items()},
           "issuing_bank": row.issuing_bank, "unknown_phone": row.unknown_phone}
    for code, row in LANGUAGES.items()
}  # fmt: skip
SCRIPT: Final = Script(WORDS, NAMES)
TEXTS: Final = {each.name: each.text for each in SCRIPT.fragments()}
SPOKEN: Final = [prompt for prompt in WORDS.prompts if not prompt.startswith(NOT_SPOKEN)]
VALUES: Final = {
    "bank_phone": "+8695588", "card_last4": "56A8", "last4": "002X", "report_number": "12345670",
    "until": "1800000000", "days": "7", "hours": "7", "key": "7",
    "count": "7", "phone_last4": "8000", "within": "2700", "language": "普通话",
    # what no studio has recorded: an announcement, a place
    **dict.fromkeys(("announcement", "place", "address", "open", "papers", "meanwhile"), "7"),
    "fee": "7",
}  # fmt: skip


def values_of(language: LanguageCode) -> dict[str, str]:
    return {**VALUES, "bank": f"bank {language}"}


def heard(text: str) -> str:
    """Without what cannot be heard."""
    return "".join(sign for sign in text if sign.isalnum() or sign == "+")


def recorded(prompt: str, values: dict[str, str], language: LanguageCode) -> str:
    sounds = SCRIPT.sounds(prompt, values, language)
    assert all(sound.keys for sound in sounds if sound.is_heard)
    return heard("".join(TEXTS[f"{language}/{key}"] for sound in sounds for key in sound.keys))


def synthesised(prompt: str, values: dict[str, str], language: LanguageCode) -> str:
    parts = WORDS.say(prompt, values, language)
    return heard("".join(p.alias if isinstance(p, Spelled) else p for p in parts))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prompt", SPOKEN)
def test_every_prompt_is_the_sum_of_its_fragments(prompt: str, language: LanguageCode) -> None:
    values = values_of(language)
    assert recorded(prompt, values, language) == synthesised(prompt, values, language)


@given(moment=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_moment_is(language: LanguageCode, moment: datetime) -> None:
    at = moment.replace(tzinfo=BEIJING)
    values = {**values_of(language), "until": str(int(at.timestamp()))}
    wanted = synthesised("filed_deadline", values, language)
    assert recorded("filed_deadline", values, language) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_minute_of_a_day_is(language: LanguageCode) -> None:
    begins = datetime(2026, 11, 26, tzinfo=BEIJING)
    for minute in range(24 * 60):
        at = int((begins + timedelta(minutes=minute)).timestamp())
        values = {**values_of(language), "until": str(at)}
        wanted = synthesised("filed_deadline", values, language)
        assert recorded("filed_deadline", values, language) == wanted, minute


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seconds", PLAIN_SECONDS)
def test_every_stretch_of_time_is(language: LanguageCode, seconds: float) -> None:
    values = {**values_of(language), "within": str(seconds)}
    wanted = synthesised("bank_usually", values, language)
    assert recorded("bank_usually", values, language) == wanted


def test_a_phone_nobody_knows_has_its_words() -> None:
    values = {**values_of("zh"), "bank_phone": ""}
    assert recorded("bank_failed", values, "zh") == synthesised("bank_failed", values, "zh")


def test_a_bank_without_a_recording_is_the_issuing_bank_where_all_must_be_recorded() -> None:
    values = {**values_of("zh"), "bank": "旧银行"}
    mixed = SCRIPT.sounds("bank_failed", values, "zh")
    assert "旧银行" in [sound.part for sound in mixed if not sound.keys]
    strict = Script(WORDS, NAMES, is_all_recorded=True).sounds("bank_failed", values, "zh")
    assert ("issuing_bank",) in [sound.keys for sound in strict]
    assert all(sound.keys for sound in strict if sound.is_heard)


def test_texts_to_phones_are_not_recorded() -> None:
    assert not [name for name in TEXTS if "/text_" in name or "/sms_" in name]


def test_each_file_has_a_name_of_its_own_and_words_to_say() -> None:
    fragments = list(SCRIPT.fragments())
    assert len(fragments) == len(TEXTS)
    assert all(heard(each.text) and each.note for each in fragments)
    assert {each.name for each in fragments} >= {
        "zh/welcome.1", "zh/digit.1", "en/digit.x", "zh/month.11", "en/day.31", "zh/weekday.7",
        "zh/sharp.12", "en/clock.0", "zh/minute.59", "en/bank.icbc", "zh/line",
    }  # fmt: skip
    assert (TEXTS["zh/digit.1"], TEXTS["zh/day.26"], TEXTS["zh/clock.2"]) == ("幺", "26日", "2点")


def test_a_language_with_another_order_of_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LANGUAGES, CODE, ROW)
    prompts = {"late": {CODE: ("until ", Placeholder("until", "time"))}}
    script = Script(type(WORDS)(prompts), {CODE: {}, **NAMES})
    keys = [sound.keys for sound in script.sounds("late", {"until": "1800000300"}, CODE)]
    parts = ("weekday.5", "day.15", "month.1", "day_part.13", "clock.4", "minute.5")
    assert keys == [("late.1",), parts]
