"""Speech beside keys: words in place of a key, where the engine hears them."""

from collections.abc import Callable

import pytest

from ivr.prompts.languages import LanguageCode
from simulator.engine import FarEnd
from simulator.kit_pytest import KeepsJourney
from tests.builders import AGENT_NUMBER, a_card, a_holder
from tests.journeys.town import Town, bank_values, spoken_number

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
SAID = {
    "zh": ("中文", "我的卡丢了", "确认挂失", "转人工"),
    "en": ("英语", "I lost my card", "Confirm.", "an agent, please"),
}


@pytest.fixture
def hearing_town(make_town: Callable[..., Town]) -> Town:
    return make_town(speech="on")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_by_words_with_the_number_on_keys(
    hearing_town: Town, language: LanguageCode, journey: KeepsJourney
) -> None:
    hearing_town.knows(holder := a_holder())
    chooses, lost, confirms, person_please = SAID[language]
    person = hearing_town.someone(language, far_end=FarEnd(talks=60)).dials().says(chooses)
    person.hears_prompt("main_menu").says(lost).hears_prompt("id_entry")
    person.keys_in(holder.id_number).hears_prompt("confirm").says(confirms)
    person.hears_number_and_deadline(hearing_town.the_report())
    person.hears_prompt("repeat_or_hang_up").says(person_please).hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER).hangs_up()
    title = f"words in place of keys ({language})"
    number = spoken_number(hearing_town.the_report(), "zh")  # as the far end hears it
    steady = {**hearing_town.steady(person), number: "{report number}"}
    journey(person, f"words in place of keys.{language}", title, steady)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("step", "confidence"), [("main_menu", 0.3), ("confirm", 0.6)])
def test_who_is_not_understood_is_asked_again(
    hearing_town: Town, language: LanguageCode, step: str, confidence: float
) -> None:
    hearing_town.knows(holder := a_holder())
    _, lost, confirms, _ = SAID[language]
    person = hearing_town.someone(language).calls()
    if step == "confirm":
        person.presses("1").keys_in(holder.id_number).hears_prompt("confirm")
    person.says(confirms if step == "confirm" else lost, confidence)
    person.hears_prompt("not_understood").hears_prompt(step).hangs_up()
    assert hearing_town.reports() == []


@pytest.mark.parametrize("said", ["好的", "嗯确认吧", "一"])
def test_nothing_but_the_short_list_confirms(hearing_town: Town, said: str) -> None:
    hearing_town.knows(holder := a_holder())
    person = hearing_town.someone().calls().presses("1").keys_in(holder.id_number)
    person.hears_prompt("confirm").says(said).hears_prompt("not_understood")
    person.says("取消").hears_prompt("cancelled", **bank_values("icbc", "zh")).hangs_up()
    assert hearing_town.reports() == []


def test_an_engine_that_does_not_say_how_sure_it_is_may_choose_but_not_confirm(
    hearing_town: Town,
) -> None:
    hearing_town.knows(holder := a_holder())
    person = hearing_town.someone().calls().says("挂失", None).hears_prompt("id_entry")
    person.keys_in(holder.id_number).hears_prompt("confirm").says("确认", None)
    person.hears_prompt("not_understood").presses("1")
    person.hears_number_and_deadline(hearing_town.the_report()).hangs_up()


def test_what_is_said_is_neither_kept_nor_logged(
    hearing_town: Town, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "我的号码是 11010519491231002X"
    person = hearing_town.someone().calls().says(said).hears_prompt("not_understood")
    redis = hearing_town.hotline.redis
    (call,) = redis.keys("call:*")
    stored = str(redis.hgetall(call))
    assert "110105" not in stored
    assert "110105" not in "".join(capfd.readouterr())
    assert not [e for e in person.exchanges if "110105" in e.url]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_may_be_asked_for_where_cards_are_listed(
    hearing_town: Town, language: LanguageCode
) -> None:
    hearing_town.knows(holder := a_holder(a_card("1111"), a_card("2222", "ccb")))
    person = hearing_town.someone(language).calls().asks_to_report(holder.id_number)
    person.hears_prompt("pick_card").says("blah").hears_prompt("not_understood")
    person.hears_prompt("pick_card").says(SAID[language][3]).hears_prompt("transfer").hangs_up()


def test_without_speech_nothing_is_listened_to(town: Town) -> None:
    person = town.someone().calls()
    assert 'input="dtmf"' in person.exchanges[-1].body
    assert "speech" not in person.exchanges[-1].body


def test_the_id_number_stays_on_keys(hearing_town: Town) -> None:
    person = hearing_town.someone().calls().presses("1").hears_prompt("id_entry")
    assert 'input="dtmf"' in person.exchanges[-1].body
