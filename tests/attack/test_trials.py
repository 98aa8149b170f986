"""What anyone who can dial may find out and do, against the limits; and that nobody else meets one.

The figures are printed. Without limits everything is found and reported: the attacks are real ones.
"""

from collections.abc import Iterator

import pytest

from tests.attack.city import ProcfileCity, a_procfile_city
from tests.attack.scale import LONG
from tests.attack.trials import (
    AT_ONCE,
    LONG_TRIALS,
    SHORT_TRIALS,
    THERE_ARE_LIMITS,
    UNLIMITED,
    Result,
    tries,
)

pytestmark = [pytest.mark.attack, pytest.mark.timeout(600)]

SIZE = LONG_TRIALS if LONG else SHORT_TRIALS
limited = pytest.mark.skipif(not THERE_ARE_LIMITS, reason="this hotline has no limits yet")


def limit(city: ProcfileCity, name: str) -> int:
    found: int = getattr(city.settings, name)
    return found


@pytest.fixture(scope="module")
def unlimited() -> Iterator[ProcfileCity]:
    with a_procfile_city(0, environ=UNLIMITED) as city:
        yield city


@pytest.mark.parametrize("name", ["enumerate", "mass-report"])
def test_without_limits_everything_is_found(unlimited: ProcfileCity, name: str) -> None:
    """The control."""
    result = tries(unlimited.base_url, unlimited, name, SIZE)
    assert result.got == result.of


@limited
def test_few_are_found_and_none_told_apart(city: ProcfileCity) -> None:
    result = tries(city.base_url, city, "enumerate", SIZE)
    shown, own = SIZE.lines - SIZE.lines // 10, limit(city, "id_numbers_per_caller")
    assert result.informed <= shown * own + limit(city, "misses_per_day") + AT_ONCE
    assert result.got <= result.of * 2 // 3
    assert result.told_apart == 0


@limited
def test_few_strangers_cards_are_reported(city: ProcfileCity) -> None:
    result = tries(city.base_url, city, "mass-report", SIZE)
    assert result.got <= SIZE.lines * limit(city, "holders_reported_per_caller")
    assert result.got <= result.of * 2 // 3


def test_honest_callers_meet_no_limit(city: ProcfileCity) -> None:
    result: Result = tries(city.base_url, city, "honest", SIZE)
    assert (result.met_a_limit, result.wishes) == (0, {})
