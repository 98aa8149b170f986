"""`flask audit card|holder|verify`: who looked at whom, and whether the journal's files are whole.

Exit codes: 0 all good, 1 the files do not fit or cannot be read, 2 no such number can be.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import click
from flask import Flask, current_app

from ivr.beijing import beijing_day, beijing_time
from ivr.cards.change import Entry
from ivr.cards.notice_bodies import iso
from ivr.store.archive import Archive
from ivr.store.cardholders_csv import read_card_number, read_id_number
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.looks import LOOKED_UP
from ivr.store.moved import Moved
from ivr.store.vault import Vault
from ivr.web.commands.arguments import Commands, Moment, shown
from ivr.web.commands.operators import by_operator, look_of, typed_unseen

REFERENCES: Final = ("holder", "card", "cards")  # they say nothing to a person
NOBODY: Final[Mapping[str, str]] = {}
SLACK: Final = 5.0  # seconds: entries carry the clock of the Redis that wrote them


@dataclass(frozen=True)
class AuditTools:
    """What these commands work with. archive: None when this machine has none. now: unix seconds by
    Redis' clock.
    """

    holders: Holders
    vault: Vault
    journal: Journal
    archive: Archive | None
    moved: Moved
    now: Callable[[], float]


audit = Commands("audit", help="Who looked at whom.")


def add_audit_commands(app: Flask, tools: AuditTools) -> None:
    """Adds `flask audit`."""
    app.extensions[__name__] = tools
    app.cli.add_command(audit)


def _tools() -> AuditTools:
    tools: AuditTools = current_app.extensions[__name__]
    return tools


_since = click.option("--since", type=Moment(), help="Only since then (UTC).")
_until = click.option("--until", type=Moment(), help="Only before then (UTC).")


@audit.command("card")
@by_operator
@_since
@_until
def card(by: str, since: float | None, until: float | None) -> None:
    """Who looked at one card, and what happened to it. Its number is the first line of the input,
    never an argument. This look is journalled too.
    """
    tools = _tools()
    ref = tools.holders.card_ref(typed_unseen("card number", read_card_number))
    owner = tools.holders.look_up_card(ref, look_of(by, "audit card"))
    if owner is None:
        click.echo("Nobody on record has this card (any more).")
    _tell({ref: "the card"}, since, until)


@audit.command("holder")
@by_operator
@_since
@_until
def holder(by: str, since: float | None, until: float | None) -> None:
    """Who looked at one holder, or one of the holder's cards, and what happened to them. The ID
    number is the first line of the input, never an argument. This look is journalled too.
    """
    tools = _tools()
    today = beijing_day(tools.now())
    number = typed_unseen("ID number", lambda line: read_id_number(line, today))
    ref = tools.holders.ref(number)
    known = tools.holders.look_up(ref, look_of(by, "audit holder"))
    if known is None:
        click.echo("Nobody on record has this ID number (any more).")
    cards = known.cards if known else ()
    named = {tools.holders.card_ref(c.number): f"…{c.last4} of {c.bank}" for c in cards}
    phone = tools.vault.ref("caller", known.phone) if known and known.phone else ""
    _tell({ref: "the holder", **named}, since, until, {phone: "the registered phone"})


@audit.command("verify")
def verify() -> None:
    """Walks through all files of the journal and says the first line that does not fit."""
    tools = _tools()
    if tools.archive is None:
        raise click.ClickException("This machine has no ARCHIVE_DIR: ask where the files are.")
    kept = tools.moved.read()
    if kept.archive_id and kept.archive_id != tools.archive.own_id():
        raise click.ClickException("Another directory has the journal's files, not ARCHIVE_DIR.")
    until = kept.until if kept.archive_id else tools.now()
    checked = tools.archive.check(kept.ends, until)
    click.echo(f"{checked.files} files with {checked.lines} lines are as they were written")
    for kind, end in checked.ends.items():
        click.echo(f"the last line of {kind}: {end}")
    if not kept.archive_id and checked.files:
        click.echo("Redis knows nothing of them: what is missing at either end cannot be seen")


def _tell(
    named: Mapping[str, str],
    since: float | None,
    until: float | None,
    callers: Mapping[str, str] = NOBODY,
) -> None:
    """Every entry about one of these references, oldest first. `callers`: who is known of those
    who may have called, by their keyed numbers.
    """
    tools = _tools()
    begin, end = since or 0.0, tools.now() + SLACK if until is None else until
    click.echo(f"{'UTC':<20}  {'Beijing':<25}  what happened")
    count = 0
    for at, entry in tools.journal.between(begin, end, set(named)):
        count += 1
        click.echo(f"{iso(at)}  {beijing_time(at)}  {' '.join(_words(entry, named, callers))}")
    click.echo(f"{count} {'entry' if count == 1 else 'entries'}")
    if (missing := tools.journal.elsewhere_until()) > begin:
        click.echo(
            f"What is older than {iso(missing)} (UTC) lies in the archive of another machine"
        )


def _words(entry: Entry, named: Mapping[str, str], callers: Mapping[str, str]) -> Iterator[str]:
    yield shown(entry.event)
    refs = " ".join(entry.fields.get(name, "") for name in REFERENCES).split()
    about = [what for ref, what in named.items() if ref in refs]
    yield f"({', '.join(about)})"
    for name, value in entry.fields.items():
        if name not in (*REFERENCES, "found"):
            yield f"{name}={shown(callers.get(value, value))}"
    if entry.event == LOOKED_UP:
        yield "found" if entry.fields.get("found") else "found nothing"
