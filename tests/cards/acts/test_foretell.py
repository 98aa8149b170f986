"""A day before the 7 days are over: by day, once, and only of a report that runs."""

from dataclasses import replace
from datetime import datetime

import pytest

from ivr.beijing import BEIJING
from ivr.cards.acts.foretell import foretell, foretold_until
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry
from ivr.cards.loss import LossReport, ReportState
from tests.cards.acts.builders import (
    BANK,
    CARD_REF,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    RELEASE_AT,
    a_case,
    a_formal_suspension,
    a_report,
    a_suspension,
    a_text,
)


def test_the_holder_is_told_and_nobody_else() -> None:
    fields = {"report": NUMBER, "card": CARD_REF, "bank": BANK}
    assert foretell(a_case("blocked"), a_report(), NOW) == Change(
        report=a_report(reminded_at=NOW),
        owes=(a_text("text_ending"),),
        journal=(Entry("end_foretold", fields),),
    )


@pytest.mark.parametrize(
    ("case", "report"),
    [
        (a_case(), a_report(reminded_at=NOW - 1)),
        (a_case(), a_report(disputed_at=NOW - 1)),
        (a_case(suspension=None), a_report()),
        (a_case(suspension=a_formal_suspension()), a_report()),
        (a_case(suspension=a_suspension(report_number=OTHER_NUMBER)), a_report()),
        (a_case(), a_report(reported_at=RELEASE_AT - 2 * 24 * 3600)),
        *((a_case(), a_report(state=s)) for s in ReportState if s is not ReportState.ACTIVE),
    ],
)
def test_nobody_is_told_what_is_not_so_or_twice(case: Case, report: LossReport) -> None:
    assert foretell(case, report, NOW) == NOTHING


def test_not_when_it_is_over_and_redis_keeps_the_key_a_moment_longer() -> None:
    assert foretell(a_case(), a_report(), RELEASE_AT) == NOTHING


def at(clock: str, day: int = 22) -> int:
    """A moment of November 2026 in Beijing."""
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2026, 11, day, hour, minute, tzinfo=BEIJING).timestamp())


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("08:00", at("08:00", 23)),
        ("19:59", at("19:59", 23)),
        ("20:00", at("08:00", 24)),  # all that would be told in the night
        ("20:59", at("08:00", 24)),
        ("21:00", None),
        ("23:59", None),
        ("00:00", None),
        ("07:59", None),
    ],
)
def test_nobody_is_woken(now: str, until: int | None) -> None:
    assert foretold_until(at(now)) == until


def test_every_end_is_foretold_within_a_day_and_a_half() -> None:
    """Whatever its minute, and before it comes."""
    minutes = [at("00:00") + 60 * n for n in range(2 * 24 * 60)]
    told: dict[int, int] = {}
    for now in minutes:
        until = foretold_until(now)
        for end in minutes if until is not None else ():
            if now < end + 24 * 3600 <= (until or 0):
                told.setdefault(end, now)
    second_day = [end for end in minutes if end >= at("20:00")]
    assert all(12 * 3600 <= end + 24 * 3600 - told[end] <= 36 * 3600 for end in second_day)


def test_a_kept_deadline_is_a_short_one() -> None:
    """Of a report that took over the deadline of an earlier one the holder heard it just now."""
    late = replace(a_report(), reported_at=RELEASE_AT - 24 * 3600)
    assert foretell(a_case(), late, NOW) == NOTHING
