"""Keying an ID number: every way it can go wrong has its own words, and an end."""

from collections.abc import Callable

import pytest

from ivr.prompts.languages import LanguageCode
from simulator.engine import Rules
from tests.builders import AGENT_NUMBER, a_holder, an_id_number
from tests.journeys.town import Person, Town

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]

WRONG_CHECK = "110105194912310021"
NEVER_BORN = "110105190002290010"


def entering(town: Town, language: LanguageCode) -> Person:
    """From dialling to the question for the number."""
    return town.someone(language).calls().presses("1").hears_prompt("id_entry")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_number_three_times_leads_to_a_person(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = entering(town, language)
    for _ in range(2):
        person.keys_in(WRONG_CHECK).hears_prompt("id_number_invalid").hears_prompt("id_entry")
    person.keys_in(WRONG_CHECK).hears_prompt("too_many_tries").hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "wrong number three times")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_partial_entry_is_asked_for_again(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder())
    person = entering(town, language).keys_in(holder.id_number[:10]).waits()
    person.hears_prompt("id_number_too_short").hears_prompt("id_entry")
    person.keys_in(holder.id_number[:6] + "#").hears_prompt("id_number_too_short")
    person.keys_in(holder.id_number).hears_prompt("confirm").hangs_up()
    transcript(person, "partial entry")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("keys", ["11010*194912310021", "1101*#", "1*#"])
def test_a_star_in_the_wrong_place_clears_the_entry(
    town: Town, transcript: Transcript, language: LanguageCode, keys: str
) -> None:
    town.knows(holder := a_holder())
    person = entering(town, language).presses(keys)
    person.hears_prompt("id_number_star").hears_prompt("id_entry").does_not_hear_prompt(
        "id_number_too_short"
    )
    person.keys_in(holder.id_number).hears_prompt("confirm").hangs_up()
    if keys.endswith("21"):
        transcript(person, "star in the wrong place")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_old_number_of_15_places_needs_a_person(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = entering(town, language).presses("110105491231002#")
    person.hears_prompt("id_needs_person").hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "fifteen places")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_nobody_holds_can_be_tried_again(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder())
    person = entering(town, language).keys_in(an_id_number(serial="110"))
    person.hears_prompt("not_found").presses("1").hears_prompt("id_entry")
    person.keys_in(holder.id_number).hears_prompt("confirm").hangs_up()
    transcript(person, "unknown number")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_third_number_nobody_holds_leads_to_a_person(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    """Whether the numbers are tried for a report, for a status, or after going back."""
    person = entering(town, language).keys_in(an_id_number(serial="110"))
    person.hears_prompt("not_found").presses("1").keys_in(an_id_number(serial="129"))
    person.hears_prompt("not_found").presses("*").asks_for_status(an_id_number(serial="137"))
    person.hears_prompt("too_many_tries").is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "three unknown numbers")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("option", ["1", "2"])
def test_every_miss_has_the_same_words(town: Town, language: LanguageCode, option: str) -> None:
    """Whoever tries numbers learns nothing from the difference (domain section 4)."""
    town.knows(a_holder())
    heard = set()
    for number in (an_id_number(serial="110"), an_id_number("20230615"), an_id_number("19010101")):
        person = town.someone(language).calls().presses(option).keys_in(number)
        person.hears_prompt("not_found")
        (answer,) = [e.text for e in person.transcript if e.kind == "said"][-1:]
        heard.add(answer)
    assert len(heard) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_cannot_be_a_number_has_the_same_words(town: Town, language: LanguageCode) -> None:
    for number in (
        WRONG_CHECK,
        NEVER_BORN,
        an_id_number("20990101"),
        an_id_number(address="000000"),
    ):
        entering(town, language).keys_in(number).hears_prompt("id_number_invalid").hangs_up()


@pytest.mark.parametrize("key", ["0", "*", "9"])
def test_the_universal_keys_work_while_a_number_is_asked_for(town: Town, key: str) -> None:
    person = entering(town, "zh").presses(key + "#")
    person.hears_prompt({"0": "id_needs_person", "*": "main_menu", "9": "id_entry"}[key])
    person.does_not_hear_prompt("id_number_too_short")


def test_a_late_hash_after_a_wrong_number_is_no_mistake(town: Town) -> None:
    """twilio-voice 4: 'a habitual # after the 18th digit may reach the next Gather'."""
    town.knows(holder := a_holder())
    person = town.someone("en", rules=Rules(keys_outside_gather="buffered")).calls()
    person.presses("1").hears_prompt("id_entry")
    for _ in range(2):
        person.keys_in(WRONG_CHECK + "#").hears_prompt("id_number_invalid")
        person.hears_prompt("id_entry")
    person.keys_in(holder.id_number).hears_prompt("confirm").hangs_up()
