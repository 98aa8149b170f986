"""Only the hotline is listened to: Standard Webhooks 1.0, with every leak of `verify` closed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from simulator.bank.client import SandboxBank, SandboxBankError
from simulator.bank.pytest_plugin import StartBank
from simulator.bank.running import new_secret
from simulator.bank.signatures import is_genuine, signed_headers
from tests.simulator.bank.builders import Sender, a_loss_report, a_webhook_id, as_body

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = '{"test": 2432232314}'
MOMENT = datetime.fromtimestamp(1614265330, UTC)
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=5))])
def test_the_published_vector_in_every_zone(zone: timezone) -> None:
    assert signed_headers(SECRET, MESSAGE, BODY, MOMENT.astimezone(zone)) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_the_vector_is_too_old_to_be_listened_to() -> None:
    headers = signed_headers(SECRET, MESSAGE, BODY, MOMENT)

    assert not is_genuine([SECRET], headers, BODY.encode())
    assert is_genuine([SECRET], signed_headers(SECRET, MESSAGE, BODY), BODY.encode())


@pytest.mark.parametrize(
    ("minutes", "genuine"), [(-4.9, True), (4.9, True), (-5.1, False), (5.1, False)]
)
def test_five_minutes_either_way(minutes: float, genuine: bool) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)

    assert is_genuine([SECRET], signed_headers(SECRET, "m", BODY, at), BODY.encode()) is genuine


@pytest.mark.parametrize(
    "spoilt",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1,AAA"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": SIGNATURE},
        {"webhook-signature": "v2," + SIGNATURE[3:]},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e400"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": ""},
        {"webhook-id": "another"},
        {"webhook-id": ""},
    ],
)
def test_spoilt_headers_are_401_and_do_nothing(
    bank: SandboxBank, hotline_sends: Sender, spoilt: dict[str, str]
) -> None:
    notice = a_loss_report()
    headers = hotline_sends.genuine_headers(as_body(notice), a_webhook_id()) | spoilt
    accounts = bank.accounts("icbc")

    answer = hotline_sends.sends(notice, headers=headers)

    assert answer.status_code == 401
    assert bank.accounts("icbc") == accounts
    last = bank.receipts("icbc")[-1]
    assert (last["verified"], last["effect"], last["status"]) == (False, "refused", 401)


def test_no_headers_and_bytes_that_are_no_text_are_401(hotline_sends: Sender) -> None:
    headers = hotline_sends.genuine_headers(b"{}", a_webhook_id())

    assert hotline_sends.sends(b"{}", headers={}).status_code == 401
    assert hotline_sends.sends(b"\xff\xfe", headers=headers).status_code == 401


def test_a_forged_attempt_does_not_use_up_the_webhook_id(hotline_sends: Sender) -> None:
    notice, webhook_id = a_loss_report(), a_webhook_id()
    forged = signed_headers(new_secret(), webhook_id, as_body(notice).decode())

    assert hotline_sends.sends(notice, headers=forged).status_code == 401
    assert hotline_sends.sends(notice, webhook_id).json() == {"status": "blocked"}


def test_another_banks_secret_is_not_enough(hotline_sends: Sender) -> None:
    notice = a_loss_report()
    body = as_body(notice).decode()
    theirs = signed_headers(hotline_sends.running.secrets["ccb"][0], "m", body)

    assert hotline_sends.sends(notice, headers=theirs).status_code == 401


def test_while_rotating_both_secrets_are_good(start_bank: StartBank) -> None:
    newest, oldest = new_secret(), new_secret()
    running = start_bank("http://127.0.0.1:9", known_secrets={"icbc": (newest, oldest)})
    notice = a_loss_report()
    body = as_body(notice).decode()

    with Sender(running) as sender:
        for held in (newest, oldest):
            headers = signed_headers(held, a_webhook_id(), body)
            assert sender.sends(notice, headers=headers).status_code == 200
        unknown = signed_headers(new_secret(), "m", body)
        old = signed_headers(oldest, "m", body)["webhook-signature"]
        both = {**unknown, "webhook-signature": f"{unknown['webhook-signature']} {old}"}
        assert sender.sends(notice, headers=both).status_code == 200


def test_a_webhook_id_that_never_came_is_not_found(bank: SandboxBank) -> None:
    with pytest.raises(SandboxBankError, match="404"):
        bank.receipt("icbc", "never")
