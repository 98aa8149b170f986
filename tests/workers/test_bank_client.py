"""Every way a bank's server can answer, and what comes of it."""

import base64
import codecs
import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from pathlib import Path
from threading import Timer

import pytest
from standardwebhooks import Webhook

from ivr.cards.notice import Outcome
from tests.workers.builders import OLD_SECRET, SECRET, a_bank
from tests.workers.loop import Waiting
from tests.workers.servers import (
    Reaction,
    Server,
    answers,
    answers_and_closes,
    closes,
    drips,
    floods,
    hangs,
    resets,
    running,
    talks_garbage,
    wait_until,
)
from workers.answers import read_json
from workers.bank_client import BankClient, outcome_of
from workers.wire import MOST_BYTES, unpacked

AT = 1_795_334_400.0
BODY = '{"type":"card.loss_reported","data":{"holder":{"name":"王芳"}}}'


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Waiting]:
    client = Waiting(BankClient(a_bank(server.url)))
    yield client
    client.close()


@pytest.fixture
def hurried(server: Server) -> Iterator[Waiting]:
    """A client that waits 0.2 s at most, and 0.4 s in all."""
    client = Waiting(BankClient(a_bank(server.url, timeout_seconds=0.2)))
    yield client
    client.close()


def test_a_bank_gets_the_notice_with_a_signature_it_can_check(
    server: Server, client: Waiting
) -> None:
    attempt = client.post("ntc-1", BODY, AT + 0.9)
    assert (attempt.outcome, attempt.status, attempt.at) == (Outcome.RECEIVED, 200, int(AT))
    assert server.last.path == "/notices?from=12333"
    assert server.last.body == BODY.encode()
    assert server.last.headers["content-type"] == "application/json"
    assert server.last.headers["webhook-id"] == "ntc-1"
    assert server.last.headers["webhook-timestamp"] == str(int(AT))
    assert server.last.headers["webhook-signature"] == signature(SECRET)


def signature(secret: str) -> str:
    return Webhook(secret).sign("ntc-1", datetime.fromtimestamp(AT, UTC), BODY)


def test_the_specification_vector(server: Server, client: Waiting) -> None:
    client.post("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', 1614265330)
    signed = server.last.headers["webhook-signature"]
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_password_in_the_address_is_shown_to_the_bank(server: Server) -> None:
    client = Waiting(BankClient(a_bank(server.url.replace("//", "//hotline:p%40ss@"))))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.RECEIVED
    client.close()
    shown = base64.b64encode(b"hotline:p@ss").decode()
    assert server.last.headers["authorization"] == f"Basic {shown}"


def test_while_a_secret_is_rotated_both_sign_the_newest_first(server: Server) -> None:
    client = Waiting(BankClient(a_bank(server.url, secrets=(SECRET, OLD_SECRET))))
    client.post("ntc-1", BODY, AT)
    client.close()
    both = f"{signature(SECRET)} {signature(OLD_SECRET)}"
    assert server.last.headers["webhook-signature"] == both


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"status": "blocked"}', Outcome.BLOCKED),
        (202, '{"status":"blocked","by":"desk 7"}', Outcome.BLOCKED),
        (200, '{"status": "queued"}', Outcome.RECEIVED),
        (200, '["blocked"]', Outcome.RECEIVED),
        (200, "", Outcome.RECEIVED),
        (200, "<html>fine</html>", Outcome.RECEIVED),
        (200, b"\xff\xfe\x00", Outcome.RECEIVED),
        (200, "[" * 60_000, Outcome.RECEIVED),
        (200, "9" * 60_000, Outcome.RECEIVED),
        (204, "", Outcome.RECEIVED),
        (301, "", Outcome.REFUSED),
        (307, "", Outcome.REFUSED),
        (400, "", Outcome.REFUSED),
        (401, '{"status": "blocked"}', Outcome.REFUSED),
        (404, "", Outcome.REFUSED),
        (410, "", Outcome.REFUSED),
        (408, "", Outcome.FAILED),
        (425, "", Outcome.FAILED),
        (429, "", Outcome.FAILED),
        (500, '{"status": "blocked"}', Outcome.FAILED),
        (503, "", Outcome.FAILED),
        (599, "", Outcome.FAILED),
        (699, "", Outcome.FAILED),
    ],
)
def test_what_an_answer_means(
    server: Server, client: Waiting, status: int, body: str | bytes, outcome: Outcome
) -> None:
    server.reacts(answers(status, body) if status != 204 else _no_content())
    attempt = client.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.status) == (outcome, status)


def _no_content() -> Reaction:
    return lambda sock: sock.sendall(b"HTTP/1.1 204 Fine\r\n\r\n")


def test_every_status_has_a_meaning() -> None:
    assert all(isinstance(outcome_of(status), Outcome) for status in range(100, 1000))


def test_a_redirect_is_not_followed(server: Server, client: Waiting) -> None:
    with running() as elsewhere:
        server.reacts(answers(307, "", Location=f"{elsewhere.url}/collect"))
        assert client.post("ntc-1", BODY, AT).outcome is Outcome.REFUSED
        assert elsewhere.requests == []
    assert len(server.requests) == 1


def test_a_proxy_in_the_environment_gets_nothing(
    client: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert client.post("ntc-1", BODY, AT).outcome is Outcome.RECEIVED
        assert proxy.requests == []


def test_notices_share_one_connection(server: Server, client: Waiting) -> None:
    for _ in range(3):
        client.post("ntc-1", BODY, AT)
    assert {request.connection for request in server.requests} == {0}


def test_the_next_notice_survives_a_connection_the_bank_has_closed(
    server: Server, client: Waiting
) -> None:
    server.reacts(answers_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    client.post("ntc-1", BODY, AT)
    wait_until(lambda: server.sockets[0].fileno() == -1)
    server.reacts(answers(200))
    assert client.post("ntc-2", BODY, AT).outcome is Outcome.RECEIVED
    assert [request.connection for request in server.requests] == [0, 1]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7), (" 120 ", 120), ("86400", 3600), ("9" * 5000, 3600), ("-1", None), ("soon", None)],
)
@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_wait_in_seconds_is_honoured_up_to_an_hour(
    server: Server, client: Waiting, status: int, retry_after: str, seconds: int | None
) -> None:
    server.reacts(answers(status, Retry_After=retry_after))
    assert client.post("ntc-1", BODY, AT).retry_after == seconds


def test_a_wait_until_a_date_is_honoured(server: Server, client: Waiting) -> None:
    server.reacts(answers(429, Retry_After=formatdate(AT + 90, usegmt=True)))
    assert client.post("ntc-1", BODY, AT).retry_after == 90
    server.reacts(answers(429, Retry_After=formatdate(AT - 90, usegmt=True)))
    assert client.post("ntc-1", BODY, AT).retry_after == 0
    without_zone = format_datetime(datetime.fromtimestamp(AT + 30, UTC).replace(tzinfo=None))
    server.reacts(answers(429, Retry_After=without_zone))
    assert client.post("ntc-1", BODY, AT).retry_after == 30


def test_a_wait_in_a_final_answer_means_nothing(server: Server, client: Waiting) -> None:
    server.reacts(answers(400, Retry_After="7"))
    assert client.post("ntc-1", BODY, AT).retry_after is None


STOPPED = '{"status":"blocked","message":"已停用"}'


@pytest.mark.parametrize("charset", ["", "GBK", "gb2312", "utf-8", "iso-8859-1", "no-such", "hex"])
@pytest.mark.parametrize("codec", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_blocked_is_read_in_any_encoding_banks_use(
    server: Server, client: Waiting, codec: str, charset: str
) -> None:
    """What the Content-Type says may be missing or wrong."""
    kind = f"application/json; charset={charset}" if charset else "application/json"
    server.reacts(answers(200, STOPPED.encode(codec), Content_Type=kind))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED


def test_a_letter_only_gb18030_has(server: Server, client: Waiting) -> None:
    server.reacts(answers(200, '{"status":"blocked","by":"𠮷㐀"}'.encode("gb18030")))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED


def gzipped(body: bytes) -> bytes:
    """The same bytes at any time of the day."""
    return gzip.compress(body, mtime=0)


def bare_deflate(text: str) -> bytes:
    """As some servers understand RFC 9110 8.4.1.2: without the zlib wrapping."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text.encode("gbk")) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(STOPPED.encode())),
        ("GZIP", gzipped(STOPPED.encode("gbk"))),
        ("x-gzip", gzipped(STOPPED.encode())),
        ("", gzipped(STOPPED.encode())),  # a gateway that lost the header on the way
        ("gzip", STOPPED.encode()),  # ... or unpacked the body and left the header
        ("deflate", zlib.compress(STOPPED.encode())),
        ("deflate", bare_deflate(STOPPED)),
        ("deflate", STOPPED.encode()),
        ("identity", STOPPED.encode()),
    ],
)
def test_blocked_is_read_from_an_answer_packed_unasked(
    server: Server, client: Waiting, encoding: str, body: bytes
) -> None:
    headers = {"Content_Encoding": encoding} if encoding else {}
    server.reacts(answers(200, body, **headers))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED
    assert "gzip" not in server.last.headers.get("accept-encoding", ""), "we did not ask for it"


@pytest.mark.parametrize(
    "body",
    [
        gzipped(b'{"message":"' + b" " * 8_000_000 + b'","status":"blocked"}'),
        gzipped(STOPPED.encode())[:20],
        b"\x1f\x8b" + b"\xff" * 60,
    ],
)
def test_a_bomb_or_half_an_answer_is_only_received(
    server: Server, client: Waiting, body: bytes
) -> None:
    server.reacts(answers(200, body, Content_Encoding="gzip"))
    attempt = client.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.answer) == (Outcome.RECEIVED, "not_json")


def test_what_is_unpacked_has_a_limit() -> None:
    assert len(unpacked(gzipped(bytes(8_000_000)), "gzip")) == MOST_BYTES
    assert len(unpacked(zlib.compress(bytes(8_000_000)), "deflate")) == MOST_BYTES


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"status": "queued"}, "queued"),
        ({"status": "refused", "code": "unknown_card"}, "unknown_card"),
        ({"code": "busy", "message": "card 6222021234567890"}, "busy"),
        ({"title": "Not Found", "status": 404, "code": "unknown_account"}, "unknown_account"),
        ({"status": "zhang_san_of_west_lake"}, ""),
        ({"status": "11010519491231002X"}, ""),
        ({"status": ["blocked"], "code": {"busy": 1}}, ""),
        ({"detail": "card 6222 0212 3456 7890 of 11010519491231002X, 张三, unknown"}, ""),
        (["busy"], ""),
        ("busy", ""),
        (None, ""),
    ],
)
def test_only_a_word_of_the_contract_is_kept_of_an_answer(
    server: Server, client: Waiting, said: object, kept: str
) -> None:
    """Never the bank's own words: they name people and accounts."""
    server.reacts(answers(422, json.dumps(said)))
    assert client.post("ntc-1", BODY, AT).answer == kept


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", ""),
        (b" \r\n", ""),
        ("张三 11010519491231002X".encode(), "not_json"),
        (b"\x1b[2J\xff", "not_json"),
        (codecs.BOM_UTF8 + b'"ok"', ""),
    ],
)
def test_an_answer_nobody_can_read_has_a_name_too(
    server: Server, client: Waiting, body: bytes, kept: str
) -> None:
    server.reacts(answers(200, body))
    assert client.post("ntc-1", BODY, AT).answer == kept


def test_a_bank_that_does_not_answer(server: Server, hurried: Waiting) -> None:
    server.reacts(hangs(server))
    assert failure_of(hurried) == "read_timeout"


def failure_of(client: Waiting) -> str:
    attempt = client.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.status) == (Outcome.FAILED, None)
    assert attempt.milliseconds >= 0
    return attempt.answer


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_bank_that_drips_its_headers_is_left_in_time(
    server: Server, hurried: Waiting, start: bytes
) -> None:
    server.reacts(drips(server, start))
    assert failure_of(hurried) == "too_slow"


def test_a_bank_that_drips_its_body_has_said_what_counts(server: Server, hurried: Waiting) -> None:
    server.reacts(drips(server, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"))
    attempt = hurried.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.status) == (Outcome.RECEIVED, 200)
    assert attempt.answer == "not_json"


def test_what_a_slow_bank_says_late_is_not_taken_for_the_next_answer(
    server: Server, hurried: Waiting
) -> None:
    server.reacts(drips(server, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"))
    hurried.post("ntc-1", BODY, AT)
    server.reacts(answers(503, '{"code": "busy"}'))
    assert hurried.post("ntc-2", BODY, AT).answer == "busy"


INTERIM = [b"100 Continue", b"102 Processing", b"103 Early Hints"]


@pytest.mark.parametrize("interim", INTERIM)
def test_an_interim_answer_is_not_taken_for_the_answer(
    server: Server, client: Waiting, interim: bytes
) -> None:
    """RFC 9110 15.2: the final answer is still to come, and the next notice has one of its own."""

    def thinks_aloud(sock: socket.socket) -> None:
        for _ in range(2):
            sock.sendall(b"HTTP/1.1 " + interim + b"\r\nLink: </x>\r\n\r\n")
        answers(200, '{"status": "blocked"}')(sock)

    server.reacts(thinks_aloud)
    first = client.post("ntc-1", BODY, AT)
    server.reacts(answers(422, '{"title": "no such card"}'))
    second = client.post("ntc-1", BODY, AT)
    assert (first.outcome, first.status) == (Outcome.BLOCKED, 200)
    assert (second.outcome, second.status) == (Outcome.REFUSED, 422)
    assert {request.connection for request in server.requests} == {0}


def test_interim_answers_without_end_are_left_in_time(server: Server, hurried: Waiting) -> None:
    server.reacts(drips(server, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"))
    assert failure_of(hurried) == "too_slow"
    server.reacts(answers(422))
    assert hurried.post("ntc-1", BODY, AT).outcome is Outcome.REFUSED
    assert server.last.connection == 1


def test_a_connection_that_changed_its_protocol_is_never_used_again(
    server: Server, client: Waiting
) -> None:
    """101: whatever follows on it is no answer to any notice."""
    blocked = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "blocked"}'
    server.reacts(lambda sock: sock.sendall(b"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n" + blocked))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.FAILED
    server.reacts(answers(422))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.REFUSED
    assert [request.connection for request in server.requests] == [0, 1]


STRAY = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "blocked"}'


def says_again(first: Reaction, seconds: float) -> Reaction:
    """A gateway that answers at once, and again when the bank behind it has."""

    def say_again(sock: socket.socket) -> None:
        first(sock)
        Timer(seconds, say_stray, [sock]).start()

    def say_stray(sock: socket.socket) -> None:
        with suppress(OSError):
            sock.sendall(STRAY)

    return say_again


def test_a_second_answer_is_not_taken_for_that_of_the_next_notice(
    server: Server, client: Waiting
) -> None:
    """202 promises nothing, and what was promised may come when the next notice is on its way."""
    server.reacts(says_again(answers(202), 0.2))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.RECEIVED
    server.reacts(slowly(answers(422)))
    assert client.post("ntc-2", BODY, AT).outcome is Outcome.REFUSED
    assert [request.connection for request in server.requests] == [0, 1]


def slowly(reaction: Reaction) -> Reaction:
    def react(sock: socket.socket) -> None:
        time.sleep(0.5)
        reaction(sock)

    return react


def test_a_second_answer_that_came_meanwhile_ends_the_connection(
    server: Server, client: Waiting
) -> None:
    server.reacts(says_again(answers(200), 0.05))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.RECEIVED
    time.sleep(0.3)
    server.reacts(answers(422))
    assert client.post("ntc-2", BODY, AT).outcome is Outcome.REFUSED
    assert [request.connection for request in server.requests] == [0, 1]


def test_two_answers_in_one_packet_are_one_answer(server: Server, client: Waiting) -> None:
    server.reacts(lambda sock: sock.sendall(STRAY + STRAY))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED
    server.reacts(answers(422))
    assert client.post("ntc-2", BODY, AT).outcome is Outcome.REFUSED


def test_a_body_without_end_is_read_for_64_kb_only(server: Server, client: Waiting) -> None:
    server.reacts(floods())
    attempt = client.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.answer) == (Outcome.RECEIVED, "not_json")


def test_a_body_in_chunks_is_read_whole(server: Server, client: Waiting) -> None:
    pieces = [b'{"sta', b'tus":"bl', b'ocked"}']
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.reacts(lambda sock: sock.sendall(head + chunks))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.BLOCKED
    assert {request.connection for request in server.requests} == {0}


def test_a_torn_body_is_no_failure(server: Server, client: Waiting) -> None:
    torn = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
    server.reacts(answers_and_closes(torn))
    attempt = client.post("ntc-1", BODY, AT)
    assert (attempt.outcome, attempt.answer) == (Outcome.RECEIVED, "not_json")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}junk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Long: " + 9000 * b"x" + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_bank_whose_answer_is_badly_framed_has_taken_the_notice(
    server: Server, client: Waiting, answer: bytes
) -> None:
    """Its status came first, and says that it did. Nothing more is asked on that connection."""
    server.reacts(lambda sock: sock.sendall(answer))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.RECEIVED
    server.reacts(answers(422))
    assert client.post("ntc-2", BODY, AT).outcome is Outcome.REFUSED
    assert len({request.connection for request in server.requests}) == 2


def test_a_refusal_that_is_badly_framed_is_a_refusal(server: Server, client: Waiting) -> None:
    server.reacts(lambda sock: sock.sendall(b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n{}"))
    assert client.post("ntc-1", BODY, AT).outcome is Outcome.REFUSED


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape", "zlib", "no-such-one"])
def test_an_encoding_that_is_no_character_set_is_not_tried(name: str) -> None:
    assert read_json(b'"\\u0041"', f"application/json; charset={name}") == "A"
    with pytest.raises(ValueError, match="not_json"):
        read_json(b"a" * 100 + b"-" + b"9" * 30_000, f"application/json; charset={name}")


def test_what_the_network_does_has_a_name(server: Server, client: Waiting) -> None:
    server.reacts(resets())
    assert failure_of(client) == "connection_reset"
    server.reacts(closes())
    assert failure_of(client) == "connection_closed"
    server.reacts(talks_garbage())
    assert failure_of(client) == "not_http"


def test_nobody_listens() -> None:
    with running() as server:
        pass
    assert name_for(server.url) == "connection_refused"


def name_for(url: str) -> str:
    client = Waiting(BankClient(a_bank(url)))
    failure = failure_of(client)
    client.close()
    return failure


def test_a_name_nobody_knows() -> None:
    assert name_for("https://bank.invalid") == "dns_error"


def test_a_server_without_tls() -> None:
    with running() as server:
        assert name_for(server.url.replace("http:", "https:")) == "tls_error"


def test_a_key_that_is_no_key_is_found_before_any_notice(tmp_path: Path) -> None:
    wrong = tmp_path / "client.pem"
    wrong.write_text(base64.b64encode(b"not a certificate").decode())
    with pytest.raises(OSError, match=r"PEM|SSL"):
        BankClient(a_bank("https://bank.example", client_cert_file=wrong, client_key_file=wrong))
