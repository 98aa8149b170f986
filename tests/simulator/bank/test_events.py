"""What the bank tells the hotline: signed, kept until answered, with one id for every attempt."""

from typing import Any

import pytest
import requests

from simulator.bank.client import SandboxBank, SandboxBankError
from simulator.bank.pytest_plugin import StartBank
from simulator.bank.running import RunningBank, new_secret
from tests.simulator.bank.builders import Sender, a_loss_report, card_of, report_of
from tests.simulator.bank.hotline import ToyHotline

QUICK = ("--event-retry-seconds", "0.02")


@pytest.fixture
def told_bank(start_bank: StartBank, hotline: ToyHotline, secret: str) -> RunningBank:
    """A bank of its own that tells the toy hotline, with an older secret still valid."""
    return start_bank(hotline.url, options=QUICK, known_secrets={"icbc": (secret, new_secret())})


@pytest.fixture
def teller(told_bank: RunningBank) -> SandboxBank:
    return told_bank.client


@pytest.fixture
def blocked_card(told_bank: RunningBank) -> str:
    notice = a_loss_report()
    with Sender(told_bank) as sender:
        assert sender.sends(notice).json() == {"status": "blocked"}
    return card_of(notice)


def test_acknowledges_later_with_an_event(
    told_bank: RunningBank, teller: SandboxBank, hotline: ToyHotline
) -> None:
    notice = a_loss_report()
    teller.behaves("icbc", "acknowledge_later", after_seconds=0.1)

    with Sender(told_bank) as sender:
        answer = sender.sends(notice, "ntc_1")
        again = sender.sends(notice, "ntc_1")

    assert (answer.status_code, answer.json()) == (202, {"status": "received"})
    assert (again.status_code, again.json()) == (202, {"status": "received"})
    [event] = hotline.wait_until(lambda events: len(events) == 1)
    assert event.path == "/banks/icbc/events"
    assert event.type == "financial_function.blocked"
    assert event.data == {"report_number": report_of(notice)}
    teller.wait_for_event("icbc", "financial_function.blocked", "delivered")
    assert len(teller.events("icbc")) == 1


def test_acknowledges_not_before_its_time(told_bank: RunningBank, teller: SandboxBank) -> None:
    teller.behaves("icbc", "acknowledge_later", after_seconds=3600)

    with Sender(told_bank) as sender:
        sender.sends(a_loss_report())

    [event] = teller.events("icbc")
    assert (event["state"], event["attempts"]) == ("waiting", [])


def test_unblocking_at_an_outlet_is_told(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    told = teller.unblocks("icbc", blocked_card, outlet="西湖支行")

    assert not told["account"]["blocked"]
    [event] = hotline.wait_until(lambda events: len(events) == 1)
    assert event.type == "financial_function.unblocked"
    assert event.webhook_id == told["event_id"]
    assert event.data == {
        "card_number": blocked_card,
        "at": told["account"]["settled_at"],
        "outlet": "西湖支行",
    }


def test_a_formal_loss_is_told_and_cannot_be_undone(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    told = teller.reports_formal_loss("icbc", blocked_card)

    assert (told["account"]["blocked"], told["account"]["formal_loss"]) == (True, True)
    [event] = hotline.wait_until(lambda events: len(events) == 1)
    assert event.type == "formal_loss.reported"
    for visit in (teller.unblocks, teller.reports_formal_loss):
        with pytest.raises(SandboxBankError, match="409"):
            visit("icbc", blocked_card)
    assert len(teller.events("icbc")) == 1


def test_sent_again_under_the_same_id_until_the_hotline_takes_it(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    hotline.will_answer(500, 503, 401, 429)

    event_id = teller.unblocks("icbc", blocked_card)["event_id"]

    events = hotline.wait_until(lambda events: len(events) == 5)
    assert {event.webhook_id for event in events} == {event_id}
    done = teller.wait_for_event("icbc", "financial_function.unblocked", "delivered")
    assert [a["status"] for a in done["attempts"]] == [500, 503, 401, 429, 200]
    assert done["due"] is None


@pytest.mark.parametrize("status", [404, 409, 422])
def test_a_final_answer_ends_it(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str, status: int
) -> None:
    hotline.will_answer(status)

    teller.unblocks("icbc", blocked_card)

    event = teller.wait_for_event("icbc", "financial_function.unblocked", "refused")
    assert [a["status"] for a in event["attempts"]] == [status]


def test_not_yet_is_not_final(teller: SandboxBank, hotline: ToyHotline, blocked_card: str) -> None:
    """A conflict with a time to try again: the hotline does not have the report yet."""
    hotline.retry_after = "30"
    hotline.will_answer(409)

    teller.unblocks("icbc", blocked_card)

    event = teller.wait_for_event("icbc", "financial_function.unblocked", "delivered")
    assert [a["status"] for a in event["attempts"]] == [409, 200]


def test_a_redirect_is_not_followed(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    hotline.will_answer(302)

    teller.unblocks("icbc", blocked_card)

    event = teller.wait_for_event("icbc", "financial_function.unblocked", "delivered")
    assert [a["status"] for a in event["attempts"]] == [302, 200]


def test_the_teller_finds_no_such_account(teller: SandboxBank) -> None:
    with pytest.raises(SandboxBankError, match="404"):
        teller.unblocks("icbc", "A99999999")
    assert teller.events("icbc") == []


@pytest.mark.parametrize("told", [{}, [], {"card_number": 7}, {"card_number": "A1", "outlet": 1}])
def test_the_teller_must_be_told_a_card(
    bank: SandboxBank, web: requests.Session, told: Any
) -> None:
    answer = web.post(f"{bank.base_url}/icbc/teller/unblock", json=told, timeout=10)

    assert answer.status_code == 422


def test_a_formal_loss_may_be_withdrawn(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    teller.reports_formal_loss("icbc", blocked_card)
    told = teller.withdraws_formal_loss("icbc", blocked_card, outlet="西湖支行")

    assert (told["account"]["blocked"], told["account"]["formal_loss"]) == (True, False)
    events = hotline.wait_until(lambda events: len(events) == 2)
    assert events[1].type == "formal_loss.withdrawn"
    assert events[1].data["outlet"] == "西湖支行"
    with pytest.raises(SandboxBankError, match="409"):
        teller.withdraws_formal_loss("icbc", blocked_card)


def test_a_block_lapses_and_the_banks_own_line_takes_a_report(
    teller: SandboxBank, hotline: ToyHotline, blocked_card: str
) -> None:
    assert not teller.lets_lapse("icbc", blocked_card)["account"]["blocked"]
    told = teller.takes_report("icbc", blocked_card)

    assert told["account"]["blocked"]
    events = hotline.wait_until(lambda events: len(events) == 2)
    kinds = ["financial_function.block_lapsed", "temporary_loss.reported"]
    assert [event.type for event in events] == kinds
    assert events[1].data == {"card_number": blocked_card, "at": told["account"]["settled_at"]}


def test_a_card_is_replaced(teller: SandboxBank, hotline: ToyHotline, blocked_card: str) -> None:
    new = {"new_card_number": "B87654321", "new_bank_account": "6222029999990000"}
    told = teller.replaces("icbc", blocked_card, **new)

    account = told["account"]
    assert (account["card_number"], account["blocked"]) == ("B87654321", False)
    assert teller.account("icbc", blocked_card) is None
    [event] = hotline.wait_until(lambda events: len(events) == 1)
    assert event.type == "card.replaced"
    assert event.data == {"card_number": blocked_card, "at": account["settled_at"], **new}
    made_up = teller.replaces("icbc", "B87654321")["account"]
    assert len(made_up["card_number"]) == 16
    with pytest.raises(SandboxBankError, match="404"):
        teller.replaces("icbc", blocked_card)


def test_nothing_else_happens_at_the_bank(teller: SandboxBank, blocked_card: str) -> None:
    with pytest.raises(SandboxBankError, match="404"):
        teller._call("POST", "/icbc/teller/dance", {"card_number": blocked_card})
