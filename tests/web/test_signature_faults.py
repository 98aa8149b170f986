"""Why a bank's signatures do not hold: kept for the bank, with nothing of what was sent."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from flask import Flask
from redis import Redis

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.signature_faults import MOST_A_MINUTE, MOST_KEPT, SignatureFaults
from ivr.web.bank_signature import Fault
from tests.bank_side import BankSide, signed
from tests.builders import a_holder, a_secret, an_app, hotline_of, settings
from tests.redis_server import RedisServer

BODY: Final = b'{"type": "x"}'
Headers = dict[str, str]


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


def kept(app: Flask, bank: str = "icbc") -> list[tuple[str, str]]:
    found = hotline_of(app).signature_faults.latest(bank)
    return [(each.route, each.fault) for each in found]


def without(name: str) -> Callable[[Headers], Headers]:
    return lambda headers: {n: v for n, v in headers.items() if n != f"webhook-{name}"}


def with_(name: str, value: str) -> Callable[[Headers], Headers]:
    return lambda headers: {**headers, f"webhook-{name}": value}


@pytest.mark.parametrize(
    ("fault", "twist"),
    [
        (Fault.HEADERS_MISSING, without("id")),
        (Fault.HEADERS_MISSING, without("timestamp")),
        (Fault.HEADERS_MISSING, without("signature")),
        (Fault.TIMESTAMP_MALFORMED, with_("timestamp", "2026-11-22T08:30:00Z")),
        (Fault.TIMESTAMP_MALFORMED, with_("timestamp", f"{int(time.time())}000")),
        (Fault.SIGNATURE_MALFORMED, with_("signature", "sha256=abc")),
        (Fault.SIGNATURE_MALFORMED, with_("signature", "v1,abc")),
        (Fault.SIGNATURE_WRONG, with_("id", "another")),
        (Fault.CLOCK_OFF_SIGNATURE_WRONG, with_("timestamp", "1600000000")),
    ],
)
def test_each_fault_has_its_word(
    app: Flask, fault: Fault, twist: Callable[[Headers], Headers]
) -> None:
    icbc = BankSide(app, "icbc")
    assert icbc.posts(BODY, twist(signed(icbc.secret, BODY, "evt_1"))).status_code == 401
    assert kept(app) == [("events", fault)]


def test_a_clock_that_is_off_is_kept_with_its_seconds(app: Flask) -> None:
    BankSide(app, "icbc").sends(BODY, at=time.time() - 3600)
    (found,) = hotline_of(app).signature_faults.latest("icbc")
    assert found.fault == Fault.CLOCK_OFF
    assert -3602 <= found.seconds <= -3598
    assert abs(found.at - time.time()) < 60


def test_an_id_that_is_too_long_and_a_target_that_was_not_signed(app: Flask) -> None:
    icbc = BankSide(app, "icbc")
    assert icbc.sends(BODY, "e" * 257).status_code == 422
    assert icbc.asks_for_blocks(signed_target="/banks/icbc/events").status_code == 401
    assert set(kept(app)) == {("blocks", Fault.SIGNATURE_WRONG), ("events", Fault.ID_TOO_LONG)}


def test_nothing_is_kept_of_who_is_let_in_and_of_strangers(app: Flask, redis: Redis) -> None:
    icbc = BankSide(app, "icbc")
    assert icbc.asks_for_blocks().status_code == 200
    before = sorted(redis.scan_iter())
    for bank in ("nobody", "ICBC", "icbc%00", "bank:icbc"):
        assert icbc.sends(BODY, bank=bank).status_code in (401, 404, 405)
    assert sorted(redis.scan_iter()) == before


def test_nothing_of_the_request_is_kept(app: Flask, redis: Redis) -> None:
    body, odd = b"A12345678", "622202123456"
    headers: Mapping[str, str] = {"webhook-id": odd, "webhook-timestamp": odd,
                                  "webhook-signature": f"v1,{odd}"}  # fmt: skip
    BankSide(app, "icbc").posts(body, headers)
    (held,) = map(plain, redis.lrange(keys.signature_faults("icbc"), 0, -1))
    assert Fault.TIMESTAMP_MALFORMED in held
    assert odd not in held
    assert body.decode() not in held


def test_a_flood_is_written_down_now_and_then_and_touches_no_other_bank(app: Flask) -> None:
    BankSide(app, "ccb").sends(BODY, secret=a_secret())
    for _ in range(3 * MOST_A_MINUTE):
        assert BankSide(app, "icbc").sends(BODY, secret=a_secret()).status_code == 401
    assert len(kept(app)) == MOST_A_MINUTE
    assert kept(app, "ccb") == [("events", Fault.SIGNATURE_WRONG)]


def test_what_strangers_send_hides_nothing_that_was_signed(app: Flask) -> None:
    icbc = BankSide(app, "icbc")
    for _ in range(MOST_A_MINUTE + 1):
        icbc.sends(BODY, secret=a_secret())
    assert icbc.sends(BODY, at=time.time() - 400).status_code == 401
    for _ in range(MOST_KEPT):
        icbc.sends(BODY, secret=a_secret())
    assert ("events", Fault.CLOCK_OFF) in kept(app)


def test_the_last_ones_are_kept(redis: Redis) -> None:
    faults, place = SignatureFaults(redis), keys.signature_faults("icbc")
    for number in range(MOST_KEPT + 5):
        redis.lpush(place, f'[{number},"events","signature_wrong",0]')
    faults.keep("icbc", "blocks", "clock_off_signature_wrong", -400)
    found = faults.latest("icbc")
    assert len(found) == MOST_KEPT
    assert (found[0].seconds, found[1].at) == (-400, MOST_KEPT + 4)
    assert 0 < redis.ttl(place) <= keys.SIGNATURE_FAULTS_SECONDS


def test_a_record_of_a_wrong_kind_changes_no_answer(app: Flask, redis: Redis) -> None:
    icbc = BankSide(app, "icbc")
    redis.set(keys.signature_faults("icbc"), "x")
    assert icbc.sends(BODY, secret=a_secret()).status_code == 401
    redis.delete(keys.signature_faults("icbc"))
    redis.rpush(keys.signature_faults("icbc"), *["no record"] * MOST_A_MINUTE)
    assert icbc.sends(BODY, secret=a_secret()).status_code == 401
    assert kept(app) == [("events", Fault.SIGNATURE_WRONG)]


def test_redis_away_changes_no_answer(own_server: RedisServer) -> None:
    app = an_app(settings(own_server.url), a_holder())
    own_server.kill()
    assert BankSide(app, "icbc").sends(BODY, secret=a_secret()).status_code == 401
