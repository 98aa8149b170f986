"""The worker programs as real processes, ended by their own pid."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from ivr.store.codec import plain
from tests.workers.servers import wait_until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """A running program; what it says goes to `log`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def program(module: str, environ: Mapping[str, str], log: Path, *words: str) -> Iterator[Program]:
    """`python -m module words`, killed at the end if it still runs."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=ROOT, env=environ, stdout=out, stderr=out
        )
    try:
        yield Program(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def workers_on(redis: "Redis", queue: str) -> dict[str, int]:
    """Name -> process id of the living workers of a queue."""
    found = {}
    for key in redis.smembers(f"rq:workers:{queue}"):
        pid = redis.hget(key, "pid")
        if pid is not None and is_alive(int(pid)):
            found[plain(key)] = int(pid)
    return found


def wait_for_workers(redis: "Redis", queue: str, count: int) -> set[int]:
    wait_until(lambda: len(workers_on(redis, queue)) == count)
    return set(workers_on(redis, queue).values())


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which waits for its parent to notice, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self/stat").exists()
