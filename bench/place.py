"""Where it is measured: the processes of the Procfile, a server with every write on disk, and a
bank that costs next to nothing.
"""

import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from bench.swift_bank import swift_bank
from ivr.cards.acts.report import ReportRequest
from ivr.cards.records import Holder
from ivr.made_up import made_up_holder
from tests.faults.city import CHECKOUT, City, Store
from tests.hotline import Hotline

SEED = 12333
EVERY_KIND = ("web", "operations", "worker", "clock")


class BenchCity(City):
    """A city of chosen banks and processes. `environ` is put on top of the city's own."""

    def __init__(
        self,
        folder: Path,
        holders: int,
        *,
        banks: Sequence[str] = ("icbc",),
        kinds: Sequence[str] = EVERY_KIND,
        environ: Mapping[str, str] | None = None,
        store: Store | None = None,
    ) -> None:
        super().__init__(folder, 0, SEED, store)
        self.bank = self.swift = swift_bank(folder / "bank", banks)
        rng = Random(SEED)
        self.holders = [made_up_holder(rng, banks[:1]) for _ in range(holders)]
        self._kinds = kinds
        self._extra = environ or {}
        self._told: dict[str, str] = {}

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Waits only if all of them are there."""
        if set(self._kinds) >= set(EVERY_KIND):
            super().wait_until_ready(seconds)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of this city is told; the same each time, keys included."""
        return self._environ()

    def _environ(self) -> dict[str, str]:
        self._told = self._told or self._tell()
        return self._told

    def _tell(self) -> dict[str, str]:
        return {**super()._environ(), **for_the_procfile(), **self._extra}

    def _commands(self) -> dict[str, list[str]]:
        return {kind: by_shell(procfile()[kind]) for kind in self._kinds}


def for_the_procfile() -> dict[str, str]:
    """What its lines need: this Python's programs, and loopback only."""
    programs = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return {"PATH": programs, "BIND_ADDRESS": "127.0.0.1"}


def procfile() -> dict[str, str]:
    """Kind of process -> its command line."""
    lines = (CHECKOUT / "Procfile").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(": ")[::2] for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def by_shell(line: str) -> list[str]:
    """As a supervisor would run a line of the Procfile, with the process id of the program."""
    return ["/bin/sh", "-c", f"exec {line}"]


@contextmanager
def folder() -> Iterator[Path]:
    """A fresh one with a short path, for sockets; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def file_report(hotline: Hotline, holder: Holder) -> str:
    """Files a loss report as a call would; -> the report's number."""
    ref = hotline.vault.ref("id", holder.id_number)
    origin = f"CA{secrets.token_hex(16)}"
    card_ref = hotline.holders.card_ref(holder.cards[0].number)
    request = ReportRequest(ref, card_ref, "phone", origin, "en")
    return hotline.service.report_loss(request).report_number


@contextmanager
def held(pid: int) -> Iterator[None]:
    """Holds a program and its children (SIGSTOP) while a backlog is made for them."""
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


def wait_for(reached: Callable[[], bool], what: str, seconds: float, pause: float = 0.02) -> None:
    """Raises: TimeoutError."""
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)
