"""What a genuine notice does, once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from ivr.cards.trial_bodies import trial_bodies
from simulator.bank.client import SandboxBank
from simulator.bank.running import RunningBank
from tests.simulator.bank.builders import (
    ID_NUMBER,
    NAME,
    Sender,
    a_loss_report,
    a_webhook_id,
    card_of,
    report_of,
)


def account_of(bank: SandboxBank, notice: dict[str, Any]) -> dict[str, Any]:
    account = bank.account("icbc", card_of(notice))
    assert account
    return account


def test_a_loss_report_blocks_the_account(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()

    answer = hotline_sends.sends(notice)

    assert (answer.status_code, answer.json()) == (200, {"status": "blocked"})
    account = account_of(bank, notice)
    assert account["blocked"]
    assert account["by_report"] == report_of(notice)
    assert (account["holder_name"], account["last4"]) == ("张**", "002X")
    assert bank.effects("icbc")[report_of(notice)] == 1


def test_a_repeated_webhook_id_gets_the_same_answer_and_does_nothing(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()

    first = hotline_sends.sends(notice, webhook_id)
    again = hotline_sends.sends(notice, webhook_id)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    receipt = bank.receipt("icbc", webhook_id)
    assert [attempt["effect"] for attempt in receipt["attempts"]] == ["blocked", "duplicate"]
    assert receipt["block_effects"] == 1
    assert receipt["effect"] == "blocked"


def test_the_same_webhook_id_from_many_connections_at_once_blocks_once(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()

    def attempt(_: int) -> Any:
        with Sender(hotline_sends.running) as sender:
            return sender.sends(notice, webhook_id).json()

    with ThreadPoolExecutor(12) as connections:
        answers = list(connections.map(attempt, range(12)))

    assert answers == [{"status": "blocked"}] * 12
    assert bank.effects("icbc")[report_of(notice)] == 1


def test_two_webhook_ids_for_one_report_are_counted_as_a_double_effect(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report()

    hotline_sends.sends(notice)
    hotline_sends.sends(notice)

    assert bank.effects("icbc")[report_of(notice)] == 2


@pytest.mark.parametrize(
    "kind", ["card.loss_released", "card.report_disputed", "card.report_withdrawn"]
)
def test_what_became_of_a_report_is_noted_and_the_account_stays_blocked(
    bank: SandboxBank, hotline_sends: Sender, kind: str
) -> None:
    notice = a_loss_report()
    hotline_sends.sends(notice)

    answer = hotline_sends.sends({**notice, "type": kind})

    assert answer.json() == {"status": "noted"}
    assert account_of(bank, notice)["blocked"]
    shown = [(row["type"], row["report_number"]) for row in bank.receipts("icbc")]
    assert shown[-1] == (kind, report_of(notice))


@pytest.mark.parametrize(
    ("kind", "status"), [("ping", "ok"), ("card.replaced", "noted"), ("测试", "noted")]
)
def test_other_types_do_nothing(
    bank: SandboxBank, hotline_sends: Sender, kind: str, status: str
) -> None:
    before = bank.accounts("icbc")

    answer = hotline_sends.sends({"type": kind, "timestamp": "2026-11-22T08:30:00Z", "data": {}})

    assert (answer.status_code, answer.json()) == (200, {"status": status})
    assert bank.accounts("icbc") == before


def test_a_test_that_a_bank_sends_itself_blocks_nothing(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    before = bank.accounts("icbc")

    for body in trial_bodies("icbc", int(time.time())):
        assert hotline_sends.sends(body).status_code == 200

    assert bank.accounts("icbc") == before


def test_a_late_notice_does_not_block_again(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report(reported_at=datetime.now(UTC) - timedelta(hours=1))
    hotline_sends.sends(notice)
    bank.unblocks("icbc", card_of(notice))

    resent = hotline_sends.sends(notice)
    other_old = a_loss_report(
        card=card_of(notice), reported_at=datetime.now(UTC) - timedelta(minutes=5)
    )
    old = hotline_sends.sends(other_old)

    assert resent.json() == old.json() == {"status": "late"}
    assert not account_of(bank, notice)["blocked"]
    assert bank.wait_for_receipt("icbc", report_of(other_old))["effect"] == "late"
    assert report_of(other_old) not in bank.effects("icbc")


def test_a_report_resent_in_the_second_of_the_unblocking_is_late(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report(reported_at=datetime.now(UTC).replace(microsecond=0))
    hotline_sends.sends(notice)
    bank.unblocks("icbc", card_of(notice))

    assert hotline_sends.sends(notice).json() == {"status": "late"}


def test_a_new_report_after_unblocking_blocks(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    hotline_sends.sends(notice)
    bank.unblocks("icbc", card_of(notice))
    newer = a_loss_report(
        card=card_of(notice), reported_at=datetime.now(UTC).replace(microsecond=0)
    )

    assert hotline_sends.sends(newer).json() == {"status": "blocked"}
    assert account_of(bank, notice)["by_report"] == report_of(newer)


def test_a_formally_lost_card_stays_as_it_is(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    hotline_sends.sends(notice)
    bank.reports_formal_loss("icbc", card_of(notice))
    newer = a_loss_report(card=card_of(notice), reported_at=datetime.now(UTC) + timedelta(hours=1))

    late = hotline_sends.sends(notice)
    formal = hotline_sends.sends(newer)

    assert (late.json(), formal.json()) == ({"status": "late"}, {"status": "blocked"})
    account = account_of(bank, notice)
    assert (account["blocked"], account["formal_loss"], account["by_report"]) == (True, True, None)
    assert report_of(newer) not in bank.effects("icbc")


def test_one_bank_knows_nothing_of_another(bank: SandboxBank, hotline_sends: Sender) -> None:
    notice = a_loss_report()
    hotline_sends.sends(notice)

    assert bank.account("ccb", card_of(notice)) is None
    assert report_of(notice) not in bank.effects("ccb")


def test_a_bank_that_is_not_there(web: requests.Session, running: RunningBank) -> None:
    answer = web.post(f"{running.url}/nobank/notices", data=b"{}", timeout=10)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_neither_log_nor_ledger_nor_answer_knows_the_holder(
    running: RunningBank, bank: SandboxBank, hotline_sends: Sender
) -> None:
    notice = a_loss_report()
    broken = a_loss_report()
    broken["data"]["holder"]["name"] = {"full": NAME}
    hotline_sends.sends(notice)
    hotline_sends.sends(broken)
    bank.unblocks("icbc", card_of(notice))

    log = running.log_file.read_bytes()
    written = [file.read_bytes() for file in (running.folder / "bank").iterdir()]
    assert report_of(notice).encode() in log
    assert card_of(notice).encode() not in log
    for kept in [log, *written, str(bank.accounts("icbc")).encode()]:
        assert ID_NUMBER[:17].encode() not in kept
        assert NAME.encode() not in kept
