"""A day before the 7 days are over the holder gets one text, whoever sweeps, and by day."""

from dataclasses import replace
from datetime import datetime

import pytest
from redis import Redis

from ivr.beijing import BEIJING
from ivr.cards.loss import LossReport
from ivr.store import keys
from ivr.store.codec import dump
from ivr.store.deadlines import MOST_FORETOLD
from ivr.store.outbox import Outbox
from tests.bank_side import Records
from tests.builders import a_holder, settings
from tests.hotline import open_hotline

ZHANG = a_holder()
DAY = 24 * 3600


@pytest.fixture
def records(redis: Redis) -> Records:
    records = Records(open_hotline(settings("unix:///unused"), redis))
    records.enrols(ZHANG)
    return records


def ends_in(records: Records, report: LossReport, seconds: int) -> None:
    """The report was filed so long ago."""
    now = int(records.hotline.redis.time()[0])
    then = now + seconds
    older = replace(report, reported_at=then - 7 * DAY, release_at=then)
    records.hotline.redis.set(keys.report(report.number), dump(older), keepttl=True)
    records.hotline.redis.zadd(keys.DEADLINES, {report.number: then})


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is always noon in Beijing when somebody sweeps; the day is the real one."""
    really = Outbox.now

    def at_noon(outbox: Outbox) -> float:
        today = datetime.fromtimestamp(really(outbox), BEIJING)
        return today.replace(hour=12, minute=0).timestamp()

    monkeypatch.setattr(Outbox, "now", at_noon)


def test_once_and_only_a_day_before(records: Records) -> None:
    report = records.reports_lost(ZHANG)
    assert records.hotline.service.foretell_due() == 0
    ends_in(records, report, 12 * 3600)
    assert records.hotline.service.foretell_due() == 1
    assert records.hotline.service.foretell_due() == 0
    assert records.texts().count("text_ending") == 1
    assert records.journal().count("end_foretold") == 1
    assert records.report(report.number).reminded_at > 0


def test_two_sweeps_tell_it_once(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    ends_in(records, report, 12 * 3600)
    other = open_hotline(records.hotline.settings, redis)
    both = records.hotline.service.foretell_due() + other.service.foretell_due()
    assert (both, records.texts().count("text_ending")) == (1, 1)


def test_one_that_cannot_be_read_stops_no_other(records: Records, redis: Redis) -> None:
    report = records.reports_lost(ZHANG)
    ends_in(records, report, 12 * 3600)
    redis.set(keys.report("00000000"), "[]")
    redis.zadd(keys.DEADLINES, {"00000000": redis.zscore(keys.DEADLINES, report.number) or 0})
    assert records.hotline.service.foretell_due() == 1


def test_more_than_one_round_can_look_at(records: Records, redis: Redis) -> None:
    """Others that end at the same second, and were told of already."""
    report = records.reports_lost(ZHANG)
    ends_in(records, report, 12 * 3600)
    told = replace(records.report(report.number), reminded_at=1)
    end = redis.zscore(keys.DEADLINES, report.number) or 0
    for n in range(MOST_FORETOLD):
        redis.set(keys.report(f"0000{n:04d}"), dump(replace(told, number=f"0000{n:04d}")))
        redis.zadd(keys.DEADLINES, {f"0000{n:04d}": end})
    assert [records.hotline.service.foretell_due() for _ in range(3)].count(1) == 1
