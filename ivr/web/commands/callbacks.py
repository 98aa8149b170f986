"""`flask callbacks`: who waits to be called back; the one who has waited longest is taken first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import click
from flask import Flask, current_app

from ivr.cards.notice_bodies import iso
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES
from ivr.store.callbacks import Callback, Callbacks
from ivr.web.commands.arguments import CallbackId, Commands
from ivr.web.commands.operators import by_operator

callbacks = Commands("callbacks", help="Callers who wait to be called back by a person.")

OF_AN_ID: Final = {"ignore_unknown_options": True}  # an id may begin with a dash
UNKNOWN: Final = "nobody knows whom"  # the command was killed before it wrote that down


@dataclass(frozen=True)
class CallbackTools:
    """What these commands work with. `now`: unix seconds by Redis' clock."""

    callbacks: Callbacks
    catalogue: Catalogue
    now: Callable[[], float]


def add_callback_commands(app: Flask, tools: CallbackTools) -> None:
    """Adds `flask callbacks`."""
    app.extensions[__name__] = tools
    app.cli.add_command(callbacks)


def _tools() -> CallbackTools:
    tools: CallbackTools = current_app.extensions[__name__]
    return tools


@callbacks.command("list")
def list_all() -> None:
    """Those who wait, longest first, then those that are taken and not done. No whole numbers."""
    tools = _tools()
    waiting, taken = tools.callbacks.waiting(), tools.callbacks.taken()
    for each in waiting:
        click.echo(_line(each))
    for each in taken:
        click.echo(f"{_line(each)}  taken {iso(each.taken_at)} by {each.taken_by or UNKNOWN}")
    click.echo(f"{len(waiting)} waiting, {len(taken)} taken and not done")


@callbacks.command("take", context_settings=OF_AN_ID)
@click.argument("callback", type=CallbackId(), required=False)
@by_operator
def take(callback: str | None, by: str) -> None:
    """Takes the one who waits longest (or CALLBACK, even from somebody else) and shows the number.

    Call it, then type `done`, or `back` when nobody answers.
    """
    tools = _tools()
    found = tools.callbacks.take(by, int(tools.now()), callback or "")
    if found is None:
        raise click.ClickException("Nobody waits." if not callback else "There is none of this id.")
    click.echo(_line(found))
    click.echo(f"number  {found.number}")
    click.echo(f"speaks  {LANGUAGES[found.language].called}")
    if found.topic:
        staff = next(iter(LANGUAGES))
        click.echo(f"about   {tools.catalogue.text(found.topic, {}, staff)}")


@callbacks.command("done", context_settings=OF_AN_ID)
@click.argument("callback", type=CallbackId())
@by_operator
def done(callback: str, by: str) -> None:
    """They have been called: nothing of it is kept."""
    if not _tools().callbacks.finish(callback, by):
        raise click.ClickException("There is none of this id.")
    click.echo(f"{callback} is done")


@callbacks.command("back", context_settings=OF_AN_ID)
@click.argument("callback", type=CallbackId())
@by_operator
def back(callback: str, by: str) -> None:
    """Nobody answered: it waits again, in its old place."""
    if not _tools().callbacks.give_back(callback, by):
        raise click.ClickException("That one is not taken.")
    click.echo(f"{callback} waits again")


def _line(each: Callback) -> str:
    parts = [each.id, iso(each.left_at), f"number …{each.number[-4:]}"]
    parts += [f"ID …{each.last4}"] if each.last4 else []
    parts += [f"report {each.report_number}"] if each.report_number else []
    return "  ".join(parts)
