"""`flask notices …` and `flask banks …`: what operators do about notices and banks."""

import base64
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from redis.exceptions import RedisError

from ivr.banks_file import WEBHOOK_SECRET_PREFIX, Bank
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.cards.notice_bodies import iso
from ivr.service import CardService
from ivr.store.outbox import Outbox

PING_SECONDS = 20

COLUMNS = "{:<20}  {:<36}  {:<18}  {:<8}  {:<8}  {:<13}  {}"
HEADINGS = ("owed since (UTC)", "notice", "kind", "bank", "report", "state", "attempts")
GOOD = (Outcome.RECEIVED, Outcome.BLOCKED)


@dataclass(frozen=True)
class NoticeTools:
    """What these commands work with."""

    service: CardService
    outbox: Outbox
    banks: Mapping[str, Bank]


class _Group(AppGroup):
    """Says in one line that Redis is away, where click would show a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RedisError as error:
            raise click.ClickException(f"Redis does not answer ({type(error).__name__}).") from None


notices = _Group("notices", help="What is owed to the banks and holders.")
banks = _Group("banks", help="The cooperative banks.")


def add_notice_commands(app: Flask, tools: NoticeTools) -> None:
    """Adds `flask notices` and `flask banks`."""
    app.extensions[__name__] = tools
    app.cli.add_command(notices)
    app.cli.add_command(banks)


def _tools() -> NoticeTools:
    tools: NoticeTools = current_app.extensions[__name__]
    return tools


@notices.command("list")
@click.option("--bank", help="Only this bank's.")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only these.")
def list_notices(bank: str | None, state: str | None) -> None:
    """Every notice with its attempts, oldest first."""
    found = [n for n in _all(bank) if state in (None, n.state.value)]
    if found:
        click.echo(COLUMNS.format(*HEADINGS))
    for notice in found:
        click.echo(_line(notice))
    click.echo(f"{len(found)} {'notice' if len(found) == 1 else 'notices'}")


@notices.command("resend")
@click.argument("notice_id", required=False)
@click.option("--bank", help="All notices to this bank …")
@click.option("--since", type=click.DateTime(), help="… owed since then (UTC).")
def resend(notice_id: str | None, bank: str | None, since: datetime | None) -> None:
    """Sends a notice again under its own id, by which the bank recognises a repeat."""
    if bool(notice_id) == bool(bank and since):
        raise click.UsageError("Give a notice's ID, or --bank and --since together.")
    if notice_id:
        chosen = _tools().outbox.find_all([notice_id])
    else:
        chosen = [n for n in _to(_known(str(bank))) if since and n.created_at >= _unix(since)]
    if not chosen:
        raise click.ClickException("There is no such notice.")
    sent = [notice for notice in chosen if _tools().service.send_again(notice.id)]
    for notice in sent:
        click.echo(f"{notice.id} will be sent again")
    if left := len(chosen) - len(sent):
        click.echo(f"{left} left alone: still open, or overtaken (unblocked, or a later report)")


@banks.command("ping")
@click.argument("bank")
def ping(bank: str) -> None:
    """Sends a signed test event through the bank's own queue and says what it answered."""
    _known(bank)
    notice_id = _tools().service.ping(bank)
    said = _first_attempt(notice_id)
    _tools().service.drop(notice_id)  # one attempt only: a failed ping is not tried again
    if said is None:
        raise click.ClickException("No worker has sent it: is one listening? See /readyz.")
    click.echo(
        f"{bank}: {said.outcome} (HTTP {said.status or '-'}) in {said.milliseconds} ms"
        f"{': ' + said.answer if said.answer else ''}"
    )
    sys.exit(0 if said.outcome in GOOD else 1)


@banks.command("rotate")
@click.argument("bank")
def rotate(bank: str) -> None:
    """Makes a new signing secret for a bank and says how to bring it into use."""
    variable = _tools().banks[_known(bank)].secrets_env
    fresh = WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    click.echo(f"New secret for {bank}:\n\n  {fresh}\n")
    click.echo(f"1. Put it first: {variable}=<new>,<old> and restart web, worker and clock.")
    click.echo("   From then on both secrets are good: we sign with both and accept either.")
    click.echo("2. Give it to the bank, over a channel you trust.")
    click.echo(f"3. `flask banks ping {bank}`. Once the bank uses the new one, drop the old one.")


def _known(bank: str) -> str:
    known = _tools().banks
    if bank not in known:
        raise click.ClickException(f"There is no bank {bank}; there are {', '.join(known)}.")
    return bank


def _all(bank: str | None) -> list[Notice]:
    outbox = _tools().outbox
    found = outbox.find_all(list(outbox.every_id()))
    return sorted(
        (n for n in found if bank in (None, n.bank)), key=lambda notice: notice.created_at
    )


def _to(bank: str) -> list[Notice]:
    """What a bank was told, without texts (they went to holders) and pings (never repeated)."""
    told = (NoticeKind.LOSS_REPORTED, NoticeKind.LOSS_RELEASED)
    return [notice for notice in _all(bank) if notice.kind in told]


def _first_attempt(notice_id: str) -> Attempt | None:
    until = time.monotonic() + PING_SECONDS
    while not (tried := _tools().outbox.attempts(notice_id)):
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
    return tried[0]


def _line(notice: Notice) -> str:
    return COLUMNS.format(
        iso(notice.created_at), notice.id, notice.kind, notice.bank, notice.report_number or "-",
        notice.state, _attempts(notice),
    )  # fmt: skip


def _attempts(notice: Notice) -> str:
    tried = _tools().outbox.attempts(notice.id)
    if not tried:
        return "none yet"
    last = tried[-1]
    what = f"{last.outcome} ({f'HTTP {last.status}' if last.status else last.answer})"
    return f"{len(tried)}, the last {iso(last.at)} {what}"


def _unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
