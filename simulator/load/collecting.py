"""Collects the evidence: the sandbox bank's ledger first, then Redis, as a tester may see them."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import requests
from redis import Redis
from redis.exceptions import RedisError

from simulator import hotline_records as records
from simulator.bank.client import SandboxBank, SandboxBankError
from simulator.load.calls import CallRecord
from simulator.load.evidence import Evidence, Notice, Receipt, Report
from simulator.load.target import Target

_AT_ONCE: Final = 500


def collect(target: Target, calls: Sequence[CallRecord], started_at: float) -> Evidence:
    """All evidence there is now. The bank is asked first: what it received is on record by then."""
    silent: list[str] = []
    seen: dict[str, Any] = {}
    for url, look in ((target.bank_url, _bank_side), (target.redis_url, _records)):
        try:
            seen |= look(url) if url else {}
        except (SandboxBankError, requests.RequestException, RedisError) as error:
            silent.append(f"{url.rpartition('@')[2]}: {error}")
    return Evidence(tuple(calls), started_at, silent=tuple(silent), **seen)


def collect_when_settled(
    target: Target,
    calls: Sequence[CallRecord],
    started_at: float,
    seconds: float,
    impatient: Callable[[int], bool],
) -> Evidence:
    """The evidence once our reports have all reached their banks, or after `seconds`.

    `impatient` is told how many reports wait, and may end the wait.
    """
    until = time.monotonic() + seconds
    while True:
        evidence = collect(target, calls, started_at)
        waiting = evidence.unsettled()
        if (not waiting and not evidence.silent) or time.monotonic() > until or impatient(waiting):
            return evidence
        time.sleep(0.5)


def _bank_side(bank_url: str) -> dict[str, Any]:
    bank = SandboxBank(bank_url)
    try:
        names = [told["id"] for told in bank.banks()]
        effects = {n: times for name in names for n, times in bank.effects(name).items()}
        accounts = [account for name in names for account in bank.accounts(name)]
        receipts = [_receipt(name, row) for name in names for row in bank.receipts(name)]
    finally:
        bank.close()
    return {
        "effects": effects,
        "blocked_cards": {a["card_number"]: a["by_report"] or "" for a in accounts},
        "receipts": tuple(
            receipt
            for receipt, kind in receipts
            if kind == records.LOSS_REPORTED or not receipt.verified
        ),
    }


def _receipt(bank: str, row: dict[str, Any]) -> tuple[Receipt, str | None]:
    at = datetime.fromisoformat(row["received_at"]).timestamp()
    number = row["report_number"] or ""
    receipt = Receipt(bank, row["webhook_id"], number, row["verified"], row["effect"], at)
    return receipt, row["type"]


def _records(redis_url: str) -> dict[str, Any]:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        notices = {notice.id: notice for notice in _notices(redis)}
        reports = {report.number: report for report in _reports(redis)}
    return {"reports": reports, "notices": notices}


def _reports(redis: "Redis") -> Iterator[Report]:
    for names in _batches(redis, records.report_key("*")):
        found = [records.read_record(text, records.REPORT) for text in redis.mget(names) if text]
        keys = [records.loss_key(report["card_ref"]) for report in found]
        losses = redis.mget(keys) if keys else []
        for report, loss in zip(found, losses, strict=True):
            wanted = ("number", "card_ref", "bank", "notice_id", "origin", "reported_at")
            suspended_by = records.read_record(loss, records.LOSS).get("report_number") or ""
            yield Report(**{name: report[name] for name in wanted}, suspended_by=suspended_by)


def _notices(redis: "Redis") -> Iterator[Notice]:
    owed = set(redis.zrange(records.OPEN_NOTICES, 0, -1))
    for names in _batches(redis, records.notice_key("*")):
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(name, *records.NOTICE)
            found = map(records.read_notice, pipe.execute())
        for notice in found:
            if notice.get("kind") == records.LOSS_REPORTED:
                notice_id, number, state = (notice[n] for n in ("id", "report_number", "state"))
                yield Notice(notice_id, number, state, notice_id in owed)


def _batches(redis: "Redis", pattern: str) -> Iterator[list[str]]:
    names = list(redis.scan_iter(match=pattern, count=1000))
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
