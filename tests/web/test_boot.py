"""Starting: what is wrong for good stops it with one line, what may pass is only told."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from app import create_app
from ivr.store.connection import UnsafeRedisError
from ivr.store.vault import WrongDataKeysError
from tests.builders import BANKS, a_secret, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import PhoneCall, hotline_behind

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], str]:
    """All that was logged, whatever way it took."""
    caplog.set_level(logging.INFO)
    return lambda: "".join([*capfd.readouterr(), caplog.text])


@pytest.mark.parametrize(
    ("option", "value"), [("appendfsync", "everysec"), ("no-appendfsync-on-rewrite", "yes")]
)
def test_a_redis_that_may_forget_is_refused(
    own_server: RedisServer, option: str, value: str
) -> None:
    with own_server.client() as redis:
        redis.config_set(option, value)
    with pytest.raises(UnsafeRedisError, match=option):
        create_app(settings(own_server.url))


def test_a_redis_that_may_not_be_asked_is_refused(own_server: RedisServer) -> None:
    with own_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-config")
    with pytest.raises(UnsafeRedisError, match="config"):
        create_app(settings(f"unix://app:pw@{own_server.socket}"))


def test_data_keys_that_do_not_open_this_redis_are_refused(own_call: PhoneCall) -> None:
    known = hotline_behind(own_call).settings
    assert create_app(known), "the right ones"
    with pytest.raises(WrongDataKeysError):
        create_app(settings(known.redis_url))


def test_starting_writes_nothing(redis: Redis, redis_server: RedisServer) -> None:
    create_app(settings(redis_server.url))
    assert redis.dbsize() == 0


def test_what_stops_it_is_one_line(own_call: PhoneCall, tmp_path: Path) -> None:
    banks_file = tmp_path / "banks.toml"
    banks_file.write_text(BANKS, encoding="utf-8")
    environ = {
        "REDIS_URL": hotline_behind(own_call).settings.redis_url,
        "PUBLIC_BASE_URL": "https://hotline.example", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "12345", "TWILIO_FROM_NUMBER": "+8612333",
        "BANKS_FILE": str(banks_file), "ICBC_SECRETS": a_secret(), "CCB_SECRETS": a_secret(),
        "DATA_KEYS": Fernet.generate_key().decode(), "AGENT_NUMBER": "12333",
        "AGENT_HOURS": "mon-fri 08:30-17:30",
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", "from app import app"],
        env=environ, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = "vault is opened by none of DATA_KEYS: add the old key back\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_id_numbers_in_clear_over_the_network_are_warned_of(
    redis_server: RedisServer, logged: Callable[[], str]
) -> None:
    for base, is_clear in (
        ("http://hotline.example", True),
        ("https://hotline.example", False),
        ("http://127.0.0.1:8000", False),
    ):
        an_app(settings(redis_server.url, public_base_url=base))
        assert ("public_base_url_is_not_https" in logged()) is is_clear
