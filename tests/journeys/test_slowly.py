"""Key 6: everything is said slowly, a person comes first, and the phone need not ask again."""

from collections.abc import Callable

import pytest

from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from tests.builders import a_holder
from tests.journeys.town import Person, Town

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
A_YEAR = 365 * 24 * 3600


def is_slow(person: Person) -> bool:
    """Whether the last answer is spoken slowly."""
    return 'rate="slow"' in person.exchanges[-1].body


@pytest.mark.parametrize("language", LANGUAGES)
def test_6_says_everything_slowly_and_offers_a_person_first(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = town.someone(language).calls().waits().hears_prompt("slow_offer")
    person.presses("6").hears_prompt("slow_on").hears_prompt("for_a_person")
    person.hears_prompt("main_menu").hears_prompt("slow_end")
    person.presses("3").hears_prompt("for_a_person").hears_prompt("card_services")
    assert is_slow(person)
    person.hangs_up()
    transcript(person, "slowly")


def test_the_phone_is_remembered_for_a_year_and_may_end_it(town: Town) -> None:
    town.someone().calls().presses("6").hangs_up()
    (name,) = town.hotline.redis.keys(keys.slow_phone("*"))
    assert A_YEAR - 60 < town.hotline.redis.ttl(name) <= A_YEAR
    assert b"13800138000" not in name

    again = town.someone().dials()
    assert is_slow(again)
    again.presses("1").hears_prompt("for_a_person").hears_prompt("slow_end")
    again.presses("6").hears_prompt("slow_off").does_not_hear_prompt("slow_end").hangs_up()
    assert not is_slow(again)
    later = town.someone().dials()
    assert not is_slow(later)


@pytest.mark.parametrize("caller", ["anonymous", "+8613900139009"])
def test_no_other_phone_is_slow(town: Town, caller: str) -> None:
    """Nor are all that hide their number, because one of them asked."""
    town.someone(caller="anonymous").calls().presses("6").hangs_up()
    town.someone().calls().presses("6").hangs_up()
    assert not is_slow(town.someone(caller=caller).dials())


def test_at_the_confirmation_it_only_repeats(town: Town) -> None:
    town.knows(holder := a_holder())
    person = town.someone().calls().asks_to_report(holder.id_number).hears_prompt("confirm")
    person.presses("6").hears_prompt("slow_on").hears_prompt("confirm_price", days="7")
    assert town.reports() == []
