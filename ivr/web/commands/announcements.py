"""`flask announcements`: what all callers, or those of one bank, are told until some moment."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from flask import Flask, current_app

from ivr.beijing import BEIJING
from ivr.prompts.languages import LANGUAGES
from ivr.store.announcements import AnnouncementError, Announcements, checked
from ivr.web.commands.arguments import Commands, Moment

announcements = Commands("announcements", help="What callers are told before anything else.")
EVERYBODY = "everybody"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class AnnouncementTools:
    """What these commands work with. `now`: unix seconds by Redis' clock."""

    announcements: Announcements
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
@click.option("--until", type=Moment(), required=True, help="When it ends: 2026-11-27T18:00+08:00")
@click.option("--bank", default="", help="Only callers whose card is this bank's. Else: all.")
def put(*, until: float, bank: str, **texts: str) -> None:
    """Tells callers something, from their next key on, in place of what was told there before."""
    tools = _tools()
    if bank and bank not in tools.banks:
        raise click.ClickException(f"{bank} is none of {', '.join(sorted(tools.banks))}")
    try:
        announcement = checked(bank, texts, until, tools.now())
    except AnnouncementError as error:
        raise click.ClickException(f"This cannot be announced: {error}.") from None
    tools.announcements.put(announcement)
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
def clear(*, bank: str) -> None:
    """Ends an announcement now."""
    was_there = _tools().announcements.clear(bank)
    click.echo("Cleared." if was_there else f"Nothing was announced to {_whom(bank)}.")


def _whom(bank: str) -> str:
    return f"callers of {bank}" if bank else EVERYBODY


def _shown(unix_seconds: int) -> str:
    """Both clocks: operators' and ours."""
    at = datetime.fromtimestamp(unix_seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ} ({at.astimezone(BEIJING):%Y-%m-%d %H:%M} Beijing time)"
