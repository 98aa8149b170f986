"""Voice turns: signed requests over 16 connections to the Procfile's gunicorn, Redis with every
write on disk. Every turn of a batch is made 16 at a time, as fast as answers come; floor,
tutorial app and hotline by turns. The floor: the same gunicorn and Flask, twilio's own
`RequestValidator` on the raw URL, one Redis SET, a fixed TwiML. The peer: a Twilio app as
tutorials write it (a view a menu, a decorator that checks `request.url`, TwiML by twilio's
library, the call in Redis as JSON). First turn: dialling. Menu turn: the language menu and the
main menu. Filing turn: the confirming key, for calls brought to that point before. Ratios are
medians of the rounds' own ratios.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Final

from bench.city import City
from bench.machine import QUICK, a_folder, free_port, listens, procfile, wait_for
from bench.phone import Answer, Call, bring_to_confirm, rate, turn_all
from bench.table import Page, milliseconds, percentile, ratios, spread

ROUNDS: Final = 2 if QUICK else 4
CALLS: Final = 250 if QUICK else 1200
FILINGS: Final = 60 if QUICK else 400
FLOOR, PEER, OURS = "floor", "tutorial app", "hotline"
Taken = dict[tuple[str, str], list[list[Answer]]]


def measure(page: Page) -> None:
    """Turns a second and times, beside floor and peer."""
    taken: Taken = defaultdict(list)
    with a_folder() as folder, City(folder) as city:
        people = city.knows(ROUNDS * FILINGS)
        city.starts("web")
        floor, tutorial = start_rival(city, "floor_web"), start_rival(city, "tutorial_web")
        for url in (floor, tutorial):
            turn_all([Call(url) for _ in range(100)], None)
        city.warms_up()
        for _ in range(ROUNDS):
            taken[FLOOR, "any"].append(turn_all([Call(floor) for _ in range(CALLS)], None))
            _menus(taken, PEER, tutorial, ("2",))
            _menus(taken, OURS, city.base_url, ("2", "1"))
            taken[OURS, "filing"].append(_file(city, [people.pop() for _ in range(FILINGS)]))
    _show(page, taken)


def start_rival(city: City, name: str, **environ: str) -> str:
    """Another application under the Procfile's web line; -> its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    line = procfile()["web"].replace("app:app", f"bench.rivals.{name}:app")
    city.runs(name, line, {"PORT": str(port), "PUBLIC_BASE_URL": url, **environ})
    wait_for(lambda: listens(port), name)
    return url


def _menus(taken: Taken, who: str, url: str, menus: Sequence[str]) -> None:
    calls = [Call(url) for _ in range(CALLS)]
    taken[who, "first"].append(turn_all(calls, None))
    for keys in menus:
        taken[who, "menu"].append(turn_all(calls, keys))


def _file(city: City, people: list[str]) -> list[Answer]:
    calls = bring_to_confirm(city.base_url, people)
    answers = turn_all(calls, "1")
    if not all(call.number for call in calls):
        raise RuntimeError("a confirming turn filed nothing")
    return answers


def _show(page: Page, taken: Taken) -> None:
    floors = [rate(batch) for batch in taken[FLOOR, "any"]]
    rates = {key: _by_round([rate(batch) for batch in batches]) for key, batches in taken.items()}
    peers = {what: rates[PEER, what] for what in ("first", "menu")}
    rows = []
    for (who, what), batches in taken.items():
        found, seconds = rates[who, what], [a.seconds for batch in batches for a in batch]
        p50, p99 = (milliseconds(percentile(seconds, share)) for share in (0.5, 0.99))
        beside = f"{ratios(found, peers[what]):.2f}" if what in peers else "-"
        row = (who, what, f"{median(found):.0f}", spread(found), f"{ratios(found, floors):.2f}")
        rows.append((*row, beside, p50, p99))
    columns = ("who", "turn", "turns/s", "rounds", "x floor", "x tutorial", "p50 ms", "p99 ms")
    page.table(f"Voice turns, 16 connections, {ROUNDS} rounds of {CALLS} turns", columns, rows)
    for what, of_floor, of_peer in (("first", 1.0, 1.2), ("menu", 1.0, 1.4)):
        found = rates[OURS, what]
        page.at_least(f"{what} turn, x floor", ratios(found, floors), of_floor)
        page.at_least(f"{what} turn, x tutorial app", ratios(found, peers[what]), of_peer)
    page.at_least("filing turn, x floor", ratios(rates[OURS, "filing"], floors), 0.5)


def _by_round(found: list[float]) -> list[float]:
    """The menu turns of a round are several batches."""
    each = len(found) // ROUNDS
    return [median(found[place : place + each]) for place in range(0, len(found), each)]
