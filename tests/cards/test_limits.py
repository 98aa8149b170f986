"""The measures themselves: pure rules, table by table."""

import pytest

from ivr.cards.limits import (
    DAY_SECONDS,
    Caller,
    Limits,
    and_reported,
    hours_of,
    is_search,
    is_wave,
    may_report,
    reported_lately,
)
from tests.builders import a_holder

NOW = 1_795_000_000
TWO = Limits(holders_reported_per_caller=2)
MOTHERS = Caller("ref", "+8613900139000", f"{NOW - 10}:mother {NOW - 5}:father")


def test_reports_are_remembered_for_a_day() -> None:
    text = and_reported(f"{NOW - DAY_SECONDS}:long-ago {NOW - 60}:lately", "now", NOW)
    assert reported_lately(text, NOW) == {"lately": NOW - 60, "now": NOW}
    assert reported_lately(text, NOW + DAY_SECONDS) == {}


def test_what_cannot_be_read_counts_for_nothing() -> None:
    assert reported_lately("nonsense 12: :x -5:y", NOW) == {}


@pytest.mark.parametrize(
    ("caller", "holder", "limits", "may"),
    [
        (MOTHERS, "third", TWO, False),
        (MOTHERS, "mother", TWO, True),  # her other card
        (MOTHERS, "third", Limits(), True),
        (Caller("ref", "+8613900139000", f"{NOW}:mother"), "third", TWO, True),
        (Caller("ref", "+8613900139000", MOTHERS.reported, is_proven=True), "third", TWO, True),
        (Caller("ref", a_holder().phone, MOTHERS.reported), "third", TWO, True),
        (Caller(reported=MOTHERS.reported), "third", TWO, False),  # hidden
    ],
)
def test_who_may_report(caller: Caller, holder: str, limits: Limits, may: bool) -> None:
    assert may_report(caller, a_holder(), holder, limits, NOW) is may


def test_a_hidden_number_is_nobodys_phone() -> None:
    assert not Caller().is_phone_of(a_holder(phone=""))


@pytest.mark.parametrize(
    ("found", "missed", "least", "opens"),
    [(24, 26, 50, True), (25, 25, 50, False), (0, 49, 50, False), (0, 900, 0, False)],
)
def test_more_misses_than_found_are_a_search(
    found: int, missed: int, least: int, opens: bool
) -> None:
    assert is_search(found, missed, Limits(breaker_lookups=least)) is opens


@pytest.mark.parametrize(
    ("this_hour", "earlier", "least", "opens"),
    [
        (30, [6, 6], 30, True), (30, [6, 7], 30, False), (29, [0, 0], 30, False),
        (30, [0], 30, True), (300, [], 30, False), (300, [1], 0, False),
    ],
)  # fmt: skip
def test_five_times_the_usual_hour_is_a_wave(
    this_hour: int, earlier: list[int], least: int, opens: bool
) -> None:
    assert is_wave(this_hour, earlier, Limits(breaker_reports=least)) is opens


def test_an_hour_has_data_when_its_start_and_its_end_were_seen() -> None:
    totals = {1: 10, 2: 15, 4: 20, 5: 20, 6: 3, 7: 9}
    assert hours_of(totals, 7) == [5, 0, 6]
    assert hours_of(totals, 6) == [5, 0], "the hour that is not over is not usual"
    assert hours_of({}, 7) == []
