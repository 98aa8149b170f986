"""Starting: what is wrong for good stops it with one line, what may pass is only told."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from app import create_app
from ivr.store import keys
from ivr.store.connection import UnsafeRedisError
from ivr.store.vault import WrongDataKeysError
from tests.builders import BANKS, a_secret, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import PhoneCall, Twilio, hotline_behind

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


def test_starting_writes_nothing_but_the_names_of_the_banks(
    redis: Redis, redis_server: RedisServer
) -> None:
    create_app(settings(redis_server.url))
    assert redis.keys() == [keys.BANKS_KNOWN.encode()]
    assert set(redis.hkeys(keys.BANKS_KNOWN)) == {b"icbc", b"ccb"}


def test_a_redis_that_refuses_writes_for_now_stops_nobody(
    own_server: RedisServer, logged: Callable[[], str]
) -> None:
    """Its replicas are away: callers must hear that the system is busy, and who to call."""
    with own_server.client() as redis:
        redis.config_set("min-replicas-to-write", 1)
    PhoneCall(Twilio(create_app(settings(own_server.url)))).dials().hears("系统繁忙", "95588")
    assert "banks_not_remembered" in logged()


def an_environment(tmp_path: Path, redis_url: str) -> dict[str, str]:
    """All that a process needs."""
    banks_file = tmp_path / "banks.toml"
    banks_file.write_text(BANKS, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"], "REDIS_URL": redis_url,
        "PUBLIC_BASE_URL": "https://hotline.example", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "12345", "TWILIO_FROM_NUMBER": "+8612333",
        "BANKS_FILE": str(banks_file), "ICBC_SECRETS": a_secret(), "CCB_SECRETS": a_secret(),
        "DATA_KEYS": Fernet.generate_key().decode(), "AGENT_NUMBER": "12333",
        "AGENT_HOURS": "mon-fri 08:30-17:30",
    }  # fmt: skip


def runs(environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    """A program of ours, to its end."""
    return subprocess.run(
        [sys.executable, *words],
        env=environ, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_what_stops_it_is_one_line(own_call: PhoneCall, tmp_path: Path) -> None:
    environ = an_environment(tmp_path, hotline_behind(own_call).settings.redis_url)
    ended = runs(environ, "-c", "from app import app")
    said = "vault is opened by none of DATA_KEYS: add the old key back\n"
    assert (ended.returncode, ended.stderr) == (1, said)


GUNICORN = ("-m", "gunicorn", "--preload", "--bind", "127.0.0.1:0", "--no-control-socket")


@pytest.mark.parametrize(
    ("program", "status"),
    [
        (("-m", "flask", "--app", "app", "notices", "list"), 1),
        ((*GUNICORN, "app:app"), 1),
        ((*GUNICORN, "app:operations"), 1),
        (("-m", "workers.deliver"), 2),
        (("-m", "workers.sweep"), 2),
    ],
    ids=["flask", "web", "operations", "worker", "clock"],
)
def test_every_program_tells_all_problems_and_ends(
    tmp_path: Path, program: tuple[str, ...], status: int
) -> None:
    """REDIS_URL among them: it was opened after the others had been judged, or never."""
    environ = an_environment(tmp_path, "localhost:6379")
    more = {"AGENT_HOURS": "never", "WORKER_PROCESSES": "0", "OPERATIONS_BIND": "8003"}
    ended = runs(environ | more, *program)
    said = ended.stdout + ended.stderr
    assert ended.returncode == status, said
    assert "Traceback" not in said
    for name in ("REDIS_URL", *more):
        assert f"  - {name}: " in said


@pytest.mark.usefixtures("redis")  # what another test sealed would be refused
def test_id_numbers_in_clear_over_the_network_are_warned_of(
    redis_server: RedisServer, logged: Callable[[], str]
) -> None:
    for base, is_clear in (
        ("http://hotline.example", True),
        ("https://hotline.example", False),
        ("http://127.0.0.1:8000", False),
    ):
        an_app(settings(redis_server.url, public_base_url=base))
        assert ("PUBLIC_BASE_URL: without TLS" in logged()) is is_clear


def test_weak_settings_are_told_to_who_starts_a_server(
    redis_server: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    """And not with every command."""
    assert redis.dbsize() == 0
    environ = an_environment(tmp_path, redis_server.url)
    started = runs(environ, "-c", "from app import app, operations")
    assert started.returncode == 0
    for setting in ("TWILIO_AUTH_TOKEN", "BIND_ADDRESS"):
        assert started.stderr.count(f'"why": "{setting}: ') == 1

    typed = runs(environ, "-m", "flask", "--app", "app", "notices", "list")
    assert (typed.returncode, typed.stderr) == (0, "")
