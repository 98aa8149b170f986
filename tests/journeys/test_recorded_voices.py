"""Whole calls in recorded voices, without one Say: a studio has recorded all there is to say."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ivr.prompts.languages import LanguageCode
from ivr.settings import Settings
from simulator.engine import Event, Rules
from simulator.kit_pytest import KeepsJourney
from tests.builders import a_card, a_holder, an_id_number, settings
from tests.journeys.town import LANGUAGE_KEYS, SOUNDS, Person, Town, spoken_number
from tests.studio import ESPEAK, fragments_of, record

LANGUAGES: Final = ("zh", "en")
DEADLINE: Final = {
    r"\d+月 \d+日 星期. \w+ \w+( \d+分)?": "{deadline}",
    r"\w+day \w+ \d+ \d+(:30)?( \d\d)? [ap]\.m\.": "{deadline}",
}
TEXTS: Final = {each.name: each.text for each in fragments_of(settings("unix:///nowhere"))}


@pytest.fixture(scope="session")
def audio_dir() -> Iterator[Path]:
    """A whole set of recordings; made once, for it takes a quarter of a minute."""
    if ESPEAK is None:
        pytest.skip("espeak-ng is not installed")
    with tempfile.TemporaryDirectory(prefix="voices-") as directory:
        yield record(settings("unix:///nowhere"), Path(directory))


@pytest.fixture
def recorded_town(make_town: Callable[..., Town], audio_dir: Path) -> Town:
    return make_town(audio_dir=str(audio_dir), voice="recorded")


def said_by(url: str) -> str:
    """What the file of a URL says."""
    language, _, name = url.partition("/audio/")[2].partition("?")[0].partition("/")
    return TEXTS[f"{language}/{Path(name).stem}"]


def sentences(events: Iterable[Event]) -> Iterator[Event]:
    """Fragments played one after another are one line for each sentence."""
    run: Event | None = None
    for event in events:
        if run and (event.kind != "played" or run.text.endswith(("。", ".", "："))):
            yield run
            run = None
        if event.kind == "played":
            run = replace(run, text=f"{run.text} {event.text}") if run else event
        else:
            yield event
    if run:
        yield run


def plays(person: Person) -> str:
    """All that this person has heard."""
    return " ".join(event.text for event in person.transcript if event.kind == "played")


def has_heard_no_synthesis(person: Person) -> bool:
    kinds = {event.kind for event in person.transcript}
    return "said" not in kinds and not any("<Say" in each.body for each in person.exchanges)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lost_card_is_reported(
    recorded_town: Town, journey: KeepsJourney, language: LanguageCode
) -> None:
    town = recorded_town
    holder = a_holder(a_card("56A8"), id_number=an_id_number(serial="016"))
    town.knows(holder)
    person = town.someone(language, rules=Rules(said_by=said_by))
    person.dials().presses(LANGUAGE_KEYS[language]).presses("1").keys_in(holder.id_number)
    person.presses("1")

    person.hears_to_the_end()
    report = town.the_report()
    assert plays(person).count(spoken_number(report, language)) == 2
    sound_of = {sign: sound for sound, sign in SOUNDS[language].items()}
    assert " ".join(sound_of.get(sign, sign) for sign in "56A8") in plays(person)
    assert has_heard_no_synthesis(person)
    steady = {**town.steady(person), **DEADLINE}
    journey(
        person, f"recorded voices.{language}", f"recorded voices ({language})", steady, sentences
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_errs_hears_recordings_too(recorded_town: Town, language: LanguageCode) -> None:
    """A wrong key, silence, a number nobody has, guidance, hours, a bank that says nothing."""
    town = recorded_town
    person = town.someone(language, rules=Rules(said_by=said_by))
    person.dials().presses(LANGUAGE_KEYS[language]).presses("8").waits().presses("1")
    person.keys_in(an_id_number(serial="018")).presses("*").presses("3").presses("3")
    person.presses("*").presses("*").presses("4").presses("1").presses("9").hangs_up()
    assert has_heard_no_synthesis(person)
    assert len([event for event in person.transcript if event.kind == "played"]) > 20


def test_a_fragment_that_is_lost_after_boot_is_what_twilio_complains_of(
    make_town: Callable[..., Town], audio_dir: Path, tmp_path: Path
) -> None:
    """The call goes on: in a Gather Twilio passes over it."""
    place = Path(shutil.copytree(audio_dir, tmp_path / "voices"))
    town = make_town(audio_dir=str(place), voice="recorded")
    (place / "zh" / "line.wav").unlink()
    person = town.someone(rules=Rules(said_by=said_by)).tolerates(13325).dials().presses("1")
    assert "挂失请按1" in plays(person.waits())
    assert [fault.code for fault in person.call.faults] == [13325]


def test_the_default_settings_speak(make_town: Callable[..., Town]) -> None:
    deployment: Settings = settings("unix:///nowhere")
    assert (deployment.voice, deployment.audio_dir) == ("synthesis", None)
    person = make_town().someone().dials()
    assert [event.kind for event in person.transcript if event.kind == "played"] == []
