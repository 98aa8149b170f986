"""Texts typed in a terminal, to a foreign application."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from simulator.text_terminal import main
from tests.simulator.engine.apps import Pages, answer, served, twiml


@pytest.fixture(autouse=True)
def nothing_is_going(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "PUBLIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def echo(request: Request) -> Response:
    body = request.form["Body"]
    return answer(twiml(f"<Message>{body}\nof {request.form['From']}</Message>"))


@pytest.fixture
def url() -> Iterator[str]:
    with served(Pages({"/sms": echo, "/broken": "<Message/>"})) as url:
        yield url


def test_texts_as_arguments(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", f"{url}/sms", "--from", "+8613900139009", "挂失", "是"]) == 0
    said = capsys.readouterr().out
    assert said == "> 挂失\n< 挂失\n< of +8613900139009\n> 是\n< 是\n< of +8613900139009\n"


def test_texts_as_they_are_typed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", f"{url}/sms"], io.StringIO("hello\n\nbye\n")) == 0
    assert capsys.readouterr().out.count("> ") == 2


def test_a_fault_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", f"{url}/broken", "hello"]) == 1
    assert "14103" in capsys.readouterr().err


def test_without_an_application_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["hello"])
    assert "--url must be absolute" in capsys.readouterr().err
