"""Texts through Twilio's own library, against a server that answers like Twilio."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from ivr.cards.notice import Attempt, Outcome
from tests.workers.builders import a_bank, some_settings
from tests.workers.servers import Server, answers, resets, running
from workers.text_client import TextClient

AT = 1_795_334_400.0
NUMBER = "+8615400000001"
WORDS = "【12333】您的社保卡已挂失"
SID = "SM" + "0123456789abcdef" * 2
CREATED = {"sid": SID, "status": "queued", "to": NUMBER, "body": WORDS, "error_code": None}
NOT_A_NUMBER = {"code": 21211, "message": f"The 'To' number {NUMBER} is not valid", "status": 400}


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        server.reacts(answers(201, json.dumps(CREATED)))
        yield server


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[TextClient]:
    settings = some_settings(tmp_path, "", a_bank("https://bank.example"), twilio=server.url)
    client = TextClient(settings)
    yield client
    client.close()


def send(client: TextClient) -> Attempt:
    return client.post("ntc-1", json.dumps({"to": NUMBER, "text": WORDS}), AT)


def test_a_text_reaches_twilio_as_its_api_wants_it(server: Server, client: TextClient) -> None:
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (Outcome.RECEIVED, 201, SID)
    sid = "AC" + "0" * 32
    assert server.last.path == f"/2010-04-01/Accounts/{sid}/Messages.json"
    form = parse_qs(server.last.body.decode())
    assert form == {"To": [NUMBER], "From": ["+8612333"], "Body": [WORDS]}
    assert server.last.headers["content-type"] == "application/x-www-form-urlencoded"
    credentials = base64.b64encode(f"{sid}:a-token".encode()).decode()
    assert server.last.headers["authorization"] == f"Basic {credentials}"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "kept"),
    [
        (201, "<html>", Outcome.RECEIVED, ""),
        (201, "[]", Outcome.RECEIVED, ""),
        (400, json.dumps(NOT_A_NUMBER), Outcome.REFUSED, "code 21211"),
        (401, '{"code": 20003}', Outcome.REFUSED, "code 20003"),
        (302, "", Outcome.REFUSED, ""),
        (429, '{"code": 20429, "message": "Too many"}', Outcome.FAILED, "code 20429"),
        (500, "oops", Outcome.FAILED, ""),
        (503, f'{{"code": "{NUMBER}"}}', Outcome.FAILED, ""),
    ],
)
def test_what_twilio_answers(
    server: Server, client: TextClient, status: int, body: str, outcome: Outcome, kept: str
) -> None:
    server.reacts(answers(status, body, Retry_After="9"))
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (outcome, status, kept)
    assert attempt.retry_after == (9 if outcome is Outcome.FAILED else None)


def test_a_broken_line_can_heal(server: Server, client: TextClient) -> None:
    server.reacts(resets())
    attempt = send(client)
    assert (attempt.outcome, attempt.status) == (Outcome.FAILED, None)
    assert attempt.answer == "connection_reset"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [201, 400, 503])
def test_neither_number_nor_words_are_logged(
    server: Server, client: TextClient, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reacts(answers(status, json.dumps(CREATED | NOT_A_NUMBER)))
    attempt = send(client)
    for text in (caplog.text, repr(attempt)):
        assert NUMBER.lstrip("+") not in text
        assert "挂失" not in text
