"""What is announced is heard at once: by everybody before the menu, by a bank's callers in time."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from ivr.beijing import BEIJING
from ivr.store import keys
from simulator.engine import Rules
from tests.builders import a_card, a_holder, settings
from tests.journeys.town import LANGUAGE_KEYS, Town
from tests.studio import empty_set
from tests.web.conftest import PhoneCall, Twilio

LANGUAGES: Final = ("zh", "en")
EVERYBODY: Final = {
    "zh": "今晚十点到十二点系统维护。",
    "en": "Maintenance tonight from ten to twelve.",
}
OF_ICBC: Final = {
    "zh": "网点今天不营业 <break/> & 抱歉。",
    "en": "Branches are closed <today> & sorry.",
}


def told(town: Town, *args: str) -> tuple[int, str]:
    done = town.app.test_cli_runner().invoke(args=["announcements", *args])
    return done.exit_code, done.output


def announces(town: Town, texts: dict[str, str], *more: str) -> None:
    until = datetime.fromtimestamp(town.hotline.outbox.now() + 3600, UTC).isoformat()
    words = [word for code, text in texts.items() for word in (f"--{code}", text)]
    status, said = told(town, "set", *words, "--until", until, *more)
    assert status == 0, said


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_hears_it_before_the_menu_and_once(
    town: Town, transcript: Callable[..., None], language: str
) -> None:
    announces(town, EVERYBODY)
    announces(town, OF_ICBC, "--bank", "icbc")
    town.knows(holder := a_holder(a_card("5678")))
    person = town.someone(language).dials().presses(LANGUAGE_KEYS[language])
    person.hears_prompt("announcement", announcement=EVERYBODY[language])
    person.hears_prompt("main_menu").presses("1").keys_in(holder.id_number)
    bank = {"zh": "工商银行", "en": "ICBC"}[language]
    person.hears_prompt("bank_announcement", bank=bank, announcement=OF_ICBC[language])
    person.hears_prompt("confirm").presses("2").hears_prompt("main_menu_or_hang_up").presses("*")
    person.hears_prompt("main_menu").does_not_hear(EVERYBODY[language])
    transcript(person.hangs_up(), "announcements", in_words=True)


def test_a_key_cuts_it_short(town: Town) -> None:
    announces(town, EVERYBODY)
    person = town.someone().dials().presses("1").hears("公告").presses("1", at_once=True)
    person.hears_prompt("id_entry")


def test_a_banks_is_for_its_own_callers(town: Town) -> None:
    announces(town, OF_ICBC, "--bank", "icbc")
    town.knows(holder := a_holder(a_card("1111", "ccb"), a_card("2222", "icbc")))
    person = town.someone().calls().asks_to_report(holder.id_number).hears_prompt("pick_card")
    person.presses("1").does_not_hear("公告")
    other = town.someone().calls().asks_for_status(holder.id_number).hears_prompt("status_pick")
    other.presses("2").hears("工商银行公告").hears_prompt("status_social_active")


def test_it_is_over_as_soon_as_it_is_cleared(town: Town) -> None:
    announces(town, EVERYBODY)
    person = town.someone().dials()
    assert told(town, "clear") == (0, "Cleared.\n")
    person.presses("1").hears_prompt("main_menu").does_not_hear("公告")
    assert told(town, "clear") == (0, "Nothing was announced to everybody.\n")
    assert told(town, "list") == (0, "Nothing is announced.\n")


def test_a_repeated_request_is_answered_alike(town: Town) -> None:
    announces(town, EVERYBODY)
    call = PhoneCall(Twilio(town.app)).dials().presses("1").hears("公告", "挂失请按1")
    answer = call.answer
    assert call.repeats().answer == answer
    call.presses("9").does_not_hear("公告")


def test_operators_see_what_is_told(town: Town) -> None:
    announces(town, EVERYBODY)
    announces(town, OF_ICBC, "--bank", "icbc")
    _, shown = told(town, "list")
    assert shown.startswith("everybody, until 20")
    assert f"  zh  {OF_ICBC['zh']}" in shown
    assert "callers of icbc, until" in shown


def test_each_is_journalled_without_its_words(town: Town) -> None:
    announces(town, OF_ICBC, "--bank", "icbc", "--by", "Li")
    announces(town, EVERYBODY, "--by", "Li")
    assert told(town, "clear", "--by", "Wang")[0] == 0
    assert told(town, "clear", "--by", "Wang")[0] == 0  # there is none any more
    entries = [entry for _, entry in town.hotline.journal.between(0, 2**40)]
    until = entries[0].fields["until"]
    assert [(entry.event, entry.fields) for entry in entries] == [
        ("announcement_set", {"bank": "icbc", "until": until, "by": "Li"}),
        ("announcement_set", {"until": until, "by": "Li"}),
        ("announcement_cleared", {"by": "Wang"}),
    ]


def test_an_end_without_an_offset_is_beijing_time(town: Town) -> None:
    """As everything else that our staff read and callers hear."""
    tomorrow = datetime.fromtimestamp(town.hotline.outbox.now() + keys.DAY, BEIJING)
    words = ["set", "--zh", "好", "--en", "good", "--until"]
    _, said = told(town, *words, f"{tomorrow:%Y-%m-%dT18:00}")
    assert f"until {tomorrow:%Y-%m-%d} 18:00 Beijing time ({tomorrow:%Y-%m-%d}T10:00:00Z)" in said
    _, said = told(town, *words, f"{tomorrow:%Y-%m-%dT18:00}Z")
    assert f"({tomorrow:%Y-%m-%d}T18:00:00Z)" in said
    assert "Beijing time" in told(town, "set", "--help")[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--zh", "好", "--until", "2000-01-01", "--en", "good"], "its end has passed"),
        (["--zh", "好", "--until", "2100-01-01", "--en", "good"], "365 days"),
        (["--zh", "好", "--until", "2100-01-01"], "no text in en"),
        (["--zh", "好", "--until", "soon", "--en", "good"], "no time like"),
        (["--zh", "好", "--en", "good"], "--until"),
        (
            ["--zh", "好", "--until", "2100-01-01", "--en", "x", "--bank", "abc"],
            "none of ccb, icbc",
        ),
    ],
)
def test_what_cannot_be_told_is_refused(town: Town, words: list[str], why: str) -> None:
    status, said = told(town, "set", *words)
    assert status != 0
    assert why in said
    assert told(town, "list") == (0, "Nothing is announced.\n")


def test_recorded_voices_say_it_by_synthesis(
    make_town: Callable[..., Town], tmp_path: Path
) -> None:
    """It is the one thing that no studio has recorded."""
    place = empty_set(settings("unix:///nowhere"), tmp_path)
    town = make_town(audio_dir=str(place), voice="recorded")
    announces(town, EVERYBODY)
    person = town.someone(rules=Rules(audio_seconds=lambda _url: 1.0)).dials()
    person.presses("1").hears(EVERYBODY["zh"])
    assert [e.text for e in person.transcript if e.kind == "said"] == [EVERYBODY["zh"]]
