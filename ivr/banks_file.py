"""BANKS_FILE: the cooperative banks, how they are reached and how callers hear of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from ivr.cards.notice import TEXTS
from ivr.partner import Partner, VisibleText, read_partners
from ivr.prompts.languages import LANGUAGES, LanguageCode


def _in_every_language(names: dict[LanguageCode, str]) -> dict[LanguageCode, str]:
    """A caller may hear the bank's name in any language, so it is needed in every language."""
    faults = [f"is not set in {code}" for code in LANGUAGES if code not in names]
    faults += [f"{code} is no language here" for code in names if code not in LANGUAGES]
    if faults:
        raise ValueError("; ".join(faults))
    return names


BankName = dict[LanguageCode, VisibleText]  # how a bank is called in each language


class Bank(Partner):
    """One cooperative bank, as BANKS_FILE describes it."""

    name: Annotated[BankName, AfterValidator(_in_every_language)]
    phone: str = Field(pattern=r"^\+?[0-9]{3,20}$", description="the bank's own service line")

    @field_validator("id")
    @classmethod
    def _not_the_texts(cls, name: str) -> str:
        if name == TEXTS:
            raise ValueError(f"{TEXTS} stands for the texts to holders; choose another name")
        return name


def read_banks(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, Bank], list[str]]:
    """The banks of the file with their secrets from the environment, and all that is wrong."""
    return read_partners(Bank, "BANKS_FILE", "banks", path, environ)
