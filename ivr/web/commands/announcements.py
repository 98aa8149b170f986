"""`flask announcements`: what all callers, or those of one bank, are told until some moment."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click
from flask import Flask, current_app

from ivr.beijing import BEIJING
from ivr.cards.change import Entry
from ivr.cards.notice_bodies import iso
from ivr.prompts.languages import LANGUAGES
from ivr.store.announcements import AnnouncementError, Announcements, checked
from ivr.store.journal import Journal
from ivr.web.commands.arguments import Commands, Moment
from ivr.web.commands.operators import by_operator

announcements = Commands("announcements", help="What callers are told before anything else.")
EVERYBODY = "everybody"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class AnnouncementTools:
    """What these commands work with. `now`: unix seconds by Redis' clock."""

    announcements: Announcements
    journal: Journal
    banks: Collection[str]
    now: Callable[[], float]


def add_announcement_commands(app: Flask, tools: AnnouncementTools) -> None:
    """Adds `flask announcements`."""
    app.extensions[__name__] = tools
    app.cli.add_command(announcements)


def _tools() -> AnnouncementTools:
    tools: AnnouncementTools = current_app.extensions[__name__]
    return tools


def _in_every_language(command: Command) -> Command:
    """An option for each language's text."""
    for code in reversed(LANGUAGES):
        command = click.option(f"--{code}", default="", help=f"The text in {code}.")(command)
    return command


@announcements.command("set")
@_in_every_language
@click.option(
    "--until",
    type=Moment(BEIJING),
    required=True,
    help="When it ends, 2026-11-27T18:00: Beijing time, unless it says an offset (Z: UTC).",
)
@click.option("--bank", default="", help="Only callers whose card is this bank's. Else: all.")
@by_operator
def put(*, until: float, bank: str, by: str, **texts: str) -> None:
    """Tells callers something, from their next key on, in place of what was told there before.

    It is journalled, without its words.
    """
    tools = _tools()
    if bank and bank not in tools.banks:
        raise click.ClickException(f"{bank} is none of {', '.join(sorted(tools.banks))}")
    try:
        announcement = checked(bank, texts, until, tools.now())
    except AnnouncementError as error:
        raise click.ClickException(f"This cannot be announced: {error}.") from None
    tools.announcements.put(announcement)
    _note("announcement_set", bank, {"until": iso(announcement.until), "by": by})
    click.echo(f"Told to {_whom(bank)} until {_shown(announcement.until)}.")


@announcements.command("list")
def show() -> None:
    """What is told now, to whom, until when."""
    standing = _tools().announcements.standing()
    for each in standing:
        click.echo(f"{_whom(each.bank)}, until {_shown(each.until)}")
        for code, text in each.texts.items():
            click.echo(f"  {code}  {text}")
    if not standing:
        click.echo("Nothing is announced.")


@announcements.command("clear")
@click.option("--bank", default="", help="That of this bank. Else: the one for all.")
@by_operator
def clear(*, bank: str, by: str) -> None:
    """Ends an announcement now. It is journalled."""
    if was_there := _tools().announcements.clear(bank):
        _note("announcement_cleared", bank, {"by": by})
    click.echo("Cleared." if was_there else f"Nothing was announced to {_whom(bank)}.")


def _note(event: str, bank: str, fields: Mapping[str, str]) -> None:
    whose = {"bank": bank} if bank else {}
    _tools().journal.note(Entry(event, {**whose, **fields}))


def _whom(bank: str) -> str:
    return f"callers of {bank}" if bank else EVERYBODY


def _shown(unix_seconds: int) -> str:
    """By both clocks: operators' and ours."""
    at = datetime.fromtimestamp(unix_seconds, BEIJING)
    return f"{at:%Y-%m-%d %H:%M} Beijing time ({iso(unix_seconds)})"
