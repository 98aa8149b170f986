"""Cards that cannot be reported, or are reported already: each has its own right way."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.cards.bank_event import FORMAL_LOSS, UNBLOCKED
from ivr.cards.loss import ReportState
from ivr.cards.notice import Outcome
from ivr.cards.records import CardState, Holder
from ivr.prompts.languages import LANGUAGES as WORDS
from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from tests.builders import AGENT_NUMBER, a_card, a_holder
from tests.journeys.town import Person, Town, bank_values, card_values, spoken_number

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
    person.hears_prompt("under_16", **card_values(language)).hears_prompt("transfer")
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
    person.hears_prompt("not_by_phone", **card_values(language))
    person.hears_prompt("transfer").is_connected_to(AGENT_NUMBER).hangs_up()
    assert town.reports() == []
    transcript(person, f"card {state.name.lower()}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_reported_elsewhere(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card(state=CardState.TEMPORARY_LOSS)))
    card = card_values(language)
    person = asking(town, language, holder.id_number).hears_prompt("already_elsewhere", **card)
    person.hears_prompt("reported_next").presses("9").hears_prompt("already_elsewhere", **card)
    person.presses("2").hears_prompt("status_formal_none").hangs_up()
    assert town.reports() == []
    transcript(person, "reported elsewhere")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_formally_reported_card_on_record(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card(state=CardState.FORMAL_LOSS)))
    person = asking(town, language, holder.id_number).hears_prompt(
        "already_formal", **card_values(language)
    )
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
    person = (
        asking(town, language, holder.id_number)
        .hears_prompt("already_formal", **card_values(language))
        .presses("*")
    )
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
    person.presses("1").hears_prompt("not_by_phone", **card_values("en")).hangs_up()
    assert not list(town.hotline.redis.scan_iter(match=keys.loss("*")))


@pytest.fixture
def lost_again(town: Town) -> Holder:
    """A holder who reported a card, found it, had the bank unblock it, and lost it once more."""
    card = a_card()
    town.knows(holder := a_holder(card))
    reported(town, holder.id_number)
    town.bank_answers(town.the_report(), Outcome.BLOCKED)
    town.bank_tells(card, UNBLOCKED)
    first = town.the_report()
    town.hotline.redis.expire(keys.loss(first.card_ref), 1000)  # as if days had gone by
    return holder


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_lost_again_is_reported_to_the_bank_again(
    town: Town, transcript: Transcript, language: LanguageCode, lost_again: Holder
) -> None:
    (first,) = town.reports()
    bank = bank_values("icbc", language)
    person = asking(town, language, lost_again.id_number)
    about = {"last4": lost_again.last4, "card_last4": "5678", **bank}
    person.hears_prompt("confirm_what", **about).hears_prompt("confirm_price_again").confirms()
    (new,) = [report for report in town.reports() if report.number != first.number]
    assert (new.release_at, new.state) == (first.release_at, ReportState.ACTIVE)
    person.hears_number_and_deadline(new).hears_prompt("bank_waiting", **bank)
    person.does_not_hear_prompt("filed_deadline", days="7", until=str(new.release_at))
    transcript(person, "lost again after the bank unblocked it")
    town.bank_answers(new, Outcome.BLOCKED)
    person.presses("9").hears_number_and_deadline(new).hears_prompt("bank_blocked", **bank)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_lost_again_is_not_reported_without_a_word(
    town: Town, transcript: Transcript, language: LanguageCode, lost_again: Holder
) -> None:
    bank = bank_values("icbc", language)
    person = asking(town, language, lost_again.id_number).hears_prompt("confirm").presses("2")
    person.hears_prompt("cancelled_again", **bank).presses("1").keys_in(lost_again.id_number)
    person.hears_prompt("confirm").waits().waits().waits()
    person.hears_prompt("not_confirmed_again", **bank).hears_prompt("transfer").hangs_up()
    assert len(town.reports()) == 1
    transcript(person, "lost again and not confirmed")


def test_a_card_lost_again_can_be_reported_from_its_status(town: Town, lost_again: Holder) -> None:
    person = town.someone("en").calls().asks_for_status(lost_again.id_number)
    person.hears_prompt("status_bank_unblocked", **bank_values("icbc", "en"))
    person.hears_prompt("status_report").presses("1").confirms()
    (new,) = [r for r in town.reports() if r.state is ReportState.ACTIVE]
    person.hears_number_and_deadline(new).hangs_up()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bank_that_left_the_file_is_still_called_by_its_name(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    """Its cards need a person; the others are left in peace."""
    town.knows(holder := a_holder(a_card("1111"), a_card("2222", "ccb")))
    del town.hotline.settings.banks["ccb"]
    bank = bank_values("ccb", language)
    person = asking(town, language, holder.id_number)
    person.hears_prompt("pick_item", card_last4="2222", key="2", **bank).presses("2")
    person.hears_prompt("not_by_phone", **bank, card_last4="2222").hangs_up()
    transcript(person, "a bank that left")
    other = asking(town, language, holder.id_number).presses("1").confirms()
    other.hears_number_and_deadline(town.the_report())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_at_a_bank_that_left_is_told_with_its_number(
    town: Town, language: LanguageCode
) -> None:
    town.knows(holder := a_holder(a_card("2222", "ccb")))
    reported(town, holder.id_number)
    del town.hotline.settings.banks["ccb"]
    person = town.someone(language).calls().asks_for_status(holder.id_number)
    person.hears_prompt("status_bank_waiting", **bank_values("ccb", language)).hangs_up()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bank_that_nobody_ever_named(town: Town, language: LanguageCode) -> None:
    """Never our own number in the place of the bank's."""
    town.knows(holder := a_holder(a_card("2222", "ccb")))
    del town.hotline.settings.banks["ccb"]
    town.hotline.redis.delete(keys.BANKS_KNOWN)
    bank = {"bank": WORDS[language].issuing_bank, "bank_phone": "", "card_last4": "2222"}
    person = asking(town, language, holder.id_number).hears_prompt("not_by_phone", **bank)
    person.hears_prompt("transfer").hangs_up()
