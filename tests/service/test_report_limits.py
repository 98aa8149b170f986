"""What one caller may report in a day: counted with the report, so nobody slips through."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from ivr.cards.acts.report import Filing, Refusal, ReportRequest
from ivr.cards.limits import Caller
from ivr.cards.records import Holder
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import a_card, a_holder, an_id_number, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

HOLDERS = [
    a_holder(a_card(f"10{n:02d}"), id_number=an_id_number(serial=f"{100 + n}")) for n in range(20)
]


@pytest.fixture
def hotline(redis_server: RedisServer, redis: Redis) -> Hotline:
    assert redis.dbsize() == 0
    opened = open_hotline(settings(redis_server.url), redis)
    enrol(opened, *HOLDERS)
    return opened


@pytest.fixture
def stranger(hotline: Hotline) -> Caller:
    return hotline.limiting.caller("+8613900139000")


def files(
    hotline: Hotline, caller: Caller | None, holder: Holder, *, has_seen: bool = True
) -> Filing:
    """One call of the caller, who reports the holder's first card. `has_seen`: it has read what
    the caller reported until now, as a turn does.
    """
    known = hotline.service.look_up(holder.id_number)
    assert known is not None
    card_ref = next(iter(known.cards))
    request = ReportRequest(known.ref, card_ref, "phone", f"CA-{holder.last4}-{card_ref}", "zh")
    if caller is not None and has_seen:
        found = plain(hotline.redis.get(keys.reported_by(caller.ref)) or "")
        caller = replace(caller, reported=found)
    return hotline.service.report_loss(request, known, caller)


def refusals(hotline: Hotline, caller: Caller | None, *holders: Holder) -> list[Refusal | None]:
    return [files(hotline, caller, holder).refusal for holder in holders]


def test_the_third_holder_of_a_day_is_over_the_limit(hotline: Hotline, stranger: Caller) -> None:
    found = refusals(hotline, stranger, *HOLDERS[:4])
    assert found == [None, None, Refusal.OVER_LIMIT, Refusal.OVER_LIMIT]
    assert len(hotline.redis.keys("loss:*")) == 2
    assert hotline.redis.ttl(keys.reported_by(stranger.ref)) > keys.DAY - 60
    assert refusals(hotline, Caller("another"), HOLDERS[2]) == [None]


def test_a_holders_other_card_is_no_further_holder(hotline: Hotline, stranger: Caller) -> None:
    refusals(hotline, stranger, *HOLDERS[:2])
    enrol(hotline, replace(HOLDERS[0], cards=(a_card("9999", state=a_card().state),)))
    known = hotline.service.look_up(HOLDERS[0].id_number)
    assert known is not None
    request = ReportRequest(known.ref, list(known.cards)[-1], "phone", "CA9", "zh")
    assert hotline.service.report_loss(request, known, stranger).refusal is None


def test_a_repeated_request_is_not_over_the_limit(hotline: Hotline, stranger: Caller) -> None:
    first = [files(hotline, stranger, holder) for holder in HOLDERS[:2]]
    assert [files(hotline, stranger, holder) for holder in HOLDERS[:2]] == first


@pytest.mark.parametrize("has_seen", [True, False])
def test_calls_at_one_time_do_not_pass_together(
    hotline: Hotline, stranger: Caller, has_seen: bool
) -> None:
    with ThreadPoolExecutor(20) as pool:
        filings = pool.map(lambda h: files(hotline, stranger, h, has_seen=has_seen), HOLDERS)
        found = [filing.refusal for filing in filings]
    assert found.count(None) == 2
    assert found.count(Refusal.OVER_LIMIT) == 18
    assert len(hotline.redis.keys("loss:*")) == 2


def test_who_has_proven_more_goes_on_and_is_counted(hotline: Hotline, stranger: Caller) -> None:
    refusals(hotline, stranger, *HOLDERS[:2])
    assert refusals(hotline, replace(stranger, is_proven=True), HOLDERS[2]) == [None]
    assert len(plain(hotline.redis.get(keys.reported_by(stranger.ref))).split()) == 3


def test_the_holders_own_phone_does_not_count(hotline: Hotline) -> None:
    own = hotline.limiting.caller(HOLDERS[0].phone)  # which all of them have
    assert refusals(hotline, own, *HOLDERS) == [None] * 20


def test_hidden_callers_are_one_caller(hotline: Hotline) -> None:
    found = refusals(hotline, Caller(), *HOLDERS[:3])
    assert found == [None, None, Refusal.OVER_LIMIT]


def test_a_channel_that_knows_its_people_has_no_limit(hotline: Hotline) -> None:
    assert refusals(hotline, None, *HOLDERS) == [None] * 20


def test_a_limit_of_0_is_off(redis_server: RedisServer, hotline: Hotline, stranger: Caller) -> None:
    off = hotline.settings.model_copy(update={"holders_reported_per_caller": 0})
    assert refusals(open_hotline(off, hotline.redis), stranger, *HOLDERS) == [None] * 20
    assert redis_server.url
