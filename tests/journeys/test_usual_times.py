"""Whoever waits for the bank's word hears how long that bank usually takes, if that can be said."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from ivr.cards.notice import Outcome
from ivr.cards.records import Holder
from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from ivr.store.codec import dump
from tests.bank_side import Records
from tests.builders import a_card, a_holder
from tests.journeys.town import Person, Town, bank_values

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
A_QUICK_DAY: Mapping[float, int] = {5: 15, 120: 5}
SAID = {"zh": "2分钟", "en": "2 minutes"}


@pytest.fixture
def holder(town: Town) -> Holder:
    person = a_holder(a_card("5678"))
    town.knows(person)
    return person


def reporting(town: Town, holder: Holder, language: LanguageCode = "en") -> Person:
    return town.someone(language).calls().asks_to_report(holder.id_number).confirms()


def took(town: Town, confirmed: Mapping[float, int], bank: str = "icbc") -> None:
    Records(town.hotline).took(bank, confirmed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_the_report_and_in_its_status(
    town: Town, transcript: Transcript, language: LanguageCode, holder: Holder
) -> None:
    took(town, A_QUICK_DAY)
    person = reporting(town, holder, language)
    bank = bank_values("icbc", language)
    usual = {"bank": bank["bank"], "within": "120"}
    assert SAID[language] in person.words("bank_usually", **usual)
    person.hears_prompt("bank_usually", **usual).hears_prompt("bank_waiting", **bank)
    person.presses("*").asks_for_status(holder.id_number)
    person.hears_prompt("status_bank_waiting", **bank).hears_prompt("bank_usually", **usual)
    person.presses("*").asks_to_report(holder.id_number)
    person.hears_prompt("status_bank_waiting", **bank).hears_prompt("bank_usually", **usual)
    person.hangs_up()
    transcript(person, "how long the bank usually takes")


@pytest.mark.parametrize(
    "confirmed",
    [{}, {120: 19}, {45: 20}, {1: 18, 300_000: 2}],
    ids=["none", "too few", "waited longer already", "too often over 72 hours"],
)
def test_nothing_is_said_where_nothing_can_be(
    town: Town, holder: Holder, confirmed: Mapping[float, int]
) -> None:
    took(town, confirmed)
    took(town, A_QUICK_DAY, "ccb")
    reporting(town, holder).hangs_up()
    filed_earlier(town, seconds=60)
    person = town.someone("en").calls().asks_for_status(holder.id_number)
    person.hears_prompt("status_bank_waiting", **bank_values("icbc", "en"))
    assert "usually" not in person.journey()


def filed_earlier(town: Town, seconds: int) -> None:
    report = town.the_report()
    earlier = replace(report, reported_at=report.reported_at - seconds)
    town.hotline.redis.set(keys.report(report.number), dump(earlier), keepttl=True)


def test_nor_while_the_bank_does_not_answer(town: Town, holder: Holder) -> None:
    took(town, A_QUICK_DAY)
    person = reporting(town, holder).hears_prompt("bank_usually", bank="ICBC", within="120")
    person.hangs_up()
    Records(town.hotline).bank_answers(town.the_report(), Outcome.FAILED, again_in=60)
    person = town.someone("en").calls().asks_for_status(holder.id_number)
    person.hears_prompt("status_bank_waiting", **bank_values("icbc", "en"))
    assert "usually" not in person.journey()


def test_nor_once_it_has_blocked(town: Town, holder: Holder) -> None:
    took(town, A_QUICK_DAY)
    person = town.someone("en").calls().asks_to_report(holder.id_number)
    person.confirms_while(lambda: town.bank_answers(town.the_report(), Outcome.BLOCKED))
    assert "usually" not in person.journey()
