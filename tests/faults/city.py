"""A whole city's hotline as real processes on this machine, each of which can be killed."""

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Protocol, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from cryptography.fernet import Fernet

from ivr.cards.records import Holder
from ivr.made_up import made_up_holder
from ivr.settings import Settings, read_settings
from ivr.store.cardholders_csv import CardLine
from simulator.bank.running import RunningBank
from tests.faults.process import CHECKOUT, GUNICORN, Process
from tests.faults.scale import BANK_SECONDS
from tests.faults.text_service import TextService
from tests.faults.tripwire import Tripwire, wire_to_port, wire_to_socket
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

__all__ = [
    "ACCOUNT",
    "BANKS",
    "CHECKOUT",
    "TOKEN",
    "City",
    "Process",
    "Store",
    "a_city",
    "free_port",
]

TOKEN = "12345"
ACCOUNT = "AC" + "0" * 32
BANKS = ("icbc", "ccb")


class Store(Protocol):
    """Where the city's records are: one server, or several that follow each other."""

    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class City:
    """Redis, two banks, a text service and all processes; `with City(folder) as city:`."""

    def __init__(
        self,
        folder: Path,
        holders: int,
        seed: int,
        store: Store | None = None,
        *,
        bank_seconds: float = BANK_SECONDS,
        wired: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`store`: instead of the one server `redis`, which is then never started. `wired`: all
        processes reach Redis and the banks over tripwires. `environ`: more for each process.
        """
        self.redis = RedisServer(folder / "r")
        self.store: Store = store or self.redis
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.operations = f"127.0.0.1:{free_port()}"
        self.bank = RunningBank(folder / "bank", self.base_url, BANKS, timeout_seconds=bank_seconds)
        self.texts = TextService()
        self.folder = folder
        rng = Random(seed)
        self.holders = [made_up_holder(rng, BANKS) for _ in range(holders)]
        self.processes: dict[str, Process] = {}
        self._more = dict(environ or {})
        self._wired = wired
        self._open_wires: list[Tripwire] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self.store.start()
        self.bank.start()
        environ = self._environ()
        self.settings: Settings = read_settings(environ)
        self.hotline: Hotline = open_hotline(self.settings)
        self.hotline.holders.put_all(_lines(self.holders))
        self.environ = environ = {**os.environ, **environ, **self._more}
        if self._wired:
            environ |= self._wires()
        for name, command in self._commands().items():
            log = self.folder / f"{name}.log"
            self.processes[name] = Process(name, command, environ, log)
            self.processes[name].start()
        self.wait_until_ready()

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.stop()
        for wire in self._open_wires:
            wire.close()
        self.bank.__exit__(None, None, None)
        self.texts.stop()
        self.store.stop()

    def wait_until_ready(self, seconds: float = 60) -> None:
        for url in (f"{self.base_url}/healthz", f"http://{self.operations}/readyz"):
            self.wait_for(url, seconds)

    def wait_for(self, url: str, seconds: float = 60) -> None:
        """Until it answers 200."""
        opener = build_opener(ProxyHandler({}))
        until = time.monotonic() + seconds
        while True:
            try:
                opener.open(url, timeout=5).close()
                return
            except (URLError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def restarts(self, name: str) -> None:
        """kill -9 of a whole program, which its supervisor starts again."""
        self.processes[name].kill()
        self.processes[name].start()

    def _wires(self) -> dict[str, str]:
        """Sets up both tripwires; -> what makes the processes use them."""
        path = self.folder / "wire.sock"
        self.redis_wire: Tripwire = wire_to_socket(path, self.redis.socket)
        self.bank_wire, port = wire_to_port(lambda: self.bank.port)
        banks = self.bank.banks_file.read_text(encoding="utf-8")
        self._open_wires = [self.redis_wire, self.bank_wire]
        wired_banks = self.folder / "wired-banks.toml"
        wired_banks.write_text(banks.replace(self.bank.url, f"http://127.0.0.1:{port}"), "utf-8")
        return {"REDIS_URL": f"unix://{path}", "BANKS_FILE": str(wired_banks)}

    def _environ(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.store.url,
            "PUBLIC_BASE_URL": self.base_url,
            "PORT": self.base_url.rpartition(":")[2],
            "OPERATIONS_BIND": self.operations,
            **a_deployment(self.bank, self.texts),
        }

    def _commands(self) -> dict[str, list[str]]:
        python = sys.executable
        bind = self.base_url.partition("://")[2]
        gunicorn = [python, *GUNICORN]
        return {
            "web": [*gunicorn, "app:app", "--bind", bind, "--workers", "2"],
            "operations": [*gunicorn, "app:operations", "--bind", self.operations],
            "worker": [python, "-m", "workers.deliver"],
            "clock": [python, "-m", "workers.sweep"],
        }


def a_deployment(bank: RunningBank, texts: TextService) -> dict[str, str]:
    """The settings that do not depend on where things are."""
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM_NUMBER": "+8612333",
        "TWILIO_API_BASE": texts.url,
        "DATA_KEYS": Fernet.generate_key().decode(),
        "AGENT_NUMBER": "+861012333",
        "AGENT_HOURS": "00:00-24:00",
        "WORKER_PROCESSES": "2",
        **bank.environment,
    }


@contextmanager
def a_city(
    holders: int,
    seed: int,
    store: Store | None = None,
    *,
    bank_seconds: float = BANK_SECONDS,
    wired: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[City]:
    """A city in a folder of its own (a socket's path must be short)."""
    with tempfile.TemporaryDirectory(prefix="city-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        with City(
            place, holders, seed, store, bank_seconds=bank_seconds, wired=wired, environ=environ
        ) as city:
            yield city


def _lines(holders: list[Holder]) -> list[CardLine]:
    return [CardLine(number, holder) for number, holder in enumerate(holders, 2)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
