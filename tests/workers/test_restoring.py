"""What this machine told of and Redis lost is filed again by the sweep, once."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis

from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.codec import dump, plain
from ivr.store.unreadable import list_unreadable
from tests.builders import a_holder, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.store.conftest import HOLDER, a_request, filed, notices_of
from tests.workers.builders import Nobody, a_delivery, deliver, sweep_of
from workers.restoring import Restoring

LEFT = {b"vault", b"holder", b"card", b"banks"}  # what the other side of a split has as well


@pytest.fixture
def place(tmp_path: Path) -> Path:
    journal = tmp_path / "journal"
    journal.mkdir()
    return journal


@pytest.fixture
def hotline(redis: Redis, redis_server: RedisServer, place: Path) -> Hotline:
    opened = open_hotline(settings(redis_server.url, journal_dir=str(place)), redis)
    enrol(opened, HOLDER)
    return opened


@pytest.fixture
def own_hotline(place: Path) -> Iterator[Hotline]:
    """On a server that may become another one."""
    with TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        opened = open_hotline(settings(server.url, journal_dir=str(place)))
        enrol(opened, HOLDER)
        yield opened
        opened.redis.close()
        server.stop()


@pytest.fixture
def careless(hotline: Hotline, redis: Redis, redis_server: RedisServer) -> Hotline:
    """A machine without a journal of its own, on the same records."""
    (key,) = hotline.settings.data_keys
    return open_hotline(settings(redis_server.url, data_keys=key.get_secret_value()), redis)


def lose_all(redis: Redis) -> None:
    """As a failover to a server that saw nothing of it."""
    for key in list(redis.scan_iter()):
        if key.split(b":")[0] not in LEFT:
            redis.delete(key)


def restoring(hotline: Hotline) -> Restoring:
    return Restoring(hotline.local_journal, hotline.cases, hotline.service)


def on_record(hotline: Hotline) -> dict[str, LossReport]:
    numbers = [plain(key).partition(":")[2] for key in hotline.redis.scan_iter(match="report:*")]
    found = {number: hotline.cases.find_report(number) for number in numbers}
    return {number: report for number, report in found.items() if report is not None}


def test_what_was_told_is_on_record_again(hotline: Hotline, redis: Redis) -> None:
    report = filed(hotline)
    before = {n.id: n.kind for n in notices_of(hotline)}
    ttl = redis.ttl(keys.loss(report.card_ref))
    lose_all(redis)
    restoring(hotline).round()

    assert on_record(hotline) == {report.number: report}
    (notice,) = notices_of(hotline, NoticeKind.LOSS_REPORTED)
    assert (notice.id, notice.state) == (report.notice_id, NoticeState.OPEN)
    assert sorted(n.kind for n in notices_of(hotline)) == sorted(before.values())
    assert abs(redis.ttl(keys.loss(report.card_ref)) - ttl) <= 2
    assert redis.zscore(keys.DEADLINES, report.number) == report.release_at
    assert redis.zrange(keys.blocks("icbc"), 0, -1) == [report.card_ref.encode()]


def test_it_is_filed_again_once_by_however_many_sweeps(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    lose_all(redis)
    for _ in range(3):
        sweep_of(hotline).round()
    assert len(notices_of(hotline, NoticeKind.LOSS_REPORTED)) == 1
    assert redis.hget(keys.COUNTERS, "event:loss_reported") == b"1"


def test_what_is_on_record_is_left_alone(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    restoring(hotline).round()
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_it_looks_again_when_the_primary_is_another_one(own_hotline: Hotline) -> None:
    """The server that was asked first had everything; the next one has not."""
    report, rounds = filed(own_hotline), restoring(own_hotline)
    rounds.round()
    lose_all(own_hotline.redis)
    rounds.round()
    assert on_record(own_hotline) == {}, "nothing is asked twice of one history"
    own_hotline.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    own_hotline.redis.execute_command("REPLICAOF", "NO", "ONE")  # elected
    rounds.round()
    assert on_record(own_hotline) == {report.number: report}


def test_a_report_nobody_made_sure_of_is_not_filed_again(
    hotline: Hotline, redis: Redis, careless: Hotline
) -> None:
    """Its process was killed after the commit: no number was told."""
    filed(careless)
    lose_all(redis)
    restoring(hotline).round()
    assert on_record(hotline) == {}


def test_whoever_tells_it_later_makes_sure_of_it(
    hotline: Hotline, redis: Redis, careless: Hotline
) -> None:
    """A second call hears "already reported" with its number; then Redis loses it."""
    report = filed(careless)
    assert hotline.service.report_loss(a_request(hotline, "CA2")).report_number == report.number
    lose_all(redis)
    restoring(hotline).round()
    assert on_record(hotline) == {report.number: report}


def test_a_card_reported_again_on_the_other_side(hotline: Hotline, redis: Redis) -> None:
    first = filed(hotline)
    lose_all(redis)
    second = filed(hotline, "CA2")
    restoring(hotline).round()
    over = replace(first, state=ReportState.SUPERSEDED)
    assert on_record(hotline) == {first.number: over, second.number: second}
    assert len(notices_of(hotline, NoticeKind.LOSS_REPORTED)) == 1
    assert redis.zrange(keys.DEADLINES, 0, -1) == [second.number.encode()]
    assert redis.ttl(keys.report(first.number)) > 1000 * keys.DAY


def test_two_reports_of_one_card_that_are_both_lost(hotline: Hotline, redis: Redis) -> None:
    """Unblocked at the bank in between: the later one holds the card."""
    first = filed(hotline)
    number, at = HOLDER.cards[0].number, redis.time()[0] + 1
    event = BankEvent("evt-1", "icbc", UNBLOCKED, at, card_number=number)
    assert hotline.service.hear(event) == "applied"
    second = filed(hotline, "CA2")
    lose_all(redis)
    restoring(hotline).round()
    states = {number: report.state for number, report in on_record(hotline).items()}
    assert states == {first.number: ReportState.SUPERSEDED, second.number: ReportState.ACTIVE}
    (notice,) = notices_of(hotline, NoticeKind.LOSS_REPORTED)
    assert notice.id == second.notice_id


def test_nobody_comes_back_who_was_removed(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    lose_all(redis)
    redis.delete(*redis.keys("holder:*"), *redis.keys("card:*"))
    restoring(hotline).round()
    assert on_record(hotline) == {}


def test_one_that_cannot_be_read_holds_up_no_other(
    hotline: Hotline, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    other = a_holder(replace(HOLDER.cards[0], number="B99990000"), id_number="110105198001010014")
    enrol(hotline, other)
    first = filed(hotline)
    known = hotline.service.look_up(other.id_number)
    assert known is not None
    request = replace(
        a_request(hotline, "CA2"), holder_ref=known.ref, card_ref=next(iter(known.cards))
    )
    second = hotline.service.report_loss(request).report_number
    lose_all(redis)
    redis.set(keys.loss(first.card_ref), "spoiled")
    with caplog.at_level(logging.ERROR):
        rounds = restoring(hotline)
        rounds.round()
    assert set(on_record(hotline)) == {second}
    redis.delete(keys.loss(first.card_ref))
    rounds.round()
    assert set(on_record(hotline)) == {first.number, second}


def test_it_says_that_it_has_looked_when_nothing_is_left(
    hotline: Hotline, redis: Redis, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large number of lost reports is filed bit by bit: the sweep has more to do."""
    filed(hotline)
    lose_all(redis)
    rounds = restoring(hotline)
    with monkeypatch.context() as patch:
        patch.setattr("workers.restoring.LONGEST_SECONDS", -1.0)
        rounds.round()
    assert on_record(hotline) == {}
    assert not (place / "looked").exists()
    rounds.round()
    assert len(on_record(hotline)) == 1
    assert (place / "looked").exists()


def test_a_file_that_cannot_be_read_holds_up_no_report_and_is_not_passed_over(
    hotline: Hotline, redis: Redis, place: Path
) -> None:
    report = filed(hotline)
    lose_all(redis)
    (place / "reports-20000101.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        restoring(hotline).round()
    assert on_record(hotline) == {report.number: report}
    assert not (place / "looked").exists()


def test_a_number_that_was_given_away_on_the_other_side(hotline: Hotline, redis: Redis) -> None:
    """Its card is suspended and blocked all the same, under another number, once."""
    report = filed(hotline)
    lose_all(redis)
    other = replace(report, card_ref="another card", notice_id="ntc-other")
    redis.set(keys.report(report.number), dump(other))
    for _ in range(2):
        restoring(hotline).round()
    (mine,) = (r for r in on_record(hotline).values() if r.card_ref == report.card_ref)
    assert mine == replace(report, number=mine.number)
    assert mine.number != report.number
    assert on_record(hotline)[report.number] == other
    (notice,) = notices_of(hotline, NoticeKind.LOSS_REPORTED)
    assert notice.id == report.notice_id


def test_a_report_nobody_can_read_is_not_told_of_and_is_named(
    hotline: Hotline, redis: Redis
) -> None:
    report = filed(hotline)
    redis.set(keys.report(report.number), "spoiled")
    deliver(hotline, a_delivery(hotline, "bank-icbc", Nobody(), str))
    assert list_unreadable(redis) == [keys.report(report.number)]
