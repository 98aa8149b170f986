"""The main job: a caller reports a lost card."""

from collections.abc import Callable

import pytest

from ivr.cards.notice import Outcome
from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from simulator.engine import Rules
from simulator.engine.speech import text_seconds
from simulator.kit import Manners
from tests.builders import a_card, a_holder, an_id_number
from tests.journeys.town import SEVEN_DAYS, Person, Town, bank_values, spoken_number

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
KEY_OF: dict[LanguageCode, str] = {"zh": "1", "en": "2"}


def confirming(person: Person, id_number: str) -> Person:
    """From dialling to the question whether to report."""
    return person.calls().asks_to_report(id_number).hears_prompt("confirm")


def reporting(person: Person, id_number: str) -> Person:
    """From dialling to the confirming key."""
    return confirming(person, id_number).presses("1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lost_card_is_reported(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    holder = a_holder(a_card("5678"), id_number=an_id_number(serial="016"))
    town.knows(holder)
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    bank = bank_values("icbc", language)
    about = {"last4": holder.last4, "card_last4": "5678", **bank}
    person.hears_prompt("confirm_what", **about).hears_prompt("confirm_price", days="7").confirms()

    report = town.the_report()
    person.hears_number_and_deadline(report).hears_prompt("bank_waiting", **bank)
    person.hears_prompt("what_next", days="7").hears_prompt("antifraud")
    person.waits().hears_prompt("goodbye").is_hung_up_on()
    assert SEVEN_DAYS - 30 <= town.seconds_left(report) <= SEVEN_DAYS
    transcript(person, "main call", in_words=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.BLOCKED, "bank_blocked"),
        (Outcome.RECEIVED, "bank_waiting"),
        (Outcome.REFUSED, "bank_failed"),
        (Outcome.FAILED, "bank_unreached"),
    ],
)
def test_the_bank_answers_while_the_number_is_read(
    town: Town, transcript: Transcript, language: LanguageCode, outcome: Outcome, says: str
) -> None:
    town.knows(holder := a_holder())
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    person.confirms_while(lambda: town.bank_answers(town.the_report(), outcome))
    person.hears_prompt(says, **bank_values("icbc", language)).waits()
    if outcome is Outcome.BLOCKED:
        transcript(person, "bank blocks at once")
    if outcome is Outcome.REFUSED:
        transcript(person, "bank refuses", in_words=True)


@pytest.mark.parametrize(
    ("language", "knows_the_keys", "seconds"),
    [("zh", False, 45), ("en", False, 52), ("zh", True, 30), ("en", True, 30)],
)
def test_how_soon_the_number_has_been_heard_once(
    town: Town, language: LanguageCode, *, knows_the_keys: bool, seconds: int
) -> None:
    """By the simulator's clock, in which the same words always take the same time; 18 places are
    keyed in 0.7 s each.
    """
    town.knows(holder := a_holder())
    manners = Manners(reaction=0.8 if knows_the_keys else 0.0, between_keys=0.7)
    person = town.someone(language, manners=manners).dials()
    for pressed in (KEY_OF[language], "1", holder.id_number.replace("X", "*"), "1"):
        person.presses(pressed, at_once=knows_the_keys)
    number = spoken_number(town.the_report(), language)
    said = next(e for e in person.transcript if e.kind == "said" and number in e.text)
    heard_once = said.text.partition(number)[0] + number
    assert said.at_seconds + text_seconds(heard_once) <= seconds


def test_silence_at_the_first_question_is_mandarin(town: Town, transcript: Transcript) -> None:
    person = town.someone("zh").dials().hears("您好").hears("For English, press 2.").waits()
    person.hears_prompt("main_menu").hangs_up()
    transcript(person, "silence chooses Mandarin")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_x_is_keyed_as_star(town: Town, transcript: Transcript, language: LanguageCode) -> None:
    town.knows(holder := a_holder(id_number="11010519491231002X"))
    person = reporting(town.someone(language), holder.id_number)
    assert "presses 11010519491231002*" in person.journey()
    person.hears_number_and_deadline(town.the_report()).hangs_up()
    transcript(person, "id number with x")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_caller_chooses_among_several_cards(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card("1111"), a_card("2222", "ccb")))
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    person.hears_prompt("pick_card")
    for key, (last4, bank) in {"1": ("1111", "icbc"), "2": ("2222", "ccb")}.items():
        values = bank_values(bank, language)
        person.hears_prompt("pick_item", card_last4=last4, key=key, **values)
    person.presses("2").confirms()
    assert (town.the_report().card_last4, town.the_report().bank) == ("2222", "ccb")
    person.hears_number_and_deadline(town.the_report())
    person.hears_prompt("bank_waiting", **bank_values("ccb", language)).hangs_up()
    transcript(person, "several cards")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("phone", ["+861062340001", ""])
def test_no_text_is_promised_where_none_arrives(
    town: Town, transcript: Transcript, language: LanguageCode, phone: str
) -> None:
    town.knows(holder := a_holder(phone=phone))
    person = reporting(town.someone(language), holder.id_number)
    bank = bank_values("icbc", language)
    person.hears_prompt("bank_waiting_untexted", **bank)
    person.does_not_hear_prompt("bank_waiting", **bank).hangs_up()
    transcript(person, "no phone that takes texts")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wallet_holds_two_cards(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    """The second needs no 18 digits again, and the list says which is reported already."""
    town.knows(holder := a_holder(a_card("1111"), a_card("2222", "ccb")))
    person = town.someone(language).calls().asks_to_report(holder.id_number).presses("1")
    person.confirms().hears_prompt("repeat_or_hang_up").presses("1")
    values = bank_values("icbc", language)
    person.hears_prompt("pick_item_reported", card_last4="1111", key="1", **values)
    person.hears_prompt("pick_item", card_last4="2222", key="2", **bank_values("ccb", language))
    person.presses("2").confirms().hears_prompt("bank_waiting", **bank_values("ccb", language))
    assert {report.card_last4 for report in town.reports()} == {"1111", "2222"}
    first = town.reports()[0] if town.reports()[0].card_last4 == "1111" else town.reports()[1]
    person.hears_prompt("repeat_or_hang_up").presses("1").presses("1")
    person.hears_number_and_deadline(first).hangs_up()
    transcript(person, "two cards in one call")


def test_another_card_of_somebody_else(town: Town) -> None:
    """Whoever holds only one card is asked whose the other one is."""
    other = an_id_number(serial="016")
    town.knows(a_holder(), a_holder(a_card("2222", "ccb", head="B1234"), id_number=other))
    person = reporting(town.someone("en"), an_id_number())
    person.hears_prompt("repeat_or_hang_up").presses("1").hears_prompt("id_entry").keys_in(other)
    person.confirms().hears_prompt("bank_waiting", **bank_values("ccb", "en")).hangs_up()
    assert {report.card_last4 for report in town.reports()} == {"5678", "2222"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_2_cancels(town: Town, transcript: Transcript, language: LanguageCode) -> None:
    town.knows(holder := a_holder())
    person = confirming(town.someone(language), holder.id_number).presses("2")
    person.hears_prompt("cancelled", **bank_values("icbc", language)).hangs_up()
    assert town.reports() == []
    transcript(person, "cancelled")


@pytest.mark.parametrize("language", LANGUAGES)
def test_silence_never_confirms(town: Town, transcript: Transcript, language: LanguageCode) -> None:
    town.knows(holder := a_holder())
    person = confirming(town.someone(language), holder.id_number)
    person.waits().hears_prompt("no_input").hears_prompt("confirm").waits().hears_prompt("confirm")
    person.waits().hears_prompt("not_confirmed", **bank_values("icbc", language))
    person.hears_prompt("transfer").hangs_up()
    assert town.reports() == []
    transcript(person, "silence never confirms")


def test_a_caller_who_hangs_up_first_has_reported_nothing(town: Town) -> None:
    town.knows(holder := a_holder())
    confirming(town.someone(), holder.id_number).hangs_up()
    assert town.reports() == []
    assert town.hotline.redis.keys(keys.loss("*")) == []


def test_prompts_may_be_interrupted(town: Town, transcript: Transcript) -> None:
    town.knows(holder := a_holder())
    keyed = holder.id_number.replace("X", "*")
    person = town.someone().dials().presses("1", at_once=True).presses("1", at_once=True)
    person.presses(keyed, at_once=True).presses("1")
    person.hears_number_and_deadline(town.the_report()).hangs_up()
    transcript(person, "prompts interrupted")


@pytest.mark.parametrize("outside", ["dropped", "buffered"])
def test_a_habitual_hash_after_18_places_does_no_harm(town: Town, outside: str) -> None:
    town.knows(holder := a_holder())
    rules = Rules(keys_outside_gather="buffered" if outside == "buffered" else "dropped")
    person = town.someone(rules=rules).calls().presses("1").keys_in(holder.id_number + "#")
    person.hears_prompt("confirm").does_not_hear_prompt("bad_key").presses("1")
    person.hears_number_and_deadline(town.the_report())


@pytest.mark.parametrize("language", LANGUAGES)
def test_9_repeats_the_same_number(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder())
    person = reporting(town.someone(language), holder.id_number)
    person.hears_number_and_deadline(town.the_report()).hears_prompt("repeat_or_hang_up")
    person.presses("9").hears_number_and_deadline(town.the_report())
    person.hears_prompt("repeat_or_hang_up").hangs_up()
    transcript(person, "number repeated")
