"""A whole hotline as real processes, and the load run against it as a person would run it."""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ivr.cards.records import Holder
from ivr.made_up import holder_rows
from ivr.store.cardholders_csv import COLUMNS
from tests.faults.city import ACCOUNT, CHECKOUT, TOKEN, City

PATIENCE_SECONDS = 300


class Load:
    """`python -m simulator.load` in a city. `printed` and `summary` are what it left."""

    def __init__(self, city: City, folder: Path, strangers: Iterator[Holder]) -> None:
        self.city = city
        self.callers: list[Holder] = []
        self._strangers = strangers
        self.transcripts = folder / "transcripts"
        self._cardholders = folder / "cardholders.csv"
        self._summary_file = folder / "summary.json"
        self.printed = ""
        self.is_called_by(250)

    def is_called_by(self, count: int) -> None:
        """Chooses callers who have not called in any other test."""
        self.callers = list(islice(self._strangers, count))
        assert len(self.callers) == count, "the city is too small"
        with self._cardholders.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(COLUMNS)
            lines.writerows(row for holder in self.callers for row in holder_rows(holder))

    def runs(self, *words: str) -> int:
        """-> the exit status."""
        child = self.starts(*words)
        return self.ends(child)

    def starts(self, *words: str) -> "subprocess.Popen[str]":
        bank_url = ["--bank-url", self.city.bank.url]
        kept = ["--json", str(self._summary_file), "--record", str(self.transcripts)]
        return subprocess.Popen(
            [sys.executable, "-m", "simulator.load", *bank_url, *kept]
            + ["--cardholders", str(self._cardholders), *words],
            cwd=CHECKOUT,
            env=self._environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ends(self, child: "subprocess.Popen[str]") -> int:
        """-> the exit status, once it has stopped by itself."""
        self.printed += child.communicate(timeout=PATIENCE_SECONDS)[0]
        return child.returncode

    def is_interrupted(self, child: "subprocess.Popen[str]") -> int:
        """Ctrl-C as soon as it says how it is going. -> the exit status."""
        assert child.stdout
        while "in progress" not in self.printed:
            line = child.stdout.readline()
            assert line, self.printed
            self.printed += line
        child.send_signal(signal.SIGINT)
        return self.ends(child)

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads(self._summary_file.read_text(encoding="utf-8")))

    def texts(self) -> list[str]:
        """Every transcript."""
        return [file.read_text(encoding="utf-8") for file in self.transcripts.iterdir()]

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "PUBLIC_BASE_URL": self.city.base_url,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "REDIS_URL": self.city.redis.url,
        }


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    """Redis, banks, web, worker and sweep, shared by the tests of a module."""
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        City(Path(folder), holders=2400, seed=12333) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def strangers(city: City) -> Iterator[Holder]:
    return iter(city.holders)


@pytest.fixture
def load(city: City, tmp_path: Path, strangers: Iterator[Holder]) -> Load:
    return Load(city, tmp_path, strangers)
