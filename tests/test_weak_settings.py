"""What can be used and is told at boot: where others could listen, guess or come near."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ivr.weak_settings import weak_listening, weak_operations, weak_settings
from tests.builders import settings

TOKEN = "0123456789abcdef" * 2
TODAY = date(2026, 6, 1)
SAFE = "unix:///r.sock"


def told(redis_url: str = SAFE, **changes: str) -> list[str]:
    """The settings that are named."""
    lines = weak_settings(settings(redis_url, **{"twilio_auth_token": TOKEN, **changes}), TODAY)
    return [line.partition(":")[0] for line in lines]


def test_what_is_as_it_should_be_is_not_told() -> None:
    assert told() == []


def test_everything_is_told_together() -> None:
    assert told("redis://r/0", public_base_url="http://hotline.example", twilio_auth_token="x") == [
        "PUBLIC_BASE_URL", "TWILIO_AUTH_TOKEN", "REDIS_URL", "REDIS_URL",
    ]  # fmt: skip


def test_nothing_is_told_in_development() -> None:
    weak = settings("redis://r/0", hotline_development="1", twilio_auth_token="x")
    assert weak_settings(weak, TODAY) + weak_listening(weak) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:pw@r:1/0", ["TLS"]),
        ("rediss://r:1/0", ["password"]),
        ("rediss://:pw@r:1/0", []),
        ("rediss://r:1/0?password=pw", []),
        ("rediss://:pw@r:1/0?ssl_cert_reqs=none", ["not checked"]),
        ("rediss://:pw@r:1/0?ssl_check_hostname=no", ["not checked"]),
        ("rediss://:pw@r:1/0?ssl_cert_reqs=required&ssl_check_hostname=yes", []),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", []),
        ("redis://r:1/0", ["TLS", "password"]),
        ("redis://127.0.0.1:1/0", []),
        ("redis://localhost:1/0", []),
        ("redis://[::1]:1/0", []),
        ("redis://[::2]:1/0", ["TLS", "password"]),
        (SAFE, []),
        ("", []),
        ("redis+sentinel://127.0.0.1:1,[::1]:2/m", []),
        ("redis+sentinel://127.0.0.1:1,b:2/m", ["TLS", "password"]),
        ("redis+sentinel://:pw@a:1/m", ["TLS"]),
    ],
)
def test_a_redis_on_another_machine(url: str, words: list[str]) -> None:
    with TemporaryDirectory() as place:
        lines = weak_settings(settings(url, twilio_auth_token=TOKEN, journal_dir=place), TODAY)
    assert len(lines) == len(words)
    for line, word in zip(lines, words, strict=True):
        assert word in line
        assert "pw" not in line.replace("password", "")


@pytest.mark.parametrize(
    ("base", "token", "number"),
    [
        ("https://hotline.example", TOKEN, ""),
        ("https://hotline.example", f"{TOKEN},{TOKEN[::-1]}", ""),
        ("https://hotline.example", TOKEN[1:], "token 1"),
        ("https://hotline.example", f"{TOKEN},12345", "token 2"),
        ("https://hotline.example", TOKEN.upper(), "token 1"),
        ("http://127.0.0.1:8000", "12345", ""),
    ],
)
def test_a_token_that_could_be_guessed(base: str, token: str, number: str) -> None:
    lines = weak_settings(settings(SAFE, public_base_url=base, twilio_auth_token=token), TODAY)
    assert [number in line for line in lines] == ([True] if number else [])


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"bind_address": "10.0.0.7"}, True),
        ({"behind_proxy": "1", "trusted_proxies": "1"}, False),
        ({"behind_proxy": "1"}, True),
        ({"bind_address": "127.0.0.1"}, False),
        ({"bind_address": "[::1]"}, False),
    ],
)
def test_a_web_that_listens_in_the_open(changes: dict[str, str], is_told: bool) -> None:
    assert bool(weak_listening(settings(SAFE, **changes))) is is_told


@pytest.mark.parametrize(
    ("bind", "is_told"),
    [("", False), ("127.0.0.1:8003", False), ("[::1]:8003", False), ("0.0.0.0:8003", True)],
)
def test_operations_that_others_reach(bind: str, is_told: bool) -> None:
    assert bool(weak_operations(settings(SAFE, operations_bind=bind))) is is_told


def test_replicas_without_a_journal_on_this_machine(tmp_path: Path) -> None:
    assert told(wait_for_replicas="1") == ["JOURNAL_DIR"]
    assert told(wait_for_replicas="1", journal_dir=str(tmp_path)) == []


@pytest.mark.parametrize(
    ("today", "hours", "years"),
    [
        (date(2026, 6, 1), "mon-fri 08:30-17:30", []),
        (date(2098, 6, 1), "00:00-24:00", []),
        (date(2098, 6, 1), "mon-fri 08:30-17:30", ["2098"]),
        (date(2098, 11, 26), "mon-fri 08:30-17:30", ["2098", "2099"]),
    ],
)
def test_a_year_without_its_calendar_of_holidays(today: date, hours: str, years: list[str]) -> None:
    lines = weak_settings(settings(SAFE, twilio_auth_token=TOKEN, agent_hours=hours), today)
    assert [line.partition(" is not")[0].rpartition(" ")[2] for line in lines] == years
