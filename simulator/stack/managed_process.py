"""One program of a launch: its process, its output, and a clean end of all that it started."""

import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

QUICK_END_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 10.0
CHILDREN_SECONDS = 3.0  # for what an ended program started


@dataclass(frozen=True)
class Program:
    """A shell line under a name, as in a Procfile. What a quiet one prints goes to its log only."""

    name: str
    line: str
    quiet: bool = False


@dataclass(frozen=True)
class ProcessSettings:
    """What every program of a launch gets. `kept_open`: file descriptors it inherits."""

    environ: Mapping[str, str]
    folder: Path
    logs: Path
    kept_open: tuple[int, ...] = ()


class ManagedProcess:
    """A program that was started, and is started again when it ends."""

    def __init__(self, program: Program, settings: ProcessSettings) -> None:
        self.program = program
        self.last_lines: deque[str] = deque(maxlen=15)
        self._settings = settings
        self._log = (settings.logs / f"{program.name}.log").open("wb", buffering=0)
        self._unfinished = b""
        self._pause = 0.0
        self._restart_at: float | None = None
        self.output_is_closed = False  # it closed its output, most often by ending
        self._start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def output(self) -> IO[bytes]:
        """Standard output and standard error, to wait for with a selector."""
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    @property
    def succeeded(self) -> bool:
        return self._popen.poll() == 0

    @property
    def how_it_ended(self) -> str:
        """In words, for the person at the terminal."""
        code = self._popen.poll()
        if code is None:
            return "is running"
        return f"ended with code {code}" if code >= 0 else f"was killed ({_signal_name(-code)})"

    def read_lines(self) -> list[str]:
        """The whole lines it printed since last time; they go to its log too."""
        said = self.output.read()
        self.output_is_closed = said == b""
        self._log.write(said or b"")
        *lines, self._unfinished = (self._unfinished + (said or b"")).split(b"\n")
        texts = [line.decode("utf-8", "replace") for line in lines]
        self.last_lines.extend(texts)
        return texts

    def seconds_until_restart(self) -> float:
        """0 or less: now. A program that ends quickly has to wait, each time longer."""
        if self._restart_at is None:
            quick = time.monotonic() - self._started_at < QUICK_END_SECONDS
            self._pause = min(max(1.0, self._pause * 2), LONGEST_PAUSE_SECONDS) if quick else 0.0
            self._restart_at = time.monotonic() + self._pause
        return self._restart_at - time.monotonic()

    def restart(self) -> None:
        """Starts the program again, once nothing of its old process is left."""
        self.end()
        self._start()

    def ask_to_stop(self) -> None:
        """SIGTERM to the program itself: it knows best how to end what it started."""
        if not self.has_ended:
            self._popen.terminate()

    def end(self) -> None:
        """Ends the process and all that it started, and closes its output."""
        if self.has_ended:
            self._signal_all(signal.SIGTERM)
            self._wait_for_children()
        self._signal_all(signal.SIGKILL)
        self._popen.wait()
        self.read_lines()
        self.output.close()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self._restart_at = None
        self._popen = subprocess.Popen(
            [*tied_to_us(), "/bin/sh", "-c", f"exec {self.program.line}"],
            cwd=self._settings.folder,
            env=self._settings.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            pass_fds=self._settings.kept_open,
        )
        os.set_blocking(self.output.fileno(), False)

    def _signal_all(self, number: signal.Signals) -> None:
        """To the program's whole group; it may be empty by now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _wait_for_children(self) -> None:
        until = time.monotonic() + CHILDREN_SECONDS
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < until:
                os.killpg(self.pid, 0)
                time.sleep(0.05)


def tied_to_us() -> list[str]:
    """Put before a command: the kernel then ends it when this thread is gone, even by kill -9.

    prctl(2), PR_SET_PDEATHSIG. Every Debian and Ubuntu has setpriv(1); macOS has nothing like it.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
