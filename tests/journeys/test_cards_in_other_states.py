"""Cards that cannot be reported, or are reported already: each has its own right way."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.cards.bank_event import FORMAL_LOSS
from ivr.cards.notice import Outcome
from ivr.cards.records import CardState
from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from tests.builders import AGENT_NUMBER, a_card, a_holder
from tests.journeys.town import Person, Town, bank_values, spoken_number

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
A_CHILD = "33011320230615001X"


def asking(town: Town, language: LanguageCode, id_number: str) -> Person:
    """From dialling to what is said after the ID number."""
    return town.someone(language).calls().asks_to_report(id_number)


def reported(town: Town, id_number: str) -> None:
    """Somebody has reported this card before."""
    asking(town, "zh", id_number).confirms().hangs_up()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_child_needs_a_guardian(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(a_holder(id_number=A_CHILD))
    person = asking(town, language, A_CHILD)
    person.hears_prompt("under_16", **bank_values("icbc", language)).hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER).hangs_up()
    assert town.reports() == []
    transcript(person, "under 16")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [CardState.SEALED, CardState.LOCKED, CardState.CANCELLED])
def test_a_card_that_is_not_in_use_needs_a_person(
    town: Town, transcript: Transcript, language: LanguageCode, state: CardState
) -> None:
    town.knows(holder := a_holder(a_card(state=state)))
    person = asking(town, language, holder.id_number)
    person.hears_prompt("not_by_phone", **bank_values("icbc", language))
    person.hears_prompt("transfer").is_connected_to(AGENT_NUMBER).hangs_up()
    assert town.reports() == []
    transcript(person, f"card {state.name.lower()}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_reported_elsewhere(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card(state=CardState.TEMPORARY_LOSS)))
    bank = bank_values("icbc", language)
    person = asking(town, language, holder.id_number).hears_prompt("already_elsewhere", **bank)
    person.hears_prompt("reported_next").presses("9").hears_prompt("already_elsewhere", **bank)
    person.presses("2").hears_prompt("status_formal_none").hangs_up()
    assert town.reports() == []
    transcript(person, "reported elsewhere")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_formally_reported_card_on_record(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card(state=CardState.FORMAL_LOSS)))
    person = asking(town, language, holder.id_number).hears_prompt("already_formal")
    person.presses("3").hears_prompt("reissue").hangs_up()
    assert town.reports() == []
    transcript(person, "formally reported on record")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_formal_report_the_bank_told_us_of(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    card = a_card()
    town.knows(holder := a_holder(card))
    reported(town, holder.id_number)
    town.bank_tells(card, FORMAL_LOSS)
    person = asking(town, language, holder.id_number).hears_prompt("already_formal").presses("*")
    person.asks_for_status(holder.id_number).hears_prompt("status_social_formal")
    person.hears_prompt("status_formal").hangs_up()
    transcript(person, "formally reported after a temporary report")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_report_changes_nothing(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder())
    reported(town, holder.id_number)
    first = town.the_report()
    town.hotline.redis.expire(f"loss:{first.card_ref}", 1000)  # as if days had gone by
    person = asking(town, language, holder.id_number).hears_number_and_deadline(first)
    person.hears_prompt("reported_next").presses("9").hears_number_and_deadline(first)
    person.hangs_up()
    assert town.the_report() == first
    assert town.seconds_left(first) <= 1000
    transcript(person, "already reported")


def test_a_second_report_is_checked_without_keying_the_number_again(town: Town) -> None:
    town.knows(holder := a_holder())
    reported(town, holder.id_number)
    person = asking(town, "zh", holder.id_number).hears_prompt("reported_next").presses("2")
    person.hears(spoken_number(town.the_report(), "zh")).hears_prompt("status_formal_none")


def test_a_new_report_can_be_made_after_the_release(town: Town) -> None:
    town.knows(holder := a_holder())
    reported(town, holder.id_number)
    first = town.the_report()
    town.days_pass(first)
    asking(town, "zh", holder.id_number).confirms().hangs_up()
    assert len({report.number for report in town.reports()}) == 2


@pytest.mark.parametrize("callers", [2, 3, 4])
def test_calls_that_confirm_at_the_same_instant_make_one_report(town: Town, callers: int) -> None:
    town.knows(holder := a_holder())
    people = [asking(town, "zh", holder.id_number).hears_prompt("confirm") for _ in range(callers)]
    together = threading.Barrier(len(people))

    def confirm(person: Person) -> None:
        together.wait()
        person.presses("1")

    threads = [threading.Thread(target=confirm, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = town.the_report()
    for person in people:
        person.hears_number_and_deadline(report)
    filed = [p for p in people if p.words("filed", report_number=report.number) in p.journey()]
    assert len(filed) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("outcome", "says"),
    [(Outcome.REFUSED, "status_bank_failed"), (Outcome.RECEIVED, "status_bank_waiting")],
)
def test_an_existing_report_does_not_hide_an_open_account(
    town: Town, language: LanguageCode, outcome: Outcome, says: str
) -> None:
    """'Already reported' alone would let the caller hang up in the belief that all is blocked."""
    town.knows(holder := a_holder())
    reported(town, holder.id_number)
    town.bank_answers(town.the_report(), outcome)
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    person.hears_number_and_deadline(town.the_report())
    person.hears_prompt(says, **bank_values("icbc", language)).hears_prompt("reported_next")


def test_a_card_cancelled_during_the_call_is_not_reported(town: Town) -> None:
    town.knows(holder := a_holder())
    person = town.someone("en").calls().asks_to_report(holder.id_number).hears_prompt("confirm")
    town.knows(replace(holder, cards=(replace(holder.cards[0], state=CardState.CANCELLED),)))
    bank = bank_values("icbc", "en")
    person.presses("1").hears_prompt("not_by_phone", **bank).hangs_up()
    assert not list(town.hotline.redis.scan_iter(match=keys.loss("*")))


def test_a_bank_that_left_the_file_leaves_the_others_in_peace(
    make_town: Callable[..., Town],
) -> None:
    holder = a_holder(a_card("1111"), a_card("2222", "ccb"))
    town = make_town()
    town.knows(holder)
    del town.hotline.settings.banks["ccb"]
    person = town.someone("en").calls().asks_to_report(holder.id_number)
    person.hears("ICBC card ending in 1 1 1 1").hears("the issuing bank card ending in 2 2 2 2")
    person.presses("2").hears_prompt("not_by_phone").hangs_up()
    other = town.someone("en").calls().asks_to_report(holder.id_number).presses("1")
    other.hears_prompt("confirm").presses("1").hears_number_and_deadline(town.the_report())
