"""What may be said in place of a key: every key of a menu can be, and nothing files by chance."""

import pytest

from ivr.dialogue.flow import FILING_STEPS, FLOW
from ivr.dialogue.steps import Menu
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.phrases import ANYWHERE, CONFIRMED_AT, _tables, hints_at, key_for, phrases_at

SURE = 0.9


@pytest.mark.parametrize(
    ("step", "language", "said", "key"),
    [
        ("main_menu", "zh", "我要挂失。", "1"),
        ("main_menu", "zh", "我 的 卡 丢 了", "1"),
        ("main_menu", "zh", "正式挂失怎么办", "3"),  # the longest counts
        ("main_menu", "zh", "转人工", "0"),
        ("main_menu", "en", "I've lost my card!", "1"),
        ("main_menu", "en", "May I speak to an agent, please", "0"),
        ("main_menu", "en", "reporter", ""),  # whole words only
        ("main_menu", "en", "status or a new card", "3"),
        ("main_menu", "zh", "挂失还是查询", ""),  # as long as each other
        ("main_menu", "zh", "今天天气不错", ""),
        ("language", "zh", "English", "2"),
        ("card_services", "en", "say it again", "9"),
        ("confirm", "zh", "确认挂失。", "1"),
        ("confirm", "zh", "取消", "2"),
        ("confirm", "zh", "不确认", "2"),
        ("confirm", "zh", "等一下再确认", ""),
        ("confirm", "en", "Confirm.", "1"),
        ("confirm", "en", "I can't confirm that", ""),
        ("confirm", "en", "yes", ""),
        ("confirm", "zh", "一", ""),
        ("main_menu", "qaa", "anything", ""),
    ],
)
def test_what_is_meant(step: str, language: LanguageCode, said: str, key: str) -> None:
    assert key_for(step, language, said, SURE) == key


@pytest.mark.parametrize(
    ("step", "said", "confidence", "key"),
    [
        ("main_menu", "挂失", 0.49, ""),
        ("main_menu", "挂失", 0.5, "1"),
        ("main_menu", "挂失", None, "1"),  # an engine that does not say is believed
        ("confirm", "确认", 0.69, ""),
        ("confirm", "确认", 0.7, "1"),
        ("confirm", "确认", None, ""),  # but not here
        ("confirm", "取消", 0.5, "2"),
    ],
)
def test_how_sure_the_engine_must_be(
    step: str, said: str, confidence: float | None, key: str
) -> None:
    assert key_for(step, "zh", said, confidence) == key


def test_every_step_that_files_wants_the_whole_phrase() -> None:
    assert FILING_STEPS.key_at.keys() | {"not_me"} == CONFIRMED_AT
    assert {FILING_STEPS.key_at[step] for step in FILING_STEPS.key_at} == {"1"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_is_a_key_of_its_step(language: LanguageCode) -> None:
    for step, keys in _tables().items():
        if step == ANYWHERE:
            continue
        menu = FLOW[step]
        assert isinstance(menu, Menu), step
        assert keys.keys() <= menu.choices.keys(), step
        for key in keys:
            assert phrases_at(step, language)[key], (step, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_means_its_own_key(language: LanguageCode) -> None:
    for step in _tables().keys() - {ANYWHERE}:
        for key, phrases in phrases_at(step, language).items():
            for phrase in phrases:
                own = {k for k, said in phrases_at(step, language).items() if phrase in said}
                if len(own) == 1:
                    assert key_for(step, language, phrase, SURE) == key, (step, phrase)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hints_are_short_enough_for_twilio(language: LanguageCode) -> None:
    """At most 500 phrases of at most 100 characters."""
    for step in FLOW:
        hints = hints_at(step, language).split(",")
        assert len(hints) <= 500
        assert max(map(len, hints)) <= 100


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("not_me", "不是我办的"),
        ("not_me", "不是我挂失的"),
        ("main_menu", "我不挂失"),
        ("confirm", "我不取消"),
    ],
)
def test_its_opposite_is_not_it(step: str, said: str) -> None:
    """Whoever objects is asked again, and not sent back as if the report were theirs."""
    assert key_for(step, "zh", said, 0.95) == ""


@pytest.mark.parametrize(
    ("step", "said", "key"),
    [("confirm", "我不确认", "2"), ("main_menu", "不会按键，转人工", "0"), ("not_me", "是我", "2")],
)
def test_what_only_stands_with_a_no(step: str, said: str, key: str) -> None:
    assert key_for(step, "zh", said, 0.95) == key
