"""The two papers for banks: of one source, alike, and true in every message, sample and row."""

import base64
import hmac
import io
import json
import re
import socket
import string
import threading
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from ivr.banks_file import Bank
from ivr.cards.block import BlockState
from ivr.cards.notice import NoticeKind, Outcome
from ivr.cards.notice_bodies import iso
from ivr.store import keys
from ivr.store.cardholders_csv import COLUMNS, CardLine, read_cardholders
from ivr.web.bank_docs.messages import SECRET
from ivr.web.bank_docs.paper import (
    DOCS,
    PAPERS,
    SUBSCRIBER_PAPERS,
    blocks_sample,
    description,
    event_samples,
    notice_samples,
    tables,
    without_marks,
    written,
)
from ivr.web.bank_events import SHAPES, EventReader
from ivr.web.commands.papers import paper
from ivr.web.problems import Problem
from tests.bank_side import BankSide, Records, new_id, signed
from tests.builders import a_card, a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.bank_papers import (
    TEXTS,
    alphabet,
    bodies,
    limits,
    listing,
    listings,
    made,
    paths,
    skeleton,
    table,
)
from tests.workers.loop import Waiting
from workers.answers import WORDS
from workers.bank_client import BankClient, outcome_of

ZHANG = a_holder(a_card("5678", "icbc"))
SAMPLES = {**notice_samples(), **event_samples()}
MESSAGES = ("notice", "event", "blocks")


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG)


# --- one source ----------------------------------------------------------------------------------


class TestBoth:
    @pytest.mark.parametrize("language", PAPERS)
    def test_are_as_the_command_writes_them(self, language: str) -> None:
        assert TEXTS[language] == written(language), "type `flask banks paper`"

    def test_the_command_writes_both(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(paper, [str(tmp_path)])
        assert done.exit_code == 0, done.output
        for name in SUBSCRIBER_PAPERS.values():
            assert (tmp_path / name).read_bytes() == (DOCS / name).read_bytes()
        for language, name in PAPERS.items():
            assert (tmp_path / name).read_text(encoding="utf-8") == TEXTS[language]

    def test_have_the_same_sections_parts_and_lists(self) -> None:
        """Heading for heading, point for point, made part for made part."""
        english, chinese = (skeleton(text) for text in TEXTS.values())
        assert english == chinese

    def test_have_the_same_listings(self) -> None:
        assert listings("zh") == listings("en")
        for name in listings():
            assert listing(name, "zh") == listing(name, "en")

    def test_no_line_of_chinese_is_broken(self) -> None:
        """A break shows as a space there."""
        listed = re.sub(r"^```.*?^```$", "", TEXTS["zh"], flags=re.M | re.S)
        prose = "\n".join(line for line in listed.split("\n") if not line.startswith(("|", "#")))
        assert re.findall(r"[^\x00-\xff]\n *[^\x00-\xff\s]", prose) == []

    def test_have_every_table_there_is(self) -> None:
        for text in TEXTS.values():
            shown = re.findall(r"<!-- begin table (\S+) -->", text)
            assert sorted(shown) == sorted([*tables(), "effects"])

    def test_every_row_is_whole(self) -> None:
        for name, found in tables().items():
            for row in found["rows"]:
                assert set(row) <= {"cells", *PAPERS}, name
                for language in PAPERS:
                    cells = row.get("cells", []) + row.get(language, [])
                    assert len(cells) == len(found[language]), (name, cells)

    def test_say_the_same_words_and_numbers(self) -> None:
        """What stands in backticks, and each number, row for row."""
        for name in tables():
            for english, chinese in zip(table(name, "en"), table(name, "zh"), strict=True):
                for pattern in (r"`[^`]+`", r"[0-9]+"):
                    told = [set(re.findall(pattern, " ".join(row))) for row in (english, chinese)]
                    missing = told[0] ^ told[1]
                    assert not missing - SAID_IN_WORDS, (name, english, missing)

    def test_the_version_is_the_newest_of_the_changelog(self) -> None:
        version = description()["info"]["version"]
        log = table("changelog")
        assert log[0][0] == version
        assert [row[1] for row in log] == sorted((row[1] for row in log), reverse=True)
        for text in TEXTS.values():
            assert version in text.split("info.version")[1][:120]


# Numbers that one of the languages writes as a word.
SAID_IN_WORDS = {"1", "0"}


def test_marks_are_not_shown() -> None:
    made_part = "<!-- begin table x -->\n\n| b |\n\n<!-- end -->\n"
    assert without_marks(f"a\n{made_part}c") == "a\n\n| b |\n\nc"


# --- whole messages ------------------------------------------------------------------------------


def _parts(name: str) -> tuple[list[str], bytes]:
    """The lines of a message's head, and its body."""
    head, _, body = listing(name).removesuffix("\n").partition("\n\n")
    return head.strip().split("\n"), body.encode()


def _headers(lines: list[str]) -> dict[str, str]:
    return {n.lower(): v for n, v in (line.split(": ", 1) for line in lines[1:])}


@pytest.mark.parametrize("name", MESSAGES)
def test_its_signature_verifies(name: str) -> None:
    lines, body = _parts(f"{name}.request.http")
    headers, target = _headers(lines), lines[0].split()[1].encode()
    content = body if name != "blocks" else target
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    start = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    sum_ = base64.b64encode(hmac.digest(key, start + content, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{sum_}"
    for text in TEXTS.values():
        assert SECRET in text


@pytest.mark.parametrize("name", [name for name in listings() if name.endswith(".http")])
def test_its_length_is_right(name: str) -> None:
    lines, body = _parts(name)
    line_feed = name in ("event.answer.http", "blocks.answer.http")  # ours end with one
    length = _headers(lines).get("content-length")
    assert length == (None if name == "blocks.request.http" else str(len(body) + line_feed))


def test_the_notice_is_what_our_client_sends() -> None:
    lines, body = _parts("notice.request.http")
    headers = _headers(lines)
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []
        bank = threading.Thread(target=_answers_as_shown, args=(server, heard))
        bank.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/notices"
        client = Waiting(BankClient(Bank.model_validate(_icbc(url))))
        at = float(headers["webhook-timestamp"])
        attempt = client.post(headers["webhook-id"], body.decode(), at)
        client.close()
        bank.join()
    head = "\r\n".join(lines).replace("bank.example", url.split("/")[2])
    assert heard[0] == head.encode() + b"\r\n\r\n" + body
    assert attempt.outcome is Outcome.BLOCKED


def _answers_as_shown(server: socket.socket, heard: list[bytes]) -> None:
    lines, body = _parts("notice.answer.http")
    connection, _ = server.accept()
    with connection:
        told = b""
        while not told.endswith(b"}}}"):
            told += connection.recv(65536)
        heard.append(told)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def _icbc(url: str) -> dict[str, Any]:
    return {
        "id": "icbc", "name": {"zh": "工商银行", "en": "ICBC"}, "phone": "95588",
        "notice_url": url, "secrets_env": "ICBC_SECRETS", "secrets": (SECRET,),
    }  # fmt: skip


def test_the_answers_are_what_we_say(app: Flask) -> None:
    """Status, type, order of names and line feed; whose cards they are differs."""
    records, bank = Records(hotline_of(app)), BankSide(app, "icbc")
    report = records.reports_lost(ZHANG)
    said = {"event": bank.blocked(report), "blocks": bank.asks_for_blocks()}
    for name, answer in said.items():
        lines, body = _parts(f"{name}.answer.http")
        assert lines[0] == f"HTTP/1.1 {answer.status.title().replace('Ok', 'OK')}"
        assert _headers(lines)["content-type"] == answer.content_type
        assert answer.data.endswith(b"\n")
        assert _shape(json.loads(answer.data)) == _shape(json.loads(body))
    assert said["event"].data == _parts("event.answer.http")[1] + b"\n"


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, _shape(part)) for name, part in value.items()]
    return [_shape(part) for part in value] if isinstance(value, list) else type(value).__name__


# --- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", PAPERS)
def test_there_is_one_of_every_type(language: str) -> None:
    shown = {which: bodies(made("samples", which, language)) for which in ("notices", "events")}
    assert [told["type"] for told in shown["notices"]] == list(description()["webhooks"])
    assert [told["type"] for told in shown["events"]] == list(SHAPES)
    for told in (*shown["notices"], *shown["events"]):
        assert told == SAMPLES[told["type"]]


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_is_as_described(kind: str) -> None:
    known = description()
    if kind in SHAPES:
        schema = known["components"]["schemas"]["Event"]
        told = EventReader().read("icbc", "evt", json.dumps(SAMPLES[kind]).encode())
        assert told.type == kind
    else:
        content = known["webhooks"][kind]["post"]["requestBody"]["content"]
        schema = content["application/json"]["schema"]
    whole = {**schema, "components": known["components"]}
    jsonschema_rs.validator_for(whole, validate_formats=True).validate(SAMPLES[kind])


@pytest.mark.parametrize("language", PAPERS)
def test_the_answers_to_the_samples_mean_what_they_say(language: str) -> None:
    notices, events = (made("samples", which, language) for which in ("notices", "events"))
    told = re.findall(r"^`(\S+)` · .*: `(\d+) (\{.*\})`$", notices, re.M)
    assert [kind for kind, _, _ in told] == list(notice_samples())
    for kind, status, body in told:
        said = json.loads(body)
        blocks = kind == NoticeKind.LOSS_REPORTED
        assert outcome_of(int(status), said) is (Outcome.BLOCKED if blocks else Outcome.RECEIVED)
        assert said["status"] in WORDS
    ours = re.findall(r"`(\d+ \{.*\})`$", events, re.M)
    assert set(ours) <= {row[0].replace(" `", " ").strip("`") for row in table("event_answers")}
    assert len(ours) == len(event_samples())


# --- fields --------------------------------------------------------------------------------------

FIELDS = {name: table(f"{name}_fields") for name in ("notice", "event", "block")}


def _said(name: str) -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in FIELDS[name]}


def test_every_field_has_a_row() -> None:
    for name, told in {"notice": notice_samples(), "event": event_samples()}.items():
        known = {path[1:] for body in told.values() for path in paths(body)}
        known |= {"data.test"} if name == "notice" else set()  # of a bank's own tests
        assert set(_said(name)) == known - ({"data"} if name == "event" else set()), name
    listed = {path[1:] for path in paths(blocks_sample())}
    assert set(_said("block")) == listed - {"blocks", "blocks[].card"}


@pytest.mark.parametrize("name", FIELDS)
def test_an_example_is_as_its_row_says(name: str) -> None:
    for path, (kind, length, characters, shown, *_) in _said(name).items():
        if not kind.startswith("string"):
            continue
        example = shown.strip("`")
        low, high = limits(length)
        assert low <= len(example) <= high, path
        if characters.startswith("`"):
            assert set(example) <= alphabet(characters), path
        if characters.startswith("RFC 3339"):
            assert datetime.fromisoformat(example).tzinfo is not None


LIMITED = {
    "data.report_number": "financial_function.blocked",
    "data.card_number": "financial_function.unblocked",
    "data.outlet": "financial_function.unblocked",
    "data.new_card_number": "card.replaced",
    "data.new_bank_account": "card.replaced",
}


@pytest.mark.parametrize("path", LIMITED)
def test_an_event_is_read_within_the_limits_and_not_beyond(path: str) -> None:
    kind, (_, length, characters, *_) = LIMITED[path], _said("event")[path]
    (low, high), signs = limits(length), sorted(alphabet(characters)) or ["界"]
    signs = ["界"] if characters == "any" else signs
    field = path.removeprefix("data.")
    for size in {low, high}:
        for sign in {signs[0], signs[-1]}:
            assert _is_read(kind, field, sign * size)
    assert not _is_read(kind, field, signs[0] * (high + 1))
    assert low == 0 or not _is_read(kind, field, signs[0] * (low - 1))
    if characters != "any":
        strange = set(string.printable + "界") - alphabet(characters)
        assert not any(_is_read(kind, field, sign * low) for sign in strange)


def _is_read(kind: str, field: str, value: str) -> bool:
    told = event_samples()[kind]
    told = told | {"data": told["data"] | {field: value}}
    try:
        EventReader().read("icbc", "evt", json.dumps(told).encode())
    except Problem:
        return False
    return True


@pytest.mark.parametrize("kind", event_samples())
def test_a_field_that_cannot_be_absent_is_missed(kind: str) -> None:
    told = event_samples()[kind]
    for field in told["data"]:
        less = {name: value for name, value in told["data"].items() if name != field}
        with pytest.raises(Problem, match=f"data.{field}: "):
            EventReader().read("icbc", "evt", json.dumps(told | {"data": less}).encode())


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_description_has_the_limits_of_the_rows(kind: str) -> None:
    """Of each value with a pattern of its own, at both ends and beyond."""
    found = 0
    for path, (_, length, characters, *_) in _said("event" if kind in SHAPES else "notice").items():
        pattern = _pattern_at(_schema_of(kind), path.split("."))
        if pattern is None or not characters.startswith("`") or path.endswith("security_number"):
            continue  # in the last, `X` stands in one place only
        (low, high), found = limits(length), found + 1
        for sign in {min(alphabet(characters)), max(alphabet(characters))}:
            fits = [bool(re.search(pattern, sign * n)) for n in (low - 1, low, high, high + 1)]
            assert fits == [False, True, True, False], path
    assert found or kind == NoticeKind.PING


def _schema_of(kind: str) -> Any:
    if kind in SHAPES:
        mapping = description()["components"]["schemas"]["Event"]["discriminator"]["mapping"]
        return {"$ref": mapping[kind]}
    content = description()["webhooks"][kind]["post"]["requestBody"]["content"]
    return content["application/json"]["schema"]


def _pattern_at(schema: Any, path: list[str]) -> str | None:
    """The pattern of the value there; None when it has none, or is not there."""
    known = description()["components"]["schemas"]
    whole = {**known.get(schema.get("$ref", "").rpartition("/")[2], {}), **schema}
    if not path:
        return whole.get("pattern")
    inner = whole.get("properties", {}).get(path[0])
    return None if inner is None else _pattern_at(inner, path[1:])


# A column of the directory -> the field of a notice it becomes.
FROM_THE_DIRECTORY = {
    "card_number": "data.card.number",
    "bank_account": "data.card.bank_account",
    "city_code": "data.card.city_code",
}
GOOD_LINE = dict(zip(COLUMNS, (
    "11010519491231002X", "张三", "13800138000", "A12345678", "icbc", "6222021234565678", "330100",
    "1"), strict=True))  # fmt: skip


@pytest.mark.parametrize("column", FROM_THE_DIRECTORY)
def test_a_notice_holds_what_the_directory_takes(column: str) -> None:
    """Which takes neither a shorter nor a longer value, nor other characters."""
    _, length, characters, *_ = _said("notice")[FROM_THE_DIRECTORY[column]]
    (low, high), signs = limits(length), sorted(alphabet(characters))
    for size in {low, high}:
        assert _is_imported(column, signs[0] * size)
        assert _is_imported(column, signs[-1] * size)
    assert not _is_imported(column, signs[0] * (low - 1))
    assert not _is_imported(column, signs[0] * (high + 1))
    for sign in set(string.ascii_letters + string.punctuation) - alphabet(characters):
        assert not _is_imported(column, signs[0] * (low - 1) + sign) or sign.upper() in signs


def test_a_name_has_no_upper_limit() -> None:
    assert _is_imported("name", "张" * 1000)
    assert not _is_imported("name", "")
    assert not _is_imported("name", "张\u0007三")


def _is_imported(column: str, value: str) -> bool:
    line = ",".join(f'"{v}"' for v in (GOOD_LINE | {column: value}).values())
    (read,) = read_cardholders([",".join(COLUMNS), line], ["icbc"], date(2026, 11, 22))
    return isinstance(read, CardLine)


def test_states() -> None:
    assert [row[0].strip("`") for row in table("states")] == [state.value for state in BlockState]


# --- errors --------------------------------------------------------------------------------------

BLOCKED = "financial_function.blocked"
UNKNOWN = {"report_number": "12345670"}


class _Torn(io.BytesIO):
    """A body that breaks off."""

    def readinto(self, buffer: Any, /) -> int:
        raise ConnectionError(len(buffer))


def _what_is_wrong_with_it(bank: BankSide) -> list[TestResponse]:
    """Requests that no door lets through, or no reader understands."""
    now, odd = time.time(), "/banks/icbc/blocks?after=nobody"
    return [
        bank.client.post("/banks/icbc/events", input_stream=_Torn(b"{}")),
        bank.posts(b"{}", {}),
        bank.sends(b"{}", at=now - 1000),
        bank.sends(b"{}", at=now + 1000),
        bank.client.get("/banks/icbc/nothing"),
        bank.client.get("/banks/icbc/events"),
        bank.sends(b" " * 70_000),
        bank.sends(b"{}", "x" * 257),
        bank.sends('{"type": "挂失"}'.encode("gb18030")),
        bank.tells("formal_loss.forgotten", {}),
        bank.tells(BLOCKED, {"report_number": "1"}),
        bank.client.get(odd, headers=signed(bank.secret, odd.encode(), new_id())),
    ]


def _what_cannot_be(bank: BankSide, records: Records) -> list[TestResponse]:
    """Events that are none of this bank's, not yet there, or no lawful step."""
    report, card, at = records.reports_lost(ZHANG), ZHANG.cards[0], time.time() + 1
    old = {"type": BLOCKED, "timestamp": iso(at - 3700), "data": UNKNOWN}
    assert bank.blocked(report, "evt_used").status_code == 200
    assert bank.formally_lost(card, at).status_code == 200
    return [
        bank.sends(json.dumps(old).encode()),
        bank.tells(BLOCKED, UNKNOWN),
        bank.unblocked(card, at + 1),
        bank.lets_block_lapse(card, at + 1),
        bank.formal_loss_withdrawn(card, at + 1),
        bank.tells(BLOCKED, UNKNOWN, "evt_used"),
    ]


def test_every_error_has_its_row_and_every_row_is_an_error(
    own_server: RedisServer, tmp_path: Path
) -> None:
    # With a journal, reports that were told may be missing for a while.
    known = settings(own_server.url, journal_dir=str(tmp_path))
    app = an_app(known, ZHANG)
    bank, records = BankSide(app, "icbc"), Records(hotline_of(app))
    answers = [*_what_is_wrong_with_it(bank), *_what_cannot_be(bank, records)]
    strict = an_app(known.model_copy(update={"bank_events_per_minute": 1}))
    (report,) = records.reports()
    answers.append(BankSide(strict, "icbc").blocked(report))  # it has told of more than one
    records.hotline.redis.set(keys.report(report.number), "nobody can read this")
    answers.append(bank.blocked(report))
    own_server.kill()
    answers.append(bank.blocked(report))

    rows = [(row[0], _as_pattern(row[1])) for row in table("problems")]
    met = {(status, rule) for answer in answers for status, rule in rows if _fits(answer, rule)}
    assert {(status, rule.pattern) for status, rule in met} == {(s, r.pattern) for s, r in rows}
    for answer in answers:
        assert answer.content_type == "application/problem+json"
        fitting = [row for row in rows if _fits(answer, row[1])]
        assert [status for status, _ in fitting] == [str(answer.status_code)], answer.get_json()


def _as_pattern(cell: str) -> "re.Pattern[str]":
    return re.compile(".*".join(map(re.escape, cell.strip("`").split("…"))))


def _fits(answer: TestResponse, rule: "re.Pattern[str]") -> bool:
    return bool(rule.fullmatch(str(answer.get_json()["detail"]).replace("`", "")))
