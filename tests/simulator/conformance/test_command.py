"""`python -m simulator.conformance`, as a bank's developer types it."""

import io
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simulator.bank.pytest_plugin import StartBank, start_bank
from simulator.bank.running import RunningBank, new_secret
from simulator.conformance import rules
from simulator.conformance.__main__ import main
from simulator.conformance.notices import made_up_people
from simulator.conformance.rules import RULES
from tests.simulator.conformance.a_receiver import AReceiver, a_receiver
from tests.workers.certificates import Authority

__all__ = ["start_bank"]

SECRET, OLD_SECRET = new_secret(), new_secret()
QUICKLY = ("--timeout", "2")
Shown = Callable[[], tuple[str, str]]


@pytest.fixture(autouse=True)
def no_secrets_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET", "OLD_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """What stands on the terminal; never a secret."""

    def read() -> tuple[str, str]:
        out, err = capsys.readouterr()
        for secret in (SECRET, OLD_SECRET):
            assert secret.removeprefix("whsec_") not in out + err
        return out, err

    return read


@pytest.fixture
def bank(start_bank: StartBank) -> RunningBank:
    secrets = {"icbc": (SECRET, OLD_SECRET)}
    return start_bank("http://127.0.0.1:9", banks=("icbc",), known_secrets=secrets)


@pytest.fixture
def good() -> Iterator[AReceiver]:
    with a_receiver((SECRET, OLD_SECRET)) as receiver:
        yield receiver


def test_the_sandbox_bank_keeps_every_rule(
    bank: RunningBank, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("OLD_SECRET", OLD_SECRET)
    page = tmp_path / "result.html"

    assert main([f"{bank.url}/icbc/notices", "--page", str(page)]) == 0

    out, err = shown()
    assert f"{len(RULES)} rules: {len(RULES)} kept, 0 broken, 0 not seen" in out
    assert err == ""
    assert page.exists()
    assert set(bank.client.effects("icbc").values()) == {1}  # nothing was carried out twice


def test_a_broken_rule_is_told_with_what_was_done_and_where_to_read(shown: Shown) -> None:
    with a_receiver((SECRET,), "forgets ids") as receiver:
        assert main([receiver.url, "--secret", SECRET, *QUICKLY]) == 1

    out, err = shown()
    assert re.search(
        r"^BROKEN    once/remembered +carry out no webhook-id a second time", out, re.M
    )
    assert 'to another content under its id: 200 "noted" (see "Once, and only once")' in out
    assert "Warning: a secret in the command line is seen by everybody" in err


def test_secrets_from_standard_input(
    good: AReceiver, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n{OLD_SECRET}\n"))

    assert main([good.url, "--secret", "-", "--old-secret", "-"]) == 0

    out, err = shown()
    assert "kept      signature/old secret" in out
    assert err == ""


# What is wrong -> what is said of it.
UNUSABLE: dict[str, tuple[list[str], str]] = {
    "no secret": (["http://127.0.0.1:1/"], "no secret: set SECRET"),
    "a secret of another kind": (["http://127.0.0.1:1/", "--secret", "hunter2"], "whsec_"),
    "an old secret of another kind": (
        ["http://127.0.0.1:1/", "--secret", SECRET, "--old-secret", "hunter2"], "OLD_SECRET: "),
    "no address": (["--secret", SECRET], "URL: must be"),
    "another scheme": (["ftp://127.0.0.1/", "--secret", SECRET], "URL: must be"),
    "no port": (["http://127.0.0.1:x/", "--secret", SECRET], "URL: must be"),
    "no such authority": (
        ["https://127.0.0.1:1/", "--secret", SECRET, "--ca-file", "/none"], "no such file"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used(case: str, shown: Shown) -> None:
    arguments, said = UNUSABLE[case]
    assert main(arguments) == 2
    out, err = shown()
    assert (out, said in err) == ("", True)
    assert "hunter2" not in err


def test_nobody_there(shown: Shown) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    url = f"http://bank:geheim@127.0.0.1:{port}/n?token=geheim"

    assert main([url, "--secret", SECRET]) == 2

    out, err = shown()
    assert f"http://127.0.0.1:{port}/n cannot be reached: refused the connection" in err
    assert "geheim" not in out + err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("is in maintenance", 'answered 503 "maintenance"'),
        ("knows no person", "Open accounts for the people that --accounts lists"),
    ],
)
def test_lawful_answers_that_show_nothing(fault: str, said: str, shown: Shown) -> None:
    with a_receiver((SECRET,), fault) as receiver:
        assert main([receiver.url, "--secret", SECRET]) == 2

    out, err = shown()
    assert said in err
    assert out == ""


def test_a_page_that_cannot_be_written(good: AReceiver, shown: Shown, tmp_path: Path) -> None:
    assert main([good.url, "--secret", SECRET, "--page", str(tmp_path / "no" / "page")]) == 2
    assert "cannot be written: No such file" in shown()[1]


def test_the_people_to_open_accounts_for(shown: Shown) -> None:
    assert main(["--accounts"]) == 0
    out, _ = shown()
    assert [line.split(",")[0] for line in out.splitlines()] == [
        "id_number", *(holder.id_number for holder in made_up_people())
    ]  # fmt: skip


def test_over_tls_to_whom_it_can_trust(shown: Shown, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("hotline")
    context = authority.server_context(authority.issue("bank"), wants_client=True)
    files = ["--client-cert", str(ours.certificate), "--client-key", str(ours.key)]
    with a_receiver((SECRET,), tls=context) as receiver:
        url = receiver.url.replace("http:", "https:")
        asked = [url, "--secret", SECRET, *files]
        assert main([*asked, "--ca-file", str(authority.file)]) == 0
        assert main(asked) == 2

    out, err = shown()
    assert "1 not seen" in out  # the old secret, which was not given
    assert "its TLS certificate cannot be trusted (see --ca-file)" in err


class _Html(HTMLParser):
    """The texts and attributes of a page whose tags are all closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page about a receiver that answers HTML, at an address with a login and markup."""
    page = tmp_path_factory.mktemp("page") / "result.html"
    said = io.StringIO()
    with a_receiver((SECRET,), "answers in HTML") as receiver, redirect_stdout(said):
        url = receiver.url.replace("http://", "http://bank:geheim@")
        arguments = [f"{url}/<script>?token=geheim", "--secret", SECRET, "--page", str(page)]
        assert main(arguments) == 1
    assert "geheim" not in said.getvalue()
    return page.read_text(encoding="utf-8")


def test_the_page_needs_nothing_and_runs_nothing(hostile: str) -> None:
    page = _Html(hostile)
    assert page.loaded == ["data:,"]
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert "/notices/<script>" in page.text


def test_the_page_tells_no_secret(hostile: str) -> None:
    assert "geheim" not in hostile
    assert SECRET.removeprefix("whsec_") not in hostile


def test_the_page_has_what_a_file_needs(hostile: str) -> None:
    page = _Html(hostile)
    assert page.text.count("BROKEN") == 1
    for rule in rules.RULES:
        assert rule.name in page.text
        assert rule.should in page.text
        assert rule.section in page.text
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.* UTC", page.text)
    assert re.search(r"Bank API \d+\.\d+\.\d+; Python \d", page.text)
    assert "alert" not in page.text  # no more of an answer than its word
