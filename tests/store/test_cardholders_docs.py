"""docs/cardholders.md says of the file what its reader does with it."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from ivr.cards.acts.report import Refusal, refusal
from ivr.cards.case import Case
from ivr.cards.records import CardState, Progress
from ivr.cards.rules import Rules
from ivr.store.cardholders_csv import COLUMNS, PROGRESS, CardLine, read_cardholders
from tests.builders import a_card, a_holder

TEXT = (Path(__file__).parents[2] / "docs" / "cardholders.md").read_text(encoding="utf-8")
TODAY = date(2026, 11, 22)
NOW = 1795336200
HEARS = {
    None: "can report it lost",
    Refusal.FORMAL: "hears that it is reported already",
    Refusal.ELSEWHERE: "hears that it is reported already",
    Refusal.NEEDS_A_PERSON: "is put through to a person",
}


def test_every_column_has_a_row() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", TEXT, re.M)) == (*COLUMNS, PROGRESS)


def test_every_progress_has_a_row() -> None:
    rows = re.findall(r"^\| (\d) \| [^|]+ \|$", TEXT, re.M)
    assert [int(code) for code in rows] == list(Progress)


@pytest.mark.parametrize("state", list(CardState))
def test_every_state_has_a_row_that_is_true(state: CardState) -> None:
    rows = dict(re.findall(r"^\| (\d) \| [^|]+ \| ([^|]+) \|$", TEXT, re.M))
    assert rows.keys() == {str(int(known)) for known in CardState}
    rules = Rules(banks=("icbc",), suspension_seconds=7)
    why = refusal(Case("ref"), a_holder(), a_card(state=state), rules, NOW)
    assert rows[str(int(state))] == HEARS[why]


def test_a_line_without_its_phone_has_its_exit_status() -> None:
    """Held against the command in test_cardholders_command.py."""
    words = " ".join(TEXT.split())
    assert "1 when some were bad or went in without their phone" in words


def test_the_sample_can_be_imported() -> None:
    found = re.search(r"```csv\n(.*?)```", TEXT, re.S)
    assert found is not None
    lines = found[1].splitlines()
    assert tuple(next(csv.reader(lines))) == COLUMNS
    (line,) = read_cardholders(lines, ("icbc",), TODAY)
    assert isinstance(line, CardLine), line
