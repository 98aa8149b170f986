"""The Messages resource, met by the official client; error codes are Twilio's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from simulator.page.message_service import segments
from simulator.page.messages import Message, MessageStore
from tests.simulator.page.served_page import ACCOUNT_SID, AUTH_TOKEN, ServedPage

TO, FROM = "+8615454028632", "+8612333"


class _ToTheSimulator(TwilioHttpClient):
    """The official client's own HTTP, with the host of api.twilio.com replaced."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def request(  # type: ignore[override]
        self, method: str, url: str, *more: Any, **named: Any
    ) -> Any:
        return super().request(method, self._base_url + urlsplit(url).path, *more, **named)

    def close(self) -> None:
        if self.session:
            self.session.close()


@pytest.fixture
def served(tmp_path: Path, redis_url: str) -> Iterator[ServedPage]:
    with ServedPage(tmp_path, redis_url) as page:
        yield page


@pytest.fixture
def http(served: ServedPage) -> Iterator[_ToTheSimulator]:
    http = _ToTheSimulator(served.url)
    yield http
    http.close()


@pytest.fixture
def twilio(http: _ToTheSimulator) -> Client:
    return Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http)


def test_a_message_is_queued_and_kept(twilio: Client, served: ServedPage) -> None:
    sent = twilio.messages.create(to=TO, from_=FROM, body="【12333】挂失成功")
    assert sent.sid is not None
    assert len(sent.sid) == 34
    assert sent.sid.startswith("SM")
    assert [sent.status, sent.direction, sent.num_segments] == ["queued", "outbound-api", "1"]
    assert (sent.to, sent.from_, sent.body) == (TO, FROM, "【12333】挂失成功")
    assert sent.account_sid == ACCOUNT_SID
    assert sent.date_created is not None
    assert sent.error_code is None
    (kept,) = served.get("/messages", to=TO)["messages"]
    assert (kept["sid"], kept["body"]) == (sent.sid, "【12333】挂失成功")
    assert served.get("/messages", to="+8613800138000")["messages"] == []
    assert served.get("/messages", after=kept["number"])["messages"] == []


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"to": "", "body": "x"}, 400, 21604),
        ({"to": "12333", "body": "x"}, 400, 21211),
        ({"to": TO, "body": " "}, 400, 21602),
        ({"to": TO, "body": "x", "from_": ""}, 400, 21603),
        ({"to": TO, "body": "x" * 1601}, 400, 21617),
    ],
)
def test_refusals_are_twilios(
    twilio: Client, served: ServedPage, asked: dict[str, str], status: int, code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(**{"from_": FROM, **asked})
    assert (refused.value.status, refused.value.code) == (status, code)
    assert served.get("/messages")["messages"] == []


@pytest.mark.parametrize(
    ("user", "password"), [(ACCOUNT_SID, "wrong"), ("AC" + "9" * 32, AUTH_TOKEN)]
)
def test_wrong_credentials(http: _ToTheSimulator, user: str, password: str) -> None:
    with pytest.raises(TwilioRestException) as refused:
        Client(user, password, http_client=http).messages.create(to=TO, from_=FROM, body="x")
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_another_account_is_not_found(http: _ToTheSimulator) -> None:
    client = Client(ACCOUNT_SID, AUTH_TOKEN, account_sid="AC" + "9" * 32, http_client=http)
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=TO, from_=FROM, body="x")
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_messages_survive_a_restart_and_only_the_last_are_kept(tmp_path: Path) -> None:
    store = MessageStore(tmp_path, most=5)
    for number in range(8):
        store.add(_message(f"SM{number}"))
    store.close()
    again = MessageStore(tmp_path, most=5)
    kept = again.sent()
    again.close()
    assert [message.sid for message in kept] == ["SM3", "SM4", "SM5", "SM6", "SM7"]


def _message(sid: str) -> Message:
    return Message(sid, "outbound-api", FROM, TO, "x", "queued", at=0.0)


@pytest.mark.parametrize(
    ("body", "pieces"),
    [("x" * 160, 1), ("x" * 161, 2), ("挂" * 70, 1), ("挂" * 71, 2), ("挂" * 135, 3)],
)
def test_segments(body: str, pieces: int) -> None:
    """160 of the GSM alphabet, 70 others; joined: 153 and 67 (3GPP TS 23.038)."""
    assert segments(body) == pieces
