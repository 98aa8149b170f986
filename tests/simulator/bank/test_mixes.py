"""Behaviours told, counted down, mixed and refused."""

from typing import Any

import pytest
import requests

from simulator.bank.client import SandboxBank
from simulator.bank.pytest_plugin import StartBank
from tests.simulator.bank.builders import Sender, a_loss_report


def test_counts_run_out_one_after_the_other(bank: SandboxBank, hotline_sends: Sender) -> None:
    bank.mixes(
        "icbc",
        [
            {"kind": "fail", "status": 503, "count": 2},
            {"kind": "throttle", "retry_after": 1, "count": 1},
        ],
    )

    seen = [hotline_sends.sends(a_loss_report()).status_code for _ in range(4)]

    assert seen == [503, 503, 429, 200]
    assert bank.behaviour("icbc") == []


def test_probability_mixes_behaviours(bank: SandboxBank, hotline_sends: Sender) -> None:
    bank.behaves("icbc", "fail", status=500, probability=0.5)

    seen = {hotline_sends.sends(a_loss_report()).status_code for _ in range(60)}

    assert seen == {200, 500}


def test_the_present_behaviour_is_shown_with_what_is_left(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    bank.behaves("icbc", "fail", status=503, count=3)
    hotline_sends.sends(a_loss_report())

    assert bank.behaviour("icbc") == [
        {"kind": "fail", "status": 503, "count": 2, "probability": 1.0}
    ]
    assert bank.behaviour("ccb") == []


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "sulk"},
        {"kind": "slow"},
        {"kind": "fail", "status": 200},
        {"kind": "refuse", "status": 500},
        {"kind": "slow", "seconds": 1, "probability": 0},
        {"kind": "slow", "seconds": 1, "count": 0},
        {"kind": "normal", "sceonds": 1},
        "normal",
        None,
    ],
)
def test_what_is_no_behaviour_changes_nothing(
    web: requests.Session, bank: SandboxBank, told: Any
) -> None:
    bank.behaves("icbc", "fail", status=503)

    answer = web.put(f"{bank.base_url}/icbc/behaviour", json=[told], timeout=10)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "behaviour"
    assert bank.behaviour("icbc")[0]["status"] == 503


def test_a_page_of_another_site_cannot_change_it_without_json(
    web: requests.Session, bank: SandboxBank
) -> None:
    answer = web.put(
        f"{bank.base_url}/icbc/behaviour",
        data='{"kind": "down"}',
        headers={"content-type": "text/plain"},
        timeout=10,
    )

    assert answer.status_code == 415
    assert bank.behaviour("icbc") == []


def test_a_bank_may_be_started_in_a_mood(start_bank: StartBank) -> None:
    running = start_bank(
        "http://127.0.0.1:9",
        options=[
            "--behaviours",
            '{"icbc": [{"kind": "refuse", "status": 403}]}',
            "--behaviour",
            'ccb={"kind": "fail", "status": 503}',
        ],
    )

    with Sender(running) as icbc, Sender(running, "ccb") as ccb:
        assert icbc.sends(a_loss_report()).status_code == 403
        assert ccb.sends(a_loss_report()).status_code == 503
