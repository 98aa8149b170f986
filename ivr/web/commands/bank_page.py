"""`flask banks page …`: a link to a bank's own page, for its developers."""

from collections.abc import Mapping
from dataclasses import dataclass

import click
from flask import Flask, current_app

from ivr.banks_file import Bank
from ivr.beijing import beijing_time
from ivr.cards.change import Entry
from ivr.store.journal import Journal
from ivr.web.bank_page.links import PageLinks
from ivr.web.commands.notices import banks
from ivr.web.commands.operators import by_operator


@dataclass(frozen=True)
class PageTools:
    """What this command works with."""

    links: PageLinks
    banks: Mapping[str, Bank]
    journal: Journal


def add_bank_page_command(app: Flask, tools: PageTools) -> None:
    """Gives `flask banks` what it needs to make a link."""
    app.extensions[__name__] = tools


@banks.command("page")
@click.argument("bank")
@by_operator
def page(bank: str, by: str) -> None:
    """A link to a bank's own page: its notices, signatures and blocks. It is good for an hour, for
    whoever has it: give it to the bank's developers over a channel you trust.
    """
    tools: PageTools = current_app.extensions[__name__]
    if bank not in tools.banks:
        raise click.ClickException(f"There is no bank {bank}; there are {', '.join(tools.banks)}.")
    link, until = tools.links.make(bank)
    tools.journal.note(Entry("bank_page_link", {"bank": bank, "by": by}))
    click.echo(link)
    click.echo(f"Good until {beijing_time(until)}, for whoever has it.", err=True)
