"""`flask cardholders import|generate|remove|export`, `flask keys rotate`: operators at the records.

Exit codes: 0 all good, 1 a person must look (a bad line, phone or record), 2 nothing could be read,
3 Redis or its keys failed.
"""

import csv
import json
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import ClassVar, TextIO

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ivr.beijing import BEIJING, beijing_day
from ivr.made_up import cardholder_rows
from ivr.store import keys
from ivr.store.archive import ArchiveError
from ivr.store.cardholders_csv import (
    COLUMNS,
    ENCODING,
    UNDECODED,
    BadLine,
    CardholdersFileError,
    CardLine,
    read_cardholders,
    read_id_number,
)
from ivr.store.export import Export
from ivr.store.holders import Entry, Holders, HoldersBusyError, in_batches
from ivr.store.removal import Removal
from ivr.store.roster import Roster
from ivr.store.vault import AnotherServerError, Vault, WrongDataKeysError
from ivr.web.commands.operators import by_operator, look_of, typed_unseen

_AGAIN = "What was written stays and running this again is safe."

cardholders = AppGroup("cardholders", help="The cardholders' records.")
data_keys = AppGroup("keys", help="The keys that seal the records (DATA_KEYS).")


@dataclass(frozen=True)
class RecordTools:
    """What these commands work with. `now`: unix seconds by Redis' clock."""

    holders: Holders
    vault: Vault
    roster: Roster
    removal: Removal
    export: Export
    banks: Collection[str]
    now: Callable[[], float]


def add_record_commands(app: Flask, tools: RecordTools) -> None:
    """Adds `flask cardholders` and `flask keys`."""
    app.extensions[__name__] = tools
    app.cli.add_command(cardholders)
    app.cli.add_command(data_keys)


def _tools() -> RecordTools:
    tools: RecordTools = current_app.extensions[__name__]
    return tools


class _UnreadableFileError(click.ClickException):
    exit_code: ClassVar[int] = 2


class _StoreError(click.ClickException):
    exit_code: ClassVar[int] = 3


@cardholders.command("import")
@click.argument("file", type=click.File("r", ENCODING, UNDECODED))
@click.pass_context
def import_file(context: click.Context, file: TextIO) -> None:
    """Adds or replaces the cards in FILE, a CSV with one line a card ("-" reads the input).

    Bad lines are listed and left out. A phone that cannot be read is listed too: its card goes in
    without it. Either ends with exit status 1. Importing a file again changes nothing. It says how
    many cards the file moves to another city; a mistake there is mended by the right file.
    """
    started = time.monotonic()
    with _store_failures(), _progress("lines", file) as advance:
        counts = _import(file, advance)
    good, unchanged, bad = counts["good"], counts["unchanged"], counts["bad"]
    speed = (good + bad) / max(time.monotonic() - started, 0.001)
    click.echo(f"good {good} (unchanged {unchanged}), bad {bad}, {speed:.0f} lines/s")
    if no_phone := counts["without a phone"]:
        click.echo(f"{no_phone} of the good lines went in without their phone")
    if moved := counts["moved"]:
        click.echo(f"{moved} cards are in another city than before")
    context.exit(1 if bad or no_phone else 0)


@cardholders.command("generate")
@click.argument("n", type=click.IntRange(min=0))
@click.option("--banks", help="Bank ids, separated by commas. Default: those of BANKS_FILE.")
@click.option("--seed", type=int, help="The same seed gives the same lines (in the same year).")
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-")
def generate(n: int, banks: str | None, seed: int | None, output: TextIO) -> None:
    """Writes N lines of made-up cardholders, one a card, ready for `cardholders import`."""
    chosen = _split(banks) if banks else list(_tools().banks)
    if not chosen:
        raise click.BadParameter("names no bank", param_hint="--banks")
    rng = Random(seed)  # noqa: S311 (made-up people, not secrets)
    lines = csv.writer(output, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows(cardholder_rows(rng, n, chosen, year=datetime.now(BEIJING).year))


@cardholders.command("remove")
@by_operator
@click.pass_context
def remove(context: click.Context, by: str) -> None:
    """Removes one holder, whose ID number is the first line of the input, never an argument.

    Holder and cards are gone at once, and so are the notices of reports that are over. Reports stay
    for audit without a name: nothing in them says any more whose they were. What runs goes on: a
    suspension ends by itself, and what a bank is still owed or asked about is kept, sealed, until
    then and for 90 days. Run it again after that to remove those too. It is journalled.
    """
    tools = _tools()
    with _store_failures():
        ref = tools.holders.ref(_id_number_from_input())
        removed = tools.removal.remove(ref, look_of(by, "cardholders remove"))
    if not (removed.holders or removed.cards or removed.reports):
        click.echo("Nobody on record has this ID number.", err=True)
        context.exit(1)
    click.echo(
        f"removed: {removed.holders} holder, {removed.cards} cards, {removed.notices} notices, "
        f"and the holder from {removed.reports} reports"
    )
    if removed.notices_kept:
        click.echo(f"kept, sealed, because they are still needed: {removed.notices_kept} notices")


@cardholders.command("export")
@click.option("--output", type=click.Path(), default="-", help="A new file, for your eyes only.")
@by_operator
@click.pass_context
def export(context: click.Context, output: str, by: str) -> None:
    """Writes all that is held about one holder as JSON. The ID number is the first line of the
    input, never an argument. It is journalled.

    The journal and its files are read from the beginning. Who was removed is exported too, as far
    as the journal still tells of them, with exit status 1.
    """
    tools = _tools()
    with _store_failures():
        ref = tools.holders.ref(_id_number_from_input())
        held = tools.export.of(ref, look_of(by, "cardholders export"))
    with _new_file(output) as file:
        json.dump(held, file, ensure_ascii=False, indent=2)
        file.write("\n")
    if held["holder"] is None:
        click.echo("Nobody on record has this ID number (any more).", err=True)
        context.exit(1)


@contextmanager
def _new_file(place: str) -> Iterator[TextIO]:
    """Standard output, or a file that was not there and that nobody else can read."""
    if place == "-":
        yield sys.stdout
        return
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.BadParameter(error.strerror or "", param_hint="--output") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


def _id_number_from_input() -> str:
    today = beijing_day(_tools().now())
    return typed_unseen("ID number", lambda line: read_id_number(line, today))


@data_keys.command("rotate")
@click.pass_context
def rotate(context: click.Context) -> None:
    """Puts all that is sealed under the newest of DATA_KEYS, by the ciphers of CRYPTO: the
    reference key, every cardholder and every notice. The older keys are needed no more.

    For a new key restart everything with old,new first, and then with new,old; for another CRYPTO
    restart everything once. It refuses while a running process seals otherwise, for that would be
    lost with the older keys. Safe while calls go on. Killed, it is run again: what is there already
    is left alone. Exit status 1: a record is opened by no key.
    """
    tools = _tools()
    with _store_failures():
        _refuse_to_lose(tools.roster.sealing_otherwise())
        with _progress("keys", total=tools.vault.keys_there()) as advance:
            done = tools.vault.reseal_all(advance)
    for name in done.shut:
        click.echo(f"{name} is opened by none of DATA_KEYS and stays as it is", err=True)
    for kind in keys.SEALED:
        click.echo(f"{kind}: {done.moved[kind]} resealed, {done.there[kind]} were so already")
    if not done.shut:
        click.echo("All that is sealed is under the newest of DATA_KEYS.")
    context.exit(1 if done.shut else 0)


def _refuse_to_lose(sealing_otherwise: list[str]) -> None:
    if sealing_otherwise:
        raise _StoreError(
            "These running processes do not seal with the newest of DATA_KEYS and with CRYPTO: "
            f"{', '.join(sealing_otherwise)}. Restart them with the DATA_KEYS and the CRYPTO that "
            "this command has (all that lack this key: with it last before that). One that has "
            "just ended is forgotten within 3 minutes."
        )


def _import(file: TextIO, advance: Callable[[int], object]) -> Counter[str]:
    """Feeds the good lines to the store as they are read; counts good, unchanged, bad."""
    # Imported here: the web and worker processes import this module and never import a file.
    from ivr.web.commands.ahead import MakerDiedError, made_ahead

    tools = _tools()
    counts: Counter[str] = Counter()

    def tell(line: int, what: str, counted: str) -> None:
        counts[counted] += 1
        click.echo(f"line {line}: {what}", err=True)

    def report(line: BadLine) -> None:
        tell(line.line, line.reason, "bad")

    def good(read: Iterable[Sequence[BadLine | Entry]]) -> Iterator[list[Entry]]:
        for lines in read:
            for line in lines:
                if isinstance(line, BadLine):
                    report(line)
                elif line.note:
                    what = f"goes in without its phone: {line.note}"
                    tell(line.line, what, "without a phone")
            if entries := [line for line in lines if isinstance(line, Entry)]:
                yield entries

    tools.vault.load_ref_key()  # while there is one process, and one connection
    lines = read_cardholders(file, tools.banks, beijing_day(tools.now()))
    try:
        with made_ahead(in_batches(map(_entry, lines))) as read:
            result = tools.holders.put_batches(good(read), progress=advance, on_bad=report)
    except (CardholdersFileError, MakerDiedError) as error:
        raise _UnreadableFileError(f"{file.name}: {error}") from None
    counts["good"] = result.written + result.unchanged
    counts["unchanged"] = result.unchanged
    counts["moved"] = result.moved
    return counts


def _entry(line: CardLine | BadLine) -> Entry | BadLine:
    return line if isinstance(line, BadLine) else _tools().holders.entry(line)


def _split(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


@contextmanager
def _store_failures() -> Iterator[None]:
    """One clear line instead of a traceback, without the server's words: they may quote records."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise _StoreError(f"Redis does not answer ({error}). {_AGAIN}") from None
    except RedisError as error:
        raise _StoreError(f"Redis refused ({type(error).__name__}). {_AGAIN}") from None
    except (HoldersBusyError, AnotherServerError, WrongDataKeysError, ArchiveError) as error:
        raise _StoreError(f"{error}. {_AGAIN}") from None


@contextmanager
def _progress(
    unit: str, file: TextIO | None = None, total: int | None = None
) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal's stderr, nothing elsewhere; yields what to call with new `unit`s.

    total: how many there are. How far a file is read tells how long it will take; where neither is
    known only the count is shown.
    """
    # Imported here: the web and worker processes import this module and never draw a bar.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    count = TextColumn("{task.fields[count]} " + unit)
    size = _size(file) if file else None
    with Progress(
        BarColumn(), count, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task, done = bar.add_task(unit, total=size or total, count=0), 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            bar.update(task, completed=file.buffer.tell() if file and size else done, count=done)

        yield advance


def _size(file: TextIO) -> int | None:
    """Bytes in a regular file; None for a pipe or a terminal."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
