"""People with unmistakable numbers live through everything; then everything is searched.

What may be where: a bank gets the fields of the contract about its own customers, and Twilio the
registered phone as the text's receiver. Nothing else of anybody is anywhere, in any spelling.
The control plants one leak in each place: the same search finds all of them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs
from urllib.request import ProxyHandler, build_opener

import pytest

from ivr.store import keys
from tests.attack.records import everything
from tests.attack.scale import SEED
from tests.marks.city import Listener, MarkedCity, Observer, a_marked_city
from tests.marks.life import Life
from tests.marks.people import Person, marked_people
from tests.marks.search import ID_PLACES, Found, Marks, flat, spellings
from tests.workers.servers import Request

pytestmark = [pytest.mark.attack, pytest.mark.timeout(600)]


@dataclass
class Lived:
    """A city after all that has happened in it."""

    city: MarkedCity
    people: dict[str, Person]
    marks: Marks
    life: Life
    listener: Listener
    observer: Observer

    def places(self) -> dict[str, bytes]:
        """Where nothing of anybody may be."""
        redis, life = self.city.hotline.redis, self.life
        life.monitors_look()
        held = everything(redis)
        jobs = {key: value for key, value in held.items() if key.startswith("rq:")}
        kept = {f"log of {name}": text for name, text in self.city.logs().items()}
        return kept | {
            "Redis keys": flat(sorted(held)),
            "Redis values": flat(held.values()),
            "RQ jobs": flat(jobs.items()) + flat(jobs.values()),
            "commands to Redis": bytes(self.listener.heard),
            "Redis' disk": _files(self.city.redis.directory),
            "our own journal's disk": _files(self.city.journal),
            "arguments and environments": self.observer.bytes,
            "URLs": "\n".join(life.urls).encode(),
            "what banks and strangers were told": flat(life.told_strangers),
            "what operators read": flat(life.told_operators),
            "what monitors read": flat(life.told_monitors),
            "the heads of requests to others": flat(map(_head, self._requests())),
        }

    def search(self) -> set[Found]:
        """Everywhere, and what was sent to others."""
        found = self.marks.search_all(self.places())
        for bank, server in self.city.banks.items():
            bodies = [*(request.body for request in server.requests), *self.life.lists[bank]]
            allowed = self._of_customers(bank)
            found |= self.marks.search(f"what {bank} was told", flat(bodies), allowed)
        # A person is shown the number that calls, which whoever carries the call knows.
        shown = {mark for mark in self.marks.names if mark.startswith("calling number")}
        heard = flat(self.life.told_callers)
        found |= self.marks.search("what callers heard", heard, shown)
        return found | self._in_texts()

    def _requests(self) -> list[Request]:
        servers = (*self.city.banks.values(), self.city.twilio)
        return [request for server in servers for request in server.requests]

    def _of_customers(self, bank: str) -> set[str]:
        """The fields of the contract: ID number, name, and the card at this bank."""
        allowed = set()
        for person in self.people.values():
            own = {n: card for n, card in enumerate(person.holder.cards) if card.bank == bank}
            allowed |= {
                f"{what} {n} of who {person.role}"
                for what in ("card number", "account")
                for n in own
            }
            if own:
                allowed |= {f"{what} of who {person.role}" for what in ("ID number", "name")}
        return allowed

    def _in_texts(self) -> set[Found]:
        """A text's receiver is a registered phone, and stands nowhere else in it."""
        phones = {person.holder.phone for person in self.people.values()}
        found = set()
        for request in self.city.twilio.requests:
            form = parse_qs(request.body.decode())
            assert set(form.pop("To")) <= phones
            found |= self.marks.search("texts", json.dumps(form, ensure_ascii=False).encode())
        return found


def _head(request: Request) -> bytes:
    return f"{request.path} {request.headers}".encode()


def _files(directory: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    people = marked_people(SEED)
    marks = Marks({k: v for person in people.values() for k, v in person.marks().items()})
    with (
        a_marked_city(SEED) as city,
        Listener(city.redis.socket) as listener,
        Observer(city) as observer,
    ):
        life = Life(city, people, observer)
        life.imports_everybody()
        life.everybody_calls()
        life.everybody_visits()
        life.callers_err()
        life.everybody_texts()
        life.banks_misbehave()
        life.banks_tell()
        life.strangers_ask()
        life.records_break()
        life.our_faults()
        life.redis_goes()
        life.operators_look()
        yield Lived(city, people, marks, life, listener, observer)


def test_nothing_of_anybody_is_anywhere(lived: Lived) -> None:
    found = lived.search()
    places = len(lived.places()) + len(lived.city.banks) + 2
    print(
        f"\nmarks: {lived.marks.count} marks in {lived.marks.spellings} spellings and pieces, "
        f"{places} places, {lived.marks.searched / 1e6:.1f} MB searched, {len(found)} found "
        f"(ATTACK_SEED={SEED})",
        flush=True,
    )
    assert sorted(found) == []


def test_everybody_was_really_there(lived: Lived) -> None:
    """Else the search would say little: each imported one is on record, most reached a bank."""
    told = flat(r.body for server in lived.city.banks.values() for r in server.requests).decode()
    for role in ("reports", "has three cards", "meets a broken bank", "meets no Redis"):
        assert lived.people[role].holder.id_number in told, role
    assert len(lived.city.twilio.requests) > 3
    for name, text in lived.city.logs().items():
        if name.startswith("broken_web"):
            for planted in (b"turn_failed", b"bank_request_failed", b"RuntimeError"):
                assert planted in text, text


def test_every_spelling_is_found(lived: Lived) -> None:
    """In the midst of other bytes."""
    for what, value in lived.people["reports"].marks().items():
        ways = [*spellings(value)]
        if value.isascii():
            ways += [("groups", " ".join(value[n : n + 4] for n in range(0, 40, 4)).encode())]
            ways += [("read out", f"<say>{'</say><say>'.join(value)}</say>".encode())]
            ways += [("coded", "".join(f"%{ord(place):02x}" for place in value).encode())]
            ways += [("but the last 4", value[:-4].encode())][: len(value) > 14]
        for spelling, text in ways:
            assert lived.marks.search("a test", b"before-" + text + b"-behind"), (what, spelling)


def test_a_part_that_stands_alone_is_found(lived: Lived) -> None:
    """The birthday, the last 8 places and more, a name without its first letter."""
    for mark, value in lived.marks.names.items():
        parts = [value[1:]] if not value.isascii() else [value[-8:], value[-10:]]
        parts += [value[6:14]] if len(value) == ID_PLACES and value.isascii() else []
        for part in parts:
            found = lived.marks.search("here", f"text={part}, and more".encode())
            is_sought = part[:-1].isdigit() or not part.isascii()  # a letter in it: too short
            assert found or not is_sought, mark


def test_a_leak_planted_in_each_place_is_found(lived: Lived) -> None:
    """Put there as a fault of ours would: written by a running part, and read by the same search.

    Last in this module: what it plants stays.
    """
    mark, city, redis = lived.people["asks"].holder.id_number, lived.city, lived.city.hotline.redis
    with (city.folder / "web.log").open("ab") as log:
        log.write(f'{{"event": "turn_failed", "error": "no holder {mark}"}}\n'.encode())
    redis.set(keys.call(mark), "x")
    redis.rpush(keys.rung("bank-nowhere"), json.dumps({"data": ["f", None, [mark], {}]}))
    redis.hset(keys.COUNTERS, f"event:{mark}", 1)
    (city.journal / "reports-20990101.jsonl").write_text(mark, "utf-8")
    lived.life.call("asks", "2")
    lived.life.urls.append(f"/voice/confirm?turn=3&holder={mark}")
    lived.life.told_callers.append(f"<Say>{' '.join(mark)}</Say>".encode())
    lived.life.told_strangers.append(f'{{"detail": "no card of {mark}"}}'.encode())
    lived.life.told_operators.append(f"line 7: {mark} is bad".encode())
    with subprocess.Popen([sys.executable, "-c", "input()", mark], stdin=subprocess.PIPE) as child:
        lived.observer.extra.append(child.pid)
        while mark.encode() not in lived.observer.bytes:
            pass
        child.communicate(b"\n")
    opener = build_opener(ProxyHandler({}))
    foreign = next(b for b in city.banks if b != lived.people["asks"].holder.cards[0].bank)
    for url, body in (
        (f"{city.banks[foreign].url}/notices?{mark}", mark),
        (f"{city.twilio.url}/Messages", f"To=%2B86154&Body=Holder+{mark}"),
    ):
        city_phone = body.replace("%2B86154", lived.people["asks"].holder.phone.replace("+", "%2B"))
        opener.open(url, city_phone.encode()).close()
    where = {one.place for one in lived.search() if one.mark == "ID number of who asks"}
    places = {place for place in lived.places() if not place.startswith("log of ")}
    wanted = {*places, "log of web", f"what {foreign} was told", "what callers heard", "texts"}
    print(f"\nmarks, leaks planted: {len(wanted & where)} of {len(wanted)} places", flush=True)
    assert wanted - where == set()
