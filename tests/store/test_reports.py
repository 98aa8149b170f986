"""Loss reports: one transaction, one per card, followed up once."""

import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from ivr.cards.acts.report import Refusal
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.notice import NoticeKind, NoticeState, Outcome
from ivr.cards.report_number import is_report_number, new_report_number
from ivr.store import keys
from ivr.store.codec import dump, load, plain
from ivr.store.doorbell import JOB
from ivr.store.outbox import TEXTS_QUEUE
from tests.builders import enrol, settings
from tests.hotline import Hotline, leased, open_hotline
from tests.redis_server import RedisServer
from tests.store.conftest import (
    HOLDER,
    a_request,
    an_attempt,
    end_suspension,
    filed,
    notices_of,
    stored_report,
    the_notice,
)

WEEK = 604_800
CARD = HOLDER.cards[0]


def kinds_of_keys(redis: Redis) -> dict[str, int]:
    """How many keys there are of each kind; the directory's own are left out."""
    found: dict[str, int] = {}
    for key in redis.scan_iter():
        kind = key.decode().rpartition(":")[0] or key.decode()
        if kind not in ("holder", "card", "phones", "vault"):
            found[kind] = found.get(kind, 0) + 1
    return found


def everything(redis: Redis) -> str:
    """Every key and value of this Redis, as text."""
    return "\n".join(
        f"{key.decode()} {READERS[redis.type(key)](redis, key)}" for key in redis.scan_iter()
    )


def _inflated(value: Any) -> Any:
    """RQ stores what a job is about compressed."""
    with suppress(zlib.error):
        return zlib.decompress(value)
    return value


READERS: dict[Any, Callable[[Redis, bytes], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: {n: _inflated(v) for n, v in redis.hgetall(key).items()},
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"set": lambda redis, key: redis.smembers(key),
    b"stream": lambda redis, key: redis.xrange(key),
}


def test_a_report_is_everything_at_once(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)

    assert kinds_of_keys(redis) == {
        "loss": 1, "block": 1, "blocks": 1, "report": 1, "request": 1,
        "deadlines": 1, "suspended": 1, "notice": 2, "notices_to": 1, "speaks": 1,
        "block_hour:icbc": 1,
        "notices": 2, "notices_of": 1, "open": 2, "owed": 2, "journal": 1, "counters": 1,
        "rq:job": 2, "rq:queue": 2, "rq": 1,
    }  # fmt: skip
    suspension = redis.get(keys.loss(report.card_ref))
    assert load(Suspension, suspension or b"") == Suspension(
        ReportKind.TEMPORARY, report.number, "CA1", report.release_at
    )
    block = load(Block, redis.get(keys.block(report.card_ref)) or b"")
    assert (block.state, block.notice_id) == (BlockState.NOTIFIED, report.notice_id)
    assert redis.zscore(keys.DEADLINES, report.number) == report.release_at
    assert redis.zrange(keys.NOTICES_OPEN, 0, -1) == sorted(
        notice.id.encode() for notice in notices_of(hotline)
    )


def test_the_suspension_lasts_604800_seconds(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)

    assert WEEK - 5 <= redis.ttl(keys.loss(report.card_ref)) <= WEEK
    assert report.release_at - report.reported_at == WEEK
    assert redis.ttl(keys.report(report.number)) > 3 * 364 * keys.DAY


def test_the_days_are_a_setting(redis: Redis, redis_server: RedisServer) -> None:
    hotline = open_hotline(settings(redis_server.url, loss_report_days="3"), redis)
    enrol(hotline, HOLDER)
    assert redis.ttl(keys.loss(filed(hotline).card_ref)) <= 3 * keys.DAY


def test_times_are_by_redis_clock(hotline: Hotline, redis: Redis) -> None:
    before = redis.time()[0]
    report = filed(hotline)
    assert before <= report.reported_at <= redis.time()[0]


def test_report_numbers_are_random_and_checked(hotline: Hotline, redis: Redis) -> None:
    numbers = set()
    for call in range(5):
        report = filed(hotline, f"CA{call}")
        numbers.add(report.number)
        end_suspension(redis, report)

    assert len(numbers) == 5
    assert all(is_report_number(number) for number in numbers)


@pytest.mark.parametrize(("origin", "refusal"), [("CA1", None), ("CA2", Refusal.ALREADY)])
def test_a_second_report_changes_and_extends_nothing(
    hotline: Hotline, redis: Redis, origin: str, refusal: Refusal | None
) -> None:
    report = filed(hotline)
    redis.expire(keys.loss(report.card_ref), 1000)
    before = everything(redis)

    again = hotline.service.report_loss(a_request(hotline, origin))

    assert again.refusal == refusal, "the same call gets its own report; another one learns of it"
    assert again.report_number == report.number
    assert again.suspension is not None
    assert again.suspension.release_at == report.release_at
    assert everything(redis) == before
    assert redis.ttl(keys.loss(report.card_ref)) <= 1000


def test_a_formal_report_stands_in_the_way(hotline: Hotline, redis: Redis) -> None:
    formal = Suspension(ReportKind.FORMAL, "", "bank", None)
    card_ref = hotline.vault.ref("card", CARD.number)
    redis.set(keys.loss(card_ref), dump(formal))

    assert hotline.service.report_loss(a_request(hotline)).refusal is Refusal.FORMAL
    assert kinds_of_keys(redis) == {"loss": 1}


def test_reports_at_the_same_instant_make_one(hotline: Hotline, redis: Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        requests = [a_request(hotline, f"CA{n}") for n in range(8)]
        filings = list(pool.map(hotline.service.report_loss, requests))

    assert sorted(str(filing.refusal) for filing in filings) == ["None"] + ["already"] * 7
    assert len({filing.report_number for filing in filings}) == 1
    assert kinds_of_keys(redis)["report"] == 1
    assert kinds_of_keys(redis)["notice"] == 2


def test_after_the_release_a_new_report_may_be_made(hotline: Hotline, redis: Redis) -> None:
    first = filed(hotline, "CA1")
    end_suspension(redis, first)
    second = filed(hotline, "CA2")

    assert second.number != first.number
    assert redis.ttl(keys.loss(second.card_ref)) > WEEK - 5
    assert stored_report(redis, first.number) == first, "still there to be asked for"


def test_a_taken_number_is_never_taken_again(
    hotline: Hotline, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source of randomness says the same twice; nothing of ours is replaced."""
    first = filed(hotline)
    end_suspension(redis, first)
    before = stored_report(redis, first.number)
    rolls = iter([int(first.number[:-1]), int(first.number[:-1]), 7654321])
    monkeypatch.setattr("secrets.randbelow", lambda _top: next(rolls))

    second = filed(hotline, "CA2")

    assert second.number[:-1] == "7654321"
    assert stored_report(redis, first.number) == before


def test_a_report_is_found_by_its_number(hotline: Hotline) -> None:
    report = filed(hotline)
    assert hotline.cases.find_report(report.number) == report
    assert hotline.cases.find_report(new_report_number()) is None


# --- what the bank is told -------------------------------------------------------------------


def zulu(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def test_the_notice_is_the_agreed_document(hotline: Hotline) -> None:
    """design.md section 2, "Notice to a bank": exactly these fields."""
    report = filed(hotline)

    assert hotline.outbox.body(the_notice(hotline)) == {
        "type": "card.loss_reported",
        "timestamp": zulu(report.reported_at),
        "data": {
            "report_number": report.number,
            "kind": "temporary",
            "action": "block_financial_function",
            "reported_at": zulu(report.reported_at),
            "social_security_release_at": zulu(report.reported_at + WEEK),
            "channel": "phone",
            "card": {
                "number": CARD.number,
                "bank_account": CARD.bank_account,
                "city_code": CARD.city_code,
            },
            "holder": {"social_security_number": HOLDER.id_number, "name": HOLDER.name},
        },
    }


def test_the_job_names_a_notice_and_nothing_else(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)
    for queue, kind in (("bank-icbc", NoticeKind.LOSS_REPORTED), (TEXTS_QUEUE, NoticeKind.TEXT)):
        (job_id,) = map(plain, redis.lrange(f"rq:queue:{queue}", 0, -1))
        data = redis.hget(f"rq:job:{job_id}", "data")
        assert json.loads(_inflated(data or b"")) == [JOB, None, [the_notice(hotline, kind).id], {}]
        job = Job.fetch(job_id, redis, serializer=JSONSerializer)
        assert (job.func_name, job.result_ttl) == (JOB, 0)
    assert report.bank == "icbc"


def test_no_personal_value_lies_in_redis_in_clear(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)
    hotline.service.settle(the_notice(hotline).id, an_attempt(Outcome.BLOCKED), None)
    end_suspension(redis, report)
    hotline.service.release_due()

    text = everything(redis)
    assert "rq:job" in text
    assert "loss_released" in text
    for secret in (HOLDER.id_number, CARD.number, CARD.bank_account, HOLDER.phone[3:]):
        assert secret not in text
    assert HOLDER.name not in text
    assert repr(HOLDER.name.encode())[2:-1] not in text
    assert HOLDER.id_number[:14] not in text


# --- the end of the 7 days ---------------------------------------------------------------------


def test_nothing_is_released_while_the_suspension_lasts(hotline: Hotline) -> None:
    report = filed(hotline)

    assert hotline.service.release_due() == 0
    found = hotline.cases.find_report(report.number)
    assert found is not None
    assert found.state is ReportState.ACTIVE


def test_a_release_tells_bank_and_holder_once(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)
    ttl = redis.ttl(keys.report(report.number))
    end_suspension(redis, report)

    assert hotline.service.release_due() == 1
    assert hotline.service.release_due() == 0

    assert stored_report(redis, report.number).state is ReportState.RELEASED
    assert redis.ttl(keys.report(report.number)) <= ttl, "kept as long as before"
    assert redis.zcard(keys.DEADLINES) == 0
    body = hotline.outbox.body(the_notice(hotline, NoticeKind.LOSS_RELEASED))
    assert body["type"] == "card.loss_released"
    assert body["data"]["report_number"] == report.number
    assert body["data"]["card"]["number"] == CARD.number
    texts = [hotline.outbox.body(n)["prompt"] for n in notices_of(hotline, NoticeKind.TEXT)]
    assert sorted(texts) == ["text_filed", "text_released"]
    events = [fields[b"event"] for _, fields in cast("list[Any]", redis.xrange(keys.JOURNAL))]
    assert events == [b"loss_reported", b"loss_released"]


def test_redis_itself_ends_the_suspension(redis: Redis, hotline: Hotline) -> None:
    report = filed(hotline)
    redis.pexpire(keys.loss(report.card_ref), 1)
    while redis.exists(keys.loss(report.card_ref)):
        pass
    assert hotline.service.release_due() == 1


def test_sweeps_at_the_same_time_release_once(hotline: Hotline, redis: Redis) -> None:
    for n in range(10):
        end_suspension(redis, filed(hotline, f"CA{n}"))
    sweeps = [open_hotline(hotline.settings, redis).service for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        released = sum(pool.map(lambda sweep: sweep.release_due(), sweeps))

    assert released == 10
    assert len(notices_of(hotline, NoticeKind.LOSS_RELEASED)) == 10


def test_a_release_leaves_a_newer_report_alone(hotline: Hotline, redis: Redis) -> None:
    first = filed(hotline, "CA1")
    end_suspension(redis, first)
    second = filed(hotline, "CA2")

    assert hotline.service.release_due() == 1
    assert stored_report(redis, first.number).state is ReportState.RELEASED
    assert stored_report(redis, second.number).state is ReportState.ACTIVE
    assert redis.zrange(keys.DEADLINES, 0, -1) == [second.number.encode()]


def lost_again(hotline: Hotline, redis: Redis) -> tuple[LossReport, LossReport]:
    """A card reported, blocked, unblocked at the bank with 1000 s to go, and reported again."""
    first = filed(hotline, "CA1")
    hotline.service.settle(first.notice_id, an_attempt(Outcome.BLOCKED), None)
    at = int(hotline.outbox.now()) + 1
    told = BankEvent("evt-1", CARD.bank, UNBLOCKED, at, card_number=CARD.number, outlet="001")
    assert hotline.service.hear(told) == "applied"
    early = replace(first, release_at=int(hotline.outbox.now()) + 1000)
    suspension = load(Suspension, redis.get(keys.loss(first.card_ref)) or b"")
    redis.set(keys.report(first.number), dump(early))
    redis.zadd(keys.DEADLINES, {first.number: early.release_at})
    ends = dump(replace(suspension, release_at=early.release_at))
    redis.set(keys.loss(first.card_ref), ends, ex=1000)
    return early, filed(hotline, "CA2")


def test_a_card_lost_again_keeps_its_deadline(hotline: Hotline, redis: Redis) -> None:
    first, second = lost_again(hotline, redis)
    assert second.number != first.number
    assert second.release_at == first.release_at
    assert 990 <= redis.ttl(keys.loss(first.card_ref)) <= 1000
    held = load(Suspension, redis.get(keys.loss(first.card_ref)) or b"")
    assert (held.report_number, held.origin) == (second.number, "CA2")
    assert stored_report(redis, first.number).state is ReportState.SUPERSEDED
    assert stored_report(redis, second.number).state is ReportState.ACTIVE
    deadlines = redis.zrange(keys.DEADLINES, 0, -1, withscores=True)
    assert deadlines == [(second.number.encode(), first.release_at)]


def test_the_bank_of_a_card_lost_again_gets_a_new_notice(hotline: Hotline, redis: Redis) -> None:
    first, second = lost_again(hotline, redis)
    told = {n.id: n for n in notices_of(hotline, NoticeKind.LOSS_REPORTED)}
    assert set(told) == {first.notice_id, second.notice_id}
    assert told[second.notice_id].state is NoticeState.OPEN
    assert leased(hotline, second.notice_id, 30) is not None
    block = load(Block, redis.get(keys.block(first.card_ref)) or b"")
    assert (block.state, block.report_number) == (BlockState.NOTIFIED, second.number)
    hotline.service.settle(second.notice_id, an_attempt(Outcome.BLOCKED), None)
    block = load(Block, redis.get(keys.block(first.card_ref)) or b"")
    assert block.state is BlockState.BLOCKED


def test_a_card_lost_again_is_released_once(hotline: Hotline, redis: Redis) -> None:
    first, second = lost_again(hotline, redis)
    assert hotline.service.release_due() == 0
    end_suspension(redis, second)
    assert hotline.service.release_due() == 1
    assert hotline.service.release_due() == 0
    assert stored_report(redis, first.number).state is ReportState.SUPERSEDED
    assert stored_report(redis, second.number).state is ReportState.RELEASED
    (released,) = notices_of(hotline, NoticeKind.LOSS_RELEASED)
    assert released.report_number == second.number
    assert redis.zcard(keys.DEADLINES) == 0


def test_the_same_call_reports_a_card_lost_again_once(hotline: Hotline, redis: Redis) -> None:
    _, second = lost_again(hotline, redis)
    again = hotline.service.report_loss(a_request(hotline, "CA2"))
    assert (again.refusal, again.report_number) == (None, second.number)
    other = hotline.service.report_loss(a_request(hotline, "CA3"))
    assert (other.refusal, other.report_number) == (Refusal.ALREADY, second.number)
    assert len(notices_of(hotline, NoticeKind.LOSS_REPORTED)) == 2


def test_calls_at_the_same_instant_report_a_card_lost_again_once(
    hotline: Hotline, redis: Redis
) -> None:
    first, second = lost_again(hotline, redis)
    unblock = BankEvent(
        "evt-2", CARD.bank, UNBLOCKED, int(hotline.outbox.now()) + 2, card_number=CARD.number,
        outlet="001",
    )  # fmt: skip
    hotline.service.settle(second.notice_id, an_attempt(Outcome.BLOCKED), None)
    assert hotline.service.hear(unblock) == "applied"
    calls = [open_hotline(hotline.settings, redis).service for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        filings = list(
            pool.map(lambda n: calls[n].report_loss(a_request(hotline, f"CB{n}")), range(4))
        )
    assert [filing.refusal for filing in filings].count(None) == 1
    assert len({filing.report_number for filing in filings}) == 1
    assert {stored_report(redis, r.number).state for r in (first, second)} == {
        ReportState.SUPERSEDED
    }
    assert redis.zcard(keys.DEADLINES) == 1


def test_a_superseded_report_is_not_released(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)
    end_suspension(redis, report)
    superseded = LossReport(**{**vars(report), "state": ReportState.SUPERSEDED})
    redis.set(keys.report(report.number), dump(superseded))

    assert hotline.service.release_due() == 0
    assert notices_of(hotline, NoticeKind.LOSS_RELEASED) == []


def test_far_deadlines_are_looked_at_in_turn(hotline: Hotline, redis: Redis) -> None:
    """A suspension that is gone early is found although many earlier deadlines stand first."""
    gone = filed(hotline)
    end_suspension(redis, gone)
    redis.zadd(keys.DEADLINES, {f"{n:08d}": n for n in range(1200)})

    assert sum(hotline.service.release_due() for _ in range(6)) == 1
