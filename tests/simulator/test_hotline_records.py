"""What the simulator reads in Redis is what the hotline writes: checked on a real report.

The hotline is reached over its web door and by its real worker process, so a key or a field that is
renamed in ivr fails here, whatever its classes are called.
"""

import ast
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

import simulator
from ivr.settings import read_settings
from simulator import hotline_records as records
from simulator.bank.running import RunningBank
from simulator.page.records import Records
from simulator.stack import development
from simulator.stack.ports import Ports
from tests.builders import BASE_URL, TWILIO_TOKEN, a_holder, an_app
from tests.faults.process import Process
from tests.redis_server import RedisServer
from tests.web.conftest import SID, PhoneCall, Twilio

Json = dict[str, Any]
KEYS = (
    records.call_key, records.loss_key, records.block_key, records.report_key, records.notice_key,
    records.attempts_key,
)  # fmt: skip


@dataclass(frozen=True)
class Filed:
    """One report, made over the phone, and the Redis that holds it."""

    number: str
    redis: "Redis"
    redis_url: str
    worker: Process

    def json(self, key: str, fields: Iterable[str]) -> Json:
        """A record with all the fields that the simulator reads."""
        record = records.read_record(self.redis.get(key), fields)
        assert None not in record.values(), (key, record)
        assert record, f"no {key}"
        return record

    @property
    def report(self) -> Json:
        return self.json(records.report_key(self.number), records.REPORT)

    @property
    def notice_id(self) -> str:
        return str(self.report["notice_id"])

    @property
    def notice(self) -> Json:
        values: Any = self.redis.hmget(records.notice_key(self.notice_id), *records.NOTICE)
        return records.read_notice(values)

    def is_delivered(self) -> None:
        """The hotline's own worker tells the bank."""
        self.worker.start()
        until = time.monotonic() + 60
        while self.redis.zscore(records.OPEN_NOTICES, self.notice_id) is not None:
            assert time.monotonic() < until, self.worker.said()
            time.sleep(0.05)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RunningBank]:
    with RunningBank(tmp_path / "bank", "http://127.0.0.1:9") as running:
        yield running


@pytest.fixture
def filed(
    redis: "Redis", redis_server: RedisServer, bank: RunningBank, tmp_path: Path
) -> Iterator[Filed]:
    assert redis.dbsize() == 0
    given = {"PUBLIC_BASE_URL": BASE_URL, "TWILIO_AUTH_TOKEN": TWILIO_TOKEN, **bank.environment}
    environ = development.environment(given, tmp_path, Ports.free(), redis_server.url)
    call = PhoneCall(Twilio(an_app(read_settings(environ), a_holder()))).to_report()
    command = [sys.executable, "-m", "workers.deliver"]
    worker = Process("worker", command, {**os.environ, **environ}, tmp_path / "worker.log")
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield Filed(call.report_number, client, redis_server.url, worker)
    worker.stop()


def test_a_report_writes_what_the_simulator_reads(filed: Filed) -> None:
    report, now = filed.report, time.time()
    assert (report["number"], report["origin"], report["state"]) == (filed.number, SID, "active")
    assert (report["bank"], report["card_last4"]) == ("icbc", "5678")
    assert now - 60 < report["reported_at"] <= now

    card_ref = report["card_ref"]
    assert (
        records.read_card_of_call(filed.redis.hget(records.call_key(SID), records.CALL_FACTS))
        == card_ref
    )
    loss = filed.json(records.loss_key(card_ref), records.LOSS)
    assert loss == {
        "report_number": filed.number,
        "release_at": report["reported_at"] + records.LONGEST_SUSPENSION,
    }
    ttl = filed.redis.ttl(records.loss_key(card_ref))
    assert records.LONGEST_SUSPENSION - 60 < ttl <= records.LONGEST_SUSPENSION
    assert filed.json(records.block_key(card_ref), records.BLOCK) == {
        "state": "notified",
        "bank": "icbc",
        "report_number": filed.number,
        "notice_id": filed.notice_id,
    }
    assert filed.notice == {
        "id": filed.notice_id,
        "kind": records.LOSS_REPORTED,
        "bank": "icbc",
        "report_number": filed.number,
        "created_at": report["reported_at"],
        "state": "open",
        "attempts_made": 0,
    }
    due = filed.redis.zscore(records.OPEN_NOTICES, filed.notice_id)
    assert due == report["reported_at"]


def test_a_delivery_writes_what_the_simulator_reads(filed: Filed, bank: RunningBank) -> None:
    filed.is_delivered()

    assert bank.client.effects("icbc") == {filed.number: 1}
    assert (filed.notice["state"], filed.notice["attempts_made"]) == ("delivered", 1)
    texts: Any = filed.redis.lrange(records.attempts_key(filed.notice_id), 0, -1)
    (attempt,) = records.read_attempts(texts)
    assert (attempt["outcome"], attempt["status"]) == ("blocked", 200)
    assert attempt["answer"] == "blocked"
    assert 0 <= attempt["milliseconds"] < 60_000
    assert 0 <= attempt["at"] - filed.report["reported_at"] < 60
    block = filed.json(records.block_key(filed.report["card_ref"]), records.BLOCK)
    assert block["state"] == "blocked"
    journal: Any = filed.redis.xrange(records.JOURNAL)
    named = {(e.get(records.JOURNAL_REPORT), e.get(records.JOURNAL_NOTICE)) for _, e in journal}
    assert (filed.number, filed.notice_id) in named


def test_the_page_shows_all_of_it(filed: Filed) -> None:
    filed.is_delivered()
    with closing(Records(filed.redis_url)) as page:
        card_ref = page.card_of_report(filed.number)
        assert page.card_of_call(SID) == card_ref
        case = page.case(card_ref)

    assert (case["report"], case["loss"]["report_number"]) == (filed.report, filed.number)
    assert filed.notice_id in [notice["id"] for notice in case["notices"]]
    assert "text" in [notice["kind"] for notice in case["notices"]]


def test_no_other_module_of_the_simulator_names_a_record() -> None:
    prefixes = tuple(key("") for key in KEYS)
    for path in sorted(Path(simulator.__file__).parent.rglob("*.py")):
        if path == Path(records.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole = node.value in (records.OPEN_NOTICES, records.JOURNAL)
                assert not whole, (path, node.lineno)
                assert not node.value.startswith(prefixes), (path, node.lineno)
