"""A person who is not there calls back, and one who is there hears first who waits."""

from collections.abc import Callable

import pytest

from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.languages import LanguageCode
from ivr.prompts.speech import Spelled
from ivr.spoken import hours_text
from ivr.store import keys
from ivr.store.callbacks import Callback
from simulator.engine import BUSY, REFUSES, VOICEMAIL, FarEnd
from tests.builders import AGENT_NUMBER, a_holder
from tests.journeys.town import WEEKDAYS, Person, Town

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
EVERY_DAY = {"zh": "每天24小时", "en": "every day, 24 hours"}
CALLED = {"zh": "普通话", "en": "英语"}


@pytest.fixture
def closed_town(make_town: Callable[..., Town], another_day: int) -> Town:
    return make_town(agent_hours=f"{WEEKDAYS[another_day][:3].lower()} 08:30-17:30")


def whispered(person: Person) -> list[str]:
    return [event.text for event in person.transcript if event.kind == "whispered"]


def words(prompt: str, **values: str) -> str:
    """As the staff hear it, in Mandarin."""
    parts = load_catalogue().say(prompt, values, "zh")
    return "".join(p.alias if isinstance(p, Spelled) else p for p in parts)


def waiting(town: Town) -> list[Callback]:
    return town.hotline.callbacks.waiting()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_person_hears_who_waits_and_takes_the_call(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder())
    person = town.someone(language, far_end=FarEnd(talks=60)).calls()
    person.asks_to_report(holder.id_number).confirms().hears_prompt("repeat_or_hang_up")
    person.presses("0").hears_prompt("transfer").is_connected_to(AGENT_NUMBER)
    number = town.the_report().number
    assert whispered(person) == [
        words("whisper_call"),
        words("whisper_language", language=CALLED[language]),
        words("topic_report"),
        words("whisper_id", last4=holder.last4),
        words("whisper_report", report_number=number),
        words("whisper_take"),
    ]
    person.waits().hears_prompt("goodbye").is_hung_up_on()
    transcript(person, "a person hears who waits", steady={number: "{report number}"})


def test_before_any_number_is_keyed_the_person_hears_what_there_is(town: Town) -> None:
    person = town.someone().calls().presses("4").presses("0").hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER)
    assert whispered(person)[1:] == [
        words("whisper_language", language="普通话"),
        words("topic_first_card"),
        words("whisper_take"),
    ]


def test_no_digits_of_the_id_number_stand_in_a_url(town: Town) -> None:
    town.knows(holder := a_holder())
    person = town.someone().calls().asks_to_report(holder.id_number).presses("0")
    person.is_connected_to(AGENT_NUMBER)
    urls = [exchange.url for exchange in person.exchanges]
    assert any("/voice/whisper?of=CA" in url for url in urls)
    assert not [url for url in urls if holder.id_number[:6] in url]
    assert not [url for url in urls if holder.last4[:3] in url.partition("?of=CA")[0]]


@pytest.mark.parametrize("far_end", [REFUSES, VOICEMAIL, FarEnd(at_whisper="2")])
def test_only_who_takes_the_call_has_taken_it(town: Town, far_end: FarEnd) -> None:
    person = town.someone(far_end=far_end).calls().presses("0").hears_prompt("transfer")
    person.waits().hears_prompt("person_busy").hears_prompt("callback_offer").hangs_up()
    assert "connected" not in [event.kind for event in person.transcript]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_answers_and_a_call_back_is_left(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    """For the calling number, by one key; with what the call was about."""
    town.knows(holder := a_holder())
    person = town.someone(language, far_end=BUSY).calls().asks_for_status(holder.id_number)
    person.hears_prompt("status_next").presses("0").waits().hears_prompt("person_busy")
    person.hears_prompt("callback_offer").presses("2")
    person.hears_prompt("callback_calling", phone_last4="8000").presses("1")
    person.hears_prompt("callback_left", hours=EVERY_DAY[language], phone_last4="8000")
    person.hears_prompt("goodbye").is_hung_up_on()
    (wish,) = waiting(town)
    assert (wish.number, wish.language, wish.topic) == ("+8613800138000", language, "topic_status")
    assert (wish.last4, wish.report_number) == (holder.last4, "")
    assert wish.holder_ref == town.hotline.holders.ref(holder.id_number)
    told = {EVERY_DAY[language]: "{hours}"}
    transcript(person, "a call-back for this phone", steady=told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_night_a_call_back_is_left_for_another_number(
    closed_town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = closed_town.someone(language).calls().presses("0").hears_prompt("callback_offer")
    person.presses("2").presses("2").hears_prompt("callback_number").presses("13900#")
    person.hears_prompt("phone_invalid").hears_prompt("callback_number").presses("01062340001#")
    person.hears_prompt("callback_again").presses("01062340002#")
    person.hears_prompt("callback_differs").presses("01062340001#")
    person.hears_prompt("callback_again").presses("01062340001#").hears_prompt("goodbye")
    (wish,) = waiting(closed_town)
    assert wish.number == "+861062340001"
    assert b"62340001" not in b"".join(  # sealed, and nowhere else
        closed_town.hotline.redis.dump(key) or b"" for key in closed_town.hotline.redis.keys("*")
    )
    told = hours_text(closed_town.hotline.settings.agent_hours, language)
    transcript(person, "a call-back for another phone", steady={told: "{hours}"})


def test_a_hidden_caller_keys_the_number(town: Town) -> None:
    person = town.someone(far_end=BUSY, caller="anonymous").calls().presses("0").waits()
    person.presses("2").hears_prompt("callback_number").presses("13900139000#")
    person.presses("13900139000#").hears_prompt(
        "callback_left", hours="每天24小时", phone_last4="9000"
    )
    assert [wish.number for wish in waiting(town)] == ["+8613900139000"]


def leaves(town: Town, caller: str) -> None:
    person = town.someone(far_end=BUSY, caller=caller).calls().presses("0").waits()
    person.presses("2").presses("1").hears_prompt("goodbye")


def test_first_come_first_served_and_nobody_twice(town: Town) -> None:
    store, redis = town.hotline.callbacks, town.hotline.redis
    for place, caller in enumerate(("+8613800138001", "+8613800138002", "+8613800138001")):
        leaves(town, caller)
        redis.zincrby(keys.CALLBACKS, place - 10, store.ref(caller))  # seconds apart
    assert [wish.number[-1] for wish in waiting(town)] == ["1", "2"]
    first = store.take("Li", 1)
    second = store.take("Wang", 2)
    assert first is not None
    assert second is not None
    assert (first.number[-1], second.number[-1], store.take("Li", 3)) == ("1", "2", None)
    assert store.give_back(first.id, "Li")
    assert [wish.number[-1] for wish in waiting(town)] == ["1"]
    assert store.finish(second.id, "Wang")
    assert not store.finish(second.id, "Wang")
    assert store.taken() == []


def test_a_call_leaves_one_call_back(town: Town) -> None:
    person = town.someone(far_end=BUSY).calls().presses("0").waits().presses("2").presses("2")
    for _ in range(2):
        person.presses("13900139000#")
    person.hears_prompt("callback_left", hours="每天24小时", phone_last4="9000")
    assert len(waiting(town)) == 1
