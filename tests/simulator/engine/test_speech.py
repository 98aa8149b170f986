"""How long prompts take."""

import json
from pathlib import Path

import pytest

from simulator.engine.markup import parse
from simulator.engine.speech import heard_text, say_seconds, text_seconds

# Prompts with the seconds their authors gave them, in Chinese and in English.
DRAFTED = json.loads((Path(__file__).parent / "drafted_prompts.json").read_text("utf-8"))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("prompt", DRAFTED, ids=lambda prompt: prompt["en"][:30])
def test_estimates_stay_near_what_authors_drafted(prompt: dict[str, str], language: str) -> None:
    # The stated band: within 10 % or half a second, whichever is more.
    drafted = prompt[f"{language}_s"]
    assert text_seconds(prompt[language]) == pytest.approx(drafted, rel=0.10, abs=0.5)


def say(inner: str) -> float:
    return say_seconds(parse(f"<Say>{inner}</Say>".encode()))


def test_breaks_count() -> None:
    plain = say("您好")
    assert say('您<break time="1500ms"/>好') == pytest.approx(plain + 1.5)
    assert say('您<break time="2s"/>好') == pytest.approx(plain + 2)
    assert say('您<break strength="none"/>好') == pytest.approx(plain)
    assert say("您<break/>好") > plain


def test_slow_speech_takes_longer() -> None:
    assert say('<prosody rate="50%">您好</prosody>') == pytest.approx(2 * say("您好"))
    assert say('<prosody rate="slow">您好</prosody>') > say("您好")


def test_digits_read_one_by_one_take_a_beat_each() -> None:
    spelled = say('Press <say-as interpret-as="digits">1234</say-as>')
    assert spelled == pytest.approx(say("Press one two three four"))
    assert text_seconds("Number 12345678") == pytest.approx(text_seconds("Number" + " one" * 8))


def test_what_is_heard_is_all_nested_text_in_order() -> None:
    inner = '<p>尾号<sub alias="幺">1</sub><break/>2。</p> <s>好\n  吗</s>'
    assert heard_text(parse(f"<Say>{inner}</Say>".encode())) == "尾号幺2。 好 吗"
