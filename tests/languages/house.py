"""A made-up third language, and a house to which it is added piece by piece."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import pytest
from flask import Flask

from ivr.dialogue.flow import FLOW, START
from ivr.dialogue.steps import Menu
from ivr.prompts import catalogue
from ivr.prompts.catalogue import Placeholder, load_all_words
from ivr.prompts.languages import LANGUAGES, Language
from ivr.settings import Settings
from tests.builders import BANKS, a_holder, an_app, settings

CODE: Final = "qaa"  # ISO 639-2 keeps qaa to qtz for private use: no language is called so
KEY: Final = "3"
ROW: Final = Language(
    tag="is-IS",
    heard_as="is-IS",
    voice="Polly.Dora",
    digits=("ba", "be", "bi", "bo", "bu", "da", "de", "di", "do", "du"),
    months=tuple(f"moon{number}" for number in range(1, 13)),
    weekdays=tuple(f"sun{number}" for number in range(1, 8)),
    moment="{weekday} {day} {month} {clock}",
    days=tuple(f"dawn{number}" for number in range(1, 8)),
    every_day="all dawns",
    days_in_a_row="{first}...{last}",
    between_days="+",
    day_parts=("night", "morn", "noon", "eve", "dusk"),
    hour_0="nil",
    hour_12="noon",
    sharp="{part} {hour}h",
    half="{part} {hour}h half",
    clock="{part} {hour}h{minute}",
    end_of_day="the end",
    seconds=("{count} blink", "{count} blinks"),
    minutes=("{count} breath", "{count} breaths"),
    hours=("{count} candle", "{count} candles"),
    span="{start}>{end} {days}",
    all_day="always {days}",
    between_spans=" / ",
    but_holidays="{hours} but feasts",
    line_name="qaaline",
    called="qaa",
    issuing_bank="qaabank",
    unknown_phone="whatever number",
)
BANK_NAMES: Final = {"icbc": "Qicbc", "ccb": "Qccb"}
PROMPTS: Final = load_all_words().prompts  # as they are without the third language


def words(prompt: str, *values: str) -> str:
    """A prompt of the made-up language, its values one after the other."""
    return " ".join([f"{CODE} {prompt.replace('_', ' ')}:", *values])


@dataclass
class House:
    """A checkout to which somebody adds a language."""

    monkeypatch: pytest.MonkeyPatch
    directory: Path
    redis_url: str
    banks: str = BANKS

    def adds_all(self, row: Language = ROW) -> Self:
        return self.adds_row(row).adds_column().adds_bank_names().adds_key()

    def adds_row(self, row: Language = ROW) -> Self:
        self.monkeypatch.setitem(LANGUAGES, CODE, row)
        return self

    def adds_column(self, without: Collection[str] = (), **texts: str) -> Self:
        """A text for every prompt (`texts` says which, for some), but for those `without`."""
        for name in ("PROMPTS_FILE", "SITE_FILE"):
            place: Path = getattr(catalogue, name)
            whole = re.sub(
                r"(?m)^\[(\w+)\]$",
                lambda h: h[0] if h[1] in without else f"{h[0]}\n{_line(h[1], texts)}",
                place.read_text(encoding="utf-8"),
            )
            path = self.directory / place.name
            path.write_text(whole, encoding="utf-8")
            self.monkeypatch.setattr(catalogue, name, path)
        return self

    def adds_bank_names(self, *banks: str) -> Self:
        for bank in banks or BANK_NAMES:
            before, head, after = self.banks.partition(f"[banks.{bank}]\n")
            self.banks = (
                before + head + after.replace("}", f', {CODE} = "{BANK_NAMES[bank]}" }}', 1)
            )
        return self

    def adds_key(self) -> Self:
        menu = FLOW[START]
        assert isinstance(menu, Menu)
        choices = {**menu.choices, KEY: "main_menu"}
        wider = replace(menu, choices=choices, languages={**menu.languages, KEY: CODE})
        self.monkeypatch.setitem(FLOW, START, wider)
        return self

    def settings(self, **changes: str) -> Settings:
        path = self.directory / "banks.toml"
        path.write_text(self.banks, encoding="utf-8")
        return settings(self.redis_url, banks_file=str(path), **changes)

    def boots(self, **changes: str) -> Flask:
        """The hotline with one holder on record."""
        return an_app(self.settings(**changes), a_holder())


def _line(prompt: str, texts: Mapping[str, str]) -> str:
    """`qaa = "qaa filed: {report_number:digits}"`, with the places of the other languages."""
    pieces = PROMPTS[prompt]["en"]
    places = (str(piece) for piece in pieces if isinstance(piece, Placeholder))
    return f'{CODE} = "{texts.get(prompt, words(prompt, *places))}"'
