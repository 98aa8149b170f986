"""The holder calls from the registered phone and says: it was not me."""

from collections.abc import Callable

import pytest

from ivr.cards.acts.withdraw import Decision
from ivr.cards.bank_event import UNBLOCKED
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import Outcome
from ivr.cards.records import Holder
from ivr.prompts.languages import LanguageCode
from tests.builders import a_card, a_holder
from tests.journeys.town import Person, Town, bank_values

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
BANK = "ccb"


@pytest.fixture
def holder(town: Town) -> Holder:
    person = a_holder(a_card("5678", BANK))
    town.knows(person)
    return person


@pytest.fixture
def report(town: Town, holder: Holder) -> LossReport:
    """Somebody else has reported the card."""
    town.someone().calls().asks_to_report(holder.id_number).confirms().hangs_up()
    return town.the_report()


def the_holder(town: Town, holder: Holder, language: LanguageCode = "zh") -> Person:
    return town.someone(language, caller=holder.phone).calls()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_holder_objects(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder, report: LossReport
) -> None:
    town.bank_answers(report, Outcome.BLOCKED)
    person = the_holder(town, holder, language).asks_for_status(holder.id_number)
    person.hears_prompt("not_me").presses("5").hears_prompt("not_me_confirm").presses("1")
    person.hears_prompt("disputed", bank=bank_values(BANK, language)["bank"])
    assert [found.number for found in town.hotline.cases.disputed()] == [report.number]
    assert town.seconds_left(report) > 0, "nothing is released"
    person.presses("2").hears_prompt("status_bank_blocked", **bank_values(BANK, language))
    person.hangs_up()
    transcript(person, "it was not me")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_holder_hears_that_it_is_reported_already(
    town: Town, language: LanguageCode, holder: Holder, report: LossReport
) -> None:
    person = the_holder(town, holder, language).asks_to_report(holder.id_number)
    person.hears_prompt("not_me").presses("5").presses("2").hears_prompt("not_me").hangs_up()
    assert town.hotline.cases.disputed() == [], "only once it is confirmed"
    assert town.the_report() == report


@pytest.mark.usefixtures("report")
def test_silence_is_no_objection(town: Town, holder: Holder) -> None:
    person = the_holder(town, holder).asks_for_status(holder.id_number).presses("5")
    person.hears_to_the_end()
    assert town.hotline.cases.disputed() == []


@pytest.mark.parametrize("caller", ["+8613800138000", "anonymous", ""])
@pytest.mark.usefixtures("report")
def test_nobody_else_is_offered_it(town: Town, holder: Holder, caller: str) -> None:
    person = town.someone(caller=caller).calls().asks_for_status(holder.id_number)
    person.does_not_hear_prompt("not_me").presses("5").hears_prompt("bad_key").hangs_up()
    other = town.someone(caller=caller).calls().asks_to_report(holder.id_number)
    other.does_not_hear_prompt("not_me").presses("5").hears_prompt("bad_key").hangs_up()
    assert town.hotline.cases.disputed() == []


def test_what_does_not_run_is_not_objected_to(town: Town, holder: Holder) -> None:
    person = the_holder(town, holder).asks_for_status(holder.id_number)
    person.does_not_hear_prompt("not_me").hears_prompt("status_report").hangs_up()


def test_of_a_card_that_may_be_reported_again_both_are_offered(
    town: Town, holder: Holder, report: LossReport
) -> None:
    town.bank_answers(report, Outcome.BLOCKED)
    town.bank_tells(holder.cards[0], UNBLOCKED)
    person = the_holder(town, holder).asks_for_status(holder.id_number)
    person.hears_prompt("status_report").hears_prompt("not_me").presses("5").presses("1")
    person.hears_prompt("disputed", bank="建设银行").hangs_up()


def test_it_was_withdrawn_before_the_holder_confirmed(
    town: Town, holder: Holder, report: LossReport
) -> None:
    person = the_holder(town, holder).asks_for_status(holder.id_number).presses("5")
    town.hotline.service.withdraw(report.number, Decision("Li", "a prank"))
    person.presses("1").hears_prompt("dispute_unsure").presses("2")
    person.hears_prompt("status_social_restored").hears_prompt("status_report").hangs_up()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_status_after_a_withdrawal(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder, report: LossReport
) -> None:
    """The bank has not confirmed, and the card can be reported again at once."""
    town.hotline.service.withdraw(report.number, Decision("Li", "a prank"))
    person = town.someone(language).calls().asks_for_status(holder.id_number)
    bank = bank_values(BANK, language)["bank"]
    person.hears_prompt("status_social_restored").hears_prompt("status_bank_withdrawn", bank=bank)
    person.presses("1").confirms().hangs_up()
    transcript(person, "status after a withdrawal")
    states = sorted(found.state for found in town.reports())
    assert states == [ReportState.ACTIVE, ReportState.WITHDRAWN]
