"""Bad settings: all problems at once, in words, and no start."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from simulator.bank.running import CHECKOUT, new_secret
from simulator.bank.settings import SandboxSettingsError, read_sandbox_settings

ICBC = """
[banks.icbc]
name = { zh = "工商银行", en = "ICBC" }
phone = "95588"
notice_url = "https://bank.example/notices"
secrets_env = "ICBC_SECRETS"
timeout_seconds = 5
max_in_flight = 8
"""


def problems_of(*options: str, environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(SandboxSettingsError) as caught:
        read_sandbox_settings(options, environ)
    return caught.value.problems


def an_environment(folder: Path, toml: str = ICBC, **changes: str) -> dict[str, str]:
    banks_file = folder / "banks.toml"
    banks_file.write_text(toml, encoding="utf-8")
    good = {
        "BANKS_FILE": str(banks_file),
        "PUBLIC_BASE_URL": "https://hotline.example/",
        "ICBC_SECRETS": new_secret(),
        "DATA_DIR": str(folder),
    }
    return good | changes


def test_everything_from_the_environment(tmp_path: Path) -> None:
    newest, oldest = new_secret(), new_secret()

    settings = read_sandbox_settings(
        [], an_environment(tmp_path, ICBC_SECRETS=f"{newest}, {oldest}")
    )

    assert (settings.host, settings.port) == ("127.0.0.1", 8002)
    assert settings.hotline_url == "https://hotline.example"
    assert settings.banks["icbc"].all_secrets() == (newest, oldest)
    assert newest not in repr(settings)


def test_options_win(tmp_path: Path) -> None:
    options = ["--port", "9", "--host", "::1", "--hotline-url", "http://localhost:8000"]

    settings = read_sandbox_settings(options, an_environment(tmp_path))

    assert (settings.host, settings.port) == ("::1", 9)
    assert settings.hotline_url == "http://localhost:8000"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "bank.example"])  # noqa: S104
def test_only_loopback(tmp_path: Path, host: str) -> None:
    [problem] = problems_of("--host", host, environ=an_environment(tmp_path))

    assert "loopback only" in problem


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ICBC_SECRETS": ""}, "no secret is set"),
        ({"ICBC_SECRETS": "whsec_c2hvcnQ="}, "24 to 64"),
        ({"ICBC_SECRETS": "whsec_***"}, "24 to 64"),
        ({"ICBC_SECRETS": new_secret().removeprefix("whsec_")}, "whsec_"),
        ({"PUBLIC_BASE_URL": ""}, "PUBLIC_BASE_URL"),
        ({"PUBLIC_BASE_URL": "http://hotline.example"}, "https"),
        ({"BANK_PORT": "eighty"}, "port"),
        ({"EVENT_RETRY_SECONDS": "0"}, "EVENT_RETRY_SECONDS"),
        ({"BANK_BEHAVIOURS": "{"}, "behaviour"),
        ({"BANK_BEHAVIOURS": "[]"}, "behaviour"),
        ({"BANK_BEHAVIOURS": '{"icbc": {"kind": "sulk"}}'}, "behaviour of icbc"),
        ({"BANK_BEHAVIOURS": '{"hsbc": {"kind": "down"}}'}, "no bank hsbc"),
        ({"BANKS_FILE": "/nowhere.toml"}, "/nowhere.toml"),
    ],
)
def test_each_problem_is_named(tmp_path: Path, changes: dict[str, str], word: str) -> None:
    [problem] = problems_of(environ=an_environment(tmp_path, **changes))

    assert word in problem
    secret = changes.get("ICBC_SECRETS", "")
    assert not secret or secret not in problem


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ("", "no [banks.<id>] table"),
        ("[banks", "not TOML"),
        ("[banks]\nicbc = 1", "name"),
        (ICBC.replace("zh =", "cn ="), "name.zh"),
        (ICBC.replace("[banks.icbc]", "[banks.'IC BC']"), "id"),
    ],
)
def test_a_banks_file_that_cannot_be_used(tmp_path: Path, toml: str, word: str) -> None:
    problems = problems_of(environ=an_environment(tmp_path, toml))

    assert any(word in problem for problem in problems)


def test_the_process_says_all_of_it_and_ends(tmp_path: Path) -> None:
    environ = an_environment(tmp_path, PUBLIC_BASE_URL="ftp://x", ICBC_SECRETS="")

    ended = subprocess.run(
        [sys.executable, "-m", "simulator.bank", "--host", "0.0.0.0", "--port", "x"],  # noqa: S104
        cwd=CHECKOUT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    for word in ("loopback only", "port", "PUBLIC_BASE_URL", "no secret is set"):
        assert word in ended.stderr
    assert "Traceback" not in ended.stderr
