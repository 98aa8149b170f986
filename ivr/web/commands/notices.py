"""`flask notices …` and `flask banks …`: what operators do about notices and banks."""

import base64
import json
import secrets
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from flask import Flask, current_app

from ivr.banks_file import Bank
from ivr.cards.notice import TEXTS, Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.cards.notice_bodies import iso
from ivr.partner import WEBHOOK_SECRET_PREFIX
from ivr.service import CardService
from ivr.store.cases import Cases
from ivr.store.outbox import Outbox
from ivr.web.commands.arguments import Commands, Moment, NoticeId, ReportNumber

PING_SECONDS = 20

COLUMNS = "{:<20}  {:<36}  {:<18}  {:<8}  {:<8}  {:<13}  {}"
HEADINGS = ("owed since (UTC)", "notice", "kind", "bank", "report", "state", "attempts")
GOOD = (Outcome.RECEIVED, Outcome.BLOCKED)
NOT_REPEATED = (NoticeKind.PING, NoticeKind.TEST, NoticeKind.TEXT)
TOLD = [kind for kind in NoticeKind if kind not in NOT_REPEATED]


@dataclass(frozen=True)
class NoticeTools:
    """What these commands work with."""

    service: CardService
    cases: Cases
    outbox: Outbox
    banks: Mapping[str, Bank]


@dataclass(frozen=True)
class Wanted:
    """Which notices; None for whichever. Times are unix seconds: since <= owed since < until."""

    bank: str | None = None
    state: str | None = None
    since: float | None = None
    until: float | None = None
    kinds: Collection[NoticeKind] = tuple(NoticeKind)

    def fits(self, notice: Notice) -> bool:
        """Whether it is one of them; the texts about a bank's cards count as the bank's too."""
        return (
            self.bank in (None, notice.bank, notice.queue)
            and self.state in (None, notice.state.value)
            and (self.since is None or notice.created_at >= self.since)
            and (self.until is None or notice.created_at < self.until)
            and notice.kind in self.kinds
        )


notices = Commands("notices", help="What is owed to the banks and holders.")
banks = Commands("banks", help="The cooperative banks.")


def add_notice_commands(app: Flask, tools: NoticeTools) -> None:
    """Adds `flask notices` and `flask banks`."""
    app.extensions[__name__] = tools
    app.cli.add_command(notices)
    app.cli.add_command(banks)


def _tools() -> NoticeTools:
    tools: NoticeTools = current_app.extensions[__name__]
    return tools


@notices.command("list")
@click.option("--bank", help=f"Only this bank's (`{TEXTS}`: only texts; or `subscriber:ID`).")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only these.")
@click.option("--stuck", is_flag=True, help="Only what a person must look at.")
@click.option("--report", type=ReportNumber(), help="Only this report's.")
@click.option("--since", type=Moment(), help="Only what is owed since then or later (UTC).")
@click.option("--until", type=Moment(), help="Only what was owed before then (UTC).")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every attempt.")
def list_notices(
    bank: str | None, state: str | None, since: float | None, until: float | None,
    report: str | None, limit: int, *, stuck: bool, as_json: bool,
) -> None:  # fmt: skip
    """Notices with their attempts, oldest first."""
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must be before --until: nothing is owed in between.")
    wanted = Wanted(_known(bank), state, since, until)
    found = _find(wanted, _narrowed(report, stuck=stuck))
    shown = _tools().outbox.find_all(notice_id for _, notice_id in found[:limit])
    attempts = _tools().outbox.attempts_of(notice.id for notice in shown)
    if as_json:
        listed = [_as_json(notice, attempts[notice.id]) for notice in shown]
        click.echo(json.dumps({"notices": listed, "found": len(found)}, indent=2))
        return
    for line in table(shown, attempts):
        click.echo(line)
    click.echo(_count(found, limit))


@notices.command("resend")
@click.argument("notice_id", type=NoticeId(), required=False)
@click.option("--bank", help=f"All notices to this bank (`{TEXTS}`, `subscriber:ID`) …")
@click.option("--since", type=Moment(), help="… owed since then (UTC).")
@click.option("--again", is_flag=True, help="Also what was delivered: the bank lost it.")
def resend(notice_id: str | None, bank: str | None, since: float | None, *, again: bool) -> None:
    """Sends a notice again under its own id: the bank knows a repeated one by that. A holder gets a
    text once more.
    """
    by_id, by_time = (bank, since) == (None, None), None not in (bank, since)
    if not (by_id if notice_id else by_time):
        raise click.UsageError("Give a notice's ID, or --bank and --since together.")
    if notice_id:
        named = [notice_id]
    else:  # pings want no repeat, and the texts about the bank's cards went to the holders
        kinds = (NoticeKind.TEXT,) if bank == TEXTS else TOLD
        named = [found for _, found in _find(Wanted(_known(bank), since=since, kinds=kinds))]
    found = _tools().outbox.find_all(named)
    if not found:
        raise click.ClickException("There is no such notice.")
    chosen = [n.id for n in found if again or n.state is not NoticeState.DELIVERED]
    _send_again(chosen, delivered=len(found) - len(chosen))


def _send_again(chosen: Sequence[str], *, delivered: int) -> None:
    """Says of each what becomes of it. `delivered`: how many are not chosen because they were."""
    sent = [notice_id for notice_id in chosen if _tools().service.send_again(notice_id)]
    for notice_id in sent:
        click.echo(f"{notice_id} will be sent again")
    if left := len(chosen) - len(sent):
        click.echo(f"{left} left alone: still open, or overtaken (unblocked, or a later report)")
    if delivered:
        click.echo(f"{delivered} left alone: delivered already (to send those too, add --again)")


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


def _known(bank: str | None) -> str | None:
    """Also the texts, subscribers, and banks that left while notices still name them."""
    known = (*_tools().banks, *sorted(_tools().outbox.banks() - set(_tools().banks)), TEXTS)
    if bank is not None and bank not in known:
        raise click.ClickException(f"There is no bank {bank}; there are {', '.join(known)}.")
    return bank


def _narrowed(report: str | None, *, stuck: bool) -> set[str] | None:
    """The only ids to look at; None for all there are."""
    ids = None if report is None else ids_of(_tools().cases, _tools().outbox, report)
    if stuck:
        stuck_ids = _tools().outbox.stuck_ids()
        ids = stuck_ids if ids is None else ids & stuck_ids
    return ids


def ids_of(cases: Cases, outbox: Outbox, number: str) -> set[str]:
    """The ids of a report's notices.

    Raises:
        click.ClickException: there is no such report.
    """
    report, ids = cases.find_report(number), outbox.ids_of(number)
    if report is None and not ids:
        raise click.ClickException(f"There is no report {number}, or none any more.")
    return ids | ({report.notice_id} if report else set())


def _find(wanted: Wanted, ids: set[str] | None = None) -> list[tuple[int, str]]:
    """(owed since, id) of what is wanted, oldest first."""
    outbox = _tools().outbox
    pages = outbox.pages() if ids is None else [outbox.find_all(ids)]
    return sorted({(n.created_at, n.id) for page in pages for n in page if wanted.fits(n)})


def _count(found: Sequence[tuple[int, str]], limit: int) -> str:
    count = f"{len(found)} {'notice' if len(found) == 1 else 'notices'}"
    if len(found) <= limit:
        return count
    return f"{limit} of {count}. More: --since {iso(found[limit][0])}, or --limit {len(found)}"


def _first_attempt(outbox: Outbox, notice_id: str) -> Attempt | None:
    until = time.monotonic() + PING_SECONDS
    while not (tried := outbox.attempts(notice_id)):
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
    return tried[0]


def table(shown: Sequence[Notice], attempts: Mapping[str, Sequence[Attempt]]) -> Iterator[str]:
    """One line for each notice, and headings if there are any."""
    if shown:
        yield COLUMNS.format(*HEADINGS)
    for notice in shown:
        yield COLUMNS.format(
            iso(notice.created_at), notice.id, notice.kind, notice.bank,
            notice.report_number or "-", notice.state, _summary(attempts[notice.id]),
        )  # fmt: skip


def _summary(tried: Sequence[Attempt]) -> str:
    if not tried:
        return "none yet"
    last = tried[-1]
    what = f"{last.outcome} ({f'HTTP {last.status}' if last.status else last.answer})"
    return f"{len(tried)}, the last {iso(last.at)} {what}"


def _as_json(notice: Notice, tried: Sequence[Attempt]) -> dict[str, Any]:
    """As the table, with every attempt. What a bank said beside a status stays out."""
    return {
        "notice": notice.id,
        "kind": notice.kind,
        "bank": notice.bank,
        "report": notice.report_number or None,
        "state": notice.state,
        "owed_since": iso(notice.created_at),
        "attempts": [
            {
                "at": iso(attempt.at),
                "outcome": attempt.outcome,
                "status": attempt.status,
                "milliseconds": attempt.milliseconds,
                "error": None if attempt.status else attempt.answer,
            }
            for attempt in tried
        ],
    }
