"""Programs as a supervisor runs them, and what the kernel knows of them: CPU, memory, children."""

import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[1]
QUICK: Final = os.environ.get("QUICK", "") not in ("", "0")
CORES: Final = os.cpu_count() or 1
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Program:
    """One program in a session of its own, so that its children can be found, held and ended."""

    def __init__(self, name: str, line: str, environ: Mapping[str, str], folder: Path) -> None:
        """`line`: as in the Procfile."""
        self.name = name
        self.log = folder / f"{name}.log"
        self._line = line
        self._environ = {**os.environ, **environ}
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self._line}"],
                cwd=CHECKOUT, env=self._environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.pid = self._child.pid

    def wait(self) -> None:
        """Raises RuntimeError with what it said unless it ends well."""
        if self._child.wait(120):
            raise RuntimeError(self.log.read_text(encoding="utf-8"))

    def stop(self) -> None:
        self._child.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(15)
        self.kill()

    def kill(self) -> None:
        """kill -9 of it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait(30)

    def pids(self) -> list[int]:
        """It and everything it started that lives."""
        return [pid for pid, fields in _all_processes() if int(fields[2]) == self.pid]

    def children(self) -> list[int]:
        """What it started itself."""
        return [pid for pid, fields in _all_processes() if int(fields[1]) == self.pid]

    def cpu(self) -> float:
        """Seconds of CPU so far, of all that it is and was."""
        ours = [fields for _, fields in _all_processes() if int(fields[2]) == self.pid]
        return sum(sum(map(int, fields[11:15])) for fields in ours) / _TICK

    def memory(self) -> float:
        """MB of memory, what is shared counted once (PSS)."""
        return sum(map(_pss, self.pids())) / 1e6

    @contextmanager
    def held(self) -> Iterator[None]:
        """SIGSTOP for it and its children."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    """Process id -> the fields of its stat after the name: state, parent, group, …"""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            text = (place / "stat").read_text(encoding="utf-8", errors="replace")
            fields = text.rpartition(")")[2].split()
            if fields[0] != "Z":
                yield int(place.name), fields


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def python(module: str, *arguments: object) -> str:
    """A line that runs one of our modules."""
    return " ".join([sys.executable, "-m", module, *map(str, arguments)])


def procfile() -> dict[str, str]:
    """Kind of process -> its command line."""
    lines = (CHECKOUT / "Procfile").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


@contextmanager
def a_folder() -> Iterator[Path]:
    """A fresh one with a short path, for sockets; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def free_port() -> int:
    """Below those Linux gives to outgoing connections, so that none takes it before its use."""
    while listens(port := secrets.choice(range(10_000, 32_000))):
        pass
    return port


def wait_for(
    reached: Callable[[], object], what: str, seconds: float = 60, pause: float = 0.02
) -> None:
    """Raises: TimeoutError."""
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    return False


def described(packages: tuple[str, ...]) -> str:
    """The machine and the versions, for the page."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = info.partition("model name")[2].partition("\n")[0].strip("\t :")
    memory = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    listed = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{CORES} cores ({model}), {int(memory) / 1e6:.0f} GB, {platform.system()} "
        f"{platform.release().partition('-')[0]}; Python {platform.python_version()}, {listed}"
    )
