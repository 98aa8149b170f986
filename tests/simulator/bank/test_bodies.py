"""Bodies: broken, too large, in chunks."""

from typing import Any

import pytest

from simulator.bank.client import SandboxBank
from tests.simulator.bank.builders import ID_NUMBER, Sender, a_loss_report, a_webhook_id, as_body


def without(notice: dict[str, Any], *path: str) -> dict[str, Any]:
    *parents, last = path
    place = notice
    for name in parents:
        place = place[name]
    del place[last]
    return notice


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", ""),
        (b"{not json", ""),
        (b"[1, 2]", ""),
        (b"[" * 20_000, ""),
        (without(a_loss_report(), "timestamp"), "timestamp"),
        (without(a_loss_report(), "data"), "data"),
        (without(a_loss_report(), "data", "card", "number"), "data.card.number"),
        (without(a_loss_report(), "data", "holder", "name"), "data.holder.name"),
        (a_loss_report(report="1234567"), "data.report_number"),
        ({**a_loss_report(), "timestamp": 1614265330}, "timestamp"),
        ({**a_loss_report(), "timestamp": "2026-11-22T08:30:00"}, "timestamp"),
        ({"type": "card.loss_released", "timestamp": "2026-11-22T08:30:00Z"}, "data"),
        ({"type": "card.report_withdrawn", "timestamp": "2026-11-22T08:30:00Z"}, "data"),
    ],
)
def test_a_body_against_the_contract_is_refused_with_the_place(
    bank: SandboxBank, hotline_sends: Sender, body: Any, where: str
) -> None:
    webhook_id = a_webhook_id()

    answer = hotline_sends.sends(body, webhook_id)

    assert answer.status_code == 422
    assert where in [error["where"] for error in answer.json()["errors"]]
    assert ID_NUMBER not in answer.text
    assert bank.receipt("icbc", webhook_id)["attempts"][0]["effect"] == "refused"


def test_a_mended_body_may_use_the_same_webhook_id(hotline_sends: Sender) -> None:
    webhook_id = a_webhook_id()
    assert hotline_sends.sends(b"{}", webhook_id).status_code == 422

    assert hotline_sends.sends(a_loss_report(), webhook_id).json() == {"status": "blocked"}


def test_too_large_is_413_and_the_connection_survives(hotline_sends: Sender) -> None:
    notice = a_loss_report()
    notice["data"]["channel"] = "x" * 70_000

    assert hotline_sends.sends(notice).status_code == 413
    assert hotline_sends.sends(a_loss_report()).status_code == 200


def test_a_body_in_chunks_is_read_and_the_next_notice_too(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report()
    body = as_body(notice)
    headers = hotline_sends.genuine_headers(body, a_webhook_id())

    answer = hotline_sends.session.post(
        f"{bank.base_url}/icbc/notices", data=iter([body[:9], body[9:]]), headers=headers
    )

    assert answer.json() == {"status": "blocked"}
    assert answer.headers["connection"] == "close"
    assert hotline_sends.sends(a_loss_report()).status_code == 200
