"""`make run` in a test: started as a person would, watched, interrupted, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from simulator.stack.data_dir import DataDir, Launch
from simulator.stack.launcher import CHECKOUT
from simulator.stack.ports import Ports

PATIENCE_SECONDS = 90


class MakeRun:
    """One `python -m simulator.run` with a data directory and ports of its own."""

    def __init__(self, data_dir: Path, ports: Ports | None = None, **settings: str) -> None:
        self.data_dir = data_dir
        self.ports = ports or Ports.free()
        self.environ = person_environ() | {
            "DATA_DIR": str(data_dir),
            "PORT": str(self.ports.web),
            **settings,
        }
        self._output = data_dir.with_suffix(f".{self.ports.web}.out")
        self._launcher: subprocess.Popen[bytes] | None = None

    def start(self) -> "MakeRun":
        """Returns at once."""
        with self._output.open("wb") as output:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "simulator.run"],
                cwd=CHECKOUT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def until_ready(self) -> "MakeRun":
        """Fails with what was printed if it ends instead."""

        def is_ready() -> bool:
            assert self.exit_code is None, self.printed
            launch = self.launch_or_none
            return bool(launch and launch.ready and launch.pid == self._process.pid)

        wait_until(is_ready)
        return self

    def until_over(self) -> int:
        """-> the exit code."""
        return self._process.wait(PATIENCE_SECONDS)

    def press_ctrl_c(self) -> int:
        """As the terminal does: SIGINT to the whole foreground group. -> the exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.until_over()

    def is_killed(self) -> None:
        """kill -9 of the launcher alone."""
        self._process.kill()
        self._process.wait()

    def kill_program(self, name: str) -> None:
        os.kill(self.launch.programs[name], signal.SIGKILL)

    def ends_whatever_happens(self) -> None:
        """For a fixture's end."""
        if self._launcher and self._launcher.poll() is None:
            self.press_ctrl_c()

    @property
    def launch_or_none(self) -> Launch | None:
        return DataDir(self.data_dir).launch()

    @property
    def launch(self) -> Launch:
        launch = self.launch_or_none
        assert launch, self.printed
        return launch

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def printed(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def readiness(self) -> int:
        """The status of /readyz; 0 without an answer."""
        return status_of(f"{self.launch.operations_url}/readyz")

    @property
    def processes(self) -> list[int]:
        """Every live process that was started, directly or not, in this data directory."""
        return processes_with(f"DATA_DIR={self.data_dir}")

    def flask(self, *command: str, text: str = "") -> str:
        """-> what a flask command prints, typed in a second terminal of the same checkout."""
        words = [sys.executable, "-m", "flask", "--app", "app", *command]
        return run_to_end(words, self.environ, text).stdout

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        assert self._launcher, "not started"
        return self._launcher


def status_of(url: str) -> int:
    """GET; 0 without an answer. No proxy is asked, whatever the environment says."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=5).status_code
        except requests.RequestException:
            return 0


def person_environ() -> dict[str, str]:
    """A person's environment without any setting of the hotline."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}


def run_to_end(
    words: list[str], environ: Mapping[str, str], text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """A command in the checkout."""
    return subprocess.run(
        words,
        cwd=CHECKOUT,
        env=environ,
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def processes_with(setting: str) -> list[int]:
    """Pids whose environment has NAME=value (Linux: proc(5))."""
    wanted = setting.encode()
    folders = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [int(path.name) for path in folders if wanted in _environ_of(path)]


def _environ_of(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it has just ended, or is somebody else's
        return []


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for it, with more patience than it should ever need."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
