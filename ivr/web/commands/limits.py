"""`flask limits`: how the breaker stands, and what an operator may take back.

A calling number comes from standard input: it stands in no process list and in no shell's history.
"""

import sys
from collections.abc import Iterator

import click
from flask import Flask, current_app

from ivr.cards.limits import HIDDEN
from ivr.phone_numbers import calling_number
from ivr.store.limits import BreakerStanding, Limiting
from ivr.web.commands.arguments import Commands

limits = Commands("limits", help="Limits of callers, and the breaker of the line.")


def add_limit_commands(app: Flask, limiting: Limiting) -> None:
    """Adds `flask limits`."""
    app.extensions[__name__] = limiting
    app.cli.add_command(limits)


def _limiting() -> Limiting:
    limiting: Limiting = current_app.extensions[__name__]
    return limiting


@limits.command("show")
def show() -> None:
    """How the breaker stands, and what it is judged by."""
    click.echo("\n".join(_lines(_limiting().standing())))


@limits.command("close")
def close() -> None:
    """Closes the breaker; what was counted until now counts no more."""
    _limiting().close()
    click.echo("The breaker is closed.")


@limits.command("forget")
def forget() -> None:
    """Forgets what the calling number on standard input keyed, missed and reported ("hidden": the
    withheld ones). No number of a hotel or a clinic need wait for tomorrow.
    """
    at_terminal = sys.stdin.isatty()
    line = click.prompt("Number", hide_input=True) if at_terminal else sys.stdin.readline()
    raw = line.strip()
    number = calling_number(raw)
    if not number and raw != HIDDEN:
        raise click.ClickException("This is no telephone number.")
    is_known = _limiting().forget(_limiting().caller(number))
    click.echo("Forgotten." if is_known else "Nothing is counted of this number.")


def _lines(standing: BreakerStanding) -> Iterator[str]:
    left = standing.open_seconds
    yield "closed" if left is None else f"OPEN for {left} s more: a second factor is asked"
    yield f"look-ups in 15 minutes  {standing.found} found, {standing.missed} missed"
    yield f"reports this hour       {standing.reports}"
    hours = standing.usual_hours
    usual = f"{sum(hours) / len(hours):.1f}, of {len(hours)} hours" if hours else "not known yet"
    yield f"the usual hour          {usual}"
