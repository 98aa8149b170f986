"""DATA_DIR: a lock that lets one launch run at a time, and a file by which others find it."""

import fcntl
import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from simulator.stack.development import ENV_FILE, read_env_file
from simulator.stack.problem import StartError

PRIVATE_FOLDER, PRIVATE_FILE, OTHERS = 0o700, 0o600, 0o077
PRIVATE_UMASK = OTHERS  # for whatever a program makes there
LEFT_OVER_SECONDS = 20.0  # what the programs of a killed launch may take to end


@dataclass(frozen=True)
class Launch:
    """What run.json says of a launch. No secrets: those are in the programs' environment."""

    pid: int
    hotline_url: str
    operations_url: str
    simulator_url: str
    bank_url: str
    programs: dict[str, int]  # name -> pid
    ready: bool = False


class DataDir:
    """A data directory. Whoever holds its lock may start programs in it. Only its owner may read
    there: it holds keys, and people's records.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / "run.json"
        self._lock: int | None = None

    def lock(self) -> int:
        """-> the lock's file descriptor, for the programs to inherit. Raises StartError.

        The programs hold it too, until the last of them has ended: so a new launch waits for the
        end of the programs that a killed one has left.
        """
        self._make_folder()
        lock = self._open_lock()
        until = time.monotonic() + LEFT_OVER_SECONDS
        while not _locked(lock):
            self._refuse_to_wait(until)
            time.sleep(0.1)
        self._lock = lock
        self._file.unlink(missing_ok=True)
        keep_private(self.path)
        return lock

    def unlock(self) -> None:
        """Frees the directory, once nothing of this launch is left."""
        if self._lock is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def write_launch(self, launch: Launch) -> None:
        """Writes run.json, complete or not at all."""
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(launch), indent=2), encoding="utf-8")
        draft.replace(self._file)

    def launch(self) -> Launch | None:
        """The launch that is running here, or None; the file of a dead one does not count."""
        told = self._read_launch()
        return told if told and is_alive(told.pid) and not self._is_free() else None

    def environment_of(self, launch: Launch) -> dict[str, str]:
        """What its programs were started with: development values and what was given."""
        with suppress(OSError, KeyError):
            raw = Path(f"/proc/{launch.programs['web']}/environ").read_bytes()
            pairs = (pair.partition(b"=") for pair in raw.split(b"\0") if pair)
            return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
        return read_env_file(self.path / ENV_FILE)

    def _read_launch(self) -> Launch | None:
        with suppress(OSError, ValueError, TypeError):
            return Launch(**json.loads(self._file.read_text(encoding="utf-8")))
        return None

    def _make_folder(self) -> None:
        try:
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"DATA_DIR {self.path} cannot be made: {error}") from error

    def _open_lock(self) -> int:
        try:
            return os.open(self.path / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"DATA_DIR {self.path} cannot be used: {error}") from error

    def _is_free(self) -> bool:
        lock = self._open_lock()
        try:
            return _locked(lock)
        finally:
            os.close(lock)

    def _refuse_to_wait(self, until: float) -> None:
        launch = self.launch()
        if launch:
            raise StartError(
                f"`make run` is going already in {self.path}: {launch.hotline_url} "
                f"(launcher's pid {launch.pid}). Stop it with Ctrl-C, "
                "or start a second one with a DATA_DIR and a PORT of its own."
            )
        if time.monotonic() > until:
            told = self._read_launch()
            left = _names_alive(told.programs if told else {})
            raise StartError(f"Programs of an earlier run still use {self.path}: {left}.")


def keep_private(folder: Path) -> None:
    """Takes from others what they may read there, left by an earlier version or another umask."""
    for place in (folder, *folder.rglob("*")):
        found = place.lstat()
        wanted = PRIVATE_FOLDER if stat.S_ISDIR(found.st_mode) else PRIVATE_FILE
        is_ours = found.st_uid == os.getuid() and not found.st_mode & stat.S_ISVTX
        if is_ours and not stat.S_ISLNK(found.st_mode) and found.st_mode & OTHERS:
            place.chmod(wanted)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _names_alive(programs: Mapping[str, int]) -> str:
    left = [f"{name} (pid {pid})" for name, pid in programs.items() if is_alive(pid)]
    return ", ".join(left) or "unknown ones"


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
