"""Asking how a card stands: social security function, financial function, formal report."""

from collections.abc import Callable

import pytest

from ivr.cards.bank_event import UNBLOCKED
from ivr.cards.loss import LossReport
from ivr.cards.notice import Outcome
from ivr.cards.records import Holder
from ivr.prompts.languages import LanguageCode
from tests.builders import a_card, a_holder
from tests.journeys.town import Person, Town, bank_values, deadline, spoken_number

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]


@pytest.fixture
def holder(town: Town) -> Holder:
    person = a_holder(a_card("5678", "ccb"))
    town.knows(person)
    return person


@pytest.fixture
def report(town: Town, holder: Holder) -> LossReport:
    """The holder's card, reported lost a moment ago; the bank knows nothing yet."""
    town.someone().calls().asks_to_report(holder.id_number).confirms().hangs_up()
    return town.the_report()


def asking(town: Town, language: LanguageCode, holder: Holder) -> Person:
    return town.someone(language).calls().asks_for_status(holder.id_number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_a_report(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder
) -> None:
    person = asking(town, language, holder).hears_prompt("status_social_active")
    person.hears_prompt("status_bank_normal").hears_prompt("status_formal_none")
    person.hears_prompt("status_next").hangs_up()
    transcript(person, "status before a report")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (None, "status_bank_waiting"),
        (Outcome.RECEIVED, "status_bank_waiting"),
        (Outcome.BLOCKED, "status_bank_blocked"),
        (Outcome.REFUSED, "status_bank_failed"),
        (Outcome.FAILED, "status_bank_unreached"),
    ],
)
def test_during_a_report(
    town: Town,
    transcript: Transcript,
    language: LanguageCode,
    holder: Holder,
    report: LossReport,
    outcome: Outcome | None,
    says: str,
) -> None:
    if outcome is not None:
        town.bank_answers(report, outcome)
    person = asking(town, language, holder)
    person.hears(spoken_number(report, language)).hears(deadline(report, language))
    person.hears_prompt(says, **bank_values("ccb", language)).hears_prompt("status_formal_none")
    person.hears_prompt("status_next").hangs_up()
    if outcome in (None, Outcome.BLOCKED, Outcome.REFUSED):
        transcript(person, f"status while {says.removeprefix('status_').replace('_', ' ')}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_7_days_the_bank_still_blocks(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder, report: LossReport
) -> None:
    """ "Social security active, bank blocked" is normal and has its own words (domain 1)."""
    town.bank_answers(report, Outcome.BLOCKED)
    town.days_pass(report)
    person = asking(town, language, holder).hears_prompt("status_social_restored")
    person.hears_prompt("status_bank_blocked", **bank_values("ccb", language))
    person.hears_prompt("status_formal_none").hangs_up()
    transcript(person, "status after 7 days")


@pytest.mark.parametrize("language", LANGUAGES)
def test_once_the_bank_has_unblocked(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder, report: LossReport
) -> None:
    town.bank_answers(report, Outcome.BLOCKED)
    town.days_pass(report)
    town.bank_tells(holder.cards[0], UNBLOCKED)
    person = asking(town, language, holder).hears_prompt("status_social_restored")
    person.hears_prompt("status_bank_unblocked", **bank_values("ccb", language))
    person.hears_prompt("status_formal_none").hangs_up()
    transcript(person, "status once unblocked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_is_chosen_and_9_reads_again(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    holder = a_holder(a_card("1111"), a_card("2222", "ccb"))
    town.knows(holder)
    person = asking(town, language, holder).hears_prompt("status_pick").presses("1")
    person.hears_prompt("status_social_active").presses("9").hears_prompt("status_social_active")
    person.presses("3").hears_prompt("card_services").hangs_up()
    transcript(person, "status of one of several cards")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_that_is_not_reported_can_be_reported_at_once(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder
) -> None:
    person = asking(town, language, holder).hears_prompt("status_report").presses("1").confirms()
    person.hears_number_and_deadline(town.the_report()).hangs_up()
    transcript(person, "reported after its status")


def test_a_reported_card_is_not_offered_to_be_reported(
    town: Town, holder: Holder, report: LossReport
) -> None:
    person = asking(town, "zh", holder).hears_prompt("status_next")
    person.does_not_hear_prompt("status_report").presses("1").hears_prompt("bad_key").hangs_up()
    assert town.the_report() == report


def test_9_reads_the_present_state_not_the_one_read_before(
    town: Town, holder: Holder, report: LossReport
) -> None:
    bank = bank_values("ccb", "zh")
    person = asking(town, "zh", holder).hears_prompt("status_bank_waiting", **bank)
    town.bank_answers(report, Outcome.BLOCKED)
    person.presses("9").hears_prompt("status_bank_blocked", **bank)
