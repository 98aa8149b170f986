"""The made-up cardholders a tester may play: simulator/demo_cardholders.csv, one entry a person."""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

_ADULT_AT = 16


@dataclass(frozen=True)
class Person:
    """A made-up holder. `keys` is the ID number as it is keyed in (`*` stands for X)."""

    place: int
    name: str
    phone: str
    keys: str = field(repr=False)
    banks: tuple[str, ...]
    card_states: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it: these people do not exist."""
        return {
            "place": self.place,
            "name": self.name,
            "keys": self.keys,
            "phone": masked_phone(self.phone),
            "banks": self.banks,
            "card_states": self.card_states,
            "is_minor": self._is_minor(datetime.now(UTC).date()),
        }

    def _is_minor(self, today: date) -> bool:
        """Numbers of citizens and of foreigners have the birth date in the same places."""
        born = self.keys[6:14]
        return int(today.strftime("%Y%m%d")) - int(born) < _ADULT_AT * 10_000


def read_people(path: Path) -> list[Person]:
    """In the order of the file; a missing file means nobody to choose."""
    if not path.exists():
        return []
    cards: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cards[row["id_number"], row["name"], row["phone"]].append(row)
    return [_person(place, who, rows) for place, (who, rows) in enumerate(cards.items())]


def _person(place: int, who: tuple[str, str, str], rows: list[dict[str, str]]) -> Person:
    id_number, name, phone = who
    banks = tuple(row["bank"] for row in rows)
    states = tuple(int(row["card_state"]) for row in rows)
    return Person(place, name, phone, id_number.replace("X", "*"), banks, states)


def masked_phone(number: str) -> str:
    """+8615454028632 -> 154****8632."""
    return f"{number.removeprefix('+86')[:3]}****{number[-4:]}"
