"""What subscribers ask: is this card suspended, and which ones are. Signed, within a quota, and
with nothing in it that is not theirs to know; on a real Redis.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from flask import Flask
from redis import Redis
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from ivr.cards.acts.withdraw import Decision
from ivr.cards.loss import LossReport
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Holder
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.suspensions import PAGE
from tests.bank_side import BankSide, Records, new_id, reissued, signed
from tests.builders import (
    SUBSCRIBERS,
    a_card,
    a_holder,
    a_secret,
    an_app,
    an_id_number,
    enrol,
    hotline_of,
    settings,
)
from tests.redis_server import RedisServer
from tests.subscriber_side import SubscriberSide, question
from tests.web.conftest import PhoneCall, Twilio, Wire

ZHANG: Final = a_holder()
CARD: Final = ZHANG.cards[0]
FAR: Final = replace(a_card("9999", "ccb"), city_code="440300")
LI: Final = a_holder(FAR, id_number=an_id_number(serial="004"))
NOT_SIGNED: Final = "The signature is missing or wrong, or not from the last 5 minutes."
RULES: Final = "formal_loss_may_be_withdrawn = true\ndecoupling_ends_suspension = true"
NORMAL: Final = {"suspended": False}


@dataclass
class City:
    app: Flask
    records: Records
    bank: BankSide
    clinic: SubscriberSide
    centre: SubscriberSide
    elsewhere: SubscriberSide


def a_city(server: RedisServer | str, *people: Holder, subscribers: str = SUBSCRIBERS) -> City:
    url = server if isinstance(server, str) else server.url
    app = an_app(settings(url, rules=RULES, subscribers=subscribers), *people)
    sides = [SubscriberSide(app, name) for name in ("clinic", "centre", "elsewhere")]
    return City(app, Records(hotline_of(app)), BankSide(app, "icbc"), *sides)


@pytest.fixture
def city(redis: Redis, redis_server: RedisServer) -> City:
    assert redis.dbsize() == 0
    return a_city(redis_server, ZHANG, LI)


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["detail"]


def looks(redis: Redis) -> list[dict[str, str]]:
    """The looks of subscribers in the journal."""
    entries: Any = redis.xrange(keys.JOURNAL)
    found = [{plain(n): plain(v) for n, v in fields.items()} for _, fields in entries]
    return [each for each in found if each.get("channel") == "subscriber"]


class TestTheAnswer:
    def test_of_a_normal_card_and_one_that_was_just_reported(self, city: City) -> None:
        assert city.clinic.hears(CARD) == NORMAL
        report = city.records.reports_lost(ZHANG)
        assert city.clinic.hears(CARD) == {"suspended": True, "until": iso(report.release_at)}
        assert city.clinic.hears(CARD.number.lower()) == city.clinic.hears(CARD)

    def test_a_formal_loss_has_no_end(self, city: City) -> None:
        city.bank.formally_lost(CARD, time.time())
        assert city.clinic.hears(CARD) == {"suspended": True, "until": None}

    ENDS: Final[dict[str, Callable[[City], object]]] = {
        "by time": lambda city: city.records.hotline.redis.delete(
            keys.loss(city.records.card_ref(CARD))
        ),
        "withdrawn": lambda city: city.records.hotline.service.withdraw(
            city.records.reports()[0].number, Decision("Li", "a prank")
        ),
        "decoupled": lambda city: city.bank.unblocked(CARD, time.time() + 1),
        "replaced": lambda city: city.bank.replaced(
            CARD, reissued(CARD, "B12345678"), time.time() + 1
        ),
    }

    @pytest.mark.parametrize("end", ENDS)
    def test_it_ends_at_once(self, city: City, end: str) -> None:
        city.records.reports_lost(ZHANG)
        assert city.clinic.hears(CARD)["suspended"] is True
        self.ENDS[end](city)
        assert city.clinic.hears(CARD) == NORMAL

    def test_filed_and_released_a_hundred_times_it_is_always_right(self, city: City) -> None:
        redis, loss = city.records.hotline.redis, keys.loss(city.records.card_ref(CARD))
        for _ in range(100):
            report = city.records.reports_lost(ZHANG)
            assert city.clinic.hears(CARD)["suspended"] is True
            redis.pexpire(loss, 1)
            while redis.exists(loss):
                pass
            assert city.clinic.hears(CARD) == NORMAL
            city.records.hotline.service.release_due()
            assert city.records.report_state(report) == "released"

    @pytest.mark.parametrize("number", [FAR.number, "Z99999999"])
    def test_an_unknown_card_and_one_of_another_city_look_like_a_normal_one(
        self, city: City, number: str
    ) -> None:
        city.records.reports_lost(LI)
        normal, other = city.clinic.asks(CARD), city.clinic.asks(number)
        assert (other.status_code, other.data) == (normal.status_code, normal.data)
        assert list(other.headers.keys()) == list(normal.headers.keys())


class TestTheJournal:
    def test_every_question_is_in_it(self, city: City, redis: Redis) -> None:
        for number in (CARD.number, FAR.number, "Z99999999"):
            city.clinic.hears(number)
        vault = city.records.hotline.vault
        cards = [vault.ref("card", number) for number in (CARD.number, FAR.number, "Z99999999")]
        holders = [vault.ref("id", ZHANG.id_number), vault.ref("id", LI.id_number), None]
        found = looks(redis)
        assert [each["cards"] for each in found] == cards
        assert [each.get("holder") for each in found] == holders
        assert [each.get("found") for each in found] == ["1", None, None]
        assert {(each["by"], each["purpose"]) for each in found} == {("clinic", "card.check")}

    def test_the_audit_command_finds_it(self, city: City) -> None:
        city.clinic.hears(CARD)
        shown = city.app.test_cli_runner().invoke(
            args=["audit", "card", "--by", "Li"], input=f"{CARD.number}\n"
        )
        assert shown.exit_code == 0, shown.output
        assert "clinic" in shown.output
        assert "card.check" in shown.output

    def test_what_cannot_be_journalled_is_not_said(self, city: City, redis: Redis) -> None:
        redis.delete(keys.JOURNAL)
        redis.set(keys.JOURNAL, "x")
        assert city.clinic.asks(CARD).status_code == 503


class TestTheDoor:
    def test_a_forged_one(self, city: City) -> None:
        assert problem(city.clinic.asks(CARD, secret=a_secret())) == (401, NOT_SIGNED)
        assert problem(city.clinic.asks(CARD, secret=city.centre.secret)) == (401, NOT_SIGNED)
        icbc = city.records.hotline.settings.banks["icbc"].secrets[0].get_secret_value()
        assert problem(city.clinic.asks(CARD, secret=icbc)) == (401, NOT_SIGNED)

    @pytest.mark.parametrize("name", ["nobody", "icbc", "CLINIC"])
    def test_a_stranger_is_answered_like_a_wrong_signature(self, city: City, name: str) -> None:
        assert problem(city.clinic.asks(CARD, name=name)) == (401, NOT_SIGNED)

    def test_one_that_is_played_again_after_five_minutes(self, city: City) -> None:
        answer = city.clinic.asks(CARD, at=time.time() - 301)
        assert answer.status_code == 401
        assert "behind ours" in problem(answer)[1]

    def test_nobody_else_is_asked_and_nothing_is_journalled_without_a_signature(
        self, city: City, redis: Redis
    ) -> None:
        city.clinic.asks(CARD, secret=a_secret())
        assert looks(redis) == []
        assert redis.exists(keys.asked_lately("clinic")) == 0

    WRONG: Final[dict[str, tuple[bytes, str]]] = {
        "no card": (b'{"type": "card.check", "timestamp": "%s", "data": {}}', "data.card_number: "),
        "another type": (b'{"type": "card.lost", "timestamp": "%s", "data": {}}', "type: must be"),
        "no JSON": (b"card %s", "body: "),
        "a long number": (
            b'{"type": "card.check", "timestamp": "%%s", "data": {"card_number": "%s"}}'
            % (b"9" * 65),
            "data.card_number: ",
        ),
    }

    @pytest.mark.parametrize("case", WRONG)
    def test_a_wrong_body_is_named_by_its_field_and_never_its_value(
        self, city: City, case: str
    ) -> None:
        body, says = self.WRONG[case]
        status, detail = problem(city.clinic.sends(body % iso(time.time()).encode()))
        assert status == 422
        assert says in detail
        assert "999" not in detail


class TestTheQuota:
    @pytest.fixture
    def city(self, redis: Redis, redis_server: RedisServer) -> City:
        assert redis.dbsize() == 0
        few = SUBSCRIBERS.replace('"1101", "3301"]', '"1101", "3301"]\nchecks_per_minute = 3')
        return a_city(redis_server, ZHANG, subscribers=few)

    def test_one_too_many_has_to_wait(self, city: City, redis: Redis) -> None:
        for _ in range(3):
            city.clinic.hears(CARD)
        answer = city.clinic.asks(CARD)
        assert problem(answer) == (429, "Too many checks in one minute: ask again later.")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert len(looks(redis)) == 3
        assert city.centre.asks(CARD).status_code == 200, "another one's quota is its own"
        redis.delete(keys.asked_lately("clinic"))  # the minute is over
        assert city.clinic.asks(CARD).status_code == 200

    def test_a_page_of_the_list_counts_as_a_question(self, city: City, redis: Redis) -> None:
        for _ in range(3):
            assert city.clinic.lists().status_code == 200
        for answer in (city.clinic.lists(), city.clinic.asks(CARD)):
            assert problem(answer) == (429, "Too many checks in one minute: ask again later.")
            assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert len(looks(redis)) == 3

    def test_a_count_that_nobody_can_read_stops_no_question(self, city: City, redis: Redis) -> None:
        redis.lpush(keys.asked_lately("clinic"), "x")
        assert city.clinic.hears(CARD) == NORMAL


class TestTheWay:
    def test_a_question_is_one_round_trip(self, wire: Wire) -> None:
        city = a_city(wire.url, ZHANG)
        city.records.reports_lost(ZHANG)
        city.clinic.hears(CARD)  # the server knows the script from now on
        for number in (CARD.number, "Z99999999"):
            before = wire.round_trips
            city.clinic.hears(number)
            assert wire.round_trips - before == 1

    def test_while_redis_is_away(self, own_server: RedisServer) -> None:
        city = a_city(own_server, ZHANG)
        own_server.stop()
        answer = city.clinic.asks(CARD)
        assert problem(answer) == (503, "Please send this again in a moment.")
        assert answer.headers["Retry-After"] == "5"
        assert city.clinic.lists().status_code == 503
        own_server.start()


class TestTheList:
    def test_of_the_cities_of_each(self, city: City, redis: Redis) -> None:
        report = city.records.reports_lost(ZHANG)
        city.records.reports_lost(LI)
        mine = {"card_number": CARD.number, "until": iso(report.release_at)}
        assert city.clinic.every_suspension() == [mine]
        assert city.centre.every_suspension() == [mine]
        assert city.elsewhere.every_suspension() == []
        (first, *_) = [look for look in looks(redis) if look["purpose"] == "suspensions"]
        assert (first["by"], first["cards"]) == ("clinic", city.records.card_ref(CARD))

    def test_a_formal_loss_stands_there_until_the_card_is_replaced(self, city: City) -> None:
        city.records.reports_lost(ZHANG)
        city.bank.formally_lost(CARD, time.time() + 1)
        assert city.clinic.every_suspension() == [{"card_number": CARD.number, "until": None}]
        city.bank.replaced(CARD, reissued(CARD, "B12345678"), time.time() + 2)
        assert city.clinic.every_suspension() == []

    def test_what_redis_has_released_is_gone_at_once(self, city: City, redis: Redis) -> None:
        report = city.records.reports_lost(ZHANG)
        redis.delete(keys.loss(report.card_ref))
        assert city.clinic.every_suspension() == []
        assert redis.zcard(keys.SUSPENDED) == 0

    def test_in_pages(self, city: City) -> None:
        """Over both cities of the clinic, each card once."""
        many = [
            a_holder(
                replace(a_card(f"{n:04}", head="C1234"), city_code="110100" if n % 2 else "330106"),
                id_number=an_id_number(serial=f"{n:03}"),
            )
            for n in range(10, 10 + PAGE + 5)
        ]
        enrol(city.records.hotline, *many)
        for holder in many:
            city.records.reports_lost(holder)
        first = city.clinic.lists().get_json()
        assert len(first["suspensions"]) == PAGE
        found = [each["card_number"] for each in city.clinic.every_suspension()]
        assert sorted(found) == sorted(holder.cards[0].number for holder in many)
        here = [each["card_number"] for each in city.elsewhere.every_suspension()]
        assert sorted(here) == [h.cards[0].number for h in many if h.cards[0].city == "3301"]
        assert city.elsewhere.lists(f"?after={first['next']}").status_code == (
            200 if first["next"].startswith("3301") else 422
        )

    @pytest.mark.parametrize("after", ["A12345678", "1101:A12345678", "4403:" + "a" * 22, "0"])
    def test_a_cursor_that_is_none(self, city: City, after: str) -> None:
        detail = "after: must be the `next` of a page before; leave it out to begin."
        assert problem(city.clinic.lists(f"?after={after}")) == (422, detail)

    def test_it_is_signed(self, city: City) -> None:
        assert problem(city.clinic.lists(secret=city.centre.secret)) == (401, NOT_SIGNED)

    UNREADABLE: Final[dict[str, Callable[[LossReport], str]]] = {
        "holder": lambda report: keys.holder(report.holder_ref),
        "card": lambda report: keys.card(report.card_ref),
        "suspension": lambda report: keys.loss(report.card_ref),
    }

    @pytest.mark.parametrize("what", UNREADABLE)
    @pytest.mark.parametrize("is_of_another_kind", [False, True])
    def test_a_record_that_nobody_can_read_is_told_and_named_once(
        self, city: City, redis: Redis, what: str, *, is_of_another_kind: bool
    ) -> None:
        wang = a_holder(a_card("7777", "icbc"), id_number=an_id_number(serial="006"))
        enrol(city.records.hotline, wang)
        city.records.reports_lost(wang)
        key = self.UNREADABLE[what](city.records.reports_lost(ZHANG))
        assert city.clinic.lists().get_json()["left_out"] == 0
        redis.delete(key)
        redis.lpush(key, "x") if is_of_another_kind else redis.set(key, "x")
        with capture_logs() as logs:
            for _ in range(2):
                page = city.clinic.lists().get_json()
                assert [each["card_number"] for each in page["suspensions"]] == [
                    wang.cards[0].number
                ]
                assert page["left_out"] == 1
        assert [line["record"] for line in logs if line["event"] == "record_unreadable"] == [key]

    def test_who_left_the_directory_is_not_on_it(self, city: City, redis: Redis) -> None:
        report = city.records.reports_lost(ZHANG)
        redis.delete(keys.card(report.card_ref))
        assert city.clinic.lists().get_json() == {"suspensions": [], "left_out": 0, "next": None}


def test_a_large_body_is_refused(city: City) -> None:
    body = json.dumps({"x": "y" * 70_000}).encode()
    headers = signed(city.clinic.secret, body, new_id())
    answer = city.clinic.client.post("/subscribers/clinic/check", data=body, headers=headers)
    assert problem(answer)[0] == 413


def test_a_question_says_nothing_to_the_log(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    city.clinic.sends(question(CARD.number)[:-1])
    city.clinic.hears(CARD)
    said = capsys.readouterr()
    assert CARD.number not in said.out + said.err


def test_to_tell_subscribers_costs_a_caller_no_round_trip(wire: Wire) -> None:
    app = an_app(settings(wire.url, subscribers=SUBSCRIBERS), ZHANG, LI)
    Records(hotline_of(app)).reports_lost(LI)  # the server knows the scripts from now on
    call = PhoneCall(Twilio(app)).to_confirmation()
    before = wire.round_trips
    call.presses("1").hears("挂失成功")
    assert wire.round_trips - before <= 3
    assert len(SubscriberSide(app, "centre").owed()) == 1
