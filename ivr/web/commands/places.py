"""`flask places`: where new cards are had, imported from a file.

Exit codes of an import: 0 all good, 1 a bad line, 2 nothing could be read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TextIO

import click
from flask import Flask, current_app

from ivr.cards.change import Entry
from ivr.store.cardholders_csv import ENCODING, UNDECODED, BadLine
from ivr.store.journal import Journal
from ivr.store.places import Places
from ivr.store.places_csv import PlacesFileError, read_places
from ivr.web.commands.arguments import Commands
from ivr.web.commands.operators import by_operator

places = Commands("places", help="Where new cards are had, by city and bank.")


@dataclass(frozen=True)
class PlaceTools:
    """What these commands work with."""

    places: Places
    journal: Journal
    banks: Collection[str]


def add_place_commands(app: Flask, tools: PlaceTools) -> None:
    """Adds `flask places`."""
    app.extensions[__name__] = tools
    app.cli.add_command(places)


def _tools() -> PlaceTools:
    tools: PlaceTools = current_app.extensions[__name__]
    return tools


@places.command("import")
@click.argument("file", type=click.File("r", ENCODING, UNDECODED))
@by_operator
@click.pass_context
def import_file(context: click.Context, file: TextIO, by: str) -> None:
    """Adds or replaces the places in FILE, a CSV with one line a city and bank ("-": the input).

    Bad lines are listed and left out; that ends with exit status 1. Callers are told of it within a
    minute. Importing a file again changes nothing. It is journalled.
    """
    tools = _tools()
    try:
        found = list(read_places(file, tools.banks))
    except PlacesFileError as error:
        click.echo(f"Error: {error}", err=True)
        context.exit(2)
    bad = [line for line in found if isinstance(line, BadLine)]
    good = [line.place for line in found if not isinstance(line, BadLine)]
    for line in bad:
        click.echo(f"line {line.line}: {line.reason}", err=True)
    changed = tools.places.put_all(good)
    fields = {"places": str(len(good)), "changed": str(changed), "by": by}
    tools.journal.note(Entry("places_imported", fields))
    click.echo(f"good {len(good)} (unchanged {len(good) - changed}), bad {len(bad)}")
    context.exit(1 if bad else 0)


@places.command("list")
def show() -> None:
    """Every place: city, bank (- for any), fee in yuan, working days, and its name."""
    for each in _tools().places.all():
        name = next(iter(each.texts.values()))["place"]
        click.echo(f"{each.city_code}  {each.bank or '-'}  {each.fee}  {each.days}  {name}")


@places.command("remove")
@click.argument("city_code")
@click.option("--bank", default="", help="That of this bank. Else: the city's own.")
@by_operator
@click.pass_context
def remove(context: click.Context, city_code: str, bank: str, by: str) -> None:
    """Removes the place of a city; its holders are told the catalogue's own words again. It is
    journalled.
    """
    if not _tools().places.remove(city_code, bank):
        click.echo("There is no such place.", err=True)
        context.exit(1)
    whose = {"bank": bank} if bank else {}
    _tools().journal.note(Entry("place_removed", {"city": city_code, **whose, "by": by}))
    click.echo("Removed.")
