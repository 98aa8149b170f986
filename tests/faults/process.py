"""One program of the city as a real process, under a supervisor's care: killed, started again."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# As in the Procfile. By itself gunicorn closes a connection that rests for 2 seconds, as a caller
# may: a request that comes in that very moment is lost.
GUNICORN = ("-m", "gunicorn", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "75",
            "--no-control-socket")  # fmt: skip


class Process:
    """One program that a supervisor would start again whenever it dies."""

    def __init__(
        self, name: str, command: list[str], environ: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._command = command
        self._environ = environ
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def twin(self, name: str) -> "Process":
        """A second one of the same."""
        return Process(name, self._command, self._environ, self._log.with_name(f"{name}.log"))

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def includes(self, pid: int) -> bool:
        """Whether a process is this one or was started by it."""
        with suppress(ProcessLookupError):
            return self._child is not None and os.getpgid(pid) == self._child.pid
        return False

    def children(self) -> list[int]:
        """Process ids of what it started itself."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in found.split()]

    def kill(self) -> None:
        """kill -9 of the process and all that it started."""
        if self._child is not None:
            with suppress(ProcessLookupError):  # all of it ended by itself
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait(30)
            self._child = None

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(20)
            self.kill()

    def said(self) -> str:
        """Its log so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""


def kill_9(pid: int) -> None:
    """One process only; the others of its program live on."""
    if pid <= 0:
        raise ValueError("0 and less would kill whole groups of processes, the tests' own too")
    with suppress(ProcessLookupError):  # it had just ended by itself
        os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie, which waits for its parent to notice, does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_for_end(pid: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > until:
            raise TimeoutError(f"process {pid} is still there after {seconds} s")
        time.sleep(0.02)
