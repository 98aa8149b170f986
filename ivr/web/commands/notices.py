"""`flask notices …` and `flask banks …`: what operators do about notices and banks."""

import base64
import secrets
import time
from datetime import UTC, datetime

import click
from flask import current_app
from flask.cli import AppGroup

from ivr.banks_file import WEBHOOK_SECRET_PREFIX
from ivr.store.codec import iso
from ivr.store.hotline import Hotline
from ivr.store.notices import Notice, NoticeKind, NoticeState, bank_queue

PING_SECONDS = 20

notices = AppGroup("notices", help="What is owed to the banks and holders.")
banks = AppGroup("banks", help="The cooperative banks.")


@notices.command("list")
@click.option("--bank", help="Only this bank's.")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only these.")
def list_notices(bank: str | None, state: str | None) -> None:
    """Every notice with its attempts, oldest first."""
    found = [n for n in _all(bank) if state in (None, n.state.value)]
    for notice in found:
        click.echo(
            f"{iso(notice.created_at)}  {notice.id}  {notice.kind:<19} {notice.bank:<8} "
            f"{notice.report_number:<8}  {notice.state:<13} {_attempts(notice)}"
        )
    click.echo(f"{len(found)} notices")


@notices.command("resend")
@click.argument("notice_id", required=False)
@click.option("--bank", help="All of this bank's …")
@click.option("--since", type=click.DateTime(), help="… made since then (UTC).")
def resend(notice_id: str | None, bank: str | None, since: datetime | None) -> None:
    """Sends a notice again under its own id: the bank knows a repeated one by that."""
    if bool(notice_id) == bool(bank and since):
        raise click.UsageError("Give a notice's ID, or --bank and --since together.")
    if notice_id:
        chosen = _hotline().outbox.find_all([notice_id])
    else:
        chosen = [n for n in _all(bank) if since and n.created_at >= _unix(since)]
    if not chosen:
        raise click.ClickException("There is no such notice.")
    sent = [notice for notice in chosen if _hotline().blocks.resend(notice)]
    for notice in sent:
        click.echo(f"{notice.id} will be sent again")
    if left := len(chosen) - len(sent):
        click.echo(f"{left} left alone: still open, or overtaken (the card was unblocked)")


@banks.command("ping")
@click.argument("bank")
def ping(bank: str) -> None:
    """Sends a signed test event through the bank's own queue and says what it answered."""
    _known(bank)
    outbox = _hotline().outbox
    now = int(outbox.now())
    body = {"type": NoticeKind.PING, "timestamp": iso(now), "data": {}}
    notice = outbox.new_notice(NoticeKind.PING, bank_queue(bank), body, at=now, bank=bank)
    with _hotline().redis.pipeline() as pipe:
        pipe.multi()
        outbox.owe(pipe, notice)
        pipe.execute()
    until = time.monotonic() + PING_SECONDS
    while not (tried := outbox.attempts(notice.id)):
        if time.monotonic() > until:
            raise click.ClickException("No worker has sent it yet: is one listening? See /readyz.")
        time.sleep(0.1)
    said = tried[0]
    click.echo(
        f"{bank}: {said.outcome} (HTTP {said.status or '-'}) in {said.milliseconds} ms"
        f"{': ' + said.answer if said.answer else ''}"
    )


@banks.command("rotate")
@click.argument("bank")
def rotate(bank: str) -> None:
    """Makes a new signing secret for a bank and says how to bring it into use."""
    variable = _hotline().settings.banks[_known(bank)].secrets_env
    fresh = WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    click.echo(f"New secret for {bank}:\n\n  {fresh}\n")
    click.echo("1. Give it to the bank; it accepts both secrets from now on, and so do we.")
    click.echo(f"2. Put it first: {variable}=<new>,<old> and restart web, worker and clock.")
    click.echo(f"3. `flask banks ping {bank}`. When the bank signs with it too, drop the old one.")


def _hotline() -> Hotline:
    hotline: Hotline = current_app.extensions["hotline"]
    return hotline


def _known(bank: str) -> str:
    known = _hotline().settings.banks
    if bank not in known:
        raise click.ClickException(f"There is no bank {bank}; there are {', '.join(known)}.")
    return bank


def _all(bank: str | None) -> list[Notice]:
    outbox = _hotline().outbox
    found = outbox.find_all(list(outbox.every_id()))
    return sorted(
        (n for n in found if bank in (None, n.bank)), key=lambda notice: notice.created_at
    )


def _attempts(notice: Notice) -> str:
    tried = _hotline().outbox.attempts(notice.id)
    if not tried:
        return "no attempt yet"
    last = tried[-1]
    return f"{len(tried)} attempts, last {iso(last.at)} {last.outcome} {last.status or last.answer}"


def _unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
