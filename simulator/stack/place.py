"""DATA_DIR as the meeting place: one launch at a time, and how `make call` finds that launch."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from simulator.stack.development import ENV_FILE, read_env_file
from simulator.stack.problem import StartError

REST_SECONDS = 20.0  # as long as the programs of a killed launch may take to end


@dataclass(frozen=True)
class Launch:
    """What run.json says of a launch. No secrets: those are in the programs' environment."""

    pid: int
    hotline_url: str
    simulator_url: str
    bank_url: str
    programs: dict[str, int]  # name -> pid
    ready: bool = False


class Place:
    """A data directory. Whoever holds its lock may start programs in it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._file = data_dir / "run.json"
        self._lock: int | None = None

    def take(self) -> int:
        """Takes the lock; -> its file descriptor, for the programs to inherit.

        They keep it until the last of them has ended, so that a new launch never meets the
        remains of a killed one: it waits for their end. Raises StartError.
        """
        self._make_folder()
        lock = self._open_lock()
        until = time.monotonic() + REST_SECONDS
        while not _locked(lock):
            self._must_be_remains(until)
            time.sleep(0.1)
        self._lock = lock
        self._file.unlink(missing_ok=True)
        return lock

    def leave(self) -> None:
        """Gives the place back; nothing of this launch is left."""
        if self._lock is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def tell(self, launch: Launch) -> None:
        """Writes run.json, complete or not at all."""
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(launch), indent=2), encoding="utf-8")
        draft.replace(self._file)

    def launch(self) -> Launch | None:
        """The launch that is going on here, or None: the file of a dead one does not count."""
        told = self._told()
        return told if told and is_alive(told.pid) and not self._is_free() else None

    def environment_of(self, launch: Launch) -> dict[str, str]:
        """What its programs were started with: development values and what was given."""
        with suppress(OSError, KeyError):
            raw = Path(f"/proc/{launch.programs['web']}/environ").read_bytes()
            pairs = (pair.partition(b"=") for pair in raw.split(b"\0") if pair)
            return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
        return read_env_file(self.data_dir / ENV_FILE)

    def _told(self) -> Launch | None:
        with suppress(OSError, ValueError, TypeError):
            return Launch(**json.loads(self._file.read_text(encoding="utf-8")))
        return None

    def _make_folder(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"DATA_DIR {self.data_dir} cannot be made: {error}") from error

    def _open_lock(self) -> int:
        try:
            return os.open(self.data_dir / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"DATA_DIR {self.data_dir} cannot be used: {error}") from error

    def _is_free(self) -> bool:
        lock = self._open_lock()
        try:
            return _locked(lock)
        finally:
            os.close(lock)

    def _must_be_remains(self, until: float) -> None:
        launch = self.launch()
        if launch:
            raise StartError(
                f"`make run` is going already in {self.data_dir}: {launch.hotline_url} "
                f"(launcher's pid {launch.pid}). Stop it with Ctrl-C, "
                "or start a second one with a DATA_DIR and a PORT of its own."
            )
        if time.monotonic() > until:
            told = self._told()
            left = _alive(told.programs if told else {})
            raise StartError(f"Programs of an earlier run still use {self.data_dir}: {left}.")


def is_alive(pid: int) -> bool:
    """Is there such a process, of whomever?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _alive(programs: Mapping[str, int]) -> str:
    left = [f"{name} (pid {pid})" for name, pid in programs.items() if is_alive(pid)]
    return ", ".join(left) or "unknown ones"


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
