"""What genuine signatures can do, for anyone can dial: find people out, and block their cards.

    python -m tests.attack.trials [enumerate] [mass-report] [honest] [--unlimited]

starts a city of its own and prints a table. All at full speed, from 100 lines at once:
  enumerate    about 1 000 ID numbers of one birthday and district, of which 12 are cardholders'
  mass-report  391 strangers whose ID numbers are known
  honest       1 000 callers, each from a number of their own, with mixed wishes
`--unlimited` turns all limits off. Each attack is followed by 100 honest calls.
"""

import argparse
import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Final

from ivr.cards.records import Holder
from ivr.made_up import made_up_holder, made_up_id_number
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.codec import plain
from tests.attack.city import ProcfileCity, a_procfile_city
from tests.attack.phone import Phone
from tests.attack.scale import SEED
from tests.builders import an_id_number, enrol
from tests.faults.audit import wait_until_calm
from tests.faults.city import BANKS

LIMITS: Final = (
    "id_numbers_per_caller", "id_numbers_per_hidden_call", "misses_per_hour", "misses_per_day",
    "lookups_per_id_number", "holders_reported_per_caller", "breaker_lookups", "breaker_reports",
)  # fmt: skip
THERE_ARE_LIMITS: Final = set(LIMITS) <= Settings.model_fields.keys()
UNLIMITED: Final = {name.upper(): "0" for name in LIMITS}

AT_ONCE: Final = 16  # calls at the same moment; a line calls again and again
# What the directory and the running programs are known by: a day begins without all else.
LASTING: Final = ("vault", "holder:", "card:", "banks:", "running:", "sweep:alive", "rq:")
MISSES_IN_A_CALL: Final = 3  # the last one puts the caller through, which a match would not
HIDDEN: Final = ("anonymous", "", "+266696687", "+7378742833", "unknown", "Restricted", "+1", "0")
FILED: Final = "Reported. Number"
BORN, DISTRICT = "19491231", "110105"


@dataclass(frozen=True)
class Size:
    """How many of whom."""

    lines: int
    candidates: int
    strangers: int
    honest: int
    honest_after: int
    cardholders: int = 12


LONG_TRIALS: Final = Size(lines=100, candidates=999, strangers=391, honest=1000, honest_after=100)
SHORT_TRIALS: Final = Size(lines=20, candidates=300, strangers=60, honest=100, honest_after=20)


@dataclass
class Result:
    """What a trial came to. `told_apart`: existing people whom other words gave away."""

    name: str
    of: int
    got: int = 0
    calls: int = 0
    tries: int = 0
    informed: int = 0  # tries after which the caller knew whether the person exists
    told_apart: int = 0
    seconds: float = 0.0
    met_a_limit: int = 0
    honest: int = 0
    wishes: Counter[str] = field(default_factory=Counter)  # of honest callers, those not fulfilled
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def counts(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)

    def __str__(self) -> str:
        got = f"{self.got:>5} of {self.of}"
        return (
            f"{self.name:<24}{got:<14}{self.calls:>6} calls {self.tries:>6} tries "
            f"{self.informed:>6} informed {self.told_apart:>3} told apart {self.seconds:>7.1f} s   "
            f"honest: {self.met_a_limit} of {self.honest} met a limit {dict(self.wishes) or ''}"
        )


@dataclass(frozen=True)
class Heard:
    """What a caller is told of one ID number."""

    step: str
    words: str  # without digits

    @classmethod
    def by(cls, phone: Phone) -> "Heard":
        return cls(phone.step, re.sub(r"\d", "", phone.said))


# --- who is on record ----------------------------------------------------------------------------


def begins_anew(city: ProcfileCity) -> None:
    """As on the first day: only the directory is left."""
    wait_until_calm(city, 120)
    redis = city.hotline.redis
    for key in redis.scan_iter(count=1000):
        if not plain(key).startswith(LASTING):
            redis.delete(key)


def a_usual_hour(city: ProcfileCity, reports: int = 4) -> None:
    """So many reports in the hour before, and none yet in this one: for a breaker that compares."""
    place = getattr(keys, "WATCHED", "")
    if not place:
        return
    for holder in people(city, reports, "the hour before"):
        phone = Phone(city.base_url, holder.phone).dials()
        assert _reports(phone, holder.id_number), phone.said
        phone.hangs_up()
    hour = int(city.hotline.outbox.now()) // 3600
    city.hotline.redis.hset(place, mapping={f"hour:{hour - 1}": 0, f"hour:{hour}": reports})


def people(city: ProcfileCity, count: int, seed: object) -> list[Holder]:
    """Made-up holders on record, each with one card."""
    rng = Random(f"{SEED} {seed}")
    found = [made_up_holder(rng, BANKS) for _ in range(count)]
    enrol(city.hotline, *found)
    return found


def one_birthday(city: ProcfileCity, size: Size) -> tuple[list[str], dict[str, Holder]]:
    """All ID numbers of a birthday and district in any order, and who of them is on record."""
    rng = Random(f"{SEED} one birthday")
    numbers = [an_id_number(BORN, f"{n:03}", DISTRICT) for n in range(1, size.candidates + 1)]
    chosen = rng.sample(numbers, size.cardholders)
    holders = {number: made_up_holder(rng, BANKS, id_number=number) for number in chosen}
    enrol(city.hotline, *holders.values())
    rng.shuffle(numbers)
    return numbers, holders


def lines(count: int) -> list[str]:
    """Calling numbers; one in ten is hidden, in every way there is."""
    shown = [f"+86139{55_000_000 + n}" for n in range(count)]
    return [HIDDEN[n // 10 % len(HIDDEN)] if n % 10 == 9 else own for n, own in enumerate(shown)]


# --- the attacks ---------------------------------------------------------------------------------


class Attack:
    """Many lines that work through one list. A line whose calls lead to nothing gives up, and
    what it tried goes back on the list.
    """

    def __init__(self, url: str, result: Result, wanted: Iterable[str]) -> None:
        self.url = url
        self.result = result
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        for number in wanted:
            self._wanted.put(number)

    def runs(self, callers: Sequence[str], one_call: Callable[[Phone], int]) -> None:
        """`one_call` -> how many tries of it led to something."""

        def line(caller: str) -> None:
            phone, in_vain = Phone(self.url, caller), 0
            while in_vain < 2 and not self._wanted.empty():
                led_to = one_call(phone.dials())
                phone.hangs_up()
                self.result.counts(calls=1)
                in_vain = 0 if led_to else in_vain + 1

        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as at_once:
            list(at_once.map(line, callers))
        self.result.seconds = time.monotonic() - started

    def next(self) -> str | None:
        try:
            number = self._wanted.get_nowait()
        except queue.Empty:
            return None
        self.result.counts(tries=1)
        return number

    def in_vain(self, number: str) -> None:
        self._wanted.put(number)


def enumerates(url: str, city: ProcfileCity, size: Size) -> Result:
    """Looks up every ID number of a birthday and district."""
    numbers, holders = one_birthday(city, size)
    result = Result("enumerate", of=len(holders))
    attack = Attack(url, result, numbers)
    heard: dict[str, list[Heard]] = {number: [] for number in numbers}
    found: set[str] = set()

    def one_call(phone: Phone) -> int:
        led_to = 0
        phone.presses("2", "1")
        while phone.step == "report_id" and (number := attack.next()) is not None:
            phone.presses(as_keys(number))
            heard[number].append(Heard.by(phone))
            is_found = number in holders and names_card(phone, holders[number])
            if is_found:
                found.add(number)
            elif not phone.step.endswith("not_found") and led_to < MISSES_IN_A_CALL - 1:
                attack.in_vain(number)  # these words tell nothing: it may exist or not
                return led_to
            result.counts(informed=1)
            led_to += 1
            if phone.step.endswith("not_found"):
                phone.presses("1")
        return led_to

    attack.runs(lines(size.lines), one_call)
    result.got = len(found)
    nobodys = {h for number in numbers if number not in holders for h in heard[number]}
    left = {number for number in holders.keys() - found if set(heard[number]) - nobodys}
    result.told_apart = len(left)
    return result


def mass_reports(url: str, city: ProcfileCity, size: Size) -> Result:
    """Reports the cards of strangers."""
    strangers = {h.id_number: h for h in people(city, size.strangers, "strangers")}
    result = Result("mass report", of=len(strangers))
    attack = Attack(url, result, strangers)

    def one_call(phone: Phone) -> int:
        led_to = 0
        phone.presses("2", "1")
        while phone.step == "report_id" and (number := attack.next()) is not None:
            phone.presses(as_keys(number), "1")
            if FILED not in phone.said:
                attack.in_vain(number)
                return led_to
            led_to += 1
            result.counts(informed=1)
            for_another(phone)
        return led_to

    attack.runs(lines(size.lines), one_call)
    result.got = sum(is_reported(city, holder) for holder in strangers.values())
    return result


def as_keys(id_number: str) -> str:
    return id_number.replace("X", "*")


def for_another(phone: Phone) -> None:
    """After a report: listens to the end of what is said, and asks for another card."""
    for _ in range(5):
        if phone.step != "after_report":
            phone.presses("")
    phone.presses("1")


def names_card(phone: Phone, holder: Holder) -> bool:
    """Whether the caller hears of this holder's card what only a match tells."""
    (card,) = holder.cards
    digits = re.sub(r"(?<=\d) (?=\d)", "", phone.said)
    return card.last4 in digits and card.bank.upper() in phone.said


def is_reported(city: ProcfileCity, holder: Holder) -> bool:
    card_ref = city.hotline.vault.ref("card", holder.cards[0].number)
    return bool(city.hotline.redis.exists(keys.loss(card_ref)))


# --- everybody else ------------------------------------------------------------------------------


def _reports(phone: Phone, id_number: str) -> bool:
    phone.presses("2", "1", as_keys(id_number), "1")
    return FILED in phone.said


def _asks(phone: Phone, id_number: str) -> bool:
    phone.presses("2", "2", as_keys(id_number))
    return phone.step in ("status_told", "status_reportable")


def _errs_first(phone: Phone, id_number: str) -> bool:
    rng = Random(id_number)
    phone.presses("2", "1", as_keys(made_up_id_number(rng)), "1", as_keys(id_number), "1")
    return FILED in phone.said


def _reads(phone: Phone, _id_number: str) -> bool:
    phone.presses("2", "3", "1")
    return phone.step == "formal_loss"


def _reports_for_two(phone: Phone, id_number: str, second: str) -> bool:
    if not _reports(phone, id_number):
        return False
    for_another(phone)
    phone.presses(as_keys(second), "1")
    return FILED in phone.said


WISHES: Final[tuple[tuple[str, Callable[[Phone, str], bool]], ...]] = (
    *[("report", _reports)] * 4, *[("status", _asks)] * 3, ("wrong number first", _errs_first),
    *[("information", _reads)] * 2,
)  # fmt: skip


def honest_calls(url: str, city: ProcfileCity, count: int, name: str = "honest") -> Result:
    """Everybody calls once, from a number of their own: six in ten from their registered phone.
    One in ten reports for two people.
    """
    holders = people(city, count, f"{name} {count}")
    spouses = people(city, count // 10, f"{name} {count} spouses")
    result = Result(name, of=count, honest=count)

    def one(numbered: tuple[int, Holder]) -> None:
        n, holder = numbered
        wish, fulfils = WISHES[n % len(WISHES)]
        if n % len(WISHES) == 0 and n // 10 < len(spouses):
            second = spouses[n // 10].id_number
            wish, fulfils = "two people", partial(_reports_for_two, second=second)
        caller = holder.phone if n % 5 < 3 else f"+86137{10_000_000 + n}"
        phone = Phone(url, caller).dials()
        is_fulfilled = fulfils(phone, holder.id_number)
        phone.hangs_up()
        result.counts(calls=1, got=is_fulfilled, met_a_limit=not is_fulfilled)
        if not is_fulfilled:
            with result._lock:
                result.wishes[f"{wish}: {phone.step}"] += 1

    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as at_once:
        list(at_once.map(one, enumerate(holders)))
    result.seconds = time.monotonic() - started
    return result


TRIALS: Final[dict[str, Callable[[str, ProcfileCity, Size], Result]]] = {
    "enumerate": enumerates,
    "mass-report": mass_reports,
    "honest": lambda url, city, size: honest_calls(url, city, size.honest),
}


def tries(url: str, city: ProcfileCity, name: str, size: Size) -> Result:
    """One trial on an empty day; an attack, and then some honest calls."""
    begins_anew(city)
    if name != "honest":
        a_usual_hour(city)
    result = TRIALS[name](url, city, size)
    if name != "honest" and size.honest_after:
        after = honest_calls(url, city, size.honest_after, f"after {name}")
        result = replace(
            result, honest=after.honest, met_a_limit=after.met_a_limit, wishes=after.wishes
        )
    print(f"\n{result}", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.attack.trials")
    parser.add_argument("names", nargs="*", metavar="trial", help=", ".join(TRIALS))
    parser.add_argument("--unlimited", action="store_true", help="with all limits off")
    told = parser.parse_args()
    if unknown := set(told.names) - TRIALS.keys():
        parser.error(f"{', '.join(unknown)}: choose of {', '.join(TRIALS)}")
    with a_procfile_city(0, environ=UNLIMITED if told.unlimited else {}) as city:
        for name in told.names or TRIALS:
            tries(city.base_url, city, name, LONG_TRIALS)


if __name__ == "__main__":
    main()
