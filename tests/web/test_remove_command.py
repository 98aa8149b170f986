"""`flask cardholders remove`: one holder is gone, and what runs goes on."""

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis

from ivr.cards.notice import Outcome
from ivr.store import keys
from ivr.store.callbacks import Callback, Callbacks
from ivr.store.codec import plain
from tests.bank_side import Records
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.store.conftest import end_suspension, notices_of

ZHANG = a_holder(a_card("1111"), a_card("2222", "ccb"))
LI = a_holder(a_card("9999"), id_number=an_id_number(serial="004"))


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG, LI)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


def remove(app: Flask, stdin: str) -> Result:
    return app.test_cli_runner().invoke(args=["cardholders", "remove", "--by", "li"], input=stdin)


def ref_of(records: Records) -> str:
    return records.hotline.holders.ref(ZHANG.id_number)


def names(redis: Redis, pattern: str) -> list[str]:
    return sorted(plain(key) for key in redis.keys(pattern))


def test_nobody_calls_back_about_them(app: Flask, records: Records, redis: Redis) -> None:
    """Not on another number, not on their own; taken or not."""
    store, ref = records.hotline.callbacks, ref_of(records)
    leaves(store, "+8613900139001", ref)
    store.take("wang", 1)
    leaves(store, "+8613900139002", ref)
    leaves(store, ZHANG.phone, "")
    leaves(store, "+8613900139003", records.hotline.holders.ref(LI.id_number))
    assert remove(app, ZHANG.id_number).exit_code == 0
    assert [each.number for each in (*store.waiting(), *store.taken())] == ["+8613900139003"]
    assert len(names(redis, "callback:*")) == 1


def test_one_that_nobody_can_open_goes_too(app: Flask, records: Records, redis: Redis) -> None:
    """Whom it is about stands beside what is sealed, by reference."""
    store, ref = records.hotline.callbacks, ref_of(records)
    leaves(store, "+8613900139001", ref)
    leaves(store, "+8613900139003", records.hotline.holders.ref(LI.id_number))
    leaves(store, ZHANG.phone, "")
    for place in names(redis, "callback:*"):
        redis.setrange(place, redis.strlen(place) - 1, b"?!")
    assert remove(app, ZHANG.id_number).exit_code == 0
    (left,) = names(redis, "callback:*")
    assert left == keys.callback(store.ref("+8613900139003"))


def test_who_shares_their_phone_is_called_back(app: Flask, records: Records) -> None:
    store = records.hotline.callbacks
    leaves(store, ZHANG.phone, records.hotline.holders.ref(LI.id_number))
    assert remove(app, ZHANG.id_number).exit_code == 0
    assert [each.number for each in store.waiting()] == [ZHANG.phone]


def leaves(store: Callbacks, number: str, holder_ref: str) -> None:
    wish = Callback(store.ref(number), number, "zh", "", "", "", 1, holder_ref=holder_ref)
    store.leave(wish)


def test_holder_and_cards_are_gone_and_no_one_elses(
    app: Flask, records: Records, redis: Redis
) -> None:
    result = remove(app, f"{ZHANG.id_number.lower()}\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "removed: 1 holder, 2 cards, 0 notices, and the holder from 0 reports\n"
    )
    service = records.hotline.service
    assert service.look_up(ZHANG.id_number) is None
    assert service.look_up(LI.id_number) is not None
    assert len(names(redis, "card:*")) == 1
    _, (_, entry) = redis.xrange(keys.JOURNAL) or []
    ref = ref_of(records).encode()
    assert entry == {b"event": b"cardholder_removed", b"holder": ref, b"by": b"li"}
    assert ZHANG.id_number[:-1] not in result.output


def test_a_report_that_is_over_says_no_more_whose_it_was(
    app: Flask, records: Records, redis: Redis
) -> None:
    report, other = records.reports_lost(ZHANG), records.reports_lost(LI)
    records.bank_answers(report, Outcome.BLOCKED)
    end_suspension(redis, report)
    records.hotline.service.release_due()
    for notice in notices_of(records.hotline):
        if notice.report_number == report.number:
            records.settles(notice, Outcome.BLOCKED)
    ttl = redis.ttl(keys.report(report.number))
    remove(app, ZHANG.id_number)

    kept = records.hotline.cases.find_report(report.number)
    assert kept is not None
    assert (kept.holder_ref, kept.holder_last4, kept.card_last4) == ("", "", "")
    assert abs(redis.ttl(keys.report(report.number)) - ttl) <= 5
    assert {notice.report_number for notice in notices_of(records.hotline)} == {other.number}
    assert len(names(redis, "attempts:*")) == 0
    assert records.hotline.cases.find_report(other.number) == other


def test_what_runs_goes_on(app: Flask, records: Records, redis: Redis) -> None:
    """The suspension stays, the bank is told, and told again when it is over; then all may go."""
    report = records.reports_lost(ZHANG)
    owed = {notice.id for notice in notices_of(records.hotline)}
    result = remove(app, ZHANG.id_number)
    assert result.exit_code == 0
    assert f"still needed: {len(owed)} notices" in result.stdout
    assert redis.exists(keys.loss(report.card_ref))
    body = records.hotline.outbox.body(records.notice(report.notice_id))
    assert body["data"]["holder"]["social_security_number"] == ZHANG.id_number

    records.bank_answers(report, Outcome.BLOCKED)
    end_suspension(redis, report)
    assert records.hotline.service.release_due() == 1


@pytest.mark.parametrize(
    ("stdin", "code", "said"),
    [
        (an_id_number(serial="009"), 1, "Nobody on record has this ID number.\n"),
        ("", 2, "Error: the ID number has fewer than 18 places\n"),
        ("110105194912310021", 2, "Error: the ID number has a wrong check digit\n"),
    ],
)
def test_what_cannot_be_removed(app: Flask, redis: Redis, stdin: str, code: int, said: str) -> None:
    result = remove(app, f"{stdin}\n")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)
    assert len(names(redis, "holder:*")) == 2
    assert redis.xlen(keys.JOURNAL) == (code == 1), "only a look that could be made"


def test_the_number_is_never_an_argument(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["cardholders", "remove", ZHANG.id_number])
    assert result.exit_code == 2
