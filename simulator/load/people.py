"""Who calls: people from a cardholders CSV, or made up and imported for this load."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from simulator.load.errands import Errand
from simulator.stack.made_up_holders import import_made_up_holders
from simulator.stack.problem import StartError

_CALLED_LATELY = 40
_MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")


@dataclass(frozen=True)
class Person:
    """A cardholder as the CSV has them; no number of theirs is ever shown."""

    id_number: str = field(repr=False)
    cards: tuple[str, ...] = field(repr=False)  # card numbers, in the order they are read out
    phone: str = field(default="", repr=False)  # their registered mobile in E.164, if it is one

    @property
    def id_keys(self) -> str:
        """Their ID number on a keypad: star stands for X."""
        return self.id_number.replace("X", "*")


def read_people(lines: Iterable[str]) -> list[Person]:
    """A cardholders CSV -> one Person an ID number. Raises StartError."""
    cards: dict[str, list[str]] = {}
    phones: dict[str, str] = {}
    try:
        for row in csv.DictReader(lines):
            cards.setdefault(row["id_number"], []).append(row["card_number"])
            if found := _MOBILE.fullmatch(row.get("phone") or ""):
                phones[row["id_number"]] = f"+86{found[1]}"
    except (KeyError, csv.Error) as error:
        raise StartError(f"this is no cardholders CSV: {error}") from error
    people = [
        Person(number, tuple(held), phones.get(number, ""))
        for number, held in cards.items()
        if len(number) == 18
    ]
    if not people:
        raise StartError("the cardholders CSV names nobody with an ID number of 18 places")
    return people


def people_in(file: Path) -> list[Person]:
    """The people of a file that the hotline has imported already. Raises StartError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return read_people(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{file} cannot be read: {error}") from error


def new_people(environ: Mapping[str, str], count: int, seed: int) -> list[Person]:
    """Makes up `count` cards' holders and imports them. Raises StartError."""
    return read_people(io.StringIO(import_made_up_holders(environ, count, seed)))


class CallerPool:
    """Chooses who calls next: mostly somebody new, at times somebody who called just now."""

    def __init__(self, people: list[Person], rng: Random) -> None:
        self._people = people
        self._rng = rng
        self._chosen = 0

    def next(self, errand: Errand) -> Person:
        """Status is asked by people who called before, as far as there are any."""
        again = 0.8 if errand is Errand.STATUS else 0.1
        if self._chosen and self._rng.random() < again:
            # Perhaps while the earlier call still goes on: two phones, one card.
            behind = self._rng.randint(1, min(self._chosen, _CALLED_LATELY))
            return self._people[(self._chosen - behind) % len(self._people)]
        self._chosen += 1
        return self._people[(self._chosen - 1) % len(self._people)]
