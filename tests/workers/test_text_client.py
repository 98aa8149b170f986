"""Texts through Twilio's own library, against a server that answers like Twilio."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from redis import Redis

from ivr.cards.notice import Attempt, Outcome
from ivr.store.connection import connect
from ivr.store.text_line import TextLine
from tests.workers.builders import a_bank, some_settings
from tests.workers.loop import Waiting
from tests.workers.servers import Reaction, Server, answers, resets, running
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
def text_line(redis: Redis) -> TextLine:
    return TextLine(redis)


@pytest.fixture
def client(server: Server, tmp_path: Path, text_line: TextLine) -> Iterator[Waiting]:
    settings = some_settings(tmp_path, "", a_bank("https://bank.example"), twilio=server.url)
    client = Waiting(TextClient(settings, text_line))
    yield client
    client.close()


def send(client: Waiting) -> Attempt:
    return client.post("ntc-1", json.dumps({"to": NUMBER, "text": WORDS}), AT)


def test_a_text_reaches_twilio_as_its_api_wants_it(server: Server, client: Waiting) -> None:
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (Outcome.RECEIVED, 201, SID)
    sid = "AC" + "0" * 32
    assert server.last.path == f"/2010-04-01/Accounts/{sid}/Messages.json"
    form = parse_qs(server.last.body.decode())
    assert form == {
        "To": [NUMBER], "From": ["+8612333"], "Body": [WORDS],
        "StatusCallback": ["https://hotline.example/sms/status?notice=ntc-1"],
    }  # fmt: skip
    assert server.last.headers["content-type"] == "application/x-www-form-urlencoded"
    credentials = base64.b64encode(f"{sid}:a-token".encode()).decode()
    assert server.last.headers["authorization"] == f"Basic {credentials}"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "kept"),
    [
        (201, "<html>", Outcome.RECEIVED, ""),
        (201, "[]", Outcome.RECEIVED, ""),
        (400, json.dumps(NOT_A_NUMBER), Outcome.REFUSED, "code 21211"),
        (401, '{"code": 20003}', Outcome.FAILED, "code 20003"),
        (403, '{"code": 20003}', Outcome.FAILED, "code 20003"),
        (403, "<html>", Outcome.FAILED, ""),
        (404, '{"code": 20404}', Outcome.FAILED, "code 20404"),
        (302, "", Outcome.FAILED, ""),
        (400, '{"code": 21606}', Outcome.FAILED, "code 21606"),
        (400, '{"code": 21408}', Outcome.FAILED, "code 21408"),
        (400, '{"code": 21608}', Outcome.FAILED, "code 21608"),
        (400, '{"code": 21611}', Outcome.FAILED, "code 21611"),
        (400, '{"code": 21610}', Outcome.REFUSED, "code 21610"),
        (429, '{"code": 20429, "message": "Too many"}', Outcome.FAILED, "code 20429"),
        (500, "oops", Outcome.FAILED, ""),
        (503, f'{{"code": "{NUMBER}"}}', Outcome.FAILED, ""),
    ],
)
def test_what_twilio_answers(
    server: Server, client: Waiting, status: int, body: str, outcome: Outcome, kept: str
) -> None:
    server.reacts(answers(status, body, Retry_After="9"))
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (outcome, status, kept)
    assert attempt.retry_after == (9 if outcome is Outcome.FAILED else None)


TROUBLES = [
    (401, '{"code": 20003}', "401, code 20003"),
    (403, "<html>", "403"),
    (404, '{"code": 20404}', "404, code 20404"),
    (302, "", "302"),
    (400, '{"code": 21606}', "400, code 21606"),
    (400, '{"code": 21408}', "400, code 21408"),
    (400, '{"code": 21608}', "400, code 21608"),
    (400, '{"code": 21611}', "400, code 21611"),
]


@pytest.mark.parametrize(("status", "body", "why"), TROUBLES)
def test_what_is_our_own_fault_is_told_until_a_text_is_taken(
    server: Server, client: Waiting, text_line: TextLine, status: int, body: str, why: str
) -> None:
    taken = answers(201, json.dumps(CREATED))
    for reaction, expected in ((answers(status, body), why),) * 2 + ((taken, ""),):
        server.reacts(reaction)
        send(client)
        assert text_line.trouble() == expected


@pytest.mark.parametrize(
    "reaction",
    [answers(400, json.dumps(NOT_A_NUMBER)), answers(503, ""), answers(429, ""), resets()],
)
def test_what_is_not_our_fault_neither_starts_nor_ends_it(
    server: Server, client: Waiting, text_line: TextLine, reaction: Reaction
) -> None:
    for happens, expected in ((reaction, ""), (answers(401, ""), "401"), (reaction, "401")):
        server.reacts(happens)
        send(client)
        assert text_line.trouble() == expected


def test_it_is_one_line_when_it_starts_and_one_when_it_ends(
    server: Server, client: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    taken = answers(201, json.dumps(CREATED))
    for reaction in (taken, answers(401, ""), answers(401, ""), taken, taken):
        server.reacts(reaction)
        send(client)
    lines = [record.getMessage() for record in caplog.records if record.name == "workers"]
    assert [line.partition(":")[0] for line in lines] == [
        "Twilio refuses our texts (401)", "our texts are taken again",
    ]  # fmt: skip


def test_an_attempt_is_not_lost_with_redis(server: Server, tmp_path: Path) -> None:
    """Else the same text would be sent again, though what came of it is known."""
    settings = some_settings(tmp_path, "", a_bank("https://bank.example"), twilio=server.url)
    with connect(f"unix://{tmp_path}/no.sock") as redis:
        client = Waiting(TextClient(settings, TextLine(redis)))
        assert send(client).outcome is Outcome.RECEIVED
        server.reacts(answers(401, ""))
        assert send(client).outcome is Outcome.FAILED
        client.close()


def test_the_first_token_is_the_one_texts_are_sent_with(
    server: Server, tmp_path: Path, text_line: TextLine
) -> None:
    settings = some_settings(
        tmp_path, "", a_bank("https://bank.example"), twilio=server.url, TWILIO_AUTH_TOKEN="new,old"
    )
    client = Waiting(TextClient(settings, text_line))
    send(client)
    client.close()
    credentials = base64.b64encode(f"AC{'0' * 32}:new".encode()).decode()
    assert server.last.headers["authorization"] == f"Basic {credentials}"


def test_a_broken_line_can_heal(server: Server, client: Waiting) -> None:
    server.reacts(resets())
    attempt = send(client)
    assert (attempt.outcome, attempt.status) == (Outcome.FAILED, None)
    assert attempt.answer == "connection_reset"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [201, 400, 503])
def test_neither_number_nor_words_are_logged(
    server: Server, client: Waiting, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reacts(answers(status, json.dumps(CREATED | NOT_A_NUMBER)))
    attempt = send(client)
    for text in (caplog.text, repr(attempt)):
        assert NUMBER.lstrip("+") not in text
        assert "挂失" not in text
