"""The figures of a load, for people and for machines."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from rich.console import Console
from rich.table import Table

from simulator.load.checks import Discrepancy
from simulator.load.evidence import Evidence
from simulator.load.repeating_transport import TimedTurn
from simulator.load.traffic import LoadProgress

_SHOWN_OF_A_CHECK = 10
_NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True)
class Latency:
    """Wall time of HTTP exchanges, milliseconds."""

    turns: int
    p50: float
    p95: float
    p99: float
    slowest: float


@dataclass(frozen=True)
class Summary:
    """Everything there is to say. None: that side could not be looked at."""

    seconds: float
    calls_planned: int
    calls: int
    calls_per_second: float
    most_at_once: int
    errands: dict[str, int]
    outcomes: dict[str, int]
    last_steps: dict[str, int]
    latency: Latency
    latency_by_step: dict[str, Latency]
    repeated_requests: dict[str, int]
    http_errors: int
    twilio_faults: dict[str, int]
    confirmed: int
    reports_filed: int | None
    reports_by_others: int | None
    notices_owed_still: int | None
    notices_received: int | None
    notices_verified: int | None
    reports_received: int | None
    discrepancies: list[str]

    @property
    def adds_up(self) -> bool:
        return not self.discrepancies


def summarise(progress: LoadProgress, evidence: Evidence, found: Sequence[Discrepancy]) -> Summary:
    """Counts; judges nothing."""
    calls = evidence.calls
    turns = [turn for call in calls for turn in call.turns]
    faults = [f"{fault.code} {fault.name}" for call in calls for fault in call.faults]
    return Summary(
        seconds=round(progress.seconds, 1),
        calls_planned=progress.planned,
        calls=len(calls),
        calls_per_second=round(len(calls) / max(progress.seconds, 0.001), 1),
        most_at_once=progress.most_at_once,
        errands=_counted(call.errand for call in calls),
        outcomes=_counted(call.outcome for call in calls),
        last_steps=_counted(call.last_step for call in calls),
        latency=latency_of(turns),
        latency_by_step={
            step: latency_of([turn for turn in turns if turn.step == step])
            for step in sorted({turn.step for turn in turns})
        },
        repeated_requests=_counted(turn.repeat for turn in turns if turn.repeat),
        http_errors=sum(turn.status >= 400 or turn.status == 0 for turn in turns),
        twilio_faults=_counted(faults),
        confirmed=sum(call.confirmed for call in calls),
        **_records(evidence),
        discrepancies=[str(discrepancy) for discrepancy in found],
    )


def latency_of(turns: Sequence[TimedTurn]) -> Latency:
    """Nearest-rank percentiles; zeros when there are no turns."""
    taken = sorted(turn.milliseconds for turn in turns)
    points = [_percentile(taken, part) for part in (50, 95, 99, 100)]
    return Latency(len(taken), *(round(point, 1) for point in points))


def as_json(summary: Summary) -> dict[str, Any]:
    """For machines: the figures by their names."""
    return {"adds_up": summary.adds_up, **asdict(summary)}


def show(console: Console, summary: Summary) -> None:
    """For people."""
    console.print(
        f"\n{summary.calls} of {summary.calls_planned} calls in {summary.seconds:.0f} s "
        f"({summary.calls_per_second:.1f}/s), at most {summary.most_at_once} at once"
    )
    console.print(_counts_table("Outcome", summary.outcomes))
    console.print(_counts_table("Where calls ended", summary.last_steps))
    console.print(_latency_table(summary))
    for name, value in _lines(summary).items():
        console.print(f"{name:<28} {_NOT_LOOKED_AT if value is None else value}")
    _show_verdict(console, summary.discrepancies)


def _records(evidence: Evidence) -> dict[str, int | None]:
    reports, receipts, notices = evidence.reports, evidence.receipts, evidence.notices
    numbers = {report.number for report in evidence.ours}
    arrived = [r for r in receipts or () if r.report_number in numbers or not r.verified]
    new = [r for r in (reports or {}).values() if r.reported_at >= evidence.started_at]
    found: dict[str, int | None] = {
        "reports_filed": len(evidence.ours),
        "reports_by_others": sum(report.number not in numbers for report in new),
        "notices_owed_still": sum(
            notice.is_owed and notice.report_number in numbers
            for notice in (notices or {}).values()
        ),
    }
    received: dict[str, int | None] = {
        "notices_received": len(arrived),
        "notices_verified": sum(receipt.verified for receipt in arrived),
        "reports_received": sum(map(evidence.is_received, evidence.ours)),
    }
    known = found if reports is not None else dict.fromkeys(found)
    return known | (received if receipts is not None else dict.fromkeys(received))


def _lines(summary: Summary) -> dict[str, Any]:
    return {
        "Confirmed by callers": summary.confirmed,
        "Reports filed": summary.reports_filed,
        "Reports filed by others": summary.reports_by_others,
        "Reports the bank acted on": summary.reports_received,
        "Notices at the bank": summary.notices_received,
        "  of these verified": summary.notices_verified,
        "Notices owed still": summary.notices_owed_still,
        "Requests delivered again": _listed(summary.repeated_requests),
        "HTTP errors": summary.http_errors,
        "Twilio faults": _listed(summary.twilio_faults),
    }


def _show_verdict(console: Console, discrepancies: Sequence[str]) -> None:
    if not discrepancies:
        console.print("\nEverything adds up.")
        return
    console.print(f"\n{len(discrepancies)} things do not add up:")
    by_check: dict[str, list[str]] = {}
    for discrepancy in discrepancies:
        by_check.setdefault(discrepancy.partition(": ")[0], []).append(discrepancy)
    for found in by_check.values():
        for discrepancy in found[:_SHOWN_OF_A_CHECK]:
            console.print(f"  {discrepancy}", markup=False, soft_wrap=True)
        if len(found) > _SHOWN_OF_A_CHECK:
            console.print(f"  … and {len(found) - _SHOWN_OF_A_CHECK} more of these")


def _counts_table(title: str, counts: dict[str, int]) -> Table:
    table = Table(title, "calls", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, count in counts.items():
        table.add_row(name, str(count))
    table.add_section()
    return table


def _latency_table(summary: Summary) -> Table:
    table = Table("TimedTurn", box=None, pad_edge=False)
    for name in ("turns", "p50 ms", "p95 ms", "p99 ms", "slowest"):
        table.add_column(name, justify="right")
    for step, latency in [*summary.latency_by_step.items(), ("all", summary.latency)]:
        points = (latency.p50, latency.p95, latency.p99, latency.slowest)
        table.add_row(step, str(latency.turns), *(f"{point:.1f}" for point in points))
    return table


def _percentile(ordered: Sequence[float], part: int) -> float:
    return ordered[max(ceil(len(ordered) * part / 100) - 1, 0)] if ordered else 0.0


def _counted(names: Iterable[str]) -> dict[str, int]:
    return {str(name): count for name, count in Counter(names).most_common()}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in counts.items()) or "none"
