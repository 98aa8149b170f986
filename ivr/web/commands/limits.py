"""`flask limits`: how the breaker stands, and what an operator may take back.

A calling number comes from standard input: it stands in no process list and in no shell's history.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import click
from flask import Flask, current_app

from ivr.beijing import beijing_day
from ivr.cards.limits import HIDDEN, Caller
from ivr.hosts import network_of
from ivr.phone_numbers import calling_number
from ivr.service import CardService
from ivr.store.cardholders_csv import read_id_number
from ivr.store.limits import BreakerStanding, Limiting
from ivr.web.commands.arguments import Commands
from ivr.web.commands.operators import typed_unseen

limits = Commands("limits", help="Limits of callers, and the breaker of the line.")


@dataclass(frozen=True)
class LimitTools:
    """What these commands work with."""

    service: CardService
    limiting: Limiting


def add_limit_commands(app: Flask, tools: LimitTools) -> None:
    """Adds `flask limits`."""
    app.extensions[__name__] = tools
    app.cli.add_command(limits)


def _tools() -> LimitTools:
    tools: LimitTools = current_app.extensions[__name__]
    return tools


@limits.command("show")
def show() -> None:
    """How the breaker stands, and what it is judged by."""
    click.echo("\n".join(_lines(_tools().limiting.standing())))


@limits.command("close")
def close() -> None:
    """Closes the breaker; what was counted until now counts no more."""
    _tools().limiting.close()
    click.echo("The breaker is closed.")


@limits.command("forget")
@click.option("--id-number", is_flag=True, help="An ID number instead: its look-ups and mistakes.")
def forget(*, id_number: bool) -> None:
    """Forgets what the calling number on standard input keyed, missed and reported ("hidden": the
    withheld ones), or an address what was entered from it on the website. No number of a hotel or
    a clinic need wait for tomorrow.
    """
    tools = _tools()
    if id_number:
        today = beijing_day(time.time())
        number = typed_unseen("ID number", lambda line: read_id_number(line, today))
        ref = tools.service.holder_ref(number)
        is_known = tools.limiting.forget_id_number(ref)
    else:
        is_known = tools.limiting.forget(_caller())
    click.echo("Forgotten." if is_known else "Nothing is counted of this number.")


def _caller() -> Caller:
    at_terminal = sys.stdin.isatty()
    line = click.prompt("Number", hide_input=True) if at_terminal else sys.stdin.readline()
    raw = line.strip()
    if address := network_of(raw):
        return _tools().service.visitor(address)
    number = calling_number(raw)
    if not number and raw != HIDDEN:
        raise click.ClickException("This is no telephone number.")
    return _tools().limiting.caller(number)


def _lines(standing: BreakerStanding) -> Iterator[str]:
    left = standing.open_seconds
    yield "closed" if left is None else f"OPEN for {left} s more: a second factor is asked"
    yield f"look-ups in 15 minutes  {standing.found} found, {standing.missed} missed"
    yield f"reports this hour       {standing.reports}"
    hours = standing.usual_hours
    usual = f"{sum(hours) / len(hours):.1f}, of {len(hours)} hours" if hours else "not known yet"
    yield f"the usual hour          {usual}"
