"""The Procfile under `make start`, with Debian's own Redis: what production runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from simulator.stack import development
from simulator.stack.launcher import CHECKOUT
from simulator.stack.ports import LOOPBACK, Ports
from tests.simulator.stack.launches import (
    PATIENCE_SECONDS,
    person_environ,
    processes_with,
    status_of,
    wait_until,
)

needs_redis = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="needs redis-server: apt-get install redis-server"
)


@contextmanager
def debians_redis() -> Iterator[str]:
    """-> its REDIS_URL."""
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        socket = f"{folder}/r.sock"
        words = ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
            wait_until(Path(socket).exists)
            try:
                yield f"unix://{socket}"
            finally:
                server.terminate()


def production_environ(folder: Path, ports: Ports, redis_url: str) -> dict[str, str]:
    """Every setting given, as an operator would; nothing of `make run`."""
    folder.mkdir()
    values = development.environment(person_environ(), folder, ports, redis_url)
    for name in ("HOTLINE_DEVELOPMENT", "OPERATIONS_BIND"):
        del values[name]
    return values


def is_ready(ports: Ports) -> bool:
    """The two doors are programs of their own, and either may be up first."""
    asked = (f"{ports.operations}/readyz", f"{ports.web}/healthz")
    return all(status_of(f"http://{LOOPBACK}:{door}") == 200 for door in asked)


@needs_redis
def test_make_start_runs_it_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """As the README says, by somebody whose PATH does not lead to our programs."""
    ports, output = Ports.free(), tmp_path / "make.out"
    venv = Path(sys.executable).parents[1]
    with debians_redis() as redis_url:
        environ = production_environ(tmp_path / "operator", ports, redis_url)
        with output.open("wb") as out:
            make = subprocess.Popen(
                ["make", "start", f"VENV={venv}", "-o", f"{venv}/ready"],  # noqa: S607
                cwd=CHECKOUT,
                env=environ,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            wait_until(lambda: is_ready(ports) or make.poll() is not None)
            assert is_ready(ports), output.read_text()
            assert status_of(f"http://{LOOPBACK}:{ports.web}/healthz") == 200
            assert status_of(f"http://{LOOPBACK}:{ports.web}/readyz") == 404
        finally:
            os.killpg(make.pid, signal.SIGINT)
            make.wait(PATIENCE_SECONDS)
        mine = f"DATA_DIR={tmp_path / 'operator'}"
        wait_until(lambda: not processes_with(mine))


@pytest.mark.parametrize("name", ["Procfile", "Procfile.dev"])
def test_every_line_names_a_program_that_exists(name: str) -> None:
    lines = parse_procfile((CHECKOUT / name).read_text(encoding="utf-8")).processes
    assert lines
    for line in lines.values():
        module = re.match(r"python -m (\S+)|(\w+)", line)
        assert module
        assert find_spec(module[1] or module[2]), line
