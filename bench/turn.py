"""A voice turn: the Procfile's gunicorn, Redis with every write on disk, signed requests. Its
floor: the same gunicorn with the same requests, where Flask always answers the same TwiML.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from app import create_app
from bench.counting import CountingProxy
from bench.phone import Phone, UnexpectedAnswerError, to_confirm
from bench.place import BenchCity, by_shell, folder, procfile
from bench.table import milliseconds, percentile, show, spread, times
from ivr.cards.records import Holder
from ivr.settings import read_settings
from simulator.engine import Call, PhoneLine, WsgiTransport
from tests.faults.city import ACCOUNT, TOKEN, Process, free_port

ROUNDS = 4
SECONDS = 2.0
CONNECTIONS = (1, 16)
FILINGS = {1: 60, 16: 320}  # by connections, in each round


@dataclass
class Taken:
    """What several rounds took: seconds of every turn, and turns a second of every round."""

    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def add(self, phones: list[Phone], wall: float) -> None:
        taken = [seconds for phone in phones for seconds in phone.seconds]
        self.seconds += taken
        self.rates.append(len(taken) / wall)


Key = tuple[str, int]  # what, connections


def measure() -> None:
    """Prints two tables: times and rates, and round trips to Redis by turn."""
    holders = ROUNDS * sum(FILINGS.values()) + 20
    with folder() as place, BenchCity(place, holders, kinds=("web",)) as city:
        with _floor(city, place) as floor_url:
            _wait_until_up(city.base_url, city.holders[0])
            _wait_until_up(floor_url, city.holders[0])
            taken = _rounds(city, floor_url)
        trips = _round_trips(city)
    _show(taken)
    show(
        "Round trips to Redis in each turn of a call",
        ("turn", "round trips"),
        [(what, str(count)) for what, count in trips],
    )


@contextmanager
def _floor(city: BenchCity, place: Path) -> Iterator[str]:
    line = procfile()["web"].replace("app:app", "bench.floor_web:app")
    port = str(free_port())
    environ = {**os.environ, **city.environment, "PORT": port}
    process = Process("floor", by_shell(line), environ, place / "floor.log")
    process.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def _wait_until_up(base_url: str, holder: Holder, seconds: float = 60) -> None:
    """Also warms both processes up: connections, scripts, templates."""
    until = time.monotonic() + seconds
    while True:
        try:
            phones = [Phone(base_url) for _ in range(max(CONNECTIONS))]
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
            continue
        _at_once(phones, lambda phone: phone.dials(to_confirm(holder)))
        return


def _rounds(city: BenchCity, floor_url: str) -> dict[Key, Taken]:
    """Floor and hotline take turns, so that other work on this machine slows both alike."""
    taken: dict[Key, Taken] = {
        (what, n): Taken() for n in CONNECTIONS for what in ("floor", "turn", "filing")
    }
    unused = iter(city.holders[20:])
    for _ in range(ROUNDS):
        for n in CONNECTIONS:
            _calls_for_seconds(floor_url, n, city.holders[:20], taken["floor", n])
            _calls_for_seconds(city.base_url, n, city.holders[:20], taken["turn", n])
            chosen = [next(unused) for _ in range(FILINGS[n])]
            _filings(city.base_url, n, chosen, taken["filing", n])
    return taken


def _calls_for_seconds(base_url: str, n: int, holders: list[Holder], taken: Taken) -> None:
    """Calls up to the question whether to report, one after another on each connection."""
    phones = [Phone(base_url) for _ in range(n)]
    started = time.perf_counter()

    def calls(phone: Phone) -> None:
        for holder in cycle(holders):
            if time.perf_counter() - started > SECONDS:
                return
            phone.dials(to_confirm(holder))

    _at_once(phones, calls)
    taken.add(phones, time.perf_counter() - started)


def _filings(base_url: str, n: int, holders: list[Holder], taken: Taken) -> None:
    """Measures the confirming turn only; the calls are brought to that point first."""
    phones = [Phone(base_url) for _ in range(n)]
    shares = {id(phone): holders[place::n] for place, phone in enumerate(phones)}
    waiting = {
        id(phone): [phone.dials(to_confirm(holder)) for holder in shares[id(phone)]]
        for phone in phones
    }
    for phone in phones:
        phone.seconds.clear()
    started = time.perf_counter()

    def confirms(phone: Phone) -> None:
        for call in waiting[id(phone)]:
            if "report number is" not in call.turns("1"):
                raise UnexpectedAnswerError("the confirming turn filed nothing")

    _at_once(phones, confirms)
    taken.add(phones, time.perf_counter() - started)


def _at_once(phones: list[Phone], work: Callable[[Phone], object]) -> None:
    with ThreadPoolExecutor(len(phones)) as pool:
        list(pool.map(work, phones))
    for phone in phones:
        phone.close()


def _round_trips(city: BenchCity) -> list[tuple[str, int]]:
    """Of the second call, with the application in this process behind a proxy that counts."""
    proxy = CountingProxy(city.redis.socket)
    settings = read_settings({**city.environment, "REDIS_URL": proxy.url})
    transport = WsgiTransport(create_app(settings))
    line = PhoneLine(f"{city.base_url}/voice", account_sid=ACCOUNT, auth_token=TOKEN)
    found: list[tuple[str, int]] = []
    for holder in city.holders[:2]:
        found = _trips_of_a_call(Call(line, transport), holder, proxy)
    proxy.close()
    return found


def _trips_of_a_call(call: Call, holder: Holder, proxy: CountingProxy) -> list[tuple[str, int]]:
    found = []

    def note(what: str, act: Callable[[], object]) -> None:
        before = proxy.round_trips
        act()
        found.append((what, proxy.round_trips - before))

    note("dials", call.dial)
    keys = (*to_confirm(holder), "1")
    names = ("language", "main menu", "ID number", "confirms: the report is filed")
    for name, entry in zip(names, keys, strict=True):
        call.run_to_silence()
        note(name, lambda entry=entry: call.press(entry))  # type: ignore[misc]
    call.hang_up()
    return found


def _show(taken: dict[Key, Taken]) -> None:
    rows = []
    for (what, n), found in taken.items():
        floor = taken["floor", n]
        p50, p99 = (percentile(found.seconds, share) for share in (0.5, 0.99))
        floor_rate = sum(floor.rates) / ROUNDS
        rate = sum(found.rates) / ROUNDS
        rows.append(
            (
                what,
                str(n),
                milliseconds(p50),
                times(p50, percentile(floor.seconds, 0.5)),
                milliseconds(p99),
                times(p99, percentile(floor.seconds, 0.99)),
                f"{rate:.0f}",
                spread(found.rates),
                f"1/{times(floor_rate, rate)}",
            )
        )
    columns = ("what", "connections", "p50 ms", "x floor", "p99 ms", "x floor", "turns/s")
    show(f"Voice turns, {ROUNDS} rounds", (*columns, "rounds", "of floor"), rows)
