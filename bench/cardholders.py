"""`flask cardholders import` of 100 000 lines, beside its floor: reading the lines (csv), two
keyed references (HMAC) and one sealed record (AES-GCM) each, with no check and no Redis.
"""

import csv
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.place import SEED, BenchCity, folder
from bench.table import show, spread, times
from ivr.made_up import cardholder_rows
from ivr.store.cardholders_csv import COLUMNS
from tests.faults.city import CHECKOUT

LINES = 100_000
ROUNDS = 2
BANKS = ("icbc", "ccb")


def measure() -> None:
    """Prints a table: lines a second of the floor, of a first import and of the same again."""
    rates: dict[str, list[float]] = {"floor": [], "import": [], "the same again": []}
    with folder() as place:
        file = place / "cardholders.csv"
        _write(file)
        for _ in range(ROUNDS):
            with folder() as fresh, BenchCity(fresh, 0, banks=BANKS, kinds=()) as city:
                rates["floor"].append(_rate(lambda: _read_and_seal(file)))
                for what in ("import", "the same again"):
                    rates[what].append(_rate(lambda city=city: _import(city, file)))  # type: ignore[misc]
    _show(rates)


def _write(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows(cardholder_rows(Random(SEED), LINES, BANKS))


def _read_and_seal(file: Path) -> None:
    cipher, key = AESGCM(secrets.token_bytes(32)), secrets.token_bytes(32)
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.reader(text):
            for value in (row[0], row[3]):
                hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
            cipher.encrypt(
                secrets.token_bytes(12), json.dumps(row, ensure_ascii=False).encode(), b""
            )


def _import(city: BenchCity, file: Path) -> None:
    """The operator's command, from its start to its end."""
    command = [sys.executable, "-m", "flask", "--app", "app", "cardholders", "import", str(file)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=city.environment, capture_output=True, text=True, check=False
    )
    if f"good {LINES} " not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)


def _rate(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return LINES / (time.perf_counter() - started)


def _show(rates: dict[str, list[float]]) -> None:
    floor = sum(rates["floor"]) / ROUNDS
    rows = []
    for what, found in rates.items():
        rate = sum(found) / ROUNDS
        rows.append((what, f"{rate:.0f}", spread(found), f"1/{times(floor, rate)}"))
    title = f"{LINES} cardholders' lines, {ROUNDS} rounds"
    show(title, ("what", "lines/s", "rounds", "of floor"), rows)
