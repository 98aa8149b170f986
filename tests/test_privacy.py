"""docs/privacy.md tells the truth: each key of Redis stands there, with the life it has."""

import re
from pathlib import Path

import pytest

from ivr.settings import Settings
from ivr.store.calls import FIELDS
from tests.test_house import LIVES

PRIVACY = (Path(__file__).parent.parent / "docs" / "privacy.md").read_text(encoding="utf-8")
COLUMNS = ["data", "purpose", "place", "protection", "life", "who sees it"]


def section(title: str) -> str:
    return PRIVACY.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[dict[str, str]]:
    """The first table of a section, a row by the names of its columns."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heading, _, *found = cells
    return [dict(zip(heading, row, strict=True)) for row in found]


def kinds_of(text: str) -> list[str]:
    return re.findall(r"`([a-z_:]+)`", text)


def test_each_table_has_all_that_a_class_of_data_needs() -> None:
    for title in ("In Redis", "In files"):
        for row in rows(title):
            assert list(row) == COLUMNS
            assert all(row.values()), row


def test_every_key_of_redis_has_a_row_or_holds_nothing_of_people() -> None:
    in_rows = [kind for row in rows("In Redis") for kind in kinds_of(row["place"])]
    bare = kinds_of(section("In Redis").rpartition("Nothing of people")[2])
    assert sorted([*in_rows, *bare]) == sorted(LIVES), "each once"


@pytest.mark.parametrize("row", rows("In Redis"), ids=lambda row: row["place"])
def test_its_life_is_the_one_it_has(row: dict[str, str]) -> None:
    """The words that stand beside the key in keys.py, which are held against a real Redis."""
    (kind,) = kinds_of(row["place"])
    assert row["life"].startswith(LIVES[kind].words)


def test_files_live_as_long_as_their_settings_say() -> None:
    named = {name for row in rows("In files") for name in re.findall(r"`([A-Z_]+)`", str(row))}
    fields = Settings.model_fields
    assert named == {
        "ARCHIVE_DIR", "JOURNAL_DIR", "JOURNAL_RETENTION_DAYS", "REPORT_RETENTION_DAYS",
        "LOSS_REPORT_DAYS",
    }  # fmt: skip
    assert named <= {name.upper() for name in fields}
    assert (fields["journal_retention_days"].default, fields["report_retention_days"].default) == (
        365, 1095,
    )  # fmt: skip


def test_what_was_keyed_in_is_never_kept() -> None:
    """A call is stored without it, and without the caller's number."""
    assert not {"entered", "caller", "keys"} & set(FIELDS)
