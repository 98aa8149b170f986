"""The clocks of the machines jump by a day, forwards, backwards, and in the middle of a call."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests.faults.callers import Tally
from tests.faults.city import BANKS, City, a_city
from tests.faults.healing import Stopwatch
from tests.faults.scale import LONG, SEED
from tests.faults.storm import Storm, adds_up, everybody_calls, judge, prints, these_call
from tests.faults.tripwire import wait_until
from tests.faults.wrong_clock import MISSING, WrongClock, library

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(library() is None, reason=MISSING),
]

DAY = 24 * 3600
JUMPS = (DAY, -DAY, 0, 3600, -DAY, DAY, -40, 0)


@pytest.fixture
def clock() -> Iterator[WrongClock]:
    with TemporaryDirectory(prefix="clock-") as folder:
        yield WrongClock(Path(folder))


def test_the_clock_of_web_worker_and_sweep_jumps(clock: WrongClock) -> None:
    """What is due is told by Redis' clock alone, so nothing is lost and nothing comes late."""
    with a_city(200 if LONG else 24, SEED, environ=clock.environ) as city:
        tally = Tally()
        stopwatch = Stopwatch(city.hotline.redis, lambda: tally.helped_at)
        jumps = iter(JUMPS * 10)

        def clock_jumps() -> None:
            clock.is_off_by(next(jumps))
            stopwatch.starts("clock jumped")

        storm = Storm(Random(SEED), [clock_jumps], every=8 if LONG else 3)
        everybody_calls(city, storm, tally)
        judge(city, tally, "clock jumps", stopwatch, jumps=storm.done)


def test_bank_events_wait_until_our_clock_is_right(clock: WrongClock) -> None:
    """A signature is good for 5 minutes: with a wrong clock every event of a bank is refused, and
    the bank, which tries again, gets through once the clock is right.
    """
    with a_city(6, SEED, environ=clock.environ) as city:
        for bank in BANKS:
            city.bank.client.behaves(bank, "acknowledge_later", after_seconds=0)
        clock.is_off_by(DAY)
        tally = Tally()
        these_call(city, city.holders, tally=tally)
        wait_until(lambda: _answers(city).count(401) >= len(city.holders), "401 for each event")
        clock.is_off_by(0)
        wait_until(lambda: _answers(city).count(200) >= len(city.holders), "200 for each event")
        adds_up(city, tally, "bank events under a wrong clock")
        prints("answers to bank events", str({s: _answers(city).count(s) for s in (401, 200)}))


def _answers(city: City) -> list[int | None]:
    events = [event for bank in BANKS for event in city.bank.client.events(bank)]
    return [attempt["status"] for event in events for attempt in event["attempts"]]
