"""After the storm: does everything add up?"""

import json
import time
from dataclasses import dataclass, field

from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, Suspension
from ivr.store import keys
from ivr.store.codec import load, plain
from tests.faults.callers import Tally
from tests.faults.city import BANKS, City


@dataclass
class Findings:
    """Figures of a run, and every single thing that does not add up."""

    reports: int = 0
    told: int = 0
    lost: list[str] = field(default_factory=list)
    double_effects: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    journal_gaps: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        named = {
            "lost": self.lost,
            "blocked twice at the bank": self.double_effects,
            "nobody confirmed": self.unasked,
            "stuck": self.stuck,
            "journal": self.journal_gaps,
        }
        return [f"{name}: {what}" for name, found in named.items() for what in found]


def wait_until_calm(city: City, seconds: float) -> float:
    """Waits until nothing is owed any more; returns how long that took."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if not city.hotline.redis.zcard(keys.NOTICES_OPEN):
            break
        time.sleep(0.1)
    return time.monotonic() - started


def audit(city: City, tally: Tally) -> Findings:
    """Compares what callers heard, what Redis holds, and what the banks did."""
    reports = _reports(city)
    findings = Findings(reports=len(reports), told=len(tally.told))
    effects = {n: count for bank in BANKS for n, count in city.bank.client.effects(bank).items()}
    events = _journal(city)
    confirmed = {city.hotline.vault.ref("card", number) for number in tally.confirmed}
    for number, card_number in tally.told.items():
        report = reports.get(number)
        if report is None or report.card_ref != city.hotline.vault.ref("card", card_number):
            findings.lost.append(f"report {number} was told and is not on record")
    for number, report in reports.items():
        _check_report(city, findings, report, effects.get(number, 0), events)
        if report.card_ref not in confirmed:
            findings.unasked.append(f"report {number}")
    findings.stuck += [f"notice {n}" for n in _open(city)]
    return findings


def _check_report(
    city: City, findings: Findings, report: LossReport, effects: int, events: dict[str, list[str]]
) -> None:
    loss = city.hotline.redis.get(keys.loss(report.card_ref))
    block = city.hotline.redis.get(keys.block(report.card_ref))
    if loss is None or load(Suspension, loss).report_number != report.number:
        findings.lost.append(f"report {report.number} suspends nothing")
    if block is None or load(Block, block).state is not BlockState.BLOCKED:
        findings.stuck.append(f"report {report.number}: the bank never said blocked")
    if effects == 0:
        findings.lost.append(f"report {report.number} blocked nothing at the bank")
    elif effects > 1:
        findings.double_effects.append(f"report {report.number}: {effects} times")
    told = events.get(report.number, [])
    for event in ("loss_reported", "block_blocked"):
        if told.count(event) != 1:
            findings.journal_gaps.append(f"report {report.number}: {event} {told.count(event)}x")


def _reports(city: City) -> dict[str, LossReport]:
    found = city.hotline.redis.scan_iter(match=keys.report("*"), count=1000)
    texts = [city.hotline.redis.get(key) for key in found]
    reports = [load(LossReport, text) for text in texts if text is not None]
    return {report.number: report for report in reports}


def _journal(city: City) -> dict[str, list[str]]:
    events: dict[str, list[str]] = {}
    for _, fields in city.hotline.redis.xrange(keys.JOURNAL) or []:
        entry = {plain(k): plain(v) for k, v in (fields or {}).items()}
        events.setdefault(entry.get("report", ""), []).append(entry["event"])
    return events


def _open(city: City) -> list[str]:
    return [plain(notice) for notice in city.hotline.redis.zrange(keys.NOTICES_OPEN, 0, -1)]


def as_line(findings: Findings, **figures: object) -> str:
    """The figures of a run in one line of JSON."""
    counts = {
        "reports": findings.reports,
        "told": findings.told,
        "lost": len(findings.lost),
        "double_effects": len(findings.double_effects),
        "unasked": len(findings.unasked),
        "stuck": len(findings.stuck),
        "journal_gaps": len(findings.journal_gaps),
    }
    return json.dumps(counts | figures, default=str)
