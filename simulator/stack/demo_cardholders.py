"""The people to play in a development hotline, with cards of the banks there are."""

import csv
import io
import tomllib
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).resolve().parents[1] / "demo_cardholders.csv"


def demo_cardholders(banks_file: Path) -> str:
    """The CSV. Cards of a bank that is not in BANKS_FILE are given to those that are, in turn; of
    a file that cannot be read the hotline itself will say what is wrong.
    """
    text = SHIPPED.read_text(encoding="utf-8")
    banks = _banks_in(banks_file)
    rows = list(csv.DictReader(io.StringIO(text)))
    missing = dict.fromkeys(row["bank"] for row in rows if row["bank"] not in banks)
    if not banks or not missing:
        return text
    instead = dict(zip(missing, cycle(banks), strict=False))
    return _as_csv([{**row, "bank": instead.get(row["bank"], row["bank"])} for row in rows])


def first_demo_id_number() -> str:
    """The ID number that a person may key in."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))["id_number"]


def demo_cities() -> list[str]:
    """How the city codes of their cards begin: 4 digits each."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        return sorted({row["city_code"][:4] for row in csv.DictReader(file)})


def _banks_in(banks_file: Path) -> list[str]:
    try:
        tables = tomllib.loads(banks_file.read_text(encoding="utf-8")).get("banks", {})
    except (OSError, ValueError):
        return []
    return list(tables) if isinstance(tables, Mapping) else []


def _as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
