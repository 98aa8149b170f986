"""`flask banks list`, as an operator types it. (`ping` and `rotate`: test_notices_command.py.)"""

import json
from typing import Any

import pytest
from redis import Redis

from app import create_app
from ivr.cards.notice import Attempt, Outcome
from ivr.cards.notice_bodies import iso
from ivr.store import keys
from ivr.store.bank_health import FAILING_AFTER, PAUSE_AFTER, Answer, answer_of
from tests.builders import a_card, a_holder, an_app, an_id_number, settings
from tests.redis_server import RedisServer
from tests.web.test_notices_command import Operator

ZHANG = a_holder(a_card("5678", "icbc"))
LI = a_holder(a_card("9999", "ccb"), id_number=an_id_number(serial="004"))


@pytest.fixture
def operator(redis_server: RedisServer, redis: Redis) -> Operator:
    assert redis.dbsize() == 0
    return Operator(an_app(settings(redis_server.url), ZHANG, LI))


def listed(operator: Operator) -> dict[str, dict[str, Any]]:
    """Bank -> what is said of it."""
    said = json.loads("\n".join(operator.reads("banks list --json")))
    return {bank["bank"]: bank for bank in said["banks"]}


def fails(operator: Operator, bank: str, times: int) -> int:
    """So often in a row, for a minute; -> since when."""
    redis = operator.records.hotline.redis
    since = int(operator.records.hotline.outbox.now()) - 60
    redis.hset(keys.bank_health(bank), "failures", str(times))
    redis.hset(keys.bank_health(bank), "since", str(since))
    return since


def test_banks_that_were_never_asked(operator: Operator) -> None:
    heading, ccb, icbc = operator.reads("banks list")
    assert heading.split() == [
        "bank", "state", "open", "oldest", "(UTC)", "stuck", "p50", "p95", "confirmed", "last",
        "answer", "(UTC)",
    ]  # fmt: skip
    assert ccb.split() == ["ccb", "ok", "0", "-", "0", "-", "-", "-", "none", "yet"]
    assert icbc.split()[0] == "icbc"
    assert listed(operator)["icbc"] == {
        "bank": "icbc", "state": "ok", "failures": 0, "failing_since": None, "open": 0,
        "oldest": None, "stuck": 0, "time_to_block": None, "last_answer": None,
    }  # fmt: skip


def test_how_long_they_take(operator: Operator) -> None:
    operator.records.took("icbc", {0.5: 60, 120: 40})
    operator.records.took("ccb", {300_000: 1})
    _, ccb, icbc = operator.reads("banks list")
    assert "  0.5 s      2 min      100 of 0  " in icbc
    assert "  over 72 h  over 72 h  1 of 0  " in ccb
    times = {bank: said["time_to_block"] for bank, said in listed(operator).items()}
    assert times == {
        "icbc": {"count": 100, "asked": 0, "p50_seconds": 0.5, "p95_seconds": 120},
        "ccb": {"count": 1, "asked": 0, "p50_seconds": None, "p95_seconds": None},
    }


def test_the_last_answer_and_what_is_owed(operator: Operator) -> None:
    report = operator.records.reports_lost(ZHANG)
    assert listed(operator)["icbc"]["oldest"] == iso(report.reported_at)
    operator.records.bank_answers(report, Outcome.REFUSED)
    said = listed(operator)["icbc"]
    assert (said["open"], said["oldest"]) == (0, None)
    assert (said["last_answer"]["status"], said["last_answer"]["outcome"]) == (200, "refused")
    assert f"{said['last_answer']['at']} refused (HTTP 200)" in operator.reads("banks list")[2]
    assert listed(operator)["ccb"]["last_answer"] is None
    for personal in (ZHANG.id_number, ZHANG.name, ZHANG.cards[0].number):
        assert personal not in str(operator.reads("banks list"))


def test_a_test_is_no_answer_of_the_bank(operator: Operator) -> None:
    """Only what it says to a notice that counts."""
    service = operator.records.hotline.service
    for notice_id in (service.ping("icbc"), *service.send_trials("icbc")):
        service.settle(notice_id, Attempt(1_795_336_200, Outcome.REFUSED, 422, 5, ""), None)
    assert listed(operator)["icbc"]["last_answer"] is None


def test_a_bank_that_fails_and_one_that_is_paused(operator: Operator) -> None:
    since = fails(operator, "icbc", FAILING_AFTER)
    fails(operator, "ccb", PAUSE_AFTER)
    _, ccb, icbc = operator.reads("banks list")
    assert f"  failing since {iso(since)}  " in icbc
    assert "  paused since 20" in ccb
    assert listed(operator)["icbc"]["failing_since"] == iso(since)
    assert (listed(operator)["icbc"]["state"], listed(operator)["ccb"]["state"]) == (
        "failing", "paused",
    )  # fmt: skip


def test_a_bank_that_left(operator: Operator) -> None:
    operator.records.reports_lost(LI)
    known = operator.records.hotline.settings
    left = known.model_copy(update={"banks": {"icbc": known.banks["icbc"]}})
    found = listed(Operator(create_app(left)))
    assert {bank: said["state"] for bank, said in found.items()} == {
        "ccb": "left behind", "icbc": "ok",
    }  # fmt: skip
    assert found["ccb"]["open"] == 1


@pytest.mark.parametrize("text", ["", "x", "1 2", "1 x blocked", "soon 200 blocked"])
def test_an_answer_that_nobody_can_read(text: str, operator: Operator) -> None:
    assert answer_of(text) is None
    operator.records.hotline.redis.hset(keys.BANKS_ANSWERED, "icbc", text)
    assert listed(operator)["icbc"]["last_answer"] is None


def test_an_answer() -> None:
    assert answer_of("1795336200 422 refused") == Answer(1_795_336_200, 422, "refused")
