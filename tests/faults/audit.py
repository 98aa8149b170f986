"""After the storm: does everything add up?"""

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, Suspension
from ivr.cards.notice import Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from ivr.store.codec import load, plain
from tests.faults.callers import Tally
from tests.faults.city import BANKS, City
from tests.hotline import Hotline

Entries = list[dict[str, str]]


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
    texts_again: int = 0  # Twilio has no idempotency key: a lost answer may repeat a text
    latest_attempt: float = 0.0  # seconds from the moment a notice is made to its last attempt

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


@dataclass(frozen=True)
class Records:
    """All that Redis, the banks and the text service have on record, read once."""

    reports: dict[str, LossReport]
    effects: dict[str, int]
    journal: dict[str, Entries]  # by report number
    notices: dict[str, list[Notice]]  # by report number
    texts: Counter[tuple[str, str]]


def wait_until_calm(city: City, seconds: float) -> float:
    """Waits until nothing is owed any more; returns how long that took."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            if not city.hotline.redis.zcard(keys.NOTICES_OPEN):
                break
        except RedisError:
            pass  # it is just being started again
        time.sleep(0.1)
    return time.monotonic() - started


def audit(city: City, tally: Tally) -> Findings:
    """Compares what callers heard, what Redis holds, and what the banks did."""
    records = read_records(city)
    findings = Findings(reports=len(records.reports), told=len(tally.told))
    confirmed = {city.hotline.vault.ref("card", number) for number in tally.confirmed}
    for number, card_number in tally.told.items():
        report = records.reports.get(number)
        if report is None or report.card_ref != city.hotline.vault.ref("card", card_number):
            findings.lost.append(f"report {number} was told and is not on record")
    for report in records.reports.values():
        _check_suspension(city, findings, report)
        _check_bank(findings, report, records.effects.get(report.number, 0))
        _check_journal(city, findings, report, records)
        _check_texts(city, findings, report, records)
        if report.card_ref not in confirmed:
            findings.unasked.append(f"report {report.number}")
    findings.stuck += [f"notice {n}" for n in _open(city)]
    return findings


def _check_suspension(city: City, findings: Findings, report: LossReport) -> None:
    loss = city.hotline.redis.get(keys.loss(report.card_ref))
    block = city.hotline.redis.get(keys.block(report.card_ref))
    if loss is None or load(Suspension, loss).report_number != report.number:
        findings.lost.append(f"report {report.number} suspends nothing")
    if block is None or load(Block, block).state is not BlockState.BLOCKED:
        findings.stuck.append(f"report {report.number}: the bank never said blocked")


def _check_bank(findings: Findings, report: LossReport, effects: int) -> None:
    if effects == 0:
        findings.lost.append(f"report {report.number} blocked nothing at the bank")
    elif effects > 1:
        findings.double_effects.append(f"report {report.number}: {effects} times")


def _check_journal(city: City, findings: Findings, report: LossReport, records: Records) -> None:
    """Each step of the report once, and each attempt on record with its own entry."""
    entries = records.journal.get(report.number, [])
    events = Counter(entry["event"] for entry in entries)
    for event in ("loss_reported", "block_blocked"):
        if events[event] != 1:
            findings.journal_gaps.append(f"report {report.number}: {event} {events[event]}x")
    for notice in records.notices[report.number]:
        attempts = city.hotline.outbox.attempts(notice.id)
        told = sum(_is_attempt(entry) and entry.get("notice") == notice.id for entry in entries)
        if len(attempts) != told:
            findings.journal_gaps.append(f"{notice.id}: {len(attempts)} attempts, {told} entries")
        late = max((a.at - notice.tried_since for a in attempts), default=0)
        findings.latest_attempt = max(findings.latest_attempt, late)


def _is_attempt(entry: dict[str, str]) -> bool:
    return entry["event"] in {f"notice_{outcome}" for outcome in Outcome}


def _check_texts(city: City, findings: Findings, report: LossReport, records: Records) -> None:
    """One text of each kind is owed, and it was sent at least once."""
    texts = [n for n in records.notices[report.number] if n.kind is NoticeKind.TEXT]
    prompts = Counter(city.hotline.outbox.body(text)["prompt"] for text in texts)
    for prompt in ("text_filed", "text_blocked"):
        sent = records.texts[report.number, prompt]
        findings.texts_again += max(sent - 1, 0)
        if prompts[prompt] != 1 or not sent:
            what = f"{prompt} owed {prompts[prompt]}x, sent {sent}x"
            findings.lost.append(f"report {report.number}: {what}")


def read_records(city: City) -> Records:
    """Everything there is to compare."""
    notices: dict[str, list[Notice]] = defaultdict(list)
    for notice in city.hotline.outbox.find_all(list(city.hotline.outbox.every_id())):
        notices[notice.report_number].append(notice)
    effects = {n: count for bank in BANKS for n, count in city.bank.client.effects(bank).items()}
    return Records(
        read_reports(city.hotline), effects, read_journal(city), notices, city.texts.counts()
    )


def read_reports(hotline: Hotline) -> dict[str, LossReport]:
    """All reports on record, by number."""
    found = hotline.redis.scan_iter(match=keys.report("*"), count=1000)
    texts = [hotline.redis.get(key) for key in found]
    reports = [load(LossReport, text) for text in texts if text is not None]
    return {report.number: report for report in reports}


def read_journal(city: City) -> dict[str, Entries]:
    """Every entry by the report it is about ("" for none)."""
    entries: dict[str, Entries] = defaultdict(list)
    for _, fields in city.hotline.redis.xrange(keys.JOURNAL) or []:
        entry = {plain(k): plain(v) for k, v in (fields or {}).items()}
        entries[entry.get("report", "")].append(entry)
    return entries


def _open(city: City) -> list[str]:
    waiting = [plain(notice) for notice in city.hotline.redis.zrange(keys.NOTICES_OPEN, 0, -1)]
    stuck = [plain(notice) for notice in city.hotline.redis.zrange(keys.NOTICES_STUCK, 0, -1)]
    open_ones = city.hotline.outbox.find_all(waiting + stuck)
    return [f"{n.id} {n.state}" for n in open_ones if n.state is not NoticeState.DELIVERED]


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
        "texts_again": findings.texts_again,
        "latest_attempt_seconds": findings.latest_attempt,
    }
    return json.dumps(counts | figures, default=str)
