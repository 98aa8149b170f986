"""`flask reports disputed|dismiss|withdraw`: what operators decide about reports that nobody made.

A withdrawal is shown before it is done, and more than MOST_ALONE of them need a second operator.
Each stands alone: what was withdrawn stays so, and the same command may be typed again.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click
from flask import Flask, current_app

from ivr.cards.acts.withdraw import Decision, Withdrawal
from ivr.cards.block import ENDED, BlockState
from ivr.cards.limits import HIDDEN
from ivr.cards.loss import LossReport
from ivr.cards.notice_bodies import iso
from ivr.phone_numbers import calling_number
from ivr.service import CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.cases import Cases, Reading
from ivr.store.journal import Journal
from ivr.store.plans import Plan, Plans
from ivr.store.unreadable import UnreadableRecordError
from ivr.web.commands.arguments import Moment, ReportNumber, Words
from ivr.web.commands.reports import reports

MOST_ALONE: Final = 10
GO_ON: Final = "--yes-withdraw-them"
WORDS: Final = {
    Withdrawal.WITHDRAWN: "to be withdrawn",
    Withdrawal.ALREADY: "left alone: withdrawn already",
    Withdrawal.RELEASED: "left alone: its 7 days are over",
    Withdrawal.OVERTAKEN: "left alone: a formal loss or a later report holds the card",
    Withdrawal.UNKNOWN: "left alone: there is no such report, or none any more",
}


@dataclass(frozen=True)
class DecisionTools:
    """What these commands work with."""

    service: CardService
    cases: Cases
    journal: Journal
    plans: Plans


def add_decision_commands(app: Flask, tools: DecisionTools) -> None:
    """Adds them to `flask reports`."""
    app.extensions[__name__] = tools


def _tools() -> DecisionTools:
    tools: DecisionTools = current_app.extensions[__name__]
    return tools


@reports.command("disputed")
def disputed() -> None:
    """Reports of which the holder says "it was not me", until somebody decides."""
    found = _tools().cases.disputed()
    for report in found:
        click.echo(f"{iso(report.disputed_at)}  {_named(report)}")
    click.echo(f"{len(found)} to decide on")


@reports.command("dismiss")
@click.argument("number", type=ReportNumber())
@click.option("--reason", type=Words(), required=True, help="Why; nothing personal.")
@click.option("--by", type=Words(), required=True, help="Your name.")
def dismiss(number: str, reason: str, by: str) -> None:
    """Closes an objection; the report runs on."""
    if not _tools().service.dismiss(number, Decision(by, reason)):
        raise click.ClickException(f"There is no open objection to a running report {number}.")
    click.echo(f"{number} the objection is closed, and the report runs on")


@reports.command("withdraw")
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1, type=ReportNumber())
@click.option("--caller", is_flag=True, help="All from one calling number, read from the input …")
@click.option("--since", type=Moment(), help="… reported since then …")
@click.option("--until", type=Moment(), help="… and before then (UTC).")
@click.option("--reason", type=Words(), help="Why; nothing personal.")
@click.option("--by", type=Words(), help="Your name.")
@click.option("--confirm", metavar="PLAN", help="Does what another operator has planned.")
@click.option(GO_ON, "go_on", is_flag=True, help="Does it; without this it is only shown.")
def withdraw(
    numbers: tuple[str, ...], since: float | None, until: float | None, reason: str | None,
    by: str | None, confirm: str | None, *, caller: bool, go_on: bool,
) -> None:  # fmt: skip
    """Takes reports back: the social security function is active again at once, and bank and holder
    are told. It unblocks no bank function.

    More than 10 are only planned: a second operator does them within the hour, with --confirm.
    """
    if (confirm is not None) + bool(numbers) + caller != 1:
        raise click.UsageError("Give report numbers, or --caller, or --confirm.")
    if confirm is not None:
        _confirmed(confirm, by)
        return
    chosen = _of_caller(since, until) if caller else [*dict.fromkeys(numbers)]
    wanted = _shown(chosen)
    if not wanted:
        return
    if not go_on:
        click.echo(f"Nothing was done. To withdraw them, add --reason, --by and {GO_ON}")
    elif not (by and reason):
        raise click.UsageError("Say --reason and --by: the journal keeps both.")
    elif len(wanted) > MOST_ALONE:
        _plan(Plan(tuple(wanted), by, reason))
    else:
        _withdraw(wanted, Decision(by, reason))


def _confirmed(name: str, by: str | None) -> None:
    """The second operator's word."""
    plan = _tools().plans.find(name)
    if plan is None:
        raise click.ClickException("There is no such plan, or its hour is over.")
    if not by or _letters(by) == _letters(plan.by):
        raise click.ClickException(f"Another operator than {plan.by} must confirm it: --by NAME.")
    click.echo(f"Planned by {plan.by}: {plan.reason}")
    _withdraw(plan.numbers, Decision(plan.by, plan.reason, confirmed_by=by))
    _tools().plans.forget(name)


def _letters(name: str) -> str:
    """Another spelling of a name is no other operator."""
    return "".join(filter(str.isalnum, name)).casefold()


def _plan(plan: Plan) -> None:
    name = _tools().plans.keep(plan)
    click.echo(f"More than {MOST_ALONE}: nothing was done. Within the hour, another operator types")
    click.echo(f"flask reports withdraw --confirm {name} --by NAME")


def _of_caller(since: float | None, until: float | None) -> list[str]:
    """The numbers of the reports that one calling number made between two times."""
    if since is None or until is None or since >= until:
        raise click.UsageError("--caller needs --since and a later --until.")
    ref = _caller_ref()
    entries = _tools().journal.between(since, until)
    reported = (e.fields for _, e in entries if e.event == "loss_reported")
    return [fields["report"] for fields in reported if fields.get("by") == ref]


def _caller_ref() -> str:
    """From a terminal unseen. HIDDEN stands for all who hid theirs, and is taken as it is."""
    at_terminal = sys.stdin.isatty()
    line = click.prompt("Caller", hide_input=True) if at_terminal else sys.stdin.readline()
    number = calling_number(line.strip())
    if not number and line.strip() != HIDDEN:
        raise click.ClickException(f"That is no phone number; `{HIDDEN}`: all who hid theirs.")
    return _tools().service.caller(number).ref


def _shown(numbers: Sequence[str]) -> list[str]:
    """Says what would come of each -> those that would be withdrawn."""
    if not numbers:
        click.echo("There are none.")
    wanted = []
    for number in numbers:
        came_to = _tools().service.would_withdraw(number)
        reading = _tools().cases.of_report(number)
        known = number if reading.report is None else _named(reading.report)
        kept = f"; {_of_bank(reading)}" if came_to is Withdrawal.WITHDRAWN else ""
        click.echo(f"{known}  {WORDS[came_to]}{kept}")
        wanted += [number] if came_to is Withdrawal.WITHDRAWN else []
    return wanted


def _of_bank(reading: Reading) -> str:
    """What a withdrawal leaves at the bank."""
    block = reading.case.block
    if block is None or block.state in ENDED:
        return "the bank function is not blocked"
    if block.state is BlockState.BLOCKED:
        return "the bank function stays blocked until the holder visits an outlet"
    return f"the bank has not confirmed a block ({block.state}) and is not asked any more"


def _withdraw(numbers: Sequence[str], decision: Decision) -> None:
    """Says of each what came of it; one that fails stops no other."""
    failed = [number for number in numbers if not _is_done(number, decision)]
    if failed:
        raise click.ClickException(f"{len(failed)} of {len(numbers)} not done: type it again.")


def _is_done(number: str, decision: Decision) -> bool:
    try:
        came_to = _tools().service.withdraw(number, decision)
    except OutcomeUnknownError:
        click.echo(f"{number} NOT SURE: it may be lost again (see /readyz)")
        return False
    except UnreadableRecordError as error:
        click.echo(f"{number} {error}")
        return False
    done = came_to is Withdrawal.WITHDRAWN
    click.echo(f"{number} {'withdrawn' if done else WORDS[came_to]}")
    return True


def _named(report: LossReport) -> str:
    return " ".join(_columns(report))


def _columns(report: LossReport) -> Iterator[str]:
    """Nothing of the holder, and of the card the last 4 places."""
    yield f"{report.number}  reported {iso(report.reported_at)}  {report.channel} "
    yield f"{report.bank}  …{report.card_last4}"
