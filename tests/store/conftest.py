"""The hotline on a real server, with one holder on record."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis

from ivr.cards.acts.report import Filing, ReportRequest
from ivr.cards.change import Change, NoticeChange
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.ciphers import SUITES, SuiteName
from ivr.store import keys
from ivr.store.codec import load
from tests.builders import a_holder, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

HOLDER = a_holder()


@pytest.fixture
def hotline(redis: Redis, redis_server: RedisServer) -> Hotline:
    """The hotline, with `HOLDER` in the directory."""
    opened = open_hotline(settings(redis_server.url), redis)
    enrol(opened, HOLDER)
    return opened


@pytest.fixture(params=SUITES)
def crypto(request: pytest.FixtureRequest) -> SuiteName:
    """Whoever uses this is tested with each suite of ciphers."""
    name: SuiteName = request.param
    return name


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server that may be killed and set up otherwise."""
    with TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.stop()


def a_request(hotline: Hotline, origin: str = "CA1") -> ReportRequest:
    """A wish to report the holder's card."""
    ref = hotline.holders.ref(HOLDER.id_number)
    card_ref = hotline.holders.card_ref(HOLDER.cards[0].number)
    return ReportRequest(ref, card_ref, "phone", origin, "zh")


def filed(hotline: Hotline, origin: str = "CA1") -> LossReport:
    """A report that is new."""
    filing: Filing = hotline.service.report_loss(a_request(hotline, origin))
    assert filing.refusal is None
    report = hotline.cases.find_report(filing.report_number)
    assert report is not None
    return report


def notices_of(hotline: Hotline, kind: NoticeKind | None = None) -> list[Notice]:
    found = hotline.outbox.find_all(sorted(hotline.outbox.every_id()))
    return [notice for notice in found if kind in (None, notice.kind)]


def the_notice(hotline: Hotline, kind: NoticeKind = NoticeKind.LOSS_REPORTED) -> Notice:
    (notice,) = notices_of(hotline, kind)
    return notice


def an_attempt(outcome: Outcome = Outcome.RECEIVED, at: int = 1_800_000_000) -> Attempt:
    status = None if outcome is Outcome.FAILED else 200
    return Attempt(at, outcome, status, 12, "")


def end_suspension(redis: Redis, report: LossReport) -> None:
    """What Redis does by itself after the 7 days."""
    assert redis.delete(keys.loss(report.card_ref)) == 1


def stored_report(redis: Redis, number: str) -> LossReport:
    text = redis.get(keys.report(number))
    assert isinstance(text, bytes)
    return load(LossReport, text)


def close(hotline: Hotline, notice: Notice, state: NoticeState) -> None:
    """Nothing is owed of a notice any more."""
    reading = hotline.cases.of_notice(notice.id)
    assert hotline.cases.commit(Change(notice=NoticeChange(notice, state=state)), reading)
