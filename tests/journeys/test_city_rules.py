"""What a caller hears where the city has decided otherwise: why this card is not reported now."""

from collections.abc import Callable

import pytest

from ivr.cards.notice import Outcome
from ivr.prompts.languages import LanguageCode
from simulator.kit_pytest import KeepsJourney
from tests.builders import AGENT_NUMBER, a_holder
from tests.journeys.by_name import by_name
from tests.journeys.town import Person, Town, bank_values, card_values

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")


def keep(journey: KeepsJourney, town: Town, person: Person, name: str) -> None:
    journey(person, name, name, town.steady(person), by_name(person.language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_the_phone_takes_no_reports(
    make_town: Callable[..., Town], journey: KeepsJourney, language: LanguageCode
) -> None:
    town = make_town(rules='channels = ["text", "web"]')
    town.knows(holder := a_holder())
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    person.hears_prompt("phone_closed", **card_values(language))
    person.does_not_hear_prompt("not_by_phone", **card_values(language))
    person.hears_prompt("transfer").is_connected_to(AGENT_NUMBER).hangs_up()
    assert town.reports() == []
    keep(journey, town, person, "where the phone takes no reports")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("outcome", "says"),
    [(Outcome.BLOCKED, "status_bank_blocked"), (Outcome.REFUSED, "status_bank_failed")],
)
def test_where_a_report_is_not_renewed(
    make_town: Callable[..., Town],
    journey: KeepsJourney,
    language: LanguageCode,
    outcome: Outcome,
    says: str,
) -> None:
    """The bank may have blocked the card, or not: that is told as it is."""
    town = make_town(rules="report_may_be_renewed_after_release = false")
    town.knows(holder := a_holder())
    town.someone(language).calls().asks_to_report(holder.id_number).confirms().hangs_up()
    town.bank_answers(town.the_report(), outcome)
    town.days_pass(town.the_report())
    person = town.someone(language).calls().asks_to_report(holder.id_number)
    person.hears_prompt("not_renewed", **card_values(language))
    person.hears_prompt(says, **bank_values("icbc", language)).hears_prompt("formal_loss")
    person.does_not_hear_prompt("not_by_phone", **card_values(language))
    person.hears_prompt("transfer").is_connected_to(AGENT_NUMBER).hangs_up()
    assert len(town.reports()) == 1
    if outcome is Outcome.BLOCKED:
        keep(journey, town, person, "where a report is not renewed")
