"""A person: within the hours one is put through, outside them the hours are told."""

import re
from collections.abc import Callable

import pytest

from ivr.cards.records import CardState
from ivr.dialogue.turn import OFFERS_OF_A_PERSON
from ivr.prompts.languages import LanguageCode
from simulator.engine import BUSY, NO_ANSWER, FarEnd
from tests.builders import AGENT_NUMBER, a_card, a_holder
from tests.journeys.town import WEEKDAYS, Person, Town

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
    """And says what it has not done, for whoever only holds the line believes the best."""
    person = closed_town.someone(language).calls().presses("0").waits().waits().waits()
    person.hears_prompt("nothing_reported").hears_prompt("call_any_bank")
    person.hears_prompt("goodbye").is_hung_up_on()
    assert closed_town.reports() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_has_reported_a_card_does_not_hear_that_nothing_was_reported(
    closed_town: Town, language: LanguageCode
) -> None:
    closed_town.knows(holder := a_holder())
    person = closed_town.someone(language).calls().asks_to_report(holder.id_number).confirms()
    person.presses("0").hears_prompt("again_or_hang_up").does_not_hear_prompt(
        "self_service"
    ).waits()
    person.does_not_hear_prompt("nothing_reported").hears_prompt("goodbye").is_hung_up_on()


NOBODY_ELSE: dict[str, list[str]] = {
    "a card that is not in use": [a_holder(a_card(state=CardState.LOCKED)).id_number],
    "a child": ["33011320230615001X"],
    "an old number": ["110105491231002#"],
    "no number": ["0#"],
    "three wrong numbers": ["110105194912310021"] * 3,
}


def of_nobody_else(town: Town, language: LanguageCode, why: str, far_end: FarEnd) -> Person:
    """Someone whom self-service cannot help, up to what is said of it."""
    child = a_holder(a_card(head="C1234"), id_number="33011320230615001X")
    town.knows(a_holder(a_card(state=CardState.LOCKED)), child)
    person = town.someone(language, far_end=far_end).calls().presses("1")
    for entry in NOBODY_ELSE[why]:
        person.hears_prompt("id_entry").keys_in(entry)
    return person


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", NOBODY_ELSE)
def test_at_night_nobody_is_sent_in_a_circle(
    closed_town: Town,
    another_day: int,
    transcript: Transcript,
    language: LanguageCode,
    why: str,
) -> None:
    """Who can only be helped by a person hears the hours, and whom to call now."""
    told = hours(another_day, language)
    person = of_nobody_else(closed_town, language, why, BUSY)
    for _ in range(2):
        person.hears_prompt("person_closed", hours=told).hears_prompt("call_any_bank")
        person.hears_prompt("again_or_hang_up").does_not_hear_prompt("self_service").presses("0")
    person.waits().hears_prompt("nothing_reported").hears_prompt("call_any_bank")
    person.hears_prompt("goodbye").is_hung_up_on()
    transcript(person, f"at night, {why}", steady={re.escape(told): "{hours}"})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", NOBODY_ELSE)
def test_when_nobody_answers_nobody_is_sent_in_a_circle(
    town: Town, transcript: Transcript, language: LanguageCode, why: str
) -> None:
    person = of_nobody_else(town, language, why, NO_ANSWER)
    for _ in range(2):
        person.hears_prompt("transfer").waits().hears_prompt("person_busy")
        person.hears_prompt("call_any_bank").hears_prompt("wait_for_person")
        person.does_not_hear_prompt("self_service").presses("0")
    person.waits().waits().hears_prompt("nothing_reported").hears_prompt("goodbye")
    person.is_hung_up_on()
    if why == "a child":
        transcript(person, "nobody answers for a child")


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_night_no_person_is_offered_anywhere(closed_town: Town, language: LanguageCode) -> None:
    """Not after silence either."""
    closed_town.knows(holder := a_holder())
    person = closed_town.someone(language).calls().waits().presses("7").presses("3").waits()
    person.presses("1").waits().presses("*").presses("*").presses("4").presses("1").waits()
    person.presses("*").presses("*").asks_for_status(holder.id_number).waits().presses("*")
    person.asks_to_report(holder.id_number).hears_prompt("confirm").waits().presses("1")
    person.hears_prompt("repeat_or_hang_up").presses("*").asks_to_report(holder.id_number)
    person.hears_prompt("reported_next").hangs_up()
    offers = [person.words(prompt) for prompt in OFFERS_OF_A_PERSON]
    assert not [event for event in person.transcript if event.text in offers]


def test_whoever_says_nothing_at_all_meets_a_person(town: Town, transcript: Transcript) -> None:
    person = town.someone().dials().waits().hears_prompt("main_menu")
    for _ in range(2):
        person.waits().hears_prompt("no_input").hears_prompt("main_menu").hears_prompt("menu_help")
    person.waits().hears_prompt("too_many_tries").is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "silence from first to last")


def test_wrong_keys_meet_a_person(town: Town) -> None:
    person = town.someone().calls().presses("7").hears_prompt("bad_key")
    person.presses("8").hears_prompt("bad_key").presses("5").hears_prompt("too_many_tries")
    person.is_connected_to(AGENT_NUMBER)
