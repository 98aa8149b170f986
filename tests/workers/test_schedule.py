"""When to try again: the contract's list, and what must hold for any numbers."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.schedule import GIVE_UP_AFTER, PAUSES, next_due


class Middle(Random):
    """No jitter: always the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def pauses_of_a_bank_that_is_down() -> list[int]:
    now = 0
    pauses: list[int] = []
    while (due := next_due(len(pauses) + 1, 0, now, None, Middle())) is not None:
        pauses.append(due - now)
        now = due
    return pauses


def test_the_attempts_of_the_contract() -> None:
    pauses = pauses_of_a_bank_that_is_down()
    assert pauses[:7] == [5, 30, 120, 600, 1800, 3600, 3600]
    assert set(pauses[6:]) == {3600}
    assert 71 * 3600 < sum(pauses) <= 72 * 3600


moments = st.integers(0, 4_000_000_000)
waits = st.none() | st.integers(0, 3600)


@given(
    made=st.integers(1, 10_000),
    created=moments,
    age=st.floats(0, 2 * GIVE_UP_AFTER),
    wait=waits,
    seed=st.integers(),
)
def test_whatever_the_numbers(
    made: int, created: int, age: float, wait: int | None, seed: int
) -> None:
    now = created + age
    due = next_due(made, created, now, wait, Random(seed))
    pause = max(PAUSES[min(made, len(PAUSES)) - 1], (wait or 0) / 1.1)
    if due is None:
        assert now + 1.1 * pause + 1 > created + GIVE_UP_AFTER
        return
    assert due <= created + GIVE_UP_AFTER
    assert due >= now + (wait or 0)
    assert 0.9 * PAUSES[min(made, len(PAUSES)) - 1] <= due - now <= 1.1 * pause + 1


@given(made=st.integers(1, 100), seed=st.integers(), wait=st.integers(0, 3600))
def test_a_wish_to_wait_never_shortens(made: int, seed: int, wait: int) -> None:
    without = next_due(made, 0, 0, None, Random(seed))
    with_wish = next_due(made, 0, 0, wait, Random(seed))
    assert without is not None
    assert with_wish is not None
    assert with_wish >= without


@pytest.mark.parametrize("wait", [None, 0, 3600])
def test_after_72_hours_it_is_undeliverable(wait: int | None) -> None:
    assert next_due(1, 0, GIVE_UP_AFTER, wait, Middle()) is None


def test_notices_of_one_outage_come_back_apart() -> None:
    rng = Random(7)
    assert len({next_due(6, 0, 0, None, rng) for _ in range(200)}) > 100
