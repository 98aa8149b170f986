"""All my cards: one confirmation, a report of each card, and each bank's answer told apart."""

from collections.abc import Callable

import pytest

from ivr.cards.notice import NoticeKind, Outcome
from ivr.cards.records import Card, CardState
from ivr.prompts.languages import LanguageCode
from simulator.engine.speech import text_seconds
from simulator.kit import Manners
from tests.builders import a_card, a_holder
from tests.journeys.town import (
    LANGUAGE_KEYS,
    SEVEN_DAYS,
    Person,
    Town,
    card_values,
    spoken_number,
)

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
TWO = (a_card("1111"), a_card("2222", "ccb"))


def choosing_all(town: Town, person: Person, *cards: Card, key: str = "3") -> Person:
    """From dialling to the question whether to report them all."""
    town.knows(holder := a_holder(*(cards or TWO)))
    person.calls().asks_to_report(holder.id_number).hears_prompt("pick_all", key=key).presses(key)
    return person.hears_prompt("confirm_all_what", last4=holder.last4, count=str(int(key) - 1))


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_confirmation_reports_every_card(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = choosing_all(town, town.someone(language))
    person.hears_prompt("confirm_card", **card_values(language, "icbc", "1111"))
    person.hears_prompt("confirm_card", **card_values(language, "ccb", "2222"))
    person.hears_prompt("confirm_price", days="7").confirms()
    reports = {report.card_last4: report for report in town.reports()}
    assert reports.keys() == {"1111", "2222"}
    assert town.keeps_whole_deadlines()
    for last4, bank in (("1111", "icbc"), ("2222", "ccb")):
        values = card_values(language, bank, last4)
        person.hears_prompt("filed_card", report_number=reports[last4].number, **values)
        assert SEVEN_DAYS - 30 <= town.seconds_left(reports[last4]) <= SEVEN_DAYS
    for last4, bank in (("1111", "icbc"), ("2222", "ccb")):
        person.hears_prompt("all_waiting", **card_values(language, bank, last4))
    person.hears_prompt("all_texted")
    until = str(reports["2222"].release_at)
    person.hears_prompt("filed_deadline_all", days="7", until=until)
    person.hears_prompt("repeat_or_hang_up").waits().hears_prompt("goodbye").is_hung_up_on()
    transcript(person, "all cards")


def test_each_report_stands_alone(town: Town) -> None:
    """Its own number, its own notice to its own bank, its own texts."""
    choosing_all(town, town.someone()).confirms()
    first, second = town.reports()
    assert first.number != second.number
    assert first.notice_id != second.notice_id
    assert first.origin == second.origin
    told = [town.hotline.outbox.find(report.notice_id) for report in (first, second)]
    assert {(n.kind, n.bank) for n in told if n} == {
        (NoticeKind.LOSS_REPORTED, first.bank),
        (NoticeKind.LOSS_REPORTED, second.bank),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_bank_s_answer_is_told_apart(
    town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    person = choosing_all(town, town.someone(language))

    def the_banks_answer() -> None:
        for report in town.reports():
            refuses = report.bank == "ccb"
            town.bank_answers(report, Outcome.REFUSED if refuses else Outcome.BLOCKED)

    person.confirms_while(the_banks_answer)
    person.hears_prompt("all_blocked", **card_values(language, "icbc", "1111"))
    person.hears_prompt("all_failed", **card_values(language, "ccb", "2222"))
    person.does_not_hear_prompt("all_texted").hangs_up()
    transcript(person, "all cards, one bank refuses")


@pytest.mark.parametrize("language", LANGUAGES)
def test_9_repeats_all_of_it(town: Town, language: LanguageCode) -> None:
    person = choosing_all(town, town.someone(language)).confirms()
    person.hears_prompt("repeat_or_hang_up").presses("9")
    first, second = sorted(town.reports(), key=lambda report: report.card_last4)
    person.hears(spoken_number(first, language)).hears(spoken_number(second, language))
    person.hears_prompt("filed_deadline_all", days="7", until=str(second.release_at))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_cannot_be_reported_is_left_out(town: Town, language: LanguageCode) -> None:
    """It stands in the list, by itself, and its key tells why."""
    cards = (*TWO, a_card("3333", "icbc", head="B1234", state=CardState.LOCKED))
    person = town.someone(language)
    town.knows(holder := a_holder(*cards))
    person.calls().asks_to_report(holder.id_number).hears_prompt("pick_all", key="4").presses("4")
    person.hears_prompt("confirm_all_what", last4=holder.last4, count="2").confirms()
    assert {report.card_last4 for report in town.reports()} == {"1111", "2222"}
    person.hears_prompt("repeat_or_hang_up").presses("1")
    person.does_not_hear_prompt("pick_all", key="4").presses("3")
    person.hears_prompt("not_by_phone", **card_values(language, "icbc", "3333")).hangs_up()


@pytest.mark.parametrize("language", LANGUAGES)
def test_2_cancels_all(town: Town, language: LanguageCode) -> None:
    person = choosing_all(town, town.someone(language)).presses("2")
    person.hears_prompt("cancelled_all").hangs_up()
    assert town.reports() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_silence_confirms_none(town: Town, language: LanguageCode) -> None:
    """The cards are named again each time."""
    person = choosing_all(town, town.someone(language)).hears_prompt("confirm")
    for _ in range(2):
        person.waits().hears_prompt("no_input")
        person.hears_prompt("confirm_card", **card_values(language, "ccb", "2222"))
    person.waits().hears_prompt("not_confirmed_all").hangs_up()
    assert town.reports() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("knows_the_keys", [False, True])
def test_two_cards_take_no_more_than_90_seconds(
    town: Town, language: LanguageCode, *, knows_the_keys: bool
) -> None:
    """By the simulator's clock. Who hears every prompt to its end has both reports and their
    numbers by then; who knows the keys has also heard what the banks say.
    """
    town.knows(holder := a_holder(*TWO))
    manners = Manners(reaction=0.8 if knows_the_keys else 0.0, between_keys=0.7)
    person = town.someone(language, manners=manners).dials()
    for pressed in (LANGUAGE_KEYS[language], "1", holder.id_number.replace("X", "*"), "3", "1"):
        person.presses(pressed, at_once=knows_the_keys)
    person.hears_prompt("what_next")
    last = max(town.reports(), key=lambda report: report.card_last4)
    said = {event.text: event.at_seconds for event in person.transcript if event.kind == "said"}
    number = spoken_number(last, language)
    (filed,) = [text for text in said if number in text]
    heard_once = filed.partition(number)[0] + number
    assert said[filed] + text_seconds(heard_once) <= 90
    if knows_the_keys:
        assert said[person.words("what_next")] <= 90
    print(language, said[filed] + text_seconds(heard_once), said[person.words("what_next")])
