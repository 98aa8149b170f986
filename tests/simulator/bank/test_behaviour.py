"""A bank that fails in every way the hotline must survive, and comes back."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from simulator.bank.client import SandboxBank, SandboxBankError
from tests.simulator.bank.builders import (
    Sender,
    a_loss_report,
    a_webhook_id,
    card_of,
    report_of,
)


def is_blocked(bank: SandboxBank, notice: dict[str, Any]) -> bool:
    account = bank.account("icbc", card_of(notice))
    return account is not None and account["blocked"]


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_fails_and_does_nothing_until_it_is_normal_again(
    bank: SandboxBank, hotline_sends: Sender, status: int
) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()
    bank.behaves("icbc", "fail", status=status)

    assert hotline_sends.sends(notice, webhook_id).status_code == status
    assert not is_blocked(bank, notice)

    bank.behaves("icbc", "normal")
    assert hotline_sends.sends(notice, webhook_id).json() == {"status": "blocked"}
    attempts = bank.receipt("icbc", webhook_id)["attempts"]
    assert [(a["behaviour"], a["effect"], a["status"]) for a in attempts] == [
        ("fail", "none", status),
        ("normal", "blocked", 200),
    ]


def test_blocks_and_then_says_500(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()
    bank.behaves("icbc", "fail", effect=True, count=1)

    assert hotline_sends.sends(notice, webhook_id).status_code == 500
    assert is_blocked(bank, notice)
    assert hotline_sends.sends(notice, webhook_id).json() == {"status": "blocked"}
    assert bank.effects("icbc")[report_of(notice)] == 1


@pytest.mark.parametrize("status", [403, 422])
def test_refuses(bank: SandboxBank, hotline_sends: Sender, status: int) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "refuse", status=status)

    assert hotline_sends.sends(notice).status_code == status
    assert not is_blocked(bank, notice)
    assert bank.wait_for_receipt("icbc", report_of(notice))["effect"] == "refused"


def test_throttles_in_seconds_and_by_date(bank: SandboxBank, hotline_sends: Sender) -> None:
    bank.behaves("icbc", "throttle", retry_after=7)
    in_seconds = hotline_sends.sends(a_loss_report())
    bank.behaves("icbc", "throttle", retry_after=3600, as_date=True)
    by_date = hotline_sends.sends(a_loss_report())

    assert (in_seconds.status_code, in_seconds.headers["retry-after"]) == (429, "7")
    ahead = parsedate_to_datetime(by_date.headers["retry-after"]).timestamp() - time.time()
    assert 3500 < ahead <= 3600


def test_slow_has_not_blocked_when_the_sender_gives_up(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "slow", seconds=600)

    with pytest.raises(requests.ReadTimeout):
        hotline_sends.sends(notice, timeout=0.2)
    assert not is_blocked(bank, notice)


def test_slow_blocks_and_answers_in_the_end(bank: SandboxBank, hotline_sends: Sender) -> None:
    bank.behaves("icbc", "slow", seconds=0.2)
    started = time.monotonic()

    assert hotline_sends.sends(a_loss_report()).json() == {"status": "blocked"}
    assert time.monotonic() - started >= 0.2


def test_late_has_blocked_when_the_sender_gives_up(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()
    bank.behaves("icbc", "late", seconds=600, count=1)

    with pytest.raises(requests.ReadTimeout):
        hotline_sends.sends(notice, webhook_id, timeout=0.2)
    bank.wait_for_receipt("icbc", report_of(notice))
    assert is_blocked(bank, notice)
    assert hotline_sends.sends(notice, webhook_id).json() == {"status": "blocked"}
    assert bank.effects("icbc")[report_of(notice)] == 1


def test_resets_the_connection(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "reset")

    with pytest.raises(ConnectionResetError):
        hotline_sends.sends_raw(notice)
    assert bank.wait_for_receipt("icbc", report_of(notice))["status"] is None


def test_hangs_until_the_sender_gives_up(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "hang")

    with pytest.raises(requests.ReadTimeout):
        hotline_sends.sends(notice, timeout=0.2)
    assert not is_blocked(bank, notice)
    assert bank.wait_for_receipt("icbc", report_of(notice))["status"] is None


def test_down_closes_without_a_word_or_a_trace_and_comes_back(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()
    bank.behaves("icbc", "down")

    assert hotline_sends.sends_raw(notice) == b""
    with pytest.raises(requests.ConnectionError):
        hotline_sends.sends(notice, webhook_id)
    with pytest.raises(SandboxBankError, match="404"):
        bank.receipt("icbc", webhook_id)

    bank.behaves("icbc", "normal")
    assert hotline_sends.sends(notice, webhook_id).json() == {"status": "blocked"}


def test_answers_a_megabyte_of_nonsense(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "garbage")

    answer = hotline_sends.sends(notice)

    assert answer.status_code == 200
    assert len(answer.content) > 1_000_000
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert is_blocked(bank, notice)


@pytest.mark.parametrize("form", ["broken", "cut"])
def test_answers_what_is_not_http(bank: SandboxBank, hotline_sends: Sender, form: str) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "garbage", form=form)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        hotline_sends.sends(notice)
    assert is_blocked(bank, notice)


def test_redirects_to_a_page_that_lies(
    web: requests.Session, bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report()
    bank.behaves("icbc", "redirect")

    answer = hotline_sends.sends(notice)

    assert (answer.status_code, answer.headers["location"]) == (302, "elsewhere")
    assert web.get(f"{bank.base_url}/icbc/elsewhere", timeout=10).json() == {"status": "blocked"}
    assert not is_blocked(bank, notice)
