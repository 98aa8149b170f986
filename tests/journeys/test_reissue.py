"""Where a new card is had, and how far it is: data of the holder's city, said, and texted."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from ivr.cards.records import Card, CardState, Progress
from ivr.cards.words import PROGRESS_WORDS
from ivr.prompts.catalogue import load_catalogue
from ivr.store.outbox import TEXTS_QUEUE
from tests.builders import a_card, a_holder, a_place, an_id_number, names_of
from tests.hotline import Hotline
from tests.journeys.town import Person, Town, bank_values
from workers.delivery import OvertakenError
from workers.texts import TextWriter

LANGUAGES: Final = ("zh", "en")
Transcript = Callable[..., None]


def writer_of(hotline: Hotline) -> TextWriter:
    names, spoken = names_of(hotline), hotline.spoken_languages
    return TextWriter(hotline.cases, hotline.holders, load_catalogue(), names, spoken)


def texts_of(town: Town) -> list[dict[str, str]]:
    """What is owed to holders, as the worker writes it."""
    hotline = town.hotline
    writer = writer_of(hotline)
    due = hotline.outbox.due(TEXTS_QUEUE, hotline.outbox.now() + 1, 10)
    bodies = [hotline.outbox.body(found) for each in due if (found := hotline.outbox.find(each))]
    return [json.loads(writer.write(body)) for body in bodies]


def told_of(person: Person, prompt: str) -> Person:
    texts = a_place().texts[person.language]
    return person.hears_prompt(prompt, fee="20", **texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_once_the_holder_is_known_the_place_is_that_of_the_city(
    town: Town, transcript: Transcript, language: str
) -> None:
    town.hotline.places.put_all([a_place()])
    town.knows(holder := a_holder(a_card("5678")))
    person = town.someone(language).calls().asks_for_status(holder.id_number)
    person.hears_prompt("status_next").presses("3").hears_prompt("card_services").presses("3")
    for prompt in ("place_where", "place_bring", "place_fee", "place_at_once", "meanwhile"):
        told_of(person, prompt)
    person.hears_prompt("place_text_offer").presses("1").hears_prompt("place_texted")
    person.presses("9")
    told_of(person, "place_where").hears_prompt("place_text_offer").presses("1").hangs_up()
    (text,) = texts_of(town)
    assert text["to"] == holder.phone, "never to the calling number"
    for part in (a_place().texts[language]["place"], a_place().texts[language]["address"], "20"):
        assert part in text["text"]
    transcript(person, "a new card in the holder's city", in_words=True)


def test_nobody_else_is_offered_a_text(town: Town) -> None:
    """A landline takes none; and of whom nobody knows who it is, nothing is known of a city."""
    town.hotline.places.put_all([a_place()])
    town.knows(holder := a_holder(phone=""))
    stranger = town.someone().calls().presses("3").presses("3").hears_prompt("reissue")
    stranger.does_not_hear_prompt("place_text_offer").hangs_up()
    person = town.someone().calls().asks_for_status(holder.id_number).presses("3").presses("3")
    told_of(person, "place_where").does_not_hear_prompt("place_text_offer").presses("1")
    person.hears_prompt("bad_key")
    assert texts_of(town) == []


def test_in_a_city_without_a_place_the_seeds_words_are_said(town: Town) -> None:
    town.hotline.places.put_all([a_place(city_code="330100"), a_place(bank="ccb")])
    town.knows(holder := a_holder())
    person = town.someone().calls().asks_for_status(holder.id_number).presses("3").presses("3")
    person.hears_prompt("reissue").hears_prompt("meanwhile")


def test_a_text_nobody_waits_for_any_more_is_not_sent(town: Town) -> None:
    hotline = town.hotline
    sentences = a_place().guidance("zh")
    owed = hotline.service.place_owed("holder", sentences, "CA1", "zh", 0)
    writer = writer_of(hotline)
    with pytest.raises(OvertakenError):
        writer.write(owed.body)


def progressing(card: Card, progress: Progress | None) -> Card:
    return replace(card, progress=progress)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("progress", PROGRESS_WORDS)
def test_how_far_a_new_card_is(town: Town, language: str, progress: Progress) -> None:
    town.knows(holder := a_holder(progressing(a_card(), progress)))
    person = town.someone(language).calls().asks_for_status(holder.id_number)
    person.hears_prompt(PROGRESS_WORDS[progress], **bank_values("icbc", language))
    person.hears_prompt("status_next")


@pytest.mark.parametrize("progress", [None, Progress.NONE])
def test_where_nothing_is_being_made_nothing_is_said_of_it(
    town: Town, progress: Progress | None
) -> None:
    town.knows(holder := a_holder(progressing(a_card(), progress)))
    person = town.someone().calls().asks_for_status(holder.id_number)
    person.does_not_hear("新卡")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_that_has_arrived_is_collected_at_its_place(
    town: Town, transcript: Transcript, language: str
) -> None:
    town.hotline.places.put_all([a_place()])
    town.knows(holder := a_holder(progressing(a_card(), Progress.AT_THE_OUTLET)))
    person = town.someone(language).calls().asks_for_status(holder.id_number)
    person.hears_prompt("reissue_at_the_outlet")
    told_of(person, "collect_at").hears_prompt("status_next").hangs_up()
    transcript(person, "a new card has arrived", in_words=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_a_formal_report_the_place_is_that_of_the_city(town: Town, language: str) -> None:
    town.hotline.places.put_all([a_place()])
    lost = a_card(state=CardState.FORMAL_LOSS)
    here = a_holder(lost)
    elsewhere = a_holder(
        replace(lost, number="B12345678", city_code="330100"), id_number=an_id_number(serial="018")
    )
    town.knows(here, elsewhere)
    person = town.someone(language).calls().asks_for_status(here.id_number)
    told_of(person, "status_formal_here").does_not_hear_prompt("status_formal").hangs_up()
    person = town.someone(language).calls().asks_for_status(elsewhere.id_number)
    person.hears_prompt("status_formal")


def test_every_progress_has_words() -> None:
    assert set(PROGRESS_WORDS) == set(Progress) - {Progress.NONE}
