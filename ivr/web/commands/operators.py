"""Who types a command, and the numbers that are typed into one: never as arguments, which every
process of the machine can read.
"""

import os
import pwd
import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

import click

from ivr.store.cardholders_csv import BadValueError
from ivr.store.looks import Look

LONGEST_NAME: Final = 64
A_LONG_NUMBER: Final = re.compile(r"[0-9]{8}")  # a name that holds one may be somebody's number
F = TypeVar("F", bound=Callable[..., Any])


class UnreadableInputError(click.ClickException):
    """What was typed is no such number; it is not shown."""

    exit_code: ClassVar[int] = 2


class OperatorName(click.ParamType[str]):
    """An operator's name as the journal has it."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error when it is none; it is not shown."""
        name = " ".join(str(value).split())
        is_plain = name.isprintable() and not A_LONG_NUMBER.search(name)
        if not name or len(name) > LONGEST_NAME or not is_plain:
            self.fail(f"a name has up to {LONGEST_NAME} characters and no long number", param, ctx)
        return name


def by_operator(command: F) -> F:
    """Gives a command the option `--by`: who looks, for the journal."""
    return click.option(
        "--by",
        type=OperatorName(),
        envvar="OPERATOR",
        default=login_name,
        show_default="OPERATOR, or your login name",
        help="Who you are: the journal keeps who looked at whom.",
    )(command)


def login_name() -> str:
    """Of whoever runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def look_of(operator: str, command: str) -> Look:
    """An operator looks, with this command."""
    return Look("operator", operator, command)


def typed_unseen(what: str, read: Callable[[str], str]) -> str:
    """The first line of the input as `read` reads it; from a terminal unseen, like a password."""
    at_terminal = sys.stdin.isatty()
    line = click.prompt(what, hide_input=True) if at_terminal else sys.stdin.readline()
    try:
        return read(line)
    except BadValueError as problem:
        raise UnreadableInputError(f"the {what} {problem}") from None
