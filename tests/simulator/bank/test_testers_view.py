"""The testers' routes, and accounts opened from a cardholders CSV."""

from pathlib import Path

import pytest
import requests

from simulator.bank.client import SandboxBank
from simulator.bank.pytest_plugin import StartBank
from tests.simulator.bank.builders import ID_NUMBER, Sender, a_loss_report, a_webhook_id, as_body

HEADER = "id_number,name,phone,card_number,bank,bank_account,city_code,card_state\n"


def test_receipts_are_numbered_and_come_newest_last(
    bank: SandboxBank, hotline_sends: Sender
) -> None:
    ids = [a_webhook_id() for _ in range(3)]
    for webhook_id in ids:
        hotline_sends.sends(a_loss_report(), webhook_id)

    last_three = bank.receipts("icbc")[-3:]
    assert [receipt["webhook_id"] for receipt in last_three] == ids
    assert bank.receipts("icbc", after=last_three[0]["number"]) == last_three[1:]
    assert all(receipt["verified"] for receipt in last_three)


def test_the_client_reads_page_after_page(
    bank: SandboxBank, web: requests.Session, hotline_sends: Sender
) -> None:
    sent = [hotline_sends.sends(a_loss_report()).status_code for _ in range(3)]

    page = web.get(f"{bank.base_url}/icbc/receipts?limit=2", timeout=10).json()["receipts"]
    counts = {entry["id"]: entry["counts"] for entry in bank.banks()}
    assert len(page) == 2
    assert len(bank.receipts("icbc")) == counts["icbc"]["arrivals"] >= len(sent)


def test_the_banks_with_counts(start_bank: StartBank) -> None:
    running = start_bank("http://127.0.0.1:9", banks=["icbc", "rural-1"])
    with Sender(running, "rural-1") as sender:
        sender.sends(a_loss_report())
        sender.sends(b"{}")

    icbc, rural = running.client.banks()

    assert (icbc["id"], icbc["name"]["zh"], icbc["phone"]) == ("icbc", "工商银行", "95588")
    assert rural["behaviour"] == []
    assert rural["counts"] == {
        "accounts": 1,
        "blocked": 1,
        "arrivals": 2,
        "notices": 1,
        "block_effects": 1,
        "events": 0,
        "events_waiting": 0,
    }


def test_the_front_page_says_what_this_is(web: requests.Session, bank: SandboxBank) -> None:
    page = web.get(bank.base_url, timeout=10)

    assert page.headers["content-type"].startswith("text/plain")
    assert "It is not a bank" in page.text
    assert "工商银行" in page.text


@pytest.mark.parametrize("path", ["/nobank/accounts", "/icbc/nothing", "/nobank/behaviour"])
def test_what_is_not_there(web: requests.Session, bank: SandboxBank, path: str) -> None:
    answer = web.get(bank.base_url + path, timeout=10)

    assert answer.status_code == 404
    assert answer.json()["title"] == "Not Found"


def test_accounts_of_a_cardholders_csv(start_bank: StartBank, tmp_path: Path) -> None:
    cards = tmp_path / "cards.csv"
    cards.write_text(
        HEADER
        + f"{ID_NUMBER},张三,13800000000,A1001,icbc,6222001,330100,1\n"
        + "320102195006150014,欧阳娜娜,13800000001,A1002,ccb,6222002,330100,2\n"
        + "32010219500615,李四,13800000001,A1003,ccb,6222003,330100,1\n"
        + f"{ID_NUMBER},张三,13800000000,A1004,hsbc,6222004,330100,1\n"
        + f"{ID_NUMBER},张三\n"
        + f"{ID_NUMBER},张三,13800000000,A1005,icbc,6222005,330100,4\n",
        encoding="utf-8",
    )
    running = start_bank("http://127.0.0.1:9", options=["--accounts", str(cards)])
    client = running.client

    first, second = client.accounts("icbc")
    [formal] = client.accounts("ccb")
    assert (first["card_number"], first["holder_name"], first["last4"]) == ("A1001", "张*", "002X")
    assert (first["blocked"], second["blocked"]) == (False, True)
    assert (formal["blocked"], formal["formal_loss"]) == (True, True)
    log = running.log_file.read_text(encoding="utf-8")
    for number, reason in [(4, "id_number"), (5, "no such bank"), (6, "card_number")]:
        assert any(f"line {number}:" in line and reason in line for line in log.splitlines())
    assert ID_NUMBER[:14] not in log
    assert "32010219500615" not in log


def test_a_second_start_leaves_known_accounts_as_they_are(
    start_bank: StartBank, tmp_path: Path
) -> None:
    cards = tmp_path / "cards.csv"
    cards.write_text(f"{HEADER}{ID_NUMBER},张三,1,A1001,icbc,6222001,330100,1\n", encoding="utf-8")
    running = start_bank("http://127.0.0.1:9", options=["--accounts", str(cards)])
    with Sender(running) as sender:
        sender.sends(a_loss_report(card="A1001"))

    running.stop()
    running.start()

    [account] = running.client.accounts("icbc")
    assert account["blocked"]


def test_one_connection_serves_many_notices(hotline_sends: Sender) -> None:
    first = hotline_sends.sends(a_loss_report())
    connections = hotline_sends.session.adapters["http://"].poolmanager.pools  # type: ignore[attr-defined]
    for _ in range(5):
        hotline_sends.sends(a_loss_report())

    [pool] = [connections[key] for key in connections.keys()]  # noqa: SIM118 (not a mapping)
    assert "connection" not in first.headers
    assert (pool.num_connections, pool.num_requests) == (1, 6)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),  # a name of theirs for 127.0.0.1 (DNS rebinding)
        ({"Host": "evil.example:8002"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8002", "Origin": "http://127.0.0.1:8002"}, 403),
        ({"Host": "localhost:8002", "Origin": "http://localhost:8002"}, 404),
        ({"Host": "LOCALHOST"}, 404),
        ({"Host": "127.0.0.1:8002"}, 404),
        ({"Host": "[::1]:8002"}, 404),
        ({"Host": "[::1]"}, 404),
        ({}, 404),
    ],
)
@pytest.mark.parametrize("act", ["unblock", "formal-loss"])
def test_other_web_sites_cannot_play_the_teller(
    web: requests.Session, bank: SandboxBank, act: str, headers: dict[str, str], status: int
) -> None:
    """404: let in, and there is no such account."""
    told = {"card_number": "none"}
    address = f"{bank.base_url}/icbc/teller/{act}"
    assert web.post(address, json=told, headers=headers, timeout=10).status_code == status


@pytest.mark.parametrize("path", ["/", "/banks", "/icbc/accounts", "/icbc/receipts", "/nothing"])
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_other_web_sites_see_nothing(
    web: requests.Session, bank: SandboxBank, path: str, headers: dict[str, str]
) -> None:
    answer = web.get(bank.base_url + path, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_what_a_browser_sends_anywhere_unasked_does_nothing(
    web: requests.Session, bank: SandboxBank, kind: str
) -> None:
    """A form of another site's; JSON would need our leave first (CORS)."""
    address = f"{bank.base_url}/icbc/teller/unblock"
    told = '{"card_number": "none"}'
    answer = web.post(address, data=told, headers={"Content-Type": kind}, timeout=10)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8002", "localhost:8002", "[::1]:8002", "[::1]", "bank.example"]
)
def test_a_signed_notice_is_taken_under_any_name(hotline_sends: Sender, host: str) -> None:
    """The signature proves who sends it, and a tunnel to the sandbox has a name of its own."""
    body = as_body(a_loss_report())
    headers = hotline_sends.genuine_headers(body, a_webhook_id()) | {"Host": host}
    assert hotline_sends.sends(body, headers=headers).json() == {"status": "blocked"}
