"""The end of the 7 days after the clock was down, and news from the bank at the same moment."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.store import keys
from ivr.store.codec import load
from tests.faults.audit import read_records, wait_until_calm
from tests.faults.callers import Tally
from tests.faults.city import City, a_city
from tests.faults.endings import end_suspensions, release_faults, wait_for_releases
from tests.faults.scale import LONG, SEED
from tests.faults.storm import adds_up, prints, these_call
from tests.faults.tripwire import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

EACH = 30 if LONG else 8


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    """With two clocks at work; nobody dies here, but much happens at the same moment."""
    with a_city(3 * EACH, SEED) as running:
        second = running.processes["clock"].twin("clock-2")
        running.processes["clock-2"] = second
        second.start()
        yield running


def reported(city: City, holders: slice) -> dict[str, LossReport]:
    """Card number -> the report that was just filed for it, with the bank's block."""
    tally = Tally()
    known = set(read_records(city).reports)
    these_call(city, city.holders[holders], tally=tally)
    wait_until_calm(city, 60)
    reports = read_records(city).reports
    return {card: reports[n] for n, card in tally.told.items() if n not in known}


def at_once(*deeds: Callable[[], object]) -> None:
    threads = [threading.Thread(target=deed) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_releases_after_the_clock_was_down(city: City) -> None:
    """The suspensions end on time all the same; two clocks that start together tell it once."""
    tally = Tally()
    these_call(city, city.holders[:EACH], tally=tally)
    adds_up(city, tally, "before the releases")
    clocks = [city.processes[name] for name in ("clock", "clock-2")]
    for clock in clocks:
        clock.kill()
    reports = [read_records(city).reports[number] for number in tally.told]
    end_suspensions(city, reports)
    redis = city.hotline.redis
    wait_until(lambda: not redis.exists(*(keys.loss(r.card_ref) for r in reports)), "the end")
    at_once(*(clock.start for clock in clocks))
    wait_for_releases(city, len(reports))
    faults = release_faults(city, list(tally.told))
    prints("released after the clock was down", f"{len(reports)} releases, {len(faults)} faults")
    assert faults == []


def test_a_formal_loss_races_a_release(city: City) -> None:
    """Whoever is first: the card ends formally lost, without end, and never both superseded and
    released.
    """
    reports = reported(city, slice(EACH, 2 * EACH))
    for card, report in reports.items():
        _loses_formally_as_it_ends(city, card, report)
    wait_until(lambda: all(_is_formal(city, r) for r in reports.values()), "the formal losses")
    wait_until_calm(city, 60)
    records = read_records(city)
    ends = Counter(_end_of(records.reports[r.number], records.journal) for r in reports.values())
    prints("formal loss races a release", str(dict(ends)))
    assert set(ends) <= {("superseded", 0), ("released", 1)}
    assert all(city.hotline.redis.ttl(keys.loss(r.card_ref)) == -1 for r in reports.values())


def _loses_formally_as_it_ends(city: City, card: str, report: LossReport) -> None:
    at_once(
        lambda: end_suspensions(city, [report]),
        lambda: city.bank.client.reports_formal_loss(report.bank, card),
    )


def _is_formal(city: City, report: LossReport) -> bool:
    loss = city.hotline.redis.get(keys.loss(report.card_ref))
    is_formal = loss is not None and load(Suspension, loss).kind is ReportKind.FORMAL
    return is_formal and _state(city, report) is BlockState.FORMAL_LOSS


def _end_of(report: LossReport, journal: dict[str, list[dict[str, str]]]) -> tuple[str, int]:
    released = [e for e in journal[report.number] if e["event"] == "loss_released"]
    assert report.state is not ReportState.ACTIVE
    return str(report.state), len(released)


def _state(city: City, report: LossReport) -> BlockState | None:
    text = city.hotline.redis.get(keys.block(report.card_ref))
    return None if text is None else load(Block, text).state


@pytest.mark.parametrize("seconds", [1, 3], ids=["answered in time", "answered too late"])
def test_an_unblocking_races_the_delivery(city: City, seconds: int) -> None:
    """The holder stands at an outlet while the bank's answer to our notice is on its way: the
    card stays unblocked, on both sides, whatever comes late.
    """
    half = EACH // 2
    first = 2 * EACH + (0 if seconds == 1 else half)
    holders = city.holders[first : first + half]
    cards = {h.cards[0].number: h.cards[0].bank for h in holders}
    for bank in set(cards.values()):
        city.bank.client.behaves(bank, "late", seconds=seconds)
    tally = Tally()
    these_call(city, holders, tally=tally)
    for card, bank in cards.items():
        _is_unblocked_at_an_outlet(city, bank, card)
    for bank in set(cards.values()):
        city.bank.client.behaves(bank, "normal")
    reports = [read_records(city).reports[number] for number in tally.told]
    wait_until(
        lambda: all(_state(city, r) is BlockState.UNBLOCKED for r in reports), "the unblockings"
    )
    wait_until_calm(city, 60)
    _stays_unblocked(city, cards, reports)


def _is_unblocked_at_an_outlet(city: City, bank: str, card: str) -> None:
    wait_until(lambda: _is_blocked(city, bank, card), "the bank's block")
    city.bank.client.unblocks(bank, card)


def _is_blocked(city: City, bank: str, card: str) -> bool:
    account = city.bank.client.account(bank, card)
    return account is not None and account["blocked"]


def _stays_unblocked(city: City, cards: dict[str, str], reports: list[LossReport]) -> None:
    blocked = [card for card, bank in cards.items() if _is_blocked(city, bank, card)]
    states = Counter(_state(city, report) for report in reports)
    effects = read_records(city).effects
    prints("unblocking races the delivery", f"{len(cards)} cards, blocked again: {len(blocked)}")
    assert blocked == []
    assert states == {BlockState.UNBLOCKED: len(reports)}
    assert {effects[report.number] for report in reports} == {1}
