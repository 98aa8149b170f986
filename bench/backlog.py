"""A backlog for one bank through one worker process, notices a second from letting it go until
the last has arrived (or, for the slow, what arrived within the time limit: said in the table).
Beside it in the same run: the floor (BLPOP, sign, POST one after another) and job queues doing
the same work (body from Redis, sign, POST, the bank's answer read): RQ SimpleWorker, Celery
(solo), huey (one thread), taskiq (Redis list, 8 at once, aiohttp). The hotline's worker delivers
to banks only, and settles every attempt on disk; its sweep runs too. It is measured with a bank
that takes 8 requests at once (the usual `max_in_flight`) and with one that takes 32.
"""

import time
from statistics import median
from typing import Final, NamedTuple

from bench.city import BANK, BANKS_ONLY, City
from bench.machine import QUICK, Program, a_folder, python, wait_for
from bench.notice import ONE_WORKER
from bench.rivals import BODY, QUEUE
from bench.table import Page

BACKLOG: Final = 300 if QUICK else 5000
LONGEST: Final = 1.5 if QUICK else 5.0
ROUNDS: Final = 1 if QUICK else 2
USUAL, MANY = AT_ONCE = (8, 32)
PEERS: Final = ("rq", "celery", "huey", "taskiq")


class Emptied(NamedTuple):
    """`notices` arrived in `seconds`."""

    notices: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.notices / self.seconds if self.notices else 0.0


def measure(page: Page) -> None:
    """Notices a second of each, and how many times the floor's."""
    found: dict[str, list[Emptied]] = {}
    for _ in range(ROUNDS):
        found.setdefault("floor", []).append(_floor())
        found.setdefault(_named(USUAL), []).append(_hotline(USUAL))
    found[_named(MANY)] = [_hotline(MANY)]
    for name in PEERS:
        found[name] = [_peer(name)]
    _show(page, found)


def _floor() -> Emptied:
    with a_folder() as folder, City(folder) as city:
        with city.redis.pipeline(transaction=False) as pipe:
            for number in range(BACKLOG):
                pipe.rpush(QUEUE, f"floor-{number} {BODY}")
            pipe.execute()
        url = f"{city.bank.url}/floor/notices"
        line = python("bench.rivals.floor_worker", city.redis_url, url)
        return _started(city, line, "floor")


def _peer(name: str) -> Emptied:
    with a_folder() as folder, City(folder) as city:
        words = [city.redis_url, f"{city.bank.url}/{name}/notices"]
        Program(name, python("bench.rivals.peers", name, "owe", *words, BACKLOG), {}, folder).wait()
        return _started(city, python("bench.rivals.peers", name, "work", *words), name)


def _started(city: City, line: str, bank: str) -> Emptied:
    """From the first arrival on: until then its program is still being loaded."""
    city.runs("peer", line)
    wait_for(lambda: city.bank.arrivals(bank), f"the first of {bank}", 30, 0.01)
    first = city.bank.arrivals(bank)[0].at
    return _emptied(city, bank, first)


def _named(at_once: int) -> str:
    return f"hotline, {at_once} at once"


def _hotline(at_once: int) -> Emptied:
    with a_folder() as folder, City(folder, at_once=at_once) as city:
        people = city.knows(BACKLOG)
        city.starts("worker", "clock", environ=ONE_WORKER, arguments=BANKS_ONLY)
        already = len(city.bank.arrivals(BANK))
        with city.programs["worker"].held():
            city.files_at_once(people)
            begun = time.monotonic()
        return _emptied(city, BANK, begun, already)


def _emptied(city: City, bank: str, begun: float, already: int = 0) -> Emptied:
    until = begun + LONGEST
    while time.monotonic() < until and len(city.bank.arrivals(bank)) < BACKLOG + already:
        time.sleep(0.1)
    arrived = [each.at for each in city.bank.arrivals(bank)[already:]]
    whole = len(arrived) >= BACKLOG
    return Emptied(len(arrived), (max(arrived) if whole else time.monotonic()) - begun)


def _show(page: Page, found: dict[str, list[Emptied]]) -> None:
    rates = {name: median(each.rate for each in all_of) for name, all_of in found.items()}
    rows = []
    ours = rates[_named(MANY)]
    for name, all_of in found.items():
        counted = min(each.notices for each in all_of)
        said = "all" if counted >= BACKLOG else f"the {counted} within {LONGEST:.0f} s"
        each_round = " ".join(f"{each.rate:.0f}" for each in all_of)
        rows.append((name, f"{rates[name]:.0f}", each_round, f"{rates[name] / rates['floor']:.2f}",
                     f"{ours / rates[name]:.2f}", said))  # fmt: skip
    columns = ("who", "notices/s", "rounds", "x floor", f"{MANY} at once is x", "counted")
    page.table(f"A backlog of {BACKLOG} through one process", columns, rows)
    for at_once in AT_ONCE:
        named = f"notices/s, {at_once} at once, x floor"
        page.at_least(named, rates[_named(at_once)] / rates["floor"], 1.5)
    best = max(PEERS, key=lambda name: rates[name])
    page.at_least(
        f"notices/s, 8 at once, x the best peer ({best})", rates[_named(USUAL)] / rates[best], 1.0
    )
