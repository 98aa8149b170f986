"""A whole hotline on this machine: Redis with every write on disk, banks that cost next to
nothing, and the programs of the Procfile.
"""

import base64
import csv
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Final, Self

from redis import Redis

from bench.machine import CHECKOUT, CORES, Program, free_port, listens, procfile, wait_for
from bench.phone import ACCOUNT, TOKEN, Call, bring_to_confirm, turn_all
from bench.swift_bank import SwiftBank
from ivr.cards.acts.report import ReportRequest
from ivr.made_up import holder_rows, made_up_holder
from ivr.service import CardService, open_service
from ivr.settings import Settings, read_settings
from ivr.store.cardholders_csv import COLUMNS
from ivr.store.opening import open_store
from simulator.stack import embedded

EVERY: Final = ("web", "worker", "clock")
BANK: Final = "icbc"
SPARE: Final = 64  # people to warm up with
BANKS_ONLY: Final = {"worker": " banks"}


class City:
    """`with City(folder) as city:`. Start programs with `starts`, import people with `knows`."""

    def __init__(
        self,
        folder: Path,
        banks: Sequence[str] = (BANK,),
        environ: Mapping[str, str] | None = None,
        *,
        at_once: int = 8,
    ) -> None:
        """`at_once`: the banks' `max_in_flight`."""
        self.folder = folder
        self.banks = banks
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.programs: dict[str, Program] = {}
        self._more = environ or {}
        self._at_once = at_once
        self._seeds = iter(range(1_000_000))
        self._spare: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        line = embedded.server(self.folder).line
        self.programs["redis"] = Program("redis", line, {}, self.folder)
        wait_for(lambda: embedded.is_up(self.folder), "Redis")
        self.bank = SwiftBank(self.folder)
        self.programs["bank"] = self.bank.program
        self.environ = self._environ()
        self.redis = Redis.from_url(self.redis_url)
        self.settings: Settings = read_settings(self.environ)
        self.service: CardService = open_service(open_store(self.settings), self.settings)

    def __exit__(self, *_: object) -> None:
        for program in reversed(self.programs.values()):
            program.kill()  # nothing of it is kept

    @property
    def redis_url(self) -> str:
        return embedded.url_of(self.folder)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "BIND_ADDRESS": "127.0.0.1",
            "PORT": self.base_url.rpartition(":")[2],
            "REDIS_URL": self.redis_url,
            "PUBLIC_BASE_URL": self.base_url,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM_NUMBER": "+8612333",
            "TWILIO_API_BASE": self.bank.url,
            "DATA_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AGENT_NUMBER": "+861012333",
            "AGENT_HOURS": "00:00-24:00",
            "BANKS_FILE": str(self._banks_file()),
            **{_variable(bank): _new_secret() for bank in self.banks},
            **self._more,
        }

    def _banks_file(self) -> Path:
        tables = (
            f'[banks.{bank}]\nname = {{ zh = "{bank}", en = "{bank}" }}\nphone = "95588"\n'
            f'notice_url = "{self.bank.url}/{bank}/notices"\nsecrets_env = "{_variable(bank)}"\n'
            f"timeout_seconds = 5\nmax_in_flight = {self._at_once}\n"
            for bank in self.banks
        )
        file = self.folder / "banks.toml"
        file.write_text("\n".join(tables), encoding="utf-8")
        return file

    def starts(
        self,
        *names: str,
        environ: Mapping[str, str] | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> None:
        """Programs of the Procfile; `arguments` are put behind their lines."""
        for name in names:
            line = procfile()[name] + (arguments or {}).get(name, "")
            self.runs(name, line, environ)
        if "web" in names:
            self.wait_for_web()
        if "worker" in names:
            self.wait_for_worker()

    def runs(self, name: str, line: str, environ: Mapping[str, str] | None = None) -> Program:
        """Any program, ended with the city."""
        told = {**self.environ, **(environ or {})}
        self.programs[name] = Program(name, line, told, self.folder)
        return self.programs[name]

    def wait_for_web(self) -> None:
        wait_for(lambda: listens(int(self.environ["PORT"])), "the web")

    def wait_for_worker(self) -> None:
        """Until it delivers."""
        if len(self._spare) < SPARE // 2:
            self.knows(0)
        number, bank = self.files([self._spare.pop()])[0], self.banks[0]
        wait_for(lambda: number in self.bank.first(bank), f"the worker and {bank}", 90)

    def warms_up(self) -> None:
        """Opens connections, loads scripts and templates."""
        turn_all([Call(self.base_url) for _ in range(100)], None)
        calls = bring_to_confirm(self.base_url, [self._spare.pop() for _ in range(SPARE // 2)])
        turn_all(calls, "1")

    def knows(self, count: int, banks: Sequence[str] = ()) -> list[str]:
        """Imports people with one card each, at these banks by turns; -> their ID numbers."""
        file = self.folder / "cardholders.csv"
        people = self.writes(file, count, banks)
        if not self._spare:
            self._spare = self.writes(spares := self.folder / "spare.csv", SPARE, self.banks[:1])
            lines = spares.read_text(encoding="utf-8").partition("\n")[2]
            file.write_text(file.read_text(encoding="utf-8") + lines, encoding="utf-8")
        self.imports(file)
        return people

    def writes(self, file: Path, count: int, banks: Sequence[str] = ()) -> list[str]:
        """Their file only."""
        return write_people(file, count, banks or self.banks, next(self._seeds))

    def imports(self, file: Path) -> None:
        """The operator's command, from its start to its end."""
        command = [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "app",
            "cardholders",
            "import",
            str(file),
        ]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=self.environ, capture_output=True, text=True, check=False
        )
        if done.returncode > 1 or "good " not in done.stdout:  # 1: of a line a person must look at
            raise RuntimeError(done.stdout + done.stderr)

    def files(self, id_numbers: Iterable[str]) -> list[str]:
        """Files a report for each, in this process; -> the report numbers."""
        return [file_report(self.service, each) for each in id_numbers]

    def files_at_once(self, id_numbers: Sequence[str]) -> list[str]:
        """The same, in as many processes as there are cores."""
        with self.filers(CORES) as pool:
            return list(pool.map(file_in_pool, id_numbers, chunksize=50))

    def filers(self, processes: int) -> ProcessPoolExecutor:
        """Processes that file with `file_in_pool`."""
        return ProcessPoolExecutor(processes, initializer=_open, initargs=(self.environ,))


def _variable(bank: str) -> str:
    return f"{bank.upper()}_SECRETS"


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def write_people(file: Path, count: int, banks: Sequence[str], seed: int) -> list[str]:
    """A file of cardholders with one card each; -> their ID numbers."""
    rng, people = Random(seed), []
    with file.open("w", encoding="utf-8", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(COLUMNS)
        for place in range(count):
            holder = made_up_holder(rng, (banks[place % len(banks)],))
            lines.writerows(holder_rows(holder))
            people.append(holder.id_number)
    return people


def file_report(service: CardService, id_number: str) -> str:
    """Files a loss report as a call would; -> the report's number."""
    known = service.look_up(id_number)
    if known is None:
        raise LookupError("a holder who was not imported")
    origin = f"CA{secrets.token_hex(16)}"
    request = ReportRequest(known.ref, next(iter(known.cards)), "phone", origin, "en")
    return service.report_loss(request, known).report_number


_opened: list[CardService] = []


def _open(environ: Mapping[str, str]) -> None:
    settings = read_settings(environ)
    _opened.append(open_service(open_store(settings), settings))


def file_in_pool(id_number: str) -> str:
    return file_report(_opened[0], id_number)


def file_at_rate(id_numbers: Sequence[str], per_second: float) -> list[tuple[str, float]]:
    """At a steady rate; -> report numbers, and when the filing of each began."""
    begun, filed = time.monotonic(), []
    for place, id_number in enumerate(id_numbers):
        due = begun + place / per_second
        time.sleep(max(due - time.monotonic(), 0))
        started = time.monotonic()
        filed.append((file_in_pool(id_number), started))
    return filed
