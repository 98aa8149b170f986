"""RULES_FILE: what a city decides about loss reports, and what its line is called.

Unset, or a key left out: what the domain says (section 1). docs/operations.md explains every key.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from ivr.environment import all_visible
from ivr.partner import problem_lines
from ivr.prompts.catalogue import HOTLINE, LineItself
from ivr.prompts.languages import LANGUAGES, LanguageCode

Channel = Literal["phone", "text", "web"]
LONGEST_NAME: Final = 32


def _in_a_language_of_ours(names: dict[LanguageCode, str]) -> dict[LanguageCode, str]:
    unknown = [code for code in names if code not in LANGUAGES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no language here")
    return names


def _each_once(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if not channels or len(set(channels)) < len(channels):
        raise ValueError("must name at least one channel, and each once")
    return channels


def _short(name: str) -> str:
    if not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise ValueError(f"must be 1 to {LONGEST_NAME} characters")
    return name.strip()


_Name = Annotated[str, BeforeValidator(all_visible), AfterValidator(_short)]


class _Exact(BaseModel):
    """A misspelled key is no rule, and "yes" is no truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LineNamed(_Exact):
    """How the line is named and called."""

    name: Annotated[dict[LanguageCode, _Name], AfterValidator(_in_a_language_of_ours)] = {}
    number: str = Field(default=HOTLINE, pattern=r"^[0-9]{3,12}$")


class CityRules(_Exact):
    """The file. `suspension_days` unset: LOSS_REPORT_DAYS. `channels` unset: all there are."""

    suspension_days: int | None = Field(default=None, ge=1, le=30)
    decoupling_ends_suspension: bool = False
    formal_loss_may_be_withdrawn: bool = False
    report_may_be_renewed_after_release: bool = True
    channels: (
        Annotated[tuple[Channel, ...], Field(strict=False), AfterValidator(_each_once)] | None
    ) = None
    line: LineNamed = LineNamed()

    @property
    def line_itself(self) -> LineItself:
        """For the words."""
        return LineItself(self.line.number, tuple(sorted(self.line.name.items())))


SEEDS: Final = CityRules()


def read_rules(path: Path) -> tuple[CityRules, list[str]]:
    """The rules in the file, and all that is wrong with it (then the rules are those of none)."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return SEEDS, [f"RULES_FILE {path}: {error}"]
    try:
        return CityRules.model_validate(table), []
    except ValidationError as error:
        return SEEDS, problem_lines(error, "RULES_FILE ")
