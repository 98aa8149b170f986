"""The bank developers' page: served, readable anywhere, true, and its listings run."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from standardwebhooks import Webhook
from werkzeug.test import Client

from ivr.banks_file import Bank
from ivr.cards.bank_event import MEANS
from ivr.cards.block import STALE, TRANSITIONS, BlockState
from ivr.cards.loss import LossReport
from ivr.cards.notice import TO_BANKS, NoticeKind, Outcome
from ivr.settings import Settings
from ivr.store.bank_health import PAUSE_AFTER, PROBE_SECONDS
from ivr.store.keys import DAY, SEEN_EVENT_SECONDS
from ivr.store.reconciliation import PAGE
from ivr.web.bank_docs.paper import DOCS
from simulator.conformance.receiver import Receiver
from simulator.conformance.result import examine
from simulator.conformance.session import Session, Verdict
from tests.bank_side import BankSide, Records, listening
from tests.builders import a_card, a_holder, a_secret, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.bank_papers import PLACES, TEXT, TEXTS, bodies, listing, listings, made, table
from tests.workers.loop import Waiting
from workers.answers import WORDS
from workers.bank_client import BankClient, outcome_of
from workers.schedule import GIVE_UP_AFTER, HOUR, MINUTE, PAUSES

ZHANG = a_holder(a_card("5678", "icbc"))
RECEIVERS = ["receive.py", "receive.mjs", "Receive.java", "receive.go"]
# What runs a listing, by the end of its name, and the Debian package it comes from.
NOT_HERE = {"mjs": ("node", "nodejs"), "java": ("javac", "default-jdk-headless"),
            "go": ("go", "golang-go")}  # fmt: skip


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


class _Html(HTMLParser):
    """Collects what a reader's software looks for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, attribute: str) -> list[str]:
        return [str(a[attribute]) for _, a in self.tags if attribute in a]


class TestThePage:
    @pytest.fixture(params=TEXTS)
    def language(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def html(self, app: Flask, language: str) -> str:
        answer = Client(app).get(PLACES[language])
        assert answer.status_code == 200
        assert answer.content_type == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        return answer.get_data(as_text=True)

    @pytest.fixture
    def parsed(self, html: str) -> _Html:
        page = _Html()
        page.feed(html)
        assert page.open == []
        return page

    def test_needs_nothing_from_anywhere(self, parsed: _Html) -> None:
        assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in parsed.tags}
        assert parsed.values("src") == []
        loaded = [a["href"] for tag, a in parsed.tags if tag == "link"]
        assert loaded == ["data:,"]

    def test_every_link_within_it_leads_somewhere(self, parsed: _Html, app: Flask) -> None:
        links = [str(a["href"]) for tag, a in parsed.tags if tag == "a"]
        anchors = [link[1:] for link in links if link.startswith("#")]
        assert len(anchors) >= 6
        assert set(anchors) <= set(parsed.values("id"))
        assert len(parsed.values("id")) == len(set(parsed.values("id")))
        for link in links:
            if link.startswith("/"):
                assert Client(app).get(link).status_code == 200

    def test_is_fit_for_phones_the_dark_and_readers(
        self, html: str, parsed: _Html, language: str
    ) -> None:
        tags = [tag for tag, _ in parsed.tags]
        assert [tags.count(tag) for tag in ("h1", "main", "nav")] == [1, 1, 1]
        assert ("html", {"lang": {"en": "en", "zh": "zh-CN"}[language]}) in parsed.tags
        assert "width=device-width" in html
        assert "prefers-color-scheme: dark" in html

    def test_says_all_that_the_markdown_says(self, html: str, language: str) -> None:
        text, words = TEXTS[language], re.sub(r"<[^>]+>", " ", html)
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        for heading in re.findall(r"^#+ (.+)$", prose, re.M):
            assert heading in words
        assert html.count("<figcaption>") == len(listings(language))
        assert html.count("<table>") == len(re.findall(r"^\|(?:-+\|)+$", text, re.M))
        assert "<!--" not in html
        assert "&lt;!--" not in html

    def test_leads_to_the_other_language(self, parsed: _Html, language: str) -> None:
        (other,) = set(PLACES) - {language}
        assert ("a", {"href": PLACES[other]}) in parsed.tags

    def test_is_in_english_for_a_language_that_is_not_there(self, app: Flask) -> None:
        pages = [Client(app).get(f"/banks/api{query}").data for query in ("", "?lang=fr", "?lang=")]
        assert len(set(pages)) == 1

    def test_is_open_and_beside_the_banks(self, app: Flask) -> None:
        """A bank called "api" would be no bank: its routes have one part more."""
        assert Client(app).post("/banks/api").status_code == 405


class TestTheDescription:
    def test_is_the_one_in_docs(self, app: Flask) -> None:
        answer = Client(app).get("/banks/openapi.json")
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert answer.get_data() == (DOCS / "openapi.json").read_bytes()


class TestTheTables:
    """What the page promises is what the code does."""

    def test_events(self) -> None:
        rows = table("effects")
        assert [row[0].strip("`") for row in rows] == [state.value for state in BlockState]
        for state, row in zip(BlockState, rows, strict=True):
            for meaning, cell in zip(MEANS.values(), row[1:], strict=True):
                step = (state, meaning)
                said = "applied" if step in TRANSITIONS else "stale" if step in STALE else "409"
                assert cell == said, step

    def test_event_types(self) -> None:
        assert [row[0].strip("`") for row in table("event_types")] == list(MEANS)

    def test_retries(self) -> None:
        rows = dict(table("retries"))
        units = {"s": 1, "min": MINUTE, "h": HOUR}
        seconds = []
        for number in range(2, 2 + len(PAUSES)):
            amount, unit = rows[str(number)].split()
            seconds.append(int(amount) * units[unit])
        assert tuple(seconds) == PAUSES
        assert rows["1"] == "at once"
        assert rows["further ones"] == "1 h each"
        assert PAUSES[-1] == HOUR
        assert rows["none"] == f"{GIVE_UP_AFTER // HOUR} h after the report"

    def test_answers_to_notices(self) -> None:
        rows = {row[0]: row[1] for row in table("answers")}
        blocked = {"status": "blocked"}
        assert outcome_of(200, blocked) is outcome_of(202, blocked) is Outcome.BLOCKED
        assert "**and blocked**" in rows['2xx with `{"status": "blocked"}`']
        assert rows["any other 2xx"].startswith("received")
        assert {outcome_of(s) for s in (200, 202, 204)} == {Outcome.RECEIVED}
        again = rows["408, 425, 429, 5xx"]
        assert "try again" in again
        assert {outcome_of(s) for s in (408, 425, 429, 500, 503)} == {Outcome.FAILED}
        assert rows["3xx"].startswith("refused")
        assert rows["any other 4xx"].startswith("refused")
        refused = (301, 308, 400, 401, 404, 409, 422)
        assert {outcome_of(s) for s in refused} == {Outcome.REFUSED}

    def test_words_that_are_kept_of_an_answer(self) -> None:
        listed = "".join(row[0] for row in table("words"))
        assert set(re.findall(r"`([a-z_]+)`", listed)) == WORDS

    def test_notice_types(self) -> None:
        told = {row[0].strip("`") for row in table("notice_types")}
        assert told == set(TO_BANKS)

    def test_numbers(self) -> None:
        assert f"{PAGE} a page" in TEXT
        assert f"for {SEEN_EVENT_SECONDS // DAY} days" in TEXT
        assert f"After {PAUSE_AFTER} failures in a row" in TEXT
        assert f"one notice every {PROBE_SECONDS} seconds" in TEXT
        limit = Settings.model_fields["bank_events_per_minute"].default
        assert f"more than {limit} events in one minute" in TEXT
        known = Bank.model_fields
        assert f"({known['timeout_seconds'].default} s unless agreed)" in TEXT.replace("\n", " ")
        assert f"({known['max_in_flight'].default} unless agreed)" in TEXT.replace("\n", " ")


class TestTheNotice:
    def test_has_the_fields_of_the_example(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        sent = records.hotline.outbox.body(records.notice(report.notice_id))
        assert _shape(sent) == _shape(_shown("card.loss_reported"))

    def test_a_release_has_them_without_the_action(self, records: Records) -> None:
        records.seven_days_pass(records.reports_lost(ZHANG))
        (released,) = records.notices(NoticeKind.LOSS_RELEASED)
        shown = _shown("card.loss_reported")
        del shown["data"]["action"]
        assert _shape(records.hotline.outbox.body(released)) == _shape(shown)

    def test_a_page_of_blocks_has_the_fields_of_the_example(
        self, app: Flask, records: Records
    ) -> None:
        records.reports_lost(ZHANG)
        page = BankSide(app, "icbc").asks_for_blocks().get_json()
        assert _shape(page) == _shape(_shown("blocks") | {"next": None})


def _shown(name: str) -> Any:
    (body,) = bodies(made("body", name))
    return body


def _shape(value: Any) -> Any:
    """Names and types, all the way down."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    return [_shape(part) for part in value] if isinstance(value, list) else type(value).__name__


class TestTheVector:
    def test_with_the_package(self) -> None:
        given = {row[0].strip("`"): row[1].strip("`") for row in table("vector")}
        at = datetime.fromtimestamp(int(given["webhook-timestamp"]), UTC)
        signed = Webhook(given["secret"]).sign(given["webhook-id"], at, given["body"])
        assert signed == given["webhook-signature"]

    def test_with_openssl(self) -> None:
        given = {row[0].strip("`"): row[1].strip("`") for row in table("vector")}
        said = _run(["sh", "-euc", listing("vector.sh")])
        assert "v1," + said.strip() == given["webhook-signature"]


class TestListings:
    """Each is taken from the page as it stands there, and run."""

    @pytest.fixture
    def report(self, records: Records) -> LossReport:
        return records.reports_lost(ZHANG)

    @pytest.fixture
    def environ(self, app: Flask, report: LossReport) -> Iterator[dict[str, str]]:
        known = hotline_of(app).settings.banks["icbc"]
        with listening(app) as url:
            yield {
                "HOTLINE": url,
                "BANK": "icbc",
                "SECRET": known.secrets[0].get_secret_value(),
                "REPORT": report.number,
            }

    @pytest.mark.parametrize("name", ["send.sh", "send.py", "send.mjs", "Send.java", "send.go"])
    def test_sending_an_event(
        self, name: str, environ: dict[str, str], records: Records, tmp_path: Path
    ) -> None:
        said = _run(_program(name, tmp_path), environ)
        assert "applied" in said
        assert records.state(ZHANG.cards[0]) == BlockState.BLOCKED

    @pytest.mark.parametrize("name", ["blocks.sh", "blocks.py"])
    def test_listing_blocks(
        self, name: str, environ: dict[str, str], report: LossReport, tmp_path: Path
    ) -> None:
        said = _run(_program(name, tmp_path), environ)
        assert report.number in said
        assert "notified" in said

    def test_listing_more_than_a_page(
        self, environ: dict[str, str], records: Records, tmp_path: Path
    ) -> None:
        more = [
            a_holder(a_card(f"{n:04}", head="B"), id_number=an_id_number(serial=f"{n:03}"))
            for n in range(10, 10 + PAGE)
        ]
        records.enrols(*more)
        for holder in more:
            records.reports_lost(holder)
        said = _run(_program("blocks.py", tmp_path), environ)
        assert len(set(said.splitlines())) == PAGE + 1

    @pytest.mark.parametrize("name", RECEIVERS)
    def test_receiving_notices(
        self, name: str, records: Records, report: LossReport, tmp_path: Path
    ) -> None:
        """By the very client that tells the banks."""
        secret = a_secret()
        body = json.dumps(records.hotline.outbox.body(records.notice(report.notice_id)))
        number = report.number
        with _running(_program(name, tmp_path), {"SECRET": secret}) as (url, said):
            genuine, forged = _client(url, secret), _client(url, a_secret())
            both = _client(url, a_secret(), secret)
            now = time.time()
            assert genuine.post("ntc-1", body, now).outcome is Outcome.BLOCKED
            assert genuine.post("ntc-1", body, now).outcome is Outcome.BLOCKED
            assert both.post("ntc-1", body, now).outcome is Outcome.BLOCKED
            assert genuine.post("ntc-2", '{"type":"ping","data":{}}', now).status == 200
            trial = body.replace('"data": {', '"data": {"test": true, ')
            assert genuine.post("ntc-6", trial, now).answer == "noted"
            withdrawn = body.replace("loss_reported", "report_withdrawn").replace(number, "0815")
            assert genuine.post("ntc-4", withdrawn, now).answer == "noted"
            late = genuine.post("ntc-5", body.replace(number, "0815"), now)
            assert (late.outcome, late.answer) == (Outcome.RECEIVED, "late")
            assert forged.post("ntc-3", body, now).status == 401
            assert genuine.post("ntc-3", body, now - 400).status == 401
            assert genuine.post("ntc-3", body, now + 400).status == 401
            for client in (genuine, forged, both):
                client.close()
        assert said() == [f"block report {report.number}"]

    @pytest.mark.parametrize("name", RECEIVERS)
    def test_receivers_keep_every_rule_of_the_page(self, name: str, tmp_path: Path) -> None:
        secret = a_secret()
        with _running(_program(name, tmp_path), {"SECRET": secret}) as (url, _):
            result = examine(Session(Receiver(url, 5), secret, pause=0.02))
        not_kept = {rule.name for rule, found in result.rows if found.verdict is not Verdict.KEPT}
        assert not_kept == {"signature/old secret"}  # they take one secret

    def test_all_listings_are_run(self) -> None:
        programs = [name for name in listings() if not name.endswith(".http")]
        assert set(programs) == {
            *("vector.sh", "send.sh", "blocks.sh", "send.py", "blocks.py", "send.mjs"),
            *("Send.java", "send.go", *RECEIVERS),
        }

    def test_node_needs_nothing_but_itself(self) -> None:
        imported = re.findall(r'from "([^"]+)"', listing("send.mjs") + listing("receive.mjs"))
        assert set(imported) == {"node:crypto", "node:http"}

    def test_java_needs_nothing_but_its_kit(self) -> None:
        both = listing("Send.java") + listing("Receive.java")
        assert both.isascii()  # a compiler takes a file to be in the machine's own encoding
        imported = re.findall(r"^import (\w+\.\w+)", both, re.M)
        assert set(imported) <= {"java.io", "java.net", "java.nio", "java.security", "java.time",
                                 "java.util", "javax.crypto", "com.sun"}  # fmt: skip

    def test_go_needs_nothing_but_its_library(self) -> None:
        imported = re.findall(r'^\t"([^"]+)"$', listing("send.go") + listing("receive.go"), re.M)
        assert imported
        assert not [name for name in imported if "." in name]


def _client(url: str, *secrets: str) -> Waiting:
    known = {
        "id": "icbc",
        "name": {"zh": "工商银行", "en": "ICBC"},
        "phone": "95588",
        "notice_url": url,
        "secrets_env": "ICBC_SECRETS",
        "secrets": secrets,
    }
    return Waiting(BankClient(Bank.model_validate(known)))


def _program(name: str, directory: Path) -> list[str]:
    """The words that run a listing, written to a file and, where that is the way, compiled."""
    file = directory / name
    file.write_text(listing(name), encoding="utf-8")
    kind = name.rpartition(".")[2]
    if kind in ("py", "sh"):
        return [sys.executable, str(file)] if kind == "py" else ["sh", "-eu", str(file)]
    program = _found(kind)
    return {"mjs": _by_node, "java": _by_java, "go": _by_go}[kind](program, file)


def _found(kind: str) -> str:
    name, package = NOT_HERE[kind]
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here: apt-get install {package}")
    return found


def _by_node(node: str, file: Path) -> list[str]:
    return [node, str(file)]


def _by_java(javac: str, file: Path) -> list[str]:
    """With all warnings on, and each an error."""
    made = [javac, "-Xlint:all", "-Werror", "-d", str(file.parent), str(file)]
    assert _run(made) == ""
    java = str(Path(javac).with_name("java"))
    return [java, "-XX:TieredStopAtLevel=1", "-cp", str(file.parent), file.stem]


def _by_go(go: str, file: Path) -> list[str]:
    cache = file.parent.parent / "go-build"  # for all tests of this run
    environ = {"GOCACHE": str(cache), "GO111MODULE": "off", "HOME": str(cache)}
    assert _run([str(Path(go).with_name("gofmt")), "-l", str(file)]) == ""
    assert _run([go, "build", "-o", str(file.with_suffix("")), str(file)], environ) == ""
    return [str(file.with_suffix(""))]


def _run(program: list[str], environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        program,
        env=_quiet(environ or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _quiet(environ: dict[str, str]) -> dict[str, str]:
    """No proxy of this machine stands between two programs on it."""
    return {"PATH": os.environ["PATH"], "NO_PROXY": "*", **environ}


class _running:  # noqa: N801 (reads as a verb)
    """`with _running(…) as (url, said):` a receiver listens; then `said()` is its output."""

    def __init__(self, program: list[str], environ: dict[str, str]) -> None:
        self._program = program
        self._environ = environ
        self._said: list[str] = []

    def __enter__(self) -> Any:
        self._process = subprocess.Popen(
            self._program,
            env=_quiet(self._environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().split()[-1]
        return f"http://127.0.0.1:{port}/notices", lambda: self._said

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        out, _err = self._process.communicate(timeout=30)
        self._said += out.splitlines()
