"""`flask reports show NUMBER`: one report's whole story, for who has to explain it.

No personal values: of the card only the last 4 places, of the holder nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import click
from flask import Flask, current_app

from ivr.beijing import beijing_time
from ivr.cards.change import Entry
from ivr.cards.loss import LossReport, ReportKind
from ivr.cards.notice import Attempt, Notice, NoticeKind, Outcome
from ivr.cards.notice_bodies import iso
from ivr.store import keys
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.cases import Cases, Reading
from ivr.store.journal import Journal
from ivr.store.looks import looked_up
from ivr.store.outbox import Outbox
from ivr.store.vault import WrongDataKeysError
from ivr.web.commands.arguments import Commands, ReportNumber, shown
from ivr.web.commands.notices import ids_of, table
from ivr.web.commands.operators import by_operator, look_of

# A notice is tried and asked about for 3 days: nothing follows later from what happened once.
AFTERMATH: Final = 4 * keys.DAY
SLACK: Final = 5  # seconds: entries carry the clock of the Redis that wrote them
ATTEMPTS: Final = tuple(f"notice_{outcome}" for outcome in Outcome)

Line = tuple[float, str]  # unix seconds, and what happened


@dataclass(frozen=True)
class ReportTools:
    """What these commands work with."""

    cases: Cases
    outbox: Outbox
    journal: Journal
    make_sure: Callable[[str], None]  # raises OutcomeUnknownError


reports = Commands("reports", help="Loss reports.")


def add_report_commands(app: Flask, tools: ReportTools) -> None:
    """Adds `flask reports`."""
    app.extensions[__name__] = tools
    app.cli.add_command(reports)


def _tools() -> ReportTools:
    tools: ReportTools = current_app.extensions[__name__]
    return tools


@reports.command("show")
@click.argument("number", type=ReportNumber())
@by_operator
def show(number: str, by: str) -> None:
    """One report: how it stands, its notices, and all that happened, in order."""
    tools = _tools()
    reading = tools.cases.of_report(number)
    _note_look(reading.report, by)
    if reading.report is None:
        raise click.ClickException(f"There is no report {number}, or none any more.")
    ids = ids_of(tools.cases, tools.outbox, number)
    notices = sorted(tools.outbox.find_all(ids), key=lambda notice: notice.created_at)
    attempts = tools.outbox.attempts_of(notice.id for notice in notices)
    click.echo("\n".join(_how_it_stands(reading, reading.report)))
    click.echo("\nNotices and texts now")
    click.echo("\n".join(table(notices, attempts)) or "none on record: kept 90 days once closed")
    click.echo("\n" + "\n".join(_story(reading, reading.report, notices, attempts)))


def _note_look(report: LossReport | None, by: str) -> None:
    look = look_of(by, "reports show")
    holder, card = (report.holder_ref, report.card_ref) if report else ("", "")
    _tools().journal.note(looked_up(look, holder=holder, cards=card, found=report is not None))


def _how_it_stands(reading: Reading, report: LossReport) -> Iterator[str]:
    yield f"Report {report.number} ({report.state})"
    try:
        _tools().make_sure(report.number)
    except OutcomeUnknownError:
        yield "  NOT SURE    it may be lost again: nobody is told of it (see /readyz)"
    yield f"  card        …{report.card_last4} of {report.bank}"
    yield f"  reported    {_both(report.reported_at)}"
    yield f"  by          {report.channel}, origin {shown(report.origin)}, in {report.language}"
    if report.disputed_at:
        yield f"  disputed    {_both(report.disputed_at)}: the holder says it was not them"
    yield f"  suspension  {_suspension(reading, report)}"
    yield f"  block       {_block(reading, report)}"


def _suspension(reading: Reading, report: LossReport) -> str:
    held = reading.case.suspension
    if held is None:
        return "none: the social security function is active"
    whose = "" if held.report_number == report.number else f", by report {held.report_number}"
    if held.kind is ReportKind.FORMAL or held.release_at is None:
        return f"without end: formal loss{whose}"
    left = _tools().cases.seconds_left(report.card_ref)
    return f"until {_both(held.release_at)}: Redis ends it in {left} s{whose}"


def _block(reading: Reading, report: LossReport) -> str:
    block = reading.case.block
    if block is None:
        return "none on record"
    whose = "" if block.report_number == report.number else f", of report {block.report_number}"
    return f"{block.state} since {_both(block.changed_at)}{whose}"


def _story(
    reading: Reading,
    report: LossReport,
    notices: Sequence[Notice],
    attempts: Mapping[str, Sequence[Attempt]],
) -> Iterator[str]:
    spans = list(_spans(reading, report, attempts))
    entries = list(_entries(report, {notice.id for notice in notices}, spans))
    is_whole = any(entry.event == "loss_reported" for _, entry in entries)
    yield f"{'UTC':<20}  {'Beijing':<25}  what happened"
    for at, what in _lines(entries, notices, attempts):
        yield f"{iso(at)}  {beijing_time(at)}  {what}"
    read = ", ".join(f"{iso(since)} to {iso(until)}" for since, until in spans)
    yield f"Journal read from {read} (UTC)."
    if not is_whole:
        if until := _tools().journal.elsewhere_until():
            yield f"What is older than {iso(until)} (UTC) lies in the archive of another machine."
            return
        begins = iso(_tools().journal.begins_at() or reading.now)
        yield (
            f"It was trimmed and begins at {begins} (UTC): what it held of this report before that "
            "is gone."
        )


def _spans(
    reading: Reading, report: LossReport, attempts: Mapping[str, Sequence[Attempt]]
) -> Iterator[tuple[float, float]]:
    """When something may have happened to this report: not all the time since it was filed."""
    block = reading.case.block
    moments = [attempt.at for tried in attempts.values() for attempt in tried]
    if block is not None and block.report_number == report.number:
        moments.append(block.changed_at)
    begin, end = report.reported_at - SLACK, report.release_at + AFTERMATH
    for moment in sorted(moments):
        if moment - SLACK > end:
            yield begin, end
            begin = moment - SLACK
        end = max(end, moment + AFTERMATH)
    yield begin, min(end, reading.now + SLACK)


def _entries(
    report: LossReport, notice_ids: Iterable[str], spans: Iterable[tuple[float, float]]
) -> Iterator[tuple[float, Entry]]:
    """The journal's entries about a report: they name it, its card, or one of its notices."""
    ids, is_latest = {*notice_ids, report.notice_id}, True
    for since, until in spans:
        for at, entry in _tools().journal.between(since, until):
            number = entry.fields.get("report", "")
            notice, is_its_card = entry.fields.get("notice"), _names(entry, report)
            if number == report.number and notice:
                ids.add(notice)  # its record may be gone
            if number == report.number or notice in ids or (is_its_card and is_latest):
                yield at, entry
            if entry.event == "loss_reported" and entry.fields.get("card") == report.card_ref:
                is_latest = number == report.number


def _names(entry: Entry, report: LossReport) -> bool:
    """Whether it is about the card, and about no report in particular."""
    return entry.fields.get("card") == report.card_ref and not entry.fields.get("report")


def _lines(
    entries: Sequence[tuple[float, Entry]],
    notices: Sequence[Notice],
    attempts: Mapping[str, Sequence[Attempt]],
) -> list[Line]:
    """What the journal tells, an attempt as fully as its notice's record has it. Both are written
    together, and the journal is trimmed from its beginning: so they are paired from the end.
    """
    known, left = {n.id: n for n in notices}, {i: list(tried) for i, tried in attempts.items()}
    lines: list[Line] = []
    for at, entry in reversed(entries):
        notice_id = entry.fields.get("notice", "")
        if entry.event in ATTEMPTS and left.get(notice_id):
            lines.append((at, _tried(known[notice_id], left[notice_id].pop())))
        else:
            named = (f"{name}={shown(v)}" for name, v in entry.fields.items() if name != "card")
            lines.append((at, " ".join((entry.event, *named))))
    older = [(float(a.at), _tried(known[i], a)) for i, tried in left.items() for a in tried]
    return sorted([*older, *reversed(lines)], key=itemgetter(0))


def _tried(notice: Notice, attempt: Attempt) -> str:
    is_text = notice.kind is NoticeKind.TEXT
    whom = f"to=holder text={_prompt(notice)}" if is_text else f"to={notice.bank}"
    status = attempt.status or shown(attempt.answer)
    came = f"notice_{attempt.outcome} notice={notice.id} kind={notice.kind} {whom}"
    return f"{came} status={status} milliseconds={attempt.milliseconds}"


def _prompt(notice: Notice) -> str:
    """Which text it is; it holds neither number nor name."""
    try:
        return str(_tools().outbox.body(notice)["prompt"])
    except WrongDataKeysError:
        return "?"


def _both(unix_seconds: float) -> str:
    return f"{iso(unix_seconds)} (UTC), {beijing_time(unix_seconds)} (Beijing)"
