"""Twilio's webhooks come twice, many at once, and out of order."""

import re
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from simulator.engine import HttpTransport
from tests.faults.callers import NUMBER, Caller, Tally
from tests.faults.city import City, a_city
from tests.faults.scale import LONG, SEED
from tests.faults.storm import judge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

COPIES = 6


def test_webhooks_come_many_times_at_once_and_late() -> None:
    """Every copy is answered; a report number is only ever the one the caller heard."""
    rng = Random(SEED)
    with a_city(100 if LONG else 12, SEED) as city:
        tally = Tally()
        numbers = [_a_call_amid_copies(city, n, tally, rng) for n in range(len(city.holders))]
        judge(city, tally, "webhooks again and out of order", copies=COPIES * len(numbers))
        assert tally.heard == {"filed": len(city.holders)}


def _a_call_amid_copies(city: City, place: int, tally: Tally, rng: Random) -> str:
    caller = Caller(city.base_url, city.holders[place], tally, HttpTransport()).to_confirmation()
    with ThreadPoolExecutor(COPIES) as network:
        early = [network.submit(caller.webhook_comes_again, p) for p in _some_turns(caller, rng)]
        caller.confirms()
        late = [network.submit(caller.webhook_comes_again, p) for p in _some_turns(caller, rng)]
        again = [network.submit(caller.webhook_comes_again) for _ in range(COPIES)]
        answers = [copy.result() for copy in (*early, *late, *again)]
    told = caller.listens()
    heard = {found[1].replace(" ", "") for a in answers if (found := NUMBER.search(_words(a)))}
    assert heard == {told.number}, "a copy told another number, or none did"
    assert all("</Response>" in answer for answer in answers), "a copy was not answered"
    return told.number


def _some_turns(caller: Caller, rng: Random) -> list[int]:
    """Places of requests of this call, in any order."""
    return [rng.randrange(len(caller.call.exchanges)) for _ in range(COPIES // 2)]


def _words(answer: str) -> str:
    """TwiML without its tags, and no two spaces together."""
    return " ".join(re.sub("<[^>]*>", " ", answer).split())
