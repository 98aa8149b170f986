"""A bank with its own certificate authority, that wants to see our certificate."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.cards.notice import Outcome
from tests.workers.builders import a_bank
from tests.workers.certificates import Authority
from tests.workers.loop import Waiting
from tests.workers.servers import Server, answers, running
from workers.bank_client import BankClient

AT = 1_795_334_400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    """Shows a certificate of the private CA and wants one back."""
    context = authority.server_context(authority.issue("bank"), wants_client=True)
    with running(context) as server:
        yield server


def outcome_of_a_post(url: str, **files: Any) -> tuple[Outcome, str]:
    client = Waiting(BankClient(a_bank(url, **files)))
    attempts = [client.post("ntc-1", "{}", AT) for _ in range(2)]
    client.close()
    assert attempts[0].answer == attempts[1].answer
    return attempts[0].outcome, attempts[0].answer


def test_both_sides_know_each_other(server: Server, authority: Authority) -> None:
    ours = authority.issue("hotline")
    files = {"client_cert_file": ours.certificate, "client_key_file": ours.key}
    outcome, _ = outcome_of_a_post(server.url, ca_file=authority.file, **files)
    assert outcome is Outcome.RECEIVED
    assert {request.connection for request in server.requests} == {0}


def test_without_our_certificate_the_bank_does_not_talk(
    server: Server, authority: Authority
) -> None:
    """It says so after the handshake (TLS 1.3): what it says may be lost with the connection."""
    client = Waiting(BankClient(a_bank(server.url, ca_file=authority.file)))
    attempt = client.post("ntc-1", "{}", AT)
    client.close()
    assert attempt.outcome is Outcome.FAILED
    assert attempt.answer in ("tls_error", "connection_reset")
    assert server.requests == []


def test_a_bank_of_an_unknown_authority_gets_nothing(server: Server, authority: Authority) -> None:
    ours = authority.issue("hotline")
    files = {"client_cert_file": ours.certificate, "client_key_file": ours.key}
    assert outcome_of_a_post(server.url, **files) == (Outcome.FAILED, "tls_error")
    assert server.requests == []


def test_a_certificate_for_another_address_gets_nothing(authority: Authority) -> None:
    elsewhere = authority.server_context(authority.issue("elsewhere", address="192.0.2.1"))
    with running(elsewhere) as server:
        tried = outcome_of_a_post(server.url, ca_file=authority.file)
        assert tried == (Outcome.FAILED, "tls_error")
        assert server.requests == []


def test_a_second_answer_in_the_same_tls_record_ends_the_connection(authority: Authority) -> None:
    """The socket has nothing to read any more: what is left is in the TLS layer."""
    stray = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "blocked"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    body = b"x" * (io.DEFAULT_BUFFER_SIZE - len(head % 8000))  # read in one gulp, to the byte
    with running(authority.server_context(authority.issue("bank"))) as server:
        client = Waiting(BankClient(a_bank(server.url, ca_file=authority.file)))
        server.reacts(lambda sock: sock.sendall(head % len(body) + body + stray))
        assert client.post("ntc-1", "{}", AT).outcome is Outcome.RECEIVED
        server.reacts(answers(422))
        assert client.post("ntc-2", "{}", AT).outcome is Outcome.REFUSED
        client.close()
    assert [request.connection for request in server.requests] == [0, 1]
