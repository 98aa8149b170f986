"""`flask subscribers …`: who else is told of suspended cards, and how it stands with them."""

from collections.abc import Mapping
from dataclasses import dataclass

import click
from flask import Flask, current_app

from ivr.cards.notice_bodies import iso
from ivr.service import CardService
from ivr.store.condition import Condition, Standing
from ivr.store.outbox import Outbox
from ivr.subscribers_file import Subscriber
from ivr.web.commands.arguments import Commands
from ivr.web.commands.banks import say_ping

COLUMNS = "{:<16}  {:<34}  {:>5}  {:<20}  {:>5}  {}"
HEADINGS = ("subscriber", "state", "open", "oldest (UTC)", "stuck", "cities")


@dataclass(frozen=True)
class SubscriberTools:
    """What these commands work with."""

    service: CardService
    outbox: Outbox
    condition: Condition
    subscribers: Mapping[str, Subscriber]


subscribers = Commands("subscribers", help="Who else must know of suspended cards.")


def add_subscriber_commands(app: Flask, tools: SubscriberTools) -> None:
    """Adds `flask subscribers`."""
    app.extensions[__name__] = tools
    app.cli.add_command(subscribers)


def _tools() -> SubscriberTools:
    tools: SubscriberTools = current_app.extensions[__name__]
    return tools


@subscribers.command("list")
def list_subscribers() -> None:
    """Every subscriber, with what it is still owed."""
    known = _tools().subscribers
    if not known:
        click.echo("There is none: SUBSCRIBERS_FILE names them.")
        return
    click.echo(COLUMNS.format(*HEADINGS))
    standings = _tools().condition.figures().standings
    for each in known.values():
        click.echo(_line(each, standings.get(each.who)))


def _line(each: Subscriber, seen: Standing | None) -> str:
    cities = ", ".join(each.cities)
    if seen is None:
        return COLUMNS.format(each.id, "only asks", "-", "-", "-", cities)
    since = "-" if seen.owed_since is None else iso(seen.owed_since)
    return COLUMNS.format(each.id, _state(seen), seen.owed, since, seen.stuck, cities)


def _state(seen: Standing) -> str:
    if not seen.health.is_failing:
        return "well"
    word = "paused" if seen.health.is_paused else "fails"
    return f"{word} since {iso(seen.health.since)}"


@subscribers.command("ping")
@click.argument("subscriber")
def ping(subscriber: str) -> None:
    """Sends a signed test event through a subscriber's own queue and says what it answered."""
    known = _tools().subscribers
    if subscriber not in known:
        names = ", ".join(known) or "none"
        raise click.ClickException(f"There is no subscriber {subscriber}; there are {names}.")
    if not known[subscriber].notice_url:
        raise click.ClickException(f"{subscriber} has no notice_url: it only asks.")
    say_ping(_tools().service, _tools().outbox, known[subscriber].who)
