"""Texts through a domestic gateway, against a server that answers like one."""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ivr.cards.notice import Attempt, Outcome
from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.templates import template, template_names
from ivr.store.cases import Reading
from ivr.store.outbox import TEXTS_QUEUE
from ivr.store.text_line import TextLine
from tests.builders import names_of
from tests.workers.builders import a_bank, a_delivery, a_hotline, deliver, some_settings
from tests.workers.loop import Waiting, wait_for
from tests.workers.servers import Server, answers, resets, running
from tests.workers.test_texts import HOLDER, a_text
from workers.gateway_client import ABOUT_US, VOCABULARY, GatewayClient
from workers.startup import StartupError
from workers.templates_file import read_templates
from workers.texts import TextWriter

AT = 1_795_334_400.0
TEXT = json.dumps({
    "to": HOLDER.phone, "text": "…", "template": "text_filed.zh", "parameters": ["1234", "一"],
})  # fmt: skip
GATEWAY = {
    "SMS_SENDER": "gateway", "GATEWAY_KEY_ID": "key-1", "GATEWAY_SECRET": "a secret",
    "TEXT_SIGNATURE": "杭州人社",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        server.reacts(answers(200, '{"code": "OK"}'))
        yield server


@pytest.fixture
def text_line(redis: Redis) -> TextLine:
    return TextLine(redis)


@pytest.fixture
def client(server: Server, tmp_path: Path, text_line: TextLine) -> Iterator[Waiting]:
    settings = some_settings(
        tmp_path, "", a_bank("https://bank.example"), GATEWAY_URL=f"{server.url}/send", **GATEWAY
    )
    client = Waiting(GatewayClient(settings, text_line, {"text_filed.zh": "SMS_1"}))
    yield client
    client.close()


def send(client: Waiting) -> Attempt:
    return client.post("ntc-1", TEXT, AT)


def test_a_text_reaches_the_gateway_as_a_template(server: Server, client: Waiting) -> None:
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (Outcome.RECEIVED, 200, "OK")
    assert json.loads(server.last.body) == {
        "phone": HOLDER.phone, "sign_name": "杭州人社", "template": "SMS_1",
        "parameters": ["1234", "一"], "out_id": "ntc-1",
    }  # fmt: skip
    headers = server.last.headers
    assert (headers["x-sms-key"], headers["x-sms-timestamp"]) == ("key-1", str(int(AT)))
    digest = hashlib.sha256(server.last.body).hexdigest()
    signed = f"POST\n/send\n{int(AT)}\n{headers['x-sms-nonce']}\n{digest}".encode()
    expected = hmac.new(b"a secret", signed, "sha256").hexdigest()
    assert headers["x-sms-signature"] == expected


def test_no_nonce_comes_twice(server: Server, client: Waiting) -> None:
    for _ in range(3):
        send(client)
    assert len({request.headers["x-sms-nonce"] for request in server.requests}) == 3


@pytest.mark.parametrize(
    ("status", "body", "outcome", "kept", "trouble"),
    [
        (200, '{"code": "MOBILE_NUMBER_ILLEGAL"}', Outcome.REFUSED, "MOBILE_NUMBER_ILLEGAL", ""),
        (200, '{"code": "BLACKLISTED"}', Outcome.REFUSED, "BLACKLISTED", ""),
        (200, '{"code": "LIMIT_CONTROL"}', Outcome.FAILED, "LIMIT_CONTROL", ""),
        (
            200, '{"code": "OUT_OF_BALANCE"}', Outcome.FAILED, "OUT_OF_BALANCE",
            "gateway, 200, OUT_OF_BALANCE",
        ),
        (
            403, '{"code": "SIGNATURE_INVALID"}', Outcome.FAILED, "SIGNATURE_INVALID",
            "gateway, 403, SIGNATURE_INVALID",
        ),
        (404, "<html>", Outcome.FAILED, "", "gateway, 404"),
        (302, "", Outcome.FAILED, "", "gateway, 302"),
        (429, "", Outcome.FAILED, "", ""),
        (500, '{"code": "OK"}', Outcome.FAILED, "OK", ""),
        (200, "<html>", Outcome.FAILED, "", ""),
        (200, "[]", Outcome.FAILED, "", ""),
        (200, '{"code": "+8615400000001"}', Outcome.FAILED, "", ""),
        (200, '{"code": ["OK"]}', Outcome.FAILED, "", ""),
    ],
)  # fmt: skip
def test_what_the_gateway_answers(
    server: Server,
    client: Waiting,
    text_line: TextLine,
    status: int,
    body: str,
    outcome: Outcome,
    kept: str,
    trouble: str,
) -> None:
    server.reacts(answers(status, body, Retry_After="9"))
    attempt = send(client)
    assert (attempt.outcome, attempt.status, attempt.answer) == (outcome, status, kept)
    assert attempt.retry_after == (9 if outcome is Outcome.FAILED else None)
    assert text_line.trouble() == trouble


def test_no_answer_can_heal(server: Server, client: Waiting) -> None:
    server.reacts(resets())
    attempt = send(client)
    assert (attempt.outcome, attempt.answer) == (Outcome.FAILED, "connection_reset")


def test_a_trouble_ends_with_the_first_text_taken(
    server: Server, client: Waiting, text_line: TextLine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.reacts(answers(200, '{"code": "SIGN_NAME_ILLEGAL"}'))
    send(client)
    server.reacts(answers(200, '{"code": "OK"}'))
    send(client)
    assert text_line.trouble() == ""
    assert "the gateway refuses our texts" in caplog.text
    for secret in (HOLDER.phone.lstrip("+"), "a secret"):
        assert secret not in caplog.text


def test_no_code_means_two_things() -> None:
    assert not ABOUT_US & VOCABULARY.keys()


# --- templates ------------------------------------------------------------------------------------


def test_a_real_text_is_its_template_with_its_parameters(
    redis: Redis, server: Server, text_line: TextLine, tmp_path: Path
) -> None:
    """What is written for a person is what the template says with the values put in."""
    hotline = a_hotline(tmp_path, redis, a_bank("https://bank.example"))
    a_text(hotline)
    words = load_catalogue()
    writer = TextWriter(
        hotline.cases,
        hotline.holders,
        words,
        names_of(hotline),
        hotline.spoken_languages,
        are_answered=False,
    )
    settings = some_settings(
        tmp_path, "", a_bank("https://bank.example"), GATEWAY_URL=server.url, **GATEWAY
    )
    client = GatewayClient(settings, text_line, read_templates(None, list(template_names(words))))
    seen: list[str] = []

    def write(content: Any, reading: Reading | None) -> str:
        seen.append(writer.write(content, reading))
        return seen[-1]

    deliver(hotline, a_delivery(hotline, TEXTS_QUEUE, client, write))
    wait_for(client.close())

    sent, text = json.loads(server.last.body), json.loads(seen[0])["text"]
    filled = template(words, sent["template"]).words
    for number, value in enumerate(sent["parameters"], 1):
        filled = filled.replace(f"${{{number}}}", value)
    assert text == f"【12333】{filled}"


def test_every_text_is_a_template_a_gateway_can_take() -> None:
    words = load_catalogue()
    found = [template(words, name) for name in template_names(words)]
    assert len(found) == 2 * len({each.name.partition(".")[0] for each in found})
    for each in found:
        variables = [f"${{{n}}}" for n in range(1, len(each.names) + 1)]
        assert all(each.words.count(variable) == 1 for variable in variables), each.name
        assert "}$" not in each.words, f"{each.name}: two variables beside each other"
        assert not each.words.startswith(("【", "[")), each.name
        assert "12333" in each.words or "hotline" not in each.names


def test_a_file_without_one_of_them_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "templates.toml"
    file.write_text('[templates]\n"a.zh" = "SMS_1"\n', encoding="utf-8")
    assert read_templates(file, ["a.zh"]) == {"a.zh": "SMS_1"}
    with pytest.raises(StartupError, match=r"no id of a\.en, b\.zh"):
        read_templates(file, ["a.zh", "a.en", "b.zh"])
    file.write_text("[templates", encoding="utf-8")
    with pytest.raises(StartupError, match="TEMPLATES_FILE"):
        read_templates(file, ["a.zh"])
