"""POST /banks/<bank>/events: everything a bank may tell us, in every order, and its answer."""

import codecs
import gzip
import http.client
import io
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_LOSS,
    FORMAL_WITHDRAWN,
    LAPSED,
    MEANS,
    REPLACED,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.block import STALE, TRANSITIONS, BlockState
from ivr.cards.loss import LossReport, ReportKind, ReportState
from ivr.cards.notice import NoticeKind, NoticeState, Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card, Holder
from ivr.store import keys
from ivr.store.codec import plain
from ivr.web.bank_signature import Fault, verdict_of
from tests.attack.records import everything
from tests.bank_side import BankSide, Records, listening, new_id, reissued, signed
from tests.builders import a_card, a_holder, a_secret, an_app, an_id_number, hotline_of, settings
from tests.hotline import leased
from tests.journeys.town import Town, bank_values
from tests.redis_server import RedisServer

WRONG_SIGNATURE: Final = "The signature is missing or wrong, or not from the last 5 minutes."
CLOCK_OFF: Final = re.compile(
    "The signature is right, but your clock is ([0-9]+) seconds (ahead of|behind) ours; "
    "at most 300 are allowed."
)
NOT_YOURS: Final = "There is no such card or report of this bank."
OUTLET: Final = {"card_number": "A12345678", "at": "2026-11-22T08:30:00Z", "outlet": "Outlet 7"}


AHEAD: Final = "lies more than 5 minutes in the future"
LONG_AGO: Final = "lies before 1990"
REUSED: Final = "This webhook-id was another event's. Send this one under an id of its own."


@dataclass
class Street:
    """A hotline with one customer of each of two banks."""

    app: Flask
    records: Records
    icbc: BankSide
    ccb: BankSide
    zhang: Holder  # of ICBC
    li: Holder  # of CCB

    @property
    def card(self) -> Card:
        return self.zhang.cards[0]

    def files(self) -> LossReport:
        return self.records.reports_lost(self.zhang)


@pytest.fixture
def street(redis_server: RedisServer, redis: Redis) -> Street:
    assert redis.dbsize() == 0
    return a_street(redis_server, rules="formal_loss_may_be_withdrawn = true")


def a_street(server: RedisServer, **changes: str) -> Street:
    zhang = a_holder(a_card("5678", "icbc"))
    li = a_holder(a_card("9999", "ccb"), id_number=an_id_number(serial="004"))
    app = an_app(settings(server.url, **changes), zhang, li)
    records = Records(hotline_of(app))
    return Street(app, records, BankSide(app, "icbc"), BankSide(app, "ccb"), zhang, li)


def seen(street: Street, event_id: str) -> str:
    """The key under which an event of ICBC is remembered."""
    return keys.seen_event("icbc", street.records.hotline.cases.event_ref("icbc", event_id))


def says(answer: TestResponse) -> str:
    """What was done with an event."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.content_type == "application/json"
    assert set(answer.get_json()) == {"status"}
    return str(answer.get_json()["status"])


def problem(answer: TestResponse) -> tuple[int, str]:
    """The status and detail of a problem document (RFC 9457) as it must be."""
    assert answer.content_type == "application/problem+json"
    told = answer.get_json()
    assert set(told) == {"title", "status", "detail"}
    assert told["status"] == answer.status_code
    assert "Traceback" not in answer.get_data(as_text=True)
    return answer.status_code, told["detail"]


class TestTheTable:
    """Every event in every state does what the declared table says, and nothing else."""

    @pytest.mark.parametrize("kind", MEANS)
    @pytest.mark.parametrize("state", BlockState)
    def test_every_step(self, street: Street, state: BlockState, kind: str) -> None:
        report = street.files()
        street.records.brings_to(state, report, street.icbc, street.card)
        step = (state, MEANS[kind])
        answer = send(street, kind, report)
        if step in TRANSITIONS:
            assert says(answer) == "applied"
            assert street.records.state(report) == TRANSITIONS[step]
        elif step in STALE:
            assert says(answer) == "stale"
            assert street.records.state(report) == state
        else:
            assert problem(answer)[0] == 409
            assert street.records.state(report) == state

    def test_what_the_table_says_of_a_formal_loss(self, street: Street) -> None:
        report = street.files()
        street.records.brings_to(BlockState.FORMAL_LOSS, report, street.icbc, street.card)
        answer = street.icbc.unblocked(street.card, report.reported_at + 2)
        assert problem(answer) == (409, "unblocked is not possible when the block is formal_loss.")

    def test_an_unlawful_event_may_be_sent_again_and_gets_the_same_answer(
        self, street: Street
    ) -> None:
        report = street.files()
        street.records.brings_to(BlockState.FORMAL_LOSS, report, street.icbc, street.card)
        for _ in range(2):
            answer = street.icbc.unblocked(street.card, report.reported_at + 2, "evt_same")
            assert answer.status_code == 409

    def test_blocked_is_what_the_caller_hears_from_then_on(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.blocked(report)) == "applied"
        assert street.records.texts() == ["text_blocked", "text_filed"]
        assert "block_blocked" in street.records.journal()

    def test_each_applied_event_is_in_the_journal_once(self, street: Street) -> None:
        report = street.files()
        street.icbc.blocked(report, "evt_1")
        street.icbc.blocked(report, "evt_1")
        assert street.records.journal().count("bank_event") == 1


def send(street: Street, kind: str, report: LossReport) -> TestResponse:
    if kind == BLOCKED:
        return street.icbc.blocked(report)
    if kind == REPLACED:
        return street.icbc.replaced(street.card, reissued(street.card), report.reported_at + 2)
    tell = {
        UNBLOCKED: street.icbc.unblocked,
        FORMAL_LOSS: street.icbc.formally_lost,
        TEMPORARY_LOSS: street.icbc.takes_report,
        LAPSED: street.icbc.lets_block_lapse,
        FORMAL_WITHDRAWN: street.icbc.formal_loss_withdrawn,
    }
    return tell[kind](street.card, report.reported_at + 2)


class TestRepeated:
    def test_the_same_event_again_is_a_duplicate(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.blocked(report, "evt_1")) == "applied"
        assert says(street.icbc.blocked(report, "evt_1")) == "duplicate"
        assert street.records.texts() == ["text_blocked", "text_filed"]

    def test_a_stale_event_again_is_a_duplicate(self, street: Street) -> None:
        report = street.files()
        street.icbc.unblocked(street.card, report.reported_at + 1)
        assert says(street.icbc.blocked(report, "evt_1")) == "stale"
        assert says(street.icbc.blocked(report, "evt_1")) == "duplicate"

    def test_an_old_event_does_not_come_back_after_the_next_report(self, street: Street) -> None:
        """A retry of last week's unblocking must not unblock this week's report."""
        first = street.files()
        at = first.reported_at
        assert says(street.icbc.unblocked(street.card, at, "evt_1")) == "applied"
        street.records.seven_days_pass(first)
        second = street.files()
        assert says(street.icbc.unblocked(street.card, at, "evt_1")) == "duplicate"
        assert street.records.state(second) == BlockState.NOTIFIED

    def test_a_known_event_of_a_report_or_card_that_is_gone(self, street: Street) -> None:
        """What it told was believed long ago: to "404" the bank could only object."""
        report = street.files()
        assert says(street.icbc.blocked(report, "evt_1")) == "applied"
        assert says(street.icbc.unblocked(street.card, report.reported_at, "evt_2")) == "applied"
        ref = street.records.card_ref(street.card)
        street.records.hotline.redis.delete(keys.report(report.number), keys.card(ref))
        assert says(street.icbc.blocked(report, "evt_1")) == "duplicate"
        assert says(street.icbc.unblocked(street.card, report.reported_at, "evt_2")) == "duplicate"
        assert problem(street.icbc.blocked(report, "evt_3")) == (404, NOT_YOURS)
        assert problem(street.ccb.blocked(report, "evt_1")) == (404, NOT_YOURS)

    def test_the_same_event_written_anew_is_a_duplicate(self, street: Street) -> None:
        """Made again for each attempt, with the time of the attempt."""
        told = {"data": {"report_number": street.files().number}, "type": BLOCKED}
        for again in (0, 60):
            body = json.dumps(told | {"timestamp": iso(time.time() - again)}, indent=again or None)
            answer = street.icbc.sends(body.encode(), "evt_1")
            assert says(answer) == ("duplicate" if again else "applied")

    def test_another_event_under_a_known_id_is_not_lost_silently(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.blocked(report, "evt_1")) == "applied"
        others = [
            street.icbc.unblocked(street.card, report.reported_at, "evt_1"),
            street.icbc.formally_lost(street.card, report.reported_at, "evt_1"),
            street.icbc.tells(BLOCKED, {"report_number": "00000000"}, "evt_1"),
        ]
        assert [problem(answer) for answer in others] == [(409, REUSED)] * 3
        assert street.records.state(report) == BlockState.BLOCKED
        assert street.records.journal().count("bank_event") == 1
        assert says(street.icbc.unblocked(street.card, report.reported_at, "evt_2")) == "applied"

    @pytest.mark.parametrize("later", [{"at": 1}, {"outlet": "8"}, {"card_number": "B1"}])
    def test_every_part_of_an_event_counts(self, street: Street, later: dict[str, Any]) -> None:
        at = street.files().reported_at
        told = {"card_number": street.card.number, "at": iso(at), "outlet": "7"}
        assert says(street.icbc.tells(UNBLOCKED, told, "evt_1")) == "applied"
        if "at" in later:
            later = {"at": iso(at + 1)}
        assert problem(street.icbc.tells(UNBLOCKED, told | later, "evt_1")) == (409, REUSED)

    def test_what_is_kept_of_an_event_does_not_tell_the_card(self, street: Street) -> None:
        """A card number is short: from a plain digest it could be guessed."""
        at = street.files().reported_at
        street.icbc.unblocked(street.card, at, "evt_1")
        kept = street.records.hotline.redis.get(seen(street, "evt_1"))
        assert kept is not None
        verdict, said = plain(kept).split()
        event = BankEvent("evt_1", "icbc", UNBLOCKED, at, "", street.card.number, "Outlet 7")
        assert (verdict, said) == ("applied", event.digest(street.records.hotline.holders.card_ref))

    def test_an_id_remembered_before_digests_were_kept(self, street: Street) -> None:
        report = street.files()
        street.records.hotline.redis.set(seen(street, "evt_1"), "applied")
        assert says(street.icbc.blocked(report, "evt_1")) == "duplicate"
        assert says(street.icbc.unblocked(street.card, time.time(), "evt_1")) == "duplicate"

    @pytest.mark.parametrize("head", ["", "evt_"])
    def test_an_id_that_holds_a_number_is_kept_nowhere(self, street: Street, head: str) -> None:
        """The bank chooses it, and a careless one takes the card's number."""
        number, redis = street.card.number, street.records.hotline.redis
        at = int(street.records.hotline.outbox.now())
        told = [street.icbc.takes_report, street.icbc.unblocked, street.icbc.formally_lost]
        for turn, tells in enumerate(told):
            event_id = f"{head}{number}-{turn}"
            assert says(tells(street.card, at + turn, event_id)) == "applied"
            assert says(tells(street.card, at + turn, event_id)) == "duplicate"
        report = street.records.reports()[0]
        assert street.icbc.blocked(report, f"{head}{number}").status_code == 200
        assert number not in str(everything(redis))

    def test_two_banks_may_use_the_same_id(self, street: Street) -> None:
        mine, theirs = street.files(), street.records.reports_lost(street.li)
        assert says(street.icbc.blocked(mine, "1")) == "applied"
        assert says(street.ccb.blocked(theirs, "1")) == "applied"

    def test_the_id_is_remembered_longer_than_a_signature_is_good(self, street: Street) -> None:
        report = street.files()
        street.icbc.blocked(report, "evt_1")
        ttl = street.records.hotline.redis.ttl(seen(street, "evt_1"))
        assert ttl > 2 * 5 * 60

    @pytest.mark.parametrize("seconds", [-302, 302, -3600, 86_400])
    def test_a_replay_from_outside_5_minutes_is_not_believed(
        self, street: Street, seconds: int
    ) -> None:
        """Who signed it has the secret, and learns how far the clock is off; nobody else does."""
        body = blocked_body(street.files())
        at = time.time() + seconds
        status, said = problem(street.icbc.sends(body, at=at))
        off, way = CLOCK_OFF.fullmatch(said).groups()  # type: ignore[union-attr]
        assert (status, way) == (401, "ahead of" if seconds > 0 else "behind")
        assert abs(int(off) - abs(seconds)) <= 1
        forged = street.icbc.sends(body, at=at, secret=a_secret())
        assert problem(forged) == (401, WRONG_SIGNATURE)

    @pytest.mark.parametrize("seconds", [-290, 290])
    def test_clocks_may_differ_by_5_minutes(self, street: Street, seconds: int) -> None:
        body = blocked_body(street.files())
        assert says(street.icbc.sends(body, at=time.time() + seconds)) == "applied"

    def test_a_replay_within_5_minutes_is_a_duplicate(self, street: Street) -> None:
        body = blocked_body(street.files())
        headers = signed(street.icbc.secret, body, "evt_1")
        assert says(street.icbc.posts(body, headers)) == "applied"
        assert says(street.icbc.posts(body, headers)) == "duplicate"

    def test_eight_at_once_apply_once(self, street: Street) -> None:
        for _ in range(5):
            report = street.files()
            body, event_id = blocked_body(report), new_id()
            with listening(street.app) as url, ThreadPoolExecutor(8) as senders:
                sent = [senders.submit(post, url, street.icbc, body, event_id) for _ in range(8)]
                answers = [json.loads(each.result())["status"] for each in sent]
            assert sorted(answers) == ["applied", *["duplicate"] * 7]
            street.icbc.unblocked(street.card, report.reported_at + 1)
            street.records.seven_days_pass(report)
        assert street.records.journal().count("block_blocked") == 5


def post(url: str, bank: BankSide, body: bytes, event_id: str) -> bytes:
    line = http.client.HTTPConnection(str(urlsplit(url).netloc))
    line.request("POST", f"/banks/{bank.bank}/events", body, signed(bank.secret, body, event_id))
    answer = line.getresponse().read()
    line.close()
    return answer


def blocked_body(report: LossReport) -> bytes:
    told = {
        "type": BLOCKED,
        "timestamp": iso(time.time()),
        "data": {"report_number": report.number},
    }
    return json.dumps(told).encode()


class TestFlood:
    """More than a bank's events of a minute: it waits, and Redis keeps none of the rest."""

    @pytest.fixture
    def street(self, redis_server: RedisServer, redis: Redis) -> Street:
        assert redis.dbsize() == 0
        return a_street(redis_server, bank_events_per_minute="3")

    def test_the_fourth_waits(self, street: Street) -> None:
        report = street.files()
        for n in range(3):
            assert street.icbc.blocked(report, f"evt_{n}").status_code == 200
        kept = street.records.hotline.redis.dbsize()
        answer = street.icbc.unblocked(street.card, report.reported_at, "evt_4")
        assert problem(answer) == (429, "Too many events in one minute: send this again later.")
        assert answer.headers["Retry-After"] == "60"
        assert street.records.hotline.redis.dbsize() == kept
        assert street.records.state(report) == BlockState.BLOCKED
        assert street.records.journal().count("bank_event") == 3

        assert says(street.icbc.blocked(report, "evt_1")) == "duplicate", "it adds nothing"
        street.records.hotline.redis.delete(keys.heard_lately("icbc"))  # the minute is over
        assert says(street.icbc.unblocked(street.card, report.reported_at, "evt_4")) == "applied"

    def test_another_bank_does_not_wait(self, street: Street) -> None:
        mine, theirs = street.files(), street.records.reports_lost(street.li)
        for n in range(4):
            street.icbc.blocked(mine, f"evt_{n}")
        assert says(street.ccb.blocked(theirs)) == "applied"

    def test_what_changes_nothing_in_redis_is_not_counted(self, street: Street) -> None:
        report = street.files()
        for _ in range(5):
            assert street.icbc.tells(BLOCKED, {"report_number": "00000000"}).status_code == 404
            assert street.icbc.tells(BLOCKED, {}).status_code == 422
        assert says(street.icbc.blocked(report, "evt_1")) == "applied"
        for _ in range(5):
            assert says(street.icbc.blocked(report, "evt_1")) == "duplicate"
        assert says(street.icbc.blocked(report)) == "stale"

    def test_every_web_process_counts_the_same(self, street: Street) -> None:
        report = street.files()
        other = BankSide(an_app(street.records.hotline.settings), "icbc")
        for side in (street.icbc, other, street.icbc):
            assert side.blocked(report).status_code == 200
        assert {side.blocked(report).status_code for side in (street.icbc, other)} == {429}

    def test_a_person_can_see_it_once(
        self, street: Street, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        report = street.files()
        for _ in range(6):
            street.icbc.blocked(report)
        noted = "".join(capfd.readouterr()) + caplog.text
        assert noted.count("bank_events_limited") == 1


class TestOutOfOrder:
    def test_blocked_after_unblocked_changes_nothing(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.unblocked(street.card, report.reported_at + 1)) == "applied"
        assert says(street.icbc.blocked(report)) == "stale"
        assert street.records.state(report) == BlockState.UNBLOCKED

    def test_an_unblocking_from_before_the_report_changes_nothing(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.unblocked(street.card, report.reported_at - 1)) == "stale"
        assert street.records.state(report) == BlockState.NOTIFIED
        assert street.records.is_owed(report.notice_id)

    def test_an_unblocking_in_the_second_of_the_report_counts(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.unblocked(street.card, report.reported_at)) == "applied"

    def test_blocked_for_an_earlier_report_of_the_card(self, street: Street) -> None:
        first = street.files()
        street.records.seven_days_pass(first)
        second = street.files()
        assert says(street.icbc.blocked(first)) == "stale"
        assert street.records.state(second) == BlockState.NOTIFIED

    def test_unblocked_when_nothing_was_reported(self, street: Street) -> None:
        assert says(street.icbc.unblocked(street.card, time.time())) == "stale"
        assert street.records.block(street.card) is None

    def test_a_card_number_counts_in_lower_case_too(self, street: Street) -> None:
        """The directory keeps them in upper case, whatever the file said."""
        report = street.files()
        small = replace(street.card, number=street.card.number.lower())
        assert says(street.icbc.unblocked(small, report.reported_at + 1)) == "applied"

    def test_times_count_in_any_zone(self, street: Street) -> None:
        report = street.files()
        at = datetime.fromtimestamp(report.reported_at - 60, UTC).astimezone(
            datetime.strptime("+0800", "%z").tzinfo
        )
        told = {"card_number": street.card.number, "at": at.isoformat(), "outlet": "7"}
        assert says(street.icbc.tells(UNBLOCKED, told)) == "stale"


class TestUnblocked:
    def test_an_open_notice_is_closed_and_not_sent(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.unblocked(street.card, report.reported_at + 1)) == "applied"
        assert street.records.notice_state(report) == NoticeState.CLOSED
        assert leased(street.records.hotline, report.notice_id, 30) is None
        assert not street.records.is_owed(report.notice_id)
        assert street.records.texts() == ["text_filed", "text_unblocked"]

    def test_the_card_leaves_the_banks_list(self, street: Street) -> None:
        report = street.files()
        assert len(street.icbc.every_block()) == 1
        street.icbc.unblocked(street.card, report.reported_at + 1)
        assert street.icbc.every_block() == []

    def test_the_social_security_function_stays_suspended(self, street: Street) -> None:
        report = street.files()
        street.icbc.unblocked(street.card, report.reported_at + 1)
        suspension = street.records.suspension(report)
        assert suspension is not None
        assert suspension.kind is ReportKind.TEMPORARY
        assert street.records.report_state(report) == ReportState.ACTIVE

    def test_the_record_ends_some_time(self, street: Street) -> None:
        report = street.files()
        street.icbc.unblocked(street.card, report.reported_at + 1)
        assert street.records.hotline.redis.ttl(keys.block(report.card_ref)) > 0

    def test_an_attempt_under_way_cannot_block_it_again(self, street: Street) -> None:
        report = street.files()
        notice = leased(street.records.hotline, report.notice_id, 30)
        assert notice is not None
        street.icbc.unblocked(street.card, report.reported_at + 1)
        street.records.settles(notice, Outcome.BLOCKED)
        assert street.records.state(report) == BlockState.UNBLOCKED


class TestFormalLoss:
    def test_the_suspension_has_no_end(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.formally_lost(street.card, report.reported_at + 1)) == "applied"
        suspension = street.records.suspension(report)
        assert suspension is not None
        assert suspension.kind is ReportKind.FORMAL
        assert suspension.release_at is None
        assert street.records.hotline.redis.ttl(keys.loss(report.card_ref)) == -1

    def test_the_temporary_report_is_superseded(self, street: Street) -> None:
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at + 1)
        assert street.records.report_state(report) == ReportState.SUPERSEDED
        redis = street.records.hotline.redis
        assert redis.zscore(keys.DEADLINES, report.number) is None
        assert redis.ttl(keys.report(report.number)) > 0
        assert street.records.hotline.service.release_due() == 0
        assert street.records.notices(NoticeKind.LOSS_RELEASED) == []

    def test_an_open_notice_is_closed_and_not_sent(self, street: Street) -> None:
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at + 1)
        assert street.records.notice_state(report) == NoticeState.CLOSED
        assert leased(street.records.hotline, report.notice_id, 30) is None
        assert street.records.texts() == ["text_filed", "text_formal"]

    def test_of_a_card_nobody_reported_by_phone(self, street: Street) -> None:
        assert says(street.icbc.formally_lost(street.card, time.time())) == "applied"
        assert street.records.state(street.card) == BlockState.FORMAL_LOSS
        assert (
            street.records.hotline.redis.ttl(keys.loss(street.records.card_ref(street.card))) == -1
        )
        (entry,) = street.icbc.every_block()
        assert entry["formal"] is True
        assert entry["report_number"] is None

    def test_after_the_7_days_a_released_report_stays_released(self, street: Street) -> None:
        report = street.files()
        street.records.seven_days_pass(report)
        assert says(street.icbc.formally_lost(street.card, report.reported_at + 9)) == "applied"
        assert street.records.report_state(report) == ReportState.RELEASED
        suspension = street.records.suspension(report)
        assert suspension is not None
        assert suspension.kind is ReportKind.FORMAL

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_the_status_query_speaks_it(self, street: Street, language: Any) -> None:
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at + 1)
        caller = Town(street.app).someone(language)
        caller.calls().asks_for_status(street.zhang.id_number)
        caller.hears_prompt("status_social_formal")
        caller.hears_prompt("status_bank_blocked_formal", **bank_values("icbc", language))
        caller.hears_prompt("status_formal")


class TestNotThisBanks:
    """Another bank's card is as unknown as one that does not exist."""

    def test_every_way_of_being_unknown_has_the_same_answer(self, street: Street) -> None:
        theirs = street.records.reports_lost(street.li)
        their_card, no_card = street.li.cards[0], a_card("0000", "icbc")
        answers = [
            street.icbc.blocked(theirs),
            street.icbc.tells(BLOCKED, {"report_number": "00000000"}),
            street.icbc.unblocked(their_card, time.time()),
            street.icbc.unblocked(no_card, time.time()),
            street.icbc.formally_lost(their_card, time.time()),
            street.icbc.formally_lost(no_card, time.time()),
        ]
        assert [problem(answer) for answer in answers] == [(404, NOT_YOURS)] * 6
        assert len({answer.get_data() for answer in answers}) == 1
        assert len({tuple(sorted(_quiet(answer).items())) for answer in answers}) == 1
        assert street.records.state(theirs) == BlockState.NOTIFIED


def _quiet(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Date"}


class TestSignatures:
    @pytest.fixture
    def body(self, street: Street) -> bytes:
        return blocked_body(street.files())

    def test_a_secret_of_somebody_else(self, street: Street, body: bytes) -> None:
        assert problem(street.icbc.sends(body, secret=a_secret())) == (401, WRONG_SIGNATURE)
        assert problem(street.icbc.sends(body, secret=street.ccb.secret)) == (401, WRONG_SIGNATURE)

    def test_a_bank_cannot_speak_for_another(self, street: Street, body: bytes) -> None:
        assert problem(street.ccb.sends(body, bank="icbc")) == (401, WRONG_SIGNATURE)

    @pytest.mark.parametrize("bank", ["nobody", "ICBC", "%69cbc%00", "工商银行", "' OR 1=1"])
    def test_an_unknown_bank_is_answered_as_a_wrong_signature(
        self, street: Street, body: bytes, bank: str
    ) -> None:
        assert problem(street.icbc.sends(body, bank=bank)) == (401, WRONG_SIGNATURE)

    @pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_each_header_is_needed(self, street: Street, body: bytes, missing: str) -> None:
        headers = signed(street.icbc.secret, body, "evt_1")
        del headers[missing]
        assert problem(street.icbc.posts(body, headers)) == (401, WRONG_SIGNATURE)
        assert problem(street.icbc.posts(body, headers | {missing: ""})) == (401, WRONG_SIGNATURE)

    @pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    @pytest.mark.parametrize(
        "value",
        [
            "é\xff\x80",
            "v1,",
            "v1",
            "v1,====",
            "v1,!!!",
            "v1,é",
            "v2,AAAA",
            ",,,",
            " ",
            "nan",
            "inf",
            "-1",
            "9" * 400,
            "1e400",
            "0x10",
            "\t",
            "%00",
        ],
    )
    def test_garbage_is_a_wrong_signature(
        self, street: Street, body: bytes, header: str, value: str
    ) -> None:
        headers = signed(street.icbc.secret, body, "evt_1") | {header: value}
        assert problem(street.icbc.posts(body, headers)) == (401, WRONG_SIGNATURE)

    def test_another_body(self, street: Street, body: bytes) -> None:
        headers = signed(street.icbc.secret, body, "evt_1")
        assert problem(street.icbc.posts(body + b" ", headers)) == (401, WRONG_SIGNATURE)

    @pytest.mark.parametrize(
        "list_of",
        [
            "foo {right}",
            "v1,abc {right}",
            "v1 {right}",
            "v1,é {right}",
            "v1,, {right}",
            "v2 v1,{wrong} {right}",
            "{right} v1,abc",
            "{right} foo",
            "v1,{wrong}  {right}",
            "v1,{wrong}\t{right}",
            "v1,{wrong},{right}",  # two headers of the name, as servers join them
            "{right}, v1,{wrong}",
            "v1a,{wrong} {right}",
        ],
    )
    def test_no_bad_entry_hides_a_right_one(
        self, street: Street, body: bytes, list_of: str
    ) -> None:
        headers = signed(street.icbc.secret, body, "evt_1")
        wrong = signed(a_secret(), body, "evt_1")["webhook-signature"].removeprefix("v1,")
        right = headers["webhook-signature"]
        headers["webhook-signature"] = list_of.format(right=right, wrong=wrong)
        assert says(street.icbc.posts(body, headers)) == "applied"

    @pytest.mark.parametrize("entry", ["v2,{}", "v1a,{}", "{}", "xv1,{}", "v1,{}A", "v1,A{}"])
    def test_a_right_sum_under_another_scheme_is_none(
        self, street: Street, body: bytes, entry: str
    ) -> None:
        headers = signed(street.icbc.secret, body, "evt_1")
        headers["webhook-signature"] = entry.format(
            headers["webhook-signature"].removeprefix("v1,")
        )
        assert problem(street.icbc.posts(body, headers)) == (401, WRONG_SIGNATURE)

    def test_the_vector_of_the_specification(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time", lambda: 1_614_265_330.0)
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        assert verdict_of([secret], b'{"test": 2432232314}', headers).fault is None
        other = verdict_of([secret], b'{"test": 2432232315}', headers)
        assert other.fault is Fault.SIGNATURE_WRONG

    def test_bytes_that_are_not_text(self, street: Street) -> None:
        headers = signed(street.icbc.secret, b"", "evt_1")
        assert problem(street.icbc.posts(b"\xff\xfe", headers)) == (401, WRONG_SIGNATURE)

    def test_one_good_signature_among_others_is_enough(self, street: Street, body: bytes) -> None:
        headers = signed(street.icbc.secret, body, "evt_1")
        other = signed(a_secret(), body, "evt_1")["webhook-signature"]
        headers["webhook-signature"] = f"{other} v1a,AAAA {headers['webhook-signature']}"
        assert says(street.icbc.posts(body, headers)) == "applied"

    def test_garbage_over_a_real_connection(self, street: Street, body: bytes) -> None:
        with listening(street.app) as url:
            line = http.client.HTTPConnection(str(urlsplit(url).netloc))
            line.putrequest("POST", "/banks/icbc/events")
            line.putheader("Content-Length", str(len(body)))
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
                line.putheader(name, b"\xff\xfe\xe5\xb7\xa5")
            line.endheaders(body)
            answer = line.getresponse()
            assert answer.status == 401
            assert answer.getheader("Content-Type") == "application/problem+json"
            line.close()


@pytest.mark.parametrize("which", [0, 1])
def test_both_secrets_are_good_while_they_are_rotated(
    redis_server: RedisServer, redis: Redis, which: int
) -> None:
    assert redis.dbsize() == 0
    new, old = a_secret(), a_secret()
    street = a_street(redis_server, icbc_secrets=f"{new},{old}")
    body = blocked_body(street.files())
    assert says(street.icbc.sends(body, secret=(new, old)[which])) == "applied"
    assert problem(street.icbc.sends(body, secret=a_secret()))[0] == 401


class TestBodies:
    @pytest.mark.parametrize(
        ("kind", "data", "wrong"),
        [
            (BLOCKED, {}, "data.report_number: Field required"),
            (BLOCKED, {"report_number": 12345670}, "data.report_number: "),
            (BLOCKED, {"report_number": "1234567"}, "data.report_number: "),
            (BLOCKED, {"report_number": "123456789"}, "data.report_number: "),
            (BLOCKED, {"report_number": "12345670\n"}, "data.report_number: "),
            (BLOCKED, {"report_number": "１２３４５６７０"}, "data.report_number: "),
            (BLOCKED, {"report_number": None}, "data.report_number: "),
            (BLOCKED, None, "data: "),
            (BLOCKED, [], "data: "),
            (UNBLOCKED, OUTLET | {"card_number": ""}, "data.card_number: "),
            (UNBLOCKED, OUTLET | {"card_number": 12345678}, "data.card_number: "),
            (UNBLOCKED, OUTLET | {"card_number": "A" * 65}, "data.card_number: "),
            (UNBLOCKED, OUTLET | {"card_number": "A 1"}, "data.card_number: "),
            (UNBLOCKED, OUTLET | {"at": "2026-11-22T08:30:00"}, "data.at: "),
            (UNBLOCKED, OUTLET | {"at": "yesterday"}, "data.at: "),
            (UNBLOCKED, OUTLET | {"at": 1_795_334_400}, "data.at: "),
            (UNBLOCKED, OUTLET | {"at": "1795334400"}, "data.at: "),
            (UNBLOCKED, OUTLET | {"outlet": None}, "data.outlet: "),
            (UNBLOCKED, OUTLET | {"outlet": "o" * 201}, "data.outlet: "),
            (FORMAL_LOSS, {k: v for k, v in OUTLET.items() if k != "outlet"}, "data.outlet: "),
            (FORMAL_LOSS, {k: v for k, v in OUTLET.items() if k != "at"}, "data.at: "),
            (FORMAL_LOSS, OUTLET | {"card_number": None}, "data.card_number: "),
        ],
    )
    def test_the_answer_names_the_one_wrong_field(
        self, street: Street, kind: str, data: Any, wrong: str
    ) -> None:
        status, detail = problem(street.icbc.tells(kind, data))
        assert status == 422
        assert detail.startswith(wrong)
        assert ";" not in detail

    @pytest.mark.parametrize("timestamp", ["", "now", None, 5, "1795334400", "2026-11-22T08:30:00"])
    def test_the_timestamp(self, street: Street, timestamp: Any) -> None:
        body = {"type": BLOCKED, "timestamp": timestamp, "data": {"report_number": "12345670"}}
        status, detail = problem(street.icbc.sends(json.dumps(body).encode()))
        assert status == 422
        assert detail.startswith("timestamp: ")

    @pytest.mark.parametrize(
        ("moment", "wrong"),
        [
            ("2090-01-01T00:00:00Z", AHEAD),
            ("9999-12-31T23:59:59-23:59", AHEAD),
            ("1989-12-31T23:59:59Z", LONG_AGO),
            ("1970-01-01T00:00:00Z", LONG_AGO),
            ("0001-01-01T00:00:00+23:59", LONG_AGO),
        ],
    )
    @pytest.mark.parametrize("field", ["timestamp", "at"])
    def test_a_clock_that_must_be_wrong(
        self, street: Street, field: str, moment: str, wrong: str
    ) -> None:
        """An unblocking "in 2030" would outlast the next report; one "in 1970" would be stale."""
        report = street.files()
        told = {"card_number": street.card.number, "at": iso(time.time()), "outlet": "7"}
        body = {"type": UNBLOCKED, "timestamp": iso(time.time()), "data": told}
        (body if field == "timestamp" else told)[field] = moment
        place = field if field == "timestamp" else "data.at"
        answer = street.icbc.sends(json.dumps(body).encode())
        assert problem(answer) == (422, f"{place}: {wrong}")
        assert street.records.state(report) == BlockState.NOTIFIED

    @pytest.mark.parametrize(("ahead", "status"), [(290, 200), (3600, 422)])
    def test_clocks_may_differ_by_5_minutes_here_too(
        self, street: Street, ahead: int, status: int
    ) -> None:
        street.files()
        assert street.icbc.unblocked(street.card, time.time() + ahead).status_code == status

    @pytest.mark.parametrize("kind", ["", "card.loss_reported", None, 7, [], "320102195006150014"])
    def test_the_type(self, street: Street, kind: Any) -> None:
        status, detail = problem(street.icbc.tells(kind, OUTLET))
        assert status == 422
        assert detail == (
            "type: must be one of financial_function.blocked, financial_function.unblocked, "
            "formal_loss.reported, temporary_loss.reported, financial_function.block_lapsed, "
            "formal_loss.withdrawn, card.replaced"
        )

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"1e999",
            b"[" * 5000,
            b"{}",
            b"NaN",
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_bodies_that_are_no_event(self, street: Street, body: bytes) -> None:
        status, detail = problem(street.icbc.sends(body))
        assert status == 422
        assert detail.startswith(("body: ", "type: ")), detail

    @pytest.mark.parametrize(
        ("encoding", "named"),
        [
            ("gbk", "GBK or GB18030"),
            ("gb18030", "GBK or GB18030"),
            ("utf-16", "UTF-16"),
            ("utf-16-le", "UTF-16"),
            ("utf-16-be", "UTF-16"),
            ("utf-32", "UTF-32"),
        ],
    )
    def test_another_encoding_is_named(self, street: Street, encoding: str, named: str) -> None:
        told = {
            "type": UNBLOCKED,
            "timestamp": iso(time.time()),
            "data": OUTLET | {"outlet": "西湖支行"},
        }
        answer = street.icbc.sends(json.dumps(told, ensure_ascii=False).encode(encoding))
        assert problem(answer) == (422, f"body: must be UTF-8; this looks like {named}.")

    @pytest.mark.parametrize("body", [b"\xff\xff\xff", b'{"type": "\x80\xff"}'])
    def test_bytes_that_are_no_text_in_any_encoding(self, street: Street, body: bytes) -> None:
        assert problem(street.icbc.sends(body)) == (422, "body: must be UTF-8.")

    def test_a_packed_body_is_named(self, street: Street) -> None:
        answer = street.icbc.sends(gzip.compress(blocked_body(street.files())))
        assert problem(answer) == (422, "body: must be UTF-8; this looks like gzip.")

    def test_a_byte_order_mark_is_passed_over(self, street: Street) -> None:
        body = blocked_body(street.files())
        assert says(street.icbc.sends(codecs.BOM_UTF8 + body)) == "applied"

    def test_the_answer_never_repeats_what_was_sent(self, street: Street) -> None:
        secret_number = "320102195006150014"
        for told in ({"card_number": secret_number + "!"}, OUTLET | {"at": secret_number}):
            answer = street.icbc.tells(UNBLOCKED, told)
            assert secret_number not in answer.get_data(as_text=True)

    def test_more_fields_are_no_error(self, street: Street) -> None:
        """The contract may grow."""
        told = {"report_number": street.files().number, "branch": {"code": 7}}
        assert says(street.icbc.tells(BLOCKED, told)) == "applied"

    def test_the_id_has_a_limit(self, street: Street) -> None:
        report = street.files()
        assert problem(street.icbc.blocked(report, "e" * 257)) == (
            422,
            "webhook-id is longer than 256 characters.",
        )
        assert says(street.icbc.blocked(report, "e" * 256)) == "applied"

    def test_64_kilobytes_are_the_limit(self, street: Street) -> None:
        body = blocked_body(street.files())
        assert says(street.icbc.sends(body.ljust(64 * 1024))) == "applied"
        assert problem(street.icbc.sends(body.ljust(64 * 1024 + 1)))[0] == 413

    def test_more_is_not_read_either_when_it_does_not_say_how_long_it_is(
        self, street: Street
    ) -> None:
        """Chunked, as a server that supports it hands it on."""
        environ = EnvironBuilder(path="/banks/icbc/events", method="POST").get_environ()
        environ |= {"wsgi.input": _Endless(), "wsgi.input_terminated": True}
        assert "CONTENT_LENGTH" not in environ
        pieces, status, headers = run_wsgi_app(street.app, environ)
        assert status.startswith("413")
        assert headers["Content-Type"] == "application/problem+json"
        assert json.loads(b"".join(pieces))["status"] == 413


class _Endless(io.RawIOBase):
    """A body that never ends."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = bytes(len(buffer))
        return len(buffer)

    def readall(self) -> bytes:
        raise AssertionError("somebody wants to read all of it")


class TestOurFaults:
    def test_redis_is_down(self, own_server: RedisServer) -> None:
        street = a_street(own_server)
        body = blocked_body(street.files())
        own_server.kill()
        answer = street.icbc.sends(body, "evt_1")
        assert problem(answer) == (503, "Please send this again in a moment.")
        assert int(answer.headers["Retry-After"]) > 0
        assert street.icbc.asks_for_blocks().status_code == 503
        own_server.start()
        assert says(street.icbc.sends(body, "evt_1")) == "applied"

    def test_the_unexpected(
        self, street: Street, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A record nobody can read: the answer and the log say neither where nor what."""
        report = street.files()
        broken = f"not JSON, and with {street.zhang.id_number}"
        street.records.hotline.redis.set(keys.report(report.number), broken)
        answer = street.icbc.blocked(report)
        assert problem(answer) == (500, "This has been noted; please send it again later.")
        noted = "".join(capfd.readouterr()) + caplog.text
        assert "bank_request_failed" in noted
        assert street.zhang.id_number not in noted
        assert street.card.number not in noted

    @pytest.mark.parametrize(
        ("method", "target", "status"),
        [
            ("GET", "/banks/icbc/events", 405),
            ("PUT", "/banks/icbc/blocks", 405),
            ("GET", "/banks/icbc/nothing", 404),
            ("GET", "/banks", 404),
        ],
    )
    def test_what_there_is_not(self, street: Street, method: str, target: str, status: int) -> None:
        answer = street.icbc.client.open(target, method=method)
        assert problem(answer)[0] == status
        if status == 405:
            assert answer.headers["Allow"]


@pytest.fixture
def split_street(redis: Redis, redis_server: RedisServer, tmp_path: Path) -> Street:
    """Reports that were told may be missing for a while."""
    assert redis.dbsize() == 0
    place = tmp_path / "journal"
    place.mkdir()
    return a_street(redis_server, journal_dir=str(place))


@pytest.mark.parametrize("number", ["12345670", "another bank's"])
def test_a_report_that_may_come_back_is_asked_for_again(split_street: Street, number: str) -> None:
    """Within the hour, so that no bank's word on it is lost; another bank's looks the same."""
    if number != "12345670":
        number = split_street.records.reports_lost(split_street.li).number
    now = int(time.time())
    for ago, status in ((0, 409), (3500, 409), (3700, 404)):
        told = {"type": BLOCKED, "timestamp": iso(now - ago), "data": {"report_number": number}}
        answer = split_street.icbc.sends(json.dumps(told).encode())
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == ("30" if status == 409 else None)


def test_its_word_counts_once_the_report_is_back(split_street: Street, redis: Redis) -> None:
    report = split_street.files()
    record = redis.getdel(keys.report(report.number))
    assert isinstance(record, bytes)
    assert split_street.icbc.blocked(report, "evt_1").status_code == 409
    redis.set(keys.report(report.number), record, ex=1000)
    assert split_street.icbc.blocked(report, "evt_1").json == {"status": "applied"}


def test_an_unblocking_of_a_card_whose_report_may_come_back_is_asked_for_again(
    split_street: Street,
) -> None:
    """Told as "stale", it would be lost, and the card blocked again once the report is back."""
    now = int(time.time())
    assert split_street.icbc.unblocked(split_street.card, now, "evt_1").status_code == 409
    split_street.files()
    assert split_street.icbc.unblocked(split_street.card, now + 1, "evt_1").json == {
        "status": "applied"
    }
    other = split_street.ccb.unblocked(split_street.li.cards[0], now - 3700, "evt_2")
    assert other.json == {"status": "stale"}
