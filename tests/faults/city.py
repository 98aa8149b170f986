"""A whole city's hotline as real processes on this machine, each of which can be killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Protocol, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from cryptography.fernet import Fernet

from ivr.cards.made_up import made_up_holder
from ivr.cards.records import Holder
from ivr.settings import Settings, read_settings
from ivr.store.cardholders_csv import CardLine
from ivr.store.hotline import Hotline, open_hotline
from simulator.bank.running import RunningBank
from tests.redis_server import RedisServer

CHECKOUT = Path(__file__).resolve().parents[2]
TOKEN = "12345"
ACCOUNT = "AC" + "0" * 32
BANKS = ("icbc", "ccb")


class Process:
    """One program that a supervisor would start again whenever it dies."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environ = environ
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def twin(self, name: str) -> "Process":
        """A second one of the same."""
        return Process(name, self._command, self._environ, self._log.with_name(f"{name}.log"))

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._child.pid

    def children(self) -> list[int]:
        """Process ids of what it started itself."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in found.split()]

    def kill(self) -> None:
        """kill -9 of the process and all that it started."""
        if self._child is not None:
            with suppress(ProcessLookupError):  # all of it ended by itself
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait(30)
            self._child = None

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(20)
            self.kill()


class TextService:
    """Takes text messages as Twilio's API does, and keeps them."""

    def __init__(self) -> None:
        taken: list[bytes] = []

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = b'{"sid": "SM00000000000000000000000000000000", "status": "queued"}'
                self.send_response(201)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.taken = taken
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Store(Protocol):
    """Where the city's records are: one server, or several that follow each other."""

    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class City:
    """Redis, two banks, a text service, web, worker and clock; `with City(folder) as city:`."""

    def __init__(self, folder: Path, holders: int, seed: int, store: Store | None = None) -> None:
        """`store`: instead of the one server `redis`, which is then never started."""
        self.redis = RedisServer(folder / "r")
        self.store: Store = store or self.redis
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.bank = RunningBank(folder / "bank", self.base_url, BANKS, timeout_seconds=2)
        self.texts = TextService()
        self.folder = folder
        rng = Random(seed)
        self.holders = [made_up_holder(rng, BANKS) for _ in range(holders)]
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self.store.start()
        self.bank.start()
        environ = self._environ()
        self.settings: Settings = read_settings(environ)
        self.hotline: Hotline = open_hotline(self.settings)
        self.hotline.holders.put_all(_lines(self.holders))
        for name, command in self._commands().items():
            log = self.folder / f"{name}.log"
            self.processes[name] = Process(name, command, {**os.environ, **environ}, log)
            self.processes[name].start()
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.stop()
        self.bank.__exit__(None, None, None)
        self.texts.stop()
        self.store.stop()

    def wait_until_ready(self, seconds: float = 60) -> None:
        opener = build_opener(ProxyHandler({}))
        until = time.monotonic() + seconds
        while True:
            try:
                opener.open(f"{self.base_url}/readyz", timeout=5).close()
                return
            except (URLError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _environ(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.store.url,
            "PUBLIC_BASE_URL": self.base_url,
            "PORT": self.base_url.rpartition(":")[2],
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM_NUMBER": "+8612333",
            "TWILIO_API_BASE": self.texts.url,
            "DATA_KEYS": Fernet.generate_key().decode(),
            "AGENT_NUMBER": "+861012333",
            "AGENT_HOURS": "00:00-24:00",
            "WORKERS_PER_BANK": "2",
            **self.bank.environment,
        }

    def _commands(self) -> dict[str, list[str]]:
        python = sys.executable
        bind = self.base_url.partition("://")[2]
        web = ["-m", "gunicorn", "app:app", "--bind", bind, "--workers", "2", "--threads", "8"]
        return {
            "web": [python, *web, "--worker-class", "gthread", "--no-control-socket"],
            "worker": [python, "-m", "workers.deliver"],
            "clock": [python, "-m", "workers.sweep"],
        }


def _lines(holders: list[Holder]) -> list[CardLine]:
    return [CardLine(number, holder) for number, holder in enumerate(holders, 2)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
