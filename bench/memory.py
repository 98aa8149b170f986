"""Bytes of Redis (INFO `used_memory`, differences) of a holder with one card, and of an open
report; and the import that brings holders in. A report is filed and delivered with its texts;
then what is kept of its deliveries and the journal are deleted in this throw-away server, and the
difference tells the two apart. The import is the operator's whole command; its floor reads the
lines (csv), makes two keyed references (HMAC) and seals one record (AES-GCM) a line, with no
check and no Redis.
"""

import csv
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.city import BANK, City
from bench.machine import QUICK, a_folder
from bench.table import Page

HOLDERS: Final = 20_000 if QUICK else 100_000
REPORTS: Final = 200 if QUICK else 2000
LONGEST: Final = 60.0
# What lives by a life of its own: deliveries and their queues, the journal, calls.
HISTORY: Final = (
    "notice:*", "attempts:*", "notices_of:*", "notices_to:*", "rq:*", "journal*", "call:*",
)  # fmt: skip


def measure(page: Page) -> None:
    """Bytes, and lines a second."""
    with a_folder() as folder, City(folder) as city:
        city.starts("worker", "clock")
        empty = _used(city)
        file = folder / "people.csv"
        people = city.writes(file, HOLDERS)
        begun = time.perf_counter()
        city.imports(file)
        lines = HOLDERS / (time.perf_counter() - begun)
        floor = _floor(file)
        a_holder = (_used(city) - empty) / HOLDERS
        kinds_before, before = _by_kind(city), _used(city)
        delivered = _file_and_deliver(city, people[:REPORTS])
        whole, kinds = (_used(city) - before) / REPORTS, _by_kind(city)
        _forget_deliveries(city)
        open_report = (_used(city) - before) / REPORTS
    rows = [("a holder with one card", f"{a_holder:.0f}"), ("an open report", f"{open_report:.0f}"),
            ("its deliveries, texts, journal lines", f"{whole - open_report:.0f}")]  # fmt: skip
    title = f"Bytes of Redis: {HOLDERS} holders; {REPORTS} reports, {delivered} notices delivered"
    page.table(title, ("what", "bytes"), rows)
    grown = {kind: (kinds[kind] - kinds_before[kind]) / REPORTS for kind in kinds}
    more = [(kind, f"{size:.0f}") for kind, size in sorted(grown.items(), key=lambda k: -k[1])]
    columns = ("keys", "bytes a report")
    page.table("The same by kind of key (MEMORY USAGE)", columns, [r for r in more if r[1] != "0"])
    page.table("Import, the whole command", ("who", "lines/s", "x floor"),
               [("floor", f"{floor:.0f}", "1.00"), ("hotline", f"{lines:.0f}",
                f"{lines / floor:.2f}")])  # fmt: skip
    page.at_most("bytes a holder with one card", a_holder, 300, digits=0)
    page.at_most("bytes an open report", open_report, 1000, digits=0)
    page.at_least("lines/s imported", lines, 30_000, digits=0)


def _used(city: City) -> int:
    return int(city.redis.info("memory")["used_memory"])


def _by_kind(city: City) -> Counter[str]:
    """Kind of key -> bytes of all of them; of the numerous kinds only what is not a holder's."""
    kinds: Counter[str] = Counter()
    keys = [key for key in city.redis.scan_iter(count=5000) if key[:7] not in (b"holder:",)]
    keys = [key for key in keys if not key.startswith(b"card:")]
    with city.redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0)
        for key, size in zip(keys, pipe.execute(), strict=True):
            kinds[key.decode().partition(":")[0] if b":" in key else key.decode()] += size or 0
    return kinds


def _file_and_deliver(city: City, people: list[str]) -> int:
    """-> how many notices arrived in time."""
    before, texts = len(city.bank.arrivals(BANK)), len(city.bank.texts())
    city.files_at_once(people)
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and (
        len(city.bank.arrivals(BANK)) - before < len(people)
        or len(city.bank.texts()) - texts < 2 * len(people)
    ):
        time.sleep(0.3)
    time.sleep(1)
    return len(city.bank.arrivals(BANK)) - before


def _forget_deliveries(city: City) -> None:
    for pattern in HISTORY:
        for key in city.redis.scan_iter(pattern, count=5000):
            city.redis.delete(key)


def _floor(file: Path) -> float:
    cipher, key = AESGCM(secrets.token_bytes(32)), secrets.token_bytes(32)
    begun = time.perf_counter()
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.reader(text):
            for value in (row[0], row[3]):
                hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
            sealed = json.dumps(row, ensure_ascii=False).encode()
            cipher.encrypt(secrets.token_bytes(12), sealed, b"")
    return HOLDERS / (time.perf_counter() - begun)
