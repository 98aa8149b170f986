"""A third language that lacks one thing: nothing boots, and both language and thing are named."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ivr.prompts.catalogue import CatalogueError
from ivr.prompts.languages import Language
from ivr.settings import SettingsError
from tests.languages.house import CODE, PROMPTS, ROW, House
from tests.workers.builders import a_bank, an_environment

CHECKOUT = Path(__file__).parents[2]
FIELDS = [field.name for field in fields(Language)]


def faults(house: House) -> list[str]:
    """What stops it from booting."""
    with pytest.raises(CatalogueError) as caught:
        house.boots()
    return caught.value.faults


def settings_problems(house: House) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        house.boots()
    return caught.value.problems


# --- its row ----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_left_empty(house: House, field: str) -> None:
    empty = type(getattr(ROW, field))()
    (fault,) = faults(house.adds_all(replace(ROW, **{field: empty})))
    assert fault.startswith(f"{CODE}: {field} needs ")


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_left_out_cannot_even_be_written(field: str) -> None:
    given = {name: getattr(ROW, name) for name in FIELDS if name != field}
    with pytest.raises(TypeError, match=f"'{field}'"):
        Language(**given)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"digits": ROW.digits[:9]}, "digits needs 10 texts"),
        ({"months": (*ROW.months[:11], " ")}, "months needs 12 texts"),
        ({"weekdays": ROW.weekdays * 2}, "weekdays needs 7 texts"),
        ({"days": ROW.days[:6]}, "days needs 7 texts"),
        ({"moment": "{weekday} {day} {month} {hour}"}, "moment needs the places"),
        ({"moment": ROW.moment + "{year}"}, "moment needs the places"),
        ({"clock": "{hour:h} {minute}"}, "clock needs the places"),
        ({"clock": "{hour.h} {minute}"}, "clock needs the places"),
        ({"clock": "{} {minute}"}, "clock needs the places"),
        ({"span": "{days} {start} {end"}, "span needs the places"),
        ({"span": "{days:02d} {start} {end}"}, "span needs the places"),
        ({"days_in_a_row": "{first}"}, "days_in_a_row needs the places {first}, {last}"),
    ],
)
def test_a_field_that_would_break_a_call(house: House, change: dict[str, Any], fault: str) -> None:
    (found,) = faults(house.adds_all(replace(ROW, **change)))
    assert found.startswith(f"{CODE}: {fault}")


def test_no_row_at_all(house: House) -> None:
    assert faults(house.adds_column().adds_key()) == [
        f"{CODE}: key 3 of language chooses it, but it has no row",
        *(f"{prompt}: {CODE} is no language here" for prompt in PROMPTS),
    ]


# --- its words --------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["welcome", "filed", "text_filed", "busy"])
def test_one_prompt(house: House, prompt: str) -> None:
    added = house.adds_row().adds_column(without=[prompt]).adds_bank_names().adds_key()
    assert faults(added) == [f"{prompt}: has no text in {CODE}"]


def test_the_place_of_a_value(house: House) -> None:
    added = house.adds_row().adds_column(filed="qaa").adds_bank_names().adds_key()
    assert faults(added) == [f"filed: {CODE} lacks {{report_number:digits}}"]


def test_every_prompt(house: House) -> None:
    added = house.adds_row().adds_bank_names().adds_key()
    assert faults(added) == [f"{prompt}: has no text in {CODE}" for prompt in PROMPTS]


# --- its key and its names of banks -----------------------------------------------------------


def test_a_key(house: House) -> None:
    added = house.adds_row().adds_column().adds_bank_names()
    assert faults(added) == [f"{CODE}: no key chooses it"]


@pytest.mark.parametrize(("named", "nameless"), [("icbc", "ccb"), ("ccb", "icbc")])
def test_the_name_of_a_bank(house: House, named: str, nameless: str) -> None:
    added = house.adds_row().adds_column().adds_bank_names(named).adds_key()
    assert settings_problems(added) == [f"BANKS_FILE [banks.{nameless}] name: is not set in {CODE}"]


def test_a_name_in_no_language(house: House) -> None:
    assert settings_problems(house.adds_bank_names("icbc")) == [
        f"BANKS_FILE [banks.icbc] name: {CODE} is no language here"
    ]


# --- all at once, in every process ------------------------------------------------------------


def test_all_that_is_lacking_is_named_together(house: House) -> None:
    silent = replace(ROW, voice="")
    assert faults(house.adds_row(silent).adds_column(without=["busy"]).adds_bank_names()) == [
        f"{CODE}: voice needs a text",
        f"{CODE}: no key chooses it",
        f"busy: has no text in {CODE}",
    ]


A_SILENT_LANGUAGE = f"""
from dataclasses import replace
from ivr.prompts.languages import LANGUAGES
LANGUAGES["{CODE}"] = replace(LANGUAGES["en"], voice="")
"""


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("from app import app", 1),
        ("from workers.deliver import main; raise SystemExit(main())", 2),
        ("from workers.sweep import main; raise SystemExit(main())", 2),
    ],
)
def test_web_and_workers_stop_with_a_line_for_each(
    house: House, tmp_path: Path, start: str, status: int
) -> None:
    house.adds_row()
    bank = a_bank("https://bank.example", name={"zh": "甲", "en": "A", CODE: "Qa"})
    ended = subprocess.run(
        [sys.executable, "-c", A_SILENT_LANGUAGE + start],
        env=an_environment(tmp_path, house.redis_url, bank),
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == status, ended.stderr
    assert f"  - {CODE}: voice needs a text\n  - {CODE}: no key chooses it\n" in ended.stderr
    assert "Traceback" not in ended.stderr
