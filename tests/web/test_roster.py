"""A web process, as gunicorn forks it, says which data keys it has for as long as it runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from ivr.store.codec import plain
from tests.redis_server import RedisServer
from tests.workers.builders import a_bank, an_environment

CHECKOUT = Path(__file__).parent.parent.parent

FORKS = """
import os, time
from app import app
pid = os.fork()
if pid == 0:
    time.sleep(60)
print(pid, flush=True)
os.read(0, 1)
os.kill(pid, 9)
os.waitpid(pid, 0)
"""


@pytest.fixture
def environ(tmp_path: Path, redis_server: RedisServer) -> dict[str, str]:
    return an_environment(tmp_path, redis_server.url, a_bank("https://bank.example"))


def test_a_forked_web_process_is_on_the_roster(redis: Redis, environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKS], env=environ, cwd=CHECKOUT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as master:  # fmt: skip
        assert master.stdout is not None
        child = int(master.stdout.readline())
        wanted = {f"web:{os.uname().nodename}:{pid}" for pid in (master.pid, child)}
        until = time.monotonic() + 60
        while wanted - {plain(k).removeprefix("running:") for k in redis.keys("running:*")}:
            assert time.monotonic() < until
            time.sleep(0.02)
        master.communicate("x")
    assert master.returncode == 0


def test_a_command_is_not(redis: Redis, environ: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "notices", "list"],
        env=environ, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert redis.keys("running:*") == []
