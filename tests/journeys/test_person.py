"""A person: within the hours one is put through, outside them the hours are told."""

from collections.abc import Callable

import pytest

from ivr.prompts.languages import LanguageCode
from simulator.engine import BUSY, NO_ANSWER, FarEnd
from tests.builders import AGENT_NUMBER, a_holder
from tests.journeys.town import WEEKDAYS, Town

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
HOURS = {
    "zh": "{}上午8点半到下午5点半，法定节假日休息",
    "en": "{}, 8:30 a.m. to 5:30 p.m., except public holidays",
}


@pytest.fixture
def closed_town(make_town: Callable[..., Town], another_day: int) -> Town:
    return make_town(agent_hours=f"{WEEKDAYS[another_day][:3].lower()} 08:30-17:30")


def hours(day: int, language: LanguageCode) -> str:
    name = f"周{'一二三四五六日'[day]}" if language == "zh" else WEEKDAYS[day]
    return HOURS[language].format(name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_0_is_a_person(town: Town, transcript: Transcript, language: LanguageCode) -> None:
    person = town.someone(language, far_end=FarEnd(talks=60)).calls().presses("0")
    person.hears_prompt("transfer").is_connected_to(AGENT_NUMBER)
    person.waits().hears_prompt("goodbye").is_hung_up_on()
    transcript(person, "a person answers")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("far_end", [BUSY, NO_ANSWER])
def test_nobody_answers(
    town: Town, transcript: Transcript, language: LanguageCode, far_end: FarEnd
) -> None:
    town.knows(holder := a_holder())
    person = town.someone(language, far_end=far_end).calls().presses("0").hears_prompt("transfer")
    person.waits().hears_prompt("person_busy").presses("0").hears_prompt("transfer")
    person.waits().hears_prompt("person_busy").presses("1").keys_in(holder.id_number)
    person.hears_prompt("confirm").hangs_up()
    if far_end is BUSY:
        transcript(person, "all persons are busy")


@pytest.mark.parametrize("language", LANGUAGES)
def test_outside_the_hours(
    closed_town: Town, another_day: int, transcript: Transcript, language: LanguageCode
) -> None:
    closed_town.knows(holder := a_holder())
    told = hours(another_day, language)
    person = closed_town.someone(language).calls().presses("0")
    person.hears_prompt("person_closed", hours=told).hears_prompt("self_service")
    person.presses("9").hears_prompt("person_closed", hours=told)
    person.presses("1").keys_in(holder.id_number).hears_prompt("confirm").hangs_up()
    transcript(person, "outside the hours", steady={told: "{hours}"})


@pytest.mark.parametrize("language", LANGUAGES)
def test_silence_outside_the_hours_ends_the_call(closed_town: Town, language: LanguageCode) -> None:
    person = closed_town.someone(language).calls().presses("0").waits().waits().waits()
    person.hears_prompt("goodbye").is_hung_up_on()


def test_whoever_says_nothing_at_all_meets_a_person(town: Town, transcript: Transcript) -> None:
    person = town.someone().dials().waits().hears_prompt("main_menu")
    for _ in range(2):
        person.waits().hears_prompt("no_input").hears_prompt("main_menu").hears_prompt("menu_help")
    person.waits().hears_prompt("too_many_tries").is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "silence from first to last")


def test_wrong_keys_meet_a_person(town: Town) -> None:
    person = town.someone().calls().presses("7").hears_prompt("bad_key")
    person.presses("8").hears_prompt("bad_key").presses("6").hears_prompt("too_many_tries")
    person.is_connected_to(AGENT_NUMBER)
