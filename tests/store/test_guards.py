"""A commit is refused whole when any single thing it was decided on has changed since."""

from collections.abc import Callable

import pytest
from redis import Redis

from ivr.cards.acts.drop import drop
from ivr.store import keys
from ivr.store.cases import Reading, SeenEvent
from tests.hotline import Hotline
from tests.store.conftest import filed, the_notice

Spoils = Callable[[Redis, str, str, str], object]

# What every reading of a reported card rests on; each is changed alone, by somebody else.
SPOILS: dict[str, Spoils] = {
    "suspension": lambda redis, card, _report, _notice: redis.delete(keys.loss(card)),
    "block": lambda redis, card, _report, _notice: redis.append(keys.block(card), " "),
    "report": lambda redis, _card, report, _notice: redis.append(keys.report(report), " "),
    "notice's state": lambda redis, _card, _report, notice: redis.hset(
        keys.notice(notice), "state", "stuck"
    ),
    "notice's attempts": lambda redis, _card, _report, notice: redis.hset(
        keys.notice(notice), "attempts_made", 7
    ),
}
READ: dict[str, Callable[[Hotline, str, str, str], Reading]] = {
    "of_card": lambda hotline, card, _report, _notice: hotline.cases.of_card(card),
    "of_filing": lambda hotline, card, _report, _notice: hotline.cases.of_filing(
        card, "phone", "CA9"
    ),
    "of_event": lambda hotline, card, _report, _notice: hotline.cases.of_event(
        card, "icbc", "evt-1"
    ),
    "of_notice": lambda hotline, _card, _report, notice: hotline.cases.of_notice(notice),
    "of_report": lambda hotline, _card, report, _notice: hotline.cases.of_report(report),
}


@pytest.mark.parametrize("what", SPOILS)
@pytest.mark.parametrize("read", READ)
def test_what_changed_meanwhile_refuses_the_commit(
    hotline: Hotline, redis: Redis, read: str, what: str
) -> None:
    reading, names = _read(hotline, READ[read])
    SPOILS[what](redis, *names)
    before = _all(redis)
    assert reading.notice is not None
    assert not hotline.cases.commit(drop(reading.notice), reading)
    assert _all(redis) == before


@pytest.mark.parametrize("read", READ)
def test_what_nobody_changed_is_committed(hotline: Hotline, read: str) -> None:
    reading, _ = _read(hotline, READ[read])
    assert reading.notice is not None
    assert hotline.cases.commit(drop(reading.notice), reading)


def test_an_event_heard_meanwhile_refuses_the_commit(hotline: Hotline, redis: Redis) -> None:
    reading, _ = _read(hotline, READ["of_event"])
    redis.set(keys.seen_event("icbc", "evt-1"), "applied told")
    before = _all(redis)
    assert reading.notice is not None
    event = SeenEvent("icbc", "evt-1", "applied", "told")
    assert not hotline.cases.commit(drop(reading.notice), reading, event)
    assert _all(redis) == before


def _read(
    hotline: Hotline, read: Callable[[Hotline, str, str, str], Reading]
) -> tuple[Reading, tuple[str, str, str]]:
    report = filed(hotline)
    notice = the_notice(hotline)
    names = (report.card_ref, report.number, notice.id)
    return read(hotline, *names), names


def _all(redis: Redis) -> dict[bytes, object]:
    return {key: redis.dump(key) for key in redis.scan_iter()}
