"""Loads against the hotline as real processes: everything adds up, or what does not is named."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.faults.city import BANKS, City
from tests.simulator.load.conftest import Load

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

# Failures have a count: a notice that fails three times in a row waits for two minutes.
FLAKY = [
    {"kind": "fail", "status": 503, "probability": 0.1, "count": 3},
    {"kind": "reset", "probability": 0.1, "count": 2},
    {"kind": "throttle", "retry_after": 1, "probability": 0.1, "count": 2},
    {"kind": "garbage", "form": "cut", "probability": 0.05},
    {"kind": "garbage", "form": "broken", "probability": 0.05},
    {"kind": "acknowledge_later", "after_seconds": 0.5, "probability": 0.1},
]


@contextmanager
def flaky_banks(city: City) -> Iterator[None]:
    for bank in BANKS:
        city.bank.client.mixes(bank, FLAKY)
    yield
    for bank in BANKS:
        city.bank.client.behaves(bank, "normal")


@contextmanager
def every_few_seconds(deed: Callable[[], None]) -> Iterator[None]:
    """Done again and again while the load goes on."""
    over = threading.Event()

    def again_and_again() -> None:
        while not over.wait(4):
            deed()

    doer = threading.Thread(target=again_and_again)
    doer.start()
    try:
        yield
    finally:
        over.set()
        doer.join()


def breaks_a_delivery(city: City, rng: Random) -> None:
    """Kills a worker in whatever it does, or loses every queue: the sweep makes up for it."""
    if rng.random() < 0.5:
        os.kill(rng.choice(city.processes["worker"].children()), signal.SIGKILL)
        return
    for pattern in ("rq:queue:*", "rq:job:*"):
        for key in city.hotline.redis.scan_iter(match=pattern):
            city.hotline.redis.delete(key)


def test_a_few_hundred_calls_with_flaky_banks_add_up(city: City, load: Load) -> None:
    with flaky_banks(city):
        status = load.runs("--calls-per-second", "30", "--for", "10", "--settle", "150")

    assert status == 0, load.printed
    summary = load.summary
    assert summary["adds_up"]
    assert summary["calls"] == summary["calls_planned"] == 300
    assert summary["reports_filed"] == summary["reports_received"] > 50
    assert summary["notices_verified"] == summary["notices_received"]
    assert summary["notices_received"] > summary["reports_filed"]  # the banks were flaky indeed
    assert set(summary["repeated_requests"]) == {"again", "at once", "late"}
    assert len(load.texts()) == 300
    assert "Everything adds up." in load.printed


def test_transcripts_tell_the_call_and_no_id_number(load: Load) -> None:
    assert load.runs("--calls-per-second", "20", "--for", "1", "--mix", "report=1") == 0

    texts = load.texts()
    assert any("presses 18 keys" in text for text in texts)
    for holder in load.callers:
        assert not any(holder.id_number[:17] in text for text in texts)
        assert holder.id_number[:17] not in load.printed


def test_callers_at_human_pace_are_in_progress_together(load: Load) -> None:
    """Forty times as fast as people: a call of two minutes takes three seconds."""
    words = ("--calls-per-second", "15", "--for", "4", "--speed", "40", "--mix", "report=1")

    assert load.runs(*words) == 0, load.printed
    assert load.summary["most_at_once"] > 30


def test_a_bank_that_is_down_does_not_add_up(city: City, load: Load) -> None:
    city.bank.client.behaves("icbc", "down")
    words = ("--calls-per-second", "20", "--for", "2", "--mix", "report=1", "--settle", "1")

    status = load.runs(*words, "--seed", "7")
    city.bank.client.behaves("icbc", "normal")

    assert status == 1
    assert not load.summary["adds_up"]
    assert "a record without a bank receipt: report" in load.printed
    assert {d.partition(": ")[0] for d in load.summary["discrepancies"]} == {
        "a record without a bank receipt"
    }


def test_ctrl_c_ends_the_calls_and_still_tells(load: Load) -> None:
    child = load.starts("--calls-per-second", "2", "--for", "600", "--speed", "1")

    assert load.is_interrupted(child) == 130, load.printed
    assert 0 < load.summary["calls"] < 1200
    assert "Everything adds up." in load.printed


def test_a_thousand_calls_with_faults_in_a_row_add_up(city: City, load: Load) -> None:
    load.is_called_by(800)
    rng = Random(12333)
    words = ("--calls-per-second", "40", "--for", "25", "--at-once", "24", "--lines", "24")

    with flaky_banks(city), every_few_seconds(lambda: breaks_a_delivery(city, rng)):
        status = load.runs(*words, "--settle", "150", "--seed", "1000")

    assert status == 0, load.printed
    summary = load.summary
    assert summary["calls"] == 1000
    assert summary["discrepancies"] == []
    print("\n" + load.printed)
