"""The terminal telephone: as a script, fed with lines, and at a real terminal."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request, Response

from simulator.terminal import main

from .engine.apps import Pages, answer, served, twiml
from .pizza import pizza_line

ROOT = Path(__file__).parents[2]
# Ctrl-C reaches the programs of the session that owns the terminal. The leader of that session
# stays until the test is over: when it ends, the terminal closes and unread output is lost.
OWNER = """
import os, signal, subprocess, sys
os.login_tty(0)
signal.signal(signal.SIGINT, lambda *_: None)
status = subprocess.call([sys.executable, "-m", "simulator.terminal", *sys.argv[1:]])
print("exit status", status, flush=True)
signal.pause()
"""
SETTINGS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER", "PUBLIC_BASE_URL")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the tester's own environment says stays out, and what they have going."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def base() -> Iterator[str]:
    with served(pizza_line()) as base:
        yield base


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command, in this process."""

    def run(*arguments: str) -> Done:
        status = main(list(arguments))
        return Done(status, *capsys.readouterr())

    return run


Run = Callable[..., Done]


def test_a_script(base: str, run: Run) -> None:
    done = run("--url", f"{base}/voice", "--script", "s,1,0612345#")
    assert (done.status, done.err) == (0, "")
    for line in ("[it-IT] Buona sera!", "caller  stays silent", "caller  presses 0612345#"):
        assert line in done.out
    assert "Your Margherita is on its way" in done.out
    assert done.out.rstrip().endswith("line    hangs up")


def test_a_script_that_ends_early_hangs_up(base: str, run: Run) -> None:
    done = run("--url", f"{base}/voice", "--status-url", "/status", "--script", "1", "-v")
    assert done.status == 0
    assert done.out.rstrip().endswith("caller  hangs up")
    assert f"> POST {base}/status" in done.out


def test_verbose_shows_requests_and_twiml(base: str, run: Run) -> None:
    done = run(
        "--url", f"{base}/voice", "--from", "anonymous", "--to", "+39", "-v", "--script", "h"
    )  # fmt: skip
    assert f"> POST {base}/voice" in done.out
    assert "From=anonymous" in done.out
    assert "To=+39 " in done.out
    assert '<Gather action="/order"' in done.out


def test_an_error_of_twilios_shows_in_the_exit_status(base: str, run: Run) -> None:
    done = run("--url", f"{base}/nowhere", "--script", "1")
    assert done.status == 1
    assert "error 11217 HTTP error response code: status 404" in done.err
    assert "an application error has occurred" in done.out


def test_a_warning_is_shown_but_is_no_error(base: str, run: Run) -> None:
    done = run("--url", f"{base}/broken", "--script", "s")
    assert (done.status, "warning 12200" in done.err) == (0, True)


def test_words_can_be_spoken(run: Run) -> None:
    def got(request: Request) -> Response:
        return answer(twiml(f"<Say>You said {request.form['SpeechResult']}</Say>"))

    pages = Pages({"/voice": '<Gather input="speech" action="/got"/>', "/got": got})
    with served(pages) as base:
        done = run("--url", f"{base}/voice", "--script", '"挂失')
    assert "caller  says 挂失" in done.out
    assert "You said 挂失" in done.out


def test_settings_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "1" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://hotline.example")
    pages = Pages({"/v1/voice": "<Say>bye</Say>"})
    with served(pages) as inside:
        assert run("--url", f"{inside}/v1/voice", "--script", "1").status == 0
    got = pages.requests[0]
    url, signature = "https://hotline.example/v1/voice", got.headers["X-Twilio-Signature"]
    assert got.form["AccountSid"] == "AC" + "1" * 32
    assert RequestValidator("secret").validate(url, got.form.to_dict(), signature)


def test_a_url_is_needed(run: Run) -> None:
    with pytest.raises(SystemExit):
        run("--script", "1")


def test_typed_lines(base: str) -> None:
    # An empty line is silence; Enter after keys only ends the line; the end of input hangs up.
    done = subprocess.run(
        [sys.executable, "-m", "simulator.terminal", "--url", f"{base}/voice"],
        input="\n1\n0612345\n\n", text=True, encoding="utf-8", cwd=ROOT,
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("stays silent") == 1
    assert "presses 0612345" in done.stdout
    assert "on its way" in done.stdout


class Terminal:
    """A real pseudo-terminal with the telephone in it."""

    def __init__(self, *arguments: str) -> None:
        self._screen, inner = pty.openpty()
        self._owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, *arguments],
            stdin=inner, stdout=inner, stderr=inner, cwd=ROOT,
        )  # fmt: skip
        os.close(inner)
        self._shown = ""

    def waits_for(self, pattern: str) -> str:
        """Reads until the pattern shows and returns it; fails after a minute of silence."""
        while not (found := re.search(pattern, self._shown)):
            ready, _, _ = select.select([self._screen], [], [], 60)
            assert ready, f"no {pattern!r} in:\n{self._shown}"
            self._shown += os.read(self._screen, 65536).decode()
        self._shown = self._shown[found.end() :]
        return found.group()

    def types(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def close(self) -> None:
        self._owner.kill()
        self._owner.wait()
        os.close(self._screen)


@pytest.fixture
def terminal(base: str) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal("--url", f"{base}/voice", *arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_keys_work_as_they_are_pressed(terminal: Callable[..., Terminal]) -> None:
    phone = terminal()
    phone.waits_for("For the cook, press 0")
    phone.types("2")  # no Enter
    phone.waits_for("caller  presses 2")
    phone.waits_for("One Funghi")
    phone.types("061#")
    phone.waits_for("caller  presses 061#")
    phone.waits_for("on its way")
    phone.waits_for("line    hangs up")
    assert phone.waits_for(r"exit status \d+") == "exit status 0"


def test_enter_is_silence(terminal: Callable[..., Terminal]) -> None:
    phone = terminal()
    phone.waits_for("press 0")
    phone.types("\n")
    phone.waits_for("caller  stays silent")
    phone.waits_for("We did not hear you")


def test_control_c_hangs_up(terminal: Callable[..., Terminal]) -> None:
    phone = terminal("--status-url", "/status", "-v")
    phone.waits_for("press 0")
    phone.types("\x03")
    phone.waits_for("/status")
    phone.waits_for("caller  hangs up")
    assert phone.waits_for(r"exit status \d+") == "exit status 0"
