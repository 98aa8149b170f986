"""`flask banks …`: how each bank stands, whether it can be reached, and its signing secret."""

import base64
import json
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
from flask import Flask, current_app

from ivr.banks_file import Bank
from ivr.cards.notice import Attempt, Outcome
from ivr.cards.notice_bodies import iso
from ivr.partner import WEBHOOK_SECRET_PREFIX
from ivr.service import CardService
from ivr.store.bank_health import Answer
from ivr.store.block_times import BlockTimes, Times
from ivr.store.condition import Condition, Standing
from ivr.store.outbox import Outbox
from ivr.web.commands.arguments import Commands
from ivr.web.commands.papers import paper

PING_SECONDS: Final = 20
GOOD: Final = (Outcome.RECEIVED, Outcome.BLOCKED)

COLUMNS: Final = "{:<12}  {:<34}  {:>5}  {:<20}  {:>5}  {:<9}  {:<9}  {:<13}  {}"
HEADINGS: Final = (
    "bank", "state", "open", "oldest (UTC)", "stuck", "p50", "p95", "confirmed",
    "last answer (UTC)",
)  # fmt: skip


@dataclass(frozen=True)
class BankTools:
    """What these commands work with."""

    service: CardService
    outbox: Outbox
    condition: Condition
    block_times: BlockTimes
    banks: Mapping[str, Bank]


@dataclass(frozen=True)
class BankSeen:
    """How one bank stands. `state` is "ok", "failing", "paused" or "left behind": it is not in
    BANKS_FILE, but blocks or open notices name it. `times`: to block, of the last day.
    """

    bank: str
    state: str
    standing: Standing
    times: Times | None


banks = Commands("banks", help="The cooperative banks.")


def add_bank_commands(app: Flask, tools: BankTools) -> None:
    """Adds `flask banks`."""
    app.extensions[__name__] = tools
    app.cli.add_command(banks)
    banks.add_command(paper)


def _tools() -> BankTools:
    tools: BankTools = current_app.extensions[__name__]
    return tools


@banks.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all times in seconds.")
def list_banks(*, as_json: bool) -> None:
    """How each bank stands: what it is owed, how long it took lately from a report to its word
    "blocked" (half of them within p50, 95 of 100 within p95), and its last answer to a notice that
    was no test or ping.
    """
    seen = list(_seen())
    if as_json:
        click.echo(json.dumps({"banks": [_as_json(bank) for bank in seen]}, indent=2))
        return
    click.echo(COLUMNS.format(*HEADINGS))
    for bank in seen:
        click.echo(_line(bank))


def _seen() -> Iterator[BankSeen]:
    """The banks of BANKS_FILE, and those that left while something still names them."""
    tools = _tools()
    standings = tools.condition.figures().standings
    left = tools.condition.banks_left_behind()
    names = [bank for bank in standings if bank in tools.banks or bank in left]
    times = tools.block_times.last_day_of(names)
    for bank in names:
        state = "left behind" if bank in left else _state(standings[bank])
        yield BankSeen(bank, state, standings[bank], times.get(bank))


def _state(standing: Standing) -> str:
    health = standing.health
    return "paused" if health.is_paused else "failing" if health.is_failing else "ok"


def _line(seen: BankSeen) -> str:
    standing, times = seen.standing, seen.times
    since = f" since {iso(standing.health.since)}" if seen.state in ("paused", "failing") else ""
    oldest = "-" if standing.owed_since is None else iso(standing.owed_since)
    within = [_within(times.p50), _within(times.p95)] if times else ["-", "-"]
    return COLUMNS.format(
        seen.bank, seen.state + since, standing.owed, oldest, standing.stuck, *within,
        f"{times.count} of {times.asked}" if times else "-", _answer(standing.answer),
    )  # fmt: skip


def _within(seconds: float | None) -> str:
    if seconds is None:
        return "over 72 h"
    units = ((3600, "h"), (60, "min"), (1, "s"))
    unit, name = next((u for u in units if seconds >= u[0]), units[-1])
    return f"{seconds / unit:g} {name}"


def _answer(answer: Answer | None) -> str:
    return f"{iso(answer.at)} {answer.outcome} (HTTP {answer.status})" if answer else "none yet"


def _as_json(seen: BankSeen) -> dict[str, Any]:
    """As the table; a time is null where there is none, and p50 or p95 where it is over 72 h."""
    standing, times, answer = seen.standing, seen.times, seen.standing.answer
    health = standing.health
    return {
        "bank": seen.bank,
        "state": seen.state,
        "failures": health.failures,
        "failing_since": iso(health.since) if health.failures else None,
        "open": standing.owed,
        "oldest": None if standing.owed_since is None else iso(standing.owed_since),
        "stuck": standing.stuck,
        "time_to_block": None
        if times is None
        else {
            "count": times.count,
            "asked": times.asked,
            "p50_seconds": times.p50,
            "p95_seconds": times.p95,
        },
        "last_answer": None
        if answer is None
        else {"at": iso(answer.at), "status": answer.status, "outcome": answer.outcome},
    }


@banks.command("ping")
@click.argument("bank")
def ping(bank: str) -> None:
    """Sends a signed test event through the bank's own queue and says what it answered."""
    say_ping(_tools().service, _tools().outbox, _configured(bank))


def say_ping(service: CardService, outbox: Outbox, who: str) -> None:
    """Sends a test event to a bank or subscriber, says what it answered, and ends the command: with
    status 1 when that was not well.
    """
    notice_id = service.ping(who)
    said = _first_attempt(outbox, notice_id)
    service.drop(notice_id)  # one attempt only: a failed ping is not tried again
    if said is None:
        raise click.ClickException("No worker has sent it: is one listening? See /readyz.")
    click.echo(
        f"{who}: {said.outcome} (HTTP {said.status or '-'}) in {said.milliseconds} ms"
        f"{': ' + said.answer if said.answer else ''}"
    )
    sys.exit(0 if said.outcome in GOOD else 1)


@banks.command("rotate")
@click.argument("bank")
def rotate(bank: str) -> None:
    """Makes a new signing secret for a bank and says how to bring it into use."""
    variable = _tools().banks[_configured(bank)].secrets_env
    fresh = WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    click.echo(f"New secret for {bank}:\n\n  {fresh}\n")
    click.echo(f"1. Put it first: {variable}=<new>,<old> and restart web, worker and clock.")
    click.echo("   From then on both secrets are good: we sign with both and accept either.")
    click.echo("2. Give it to the bank, over a channel you trust.")
    click.echo(f"3. `flask banks ping {bank}`. Once the bank uses the new one, drop the old one.")


def _configured(bank: str) -> str:
    known = _tools().banks
    if bank not in known:
        raise click.ClickException(f"There is no bank {bank}; there are {', '.join(known)}.")
    return bank


def _first_attempt(outbox: Outbox, notice_id: str) -> Attempt | None:
    until = time.monotonic() + PING_SECONDS
    while not (tried := outbox.attempts(notice_id)):
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
    return tried[0]
