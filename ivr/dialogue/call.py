"""A call in progress, and one line of what was said: all that is remembered between turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

UNPROVEN: Final = "unproven"  # a fact: the holder, if there is one, whom more must be proven for
ALL: Final = "all"  # the value of a choice: all that is listed before it


@dataclass(frozen=True)
class Line:
    """One prompt, with the values of its placeholders that are not facts of the call.

    `asked` lines stand inside the Gather: a key cuts them short.
    """

    prompt: str
    values: Mapping[str, str] = field(default_factory=dict)
    asked: bool = False


@dataclass(frozen=True)
class Choice:
    """One item a Pick step offers: the fact's value and what is said of it.

    `prompt`, if there is one, is said in place of the step's own.
    """

    value: str
    values: Mapping[str, str]
    prompt: str = ""


@dataclass(frozen=True)
class Call:
    """Where a call stands. It is stored without the ID number: only a holder reference and the
    last 4 digits are kept.

    `turn` counts up with every accepted request, so a repeated request is recognised. `at` is when
    it was accepted, in unix seconds: what is offered to the caller depends on the hour.
    `said` is what the caller heard last, so that a repeated request gets the same answer.
    `slow`: everything is said slowly, and a person is offered first.
    `caller` is the number this request came from, for showing it to a person; it is not stored.
    `entered` is what an Ask step just took, for the action that comes next in the same turn; it
    may be an ID number, so it is never stored or shown.
    """

    sid: str
    step: str
    turn: int = 0
    language: str = "zh"  # if the caller chooses none
    tries: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    said: tuple[Line, ...] = ()
    at: int = 0
    slow: bool = False
    caller: str = field(default="", repr=False, compare=False)
    entered: str = field(default="", repr=False, compare=False)
