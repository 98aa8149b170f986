"""What banks tell of reports of their own, lapsed blocks, withdrawn formal losses and new cards:
on a real Redis, with all that callers, banks and holders hear of it.
"""

import time
from dataclasses import replace
from typing import Final

import pytest
from redis import Redis

from ivr.cards.acts.withdraw import Decision
from ivr.cards.block import BlockState
from ivr.cards.loss import ReportKind, ReportState
from ivr.cards.notice import NoticeKind, NoticeState, Outcome
from ivr.cards.records import Card, CardState
from ivr.store import keys
from ivr.store.codec import plain
from tests.bank_side import reissued
from tests.journeys.town import Town, bank_values
from tests.redis_server import RedisServer
from tests.store.records import check_whole
from tests.web.test_bank_events import Street, a_street, problem, says

NOT_YOURS: Final = "There is no such card or report of this bank."
HOUR: Final = 3600
WEEK: Final = 604_800


@pytest.fixture
def street(redis_server: RedisServer, redis: Redis) -> Street:
    assert redis.dbsize() == 0
    return a_street(redis_server)


def listed(street: Street) -> list[str]:
    return [block["state"] for block in street.icbc.every_block()]


def hears_status(street: Street, *prompts: str) -> None:
    """Somebody asks how Zhang's card stands."""
    caller = Town(street.app).someone("zh")
    caller.calls().asks_for_status(street.zhang.id_number)
    for prompt in prompts:
        caller.hears_prompt(prompt, **(bank_values("icbc", "zh") if "bank" in prompt else {}))


class TestTheBanksOwnLine:
    def test_it_suspends_for_seven_days_from_the_report(self, street: Street) -> None:
        at = int(time.time()) - HOUR
        assert says(street.icbc.takes_report(street.card, at)) == "applied"
        (report,) = street.records.reports()
        assert (report.reported_at, report.release_at) == (at, at + WEEK)
        assert (report.channel, report.state) == ("bank", ReportState.ACTIVE)
        suspension = street.records.suspension(report)
        assert suspension is not None
        assert (suspension.kind, suspension.report_number) == (ReportKind.TEMPORARY, report.number)
        left = street.records.hotline.redis.ttl(keys.loss(report.card_ref))
        assert WEEK - HOUR - 60 < left <= WEEK - HOUR

    def test_nobody_asks_the_bank_to_block_and_the_holder_is_texted(self, street: Street) -> None:
        street.icbc.takes_report(street.card, time.time())
        assert street.records.state(street.card) is BlockState.BLOCKED
        assert street.records.notices(NoticeKind.LOSS_REPORTED) == []
        assert street.records.texts() == ["text_taken"]
        told = ["loss_reported", "block_blocked", "bank_event", "looked_up"]
        assert street.records.journal() == told
        assert listed(street) == ["blocked"]

    def test_the_bank_hears_of_its_end_and_of_an_objection_by_the_account(
        self, street: Street
    ) -> None:
        """It knows no number of ours."""
        street.icbc.takes_report(street.card, time.time())
        (report,) = street.records.reports()
        street.records.hotline.service.dispute(report.number, "phone")
        street.records.seven_days_pass(report)
        for kind in (NoticeKind.REPORT_DISPUTED, NoticeKind.LOSS_RELEASED):
            (told,) = street.records.notices(kind)
            data = street.records.hotline.outbox.body(told)["data"]
            assert data["card"]["number"] == street.card.number
            assert "action" not in data
        assert street.records.report_state(report) is ReportState.RELEASED
        assert street.records.state(report) is BlockState.BLOCKED

    def test_it_can_be_withdrawn_like_any_other(self, street: Street) -> None:
        street.icbc.takes_report(street.card, time.time())
        (report,) = street.records.reports()
        decision = Decision("Li", "a prank")
        assert street.records.hotline.service.withdraw(report.number, decision) == "withdrawn"
        (told,) = street.records.notices(NoticeKind.REPORT_WITHDRAWN)
        data = street.records.hotline.outbox.body(told)["data"]
        assert data["card"]["bank_account"] == street.card.bank_account

    def test_a_caller_hears_that_it_is_reported(self, street: Street) -> None:
        street.icbc.takes_report(street.card, time.time())
        hears_status(street, "status_bank_blocked")

    def test_while_a_report_runs_it_extends_nothing(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.takes_report(street.card, report.reported_at)) == "applied"
        assert street.records.reports() == [report]
        assert street.records.state(report) is BlockState.BLOCKED
        assert street.records.is_owed(report.notice_id)  # its answer is still to come
        assert says(street.icbc.takes_report(street.card, time.time())) == "stale"

    def test_the_same_event_again_files_nothing(self, street: Street) -> None:
        at = time.time()
        assert says(street.icbc.takes_report(street.card, at, "evt_1")) == "applied"
        assert says(street.icbc.takes_report(street.card, at, "evt_1")) == "duplicate"
        assert says(street.icbc.takes_report(street.card, at, "evt_2")) == "stale"
        assert len(street.records.reports()) == 1

    def test_found_and_lost_again_it_keeps_the_deadline(self, street: Street) -> None:
        first = street.files()
        street.icbc.unblocked(street.card, first.reported_at)
        assert says(street.icbc.takes_report(street.card, time.time() + 2)) == "applied"
        (second,) = [r for r in street.records.reports() if r.number != first.number]
        assert second.release_at == first.release_at
        assert street.records.report_state(first) is ReportState.SUPERSEDED
        deadlines = street.records.hotline.redis.zrange(keys.DEADLINES, 0, -1)
        assert [plain(number) for number in deadlines] == [second.number]

    def test_another_banks_card_is_not_there(self, street: Street) -> None:
        assert problem(street.ccb.takes_report(street.card, time.time())) == (404, NOT_YOURS)
        assert street.records.reports() == []


class TestALapsedBlock:
    def test_it_is_not_blocked_any_more_and_the_holder_is_told(self, street: Street) -> None:
        report = street.files()
        street.records.bank_answers(report, Outcome.BLOCKED)
        assert says(street.icbc.lets_block_lapse(street.card, time.time())) == "applied"
        assert street.records.state(report) is BlockState.LAPSED
        assert "text_lapsed" in street.records.texts()
        assert listed(street) == []
        assert street.records.report_state(report) is ReportState.ACTIVE
        hears_status(street, "status_bank_lapsed")

    def test_the_card_may_be_reported_again_and_keeps_its_deadline(self, street: Street) -> None:
        first = street.files()
        street.records.bank_answers(first, Outcome.BLOCKED)
        street.icbc.lets_block_lapse(street.card, time.time())
        second = street.files()
        assert (second.number != first.number, second.release_at) == (True, first.release_at)
        assert street.records.state(second) is BlockState.NOTIFIED
        assert listed(street) == ["notified"]

    def test_a_late_answer_does_not_make_anybody_believe_in_it_again(self, street: Street) -> None:
        report = street.files()
        street.records.bank_answers(report, Outcome.RECEIVED)
        street.icbc.lets_block_lapse(street.card, time.time())
        assert says(street.icbc.blocked(report)) == "stale"
        assert not street.records.hotline.service.send_again(report.notice_id)

    def test_of_a_card_nobody_reported_it_says_nothing(self, street: Street) -> None:
        assert says(street.icbc.lets_block_lapse(street.card, time.time())) == "stale"


class TestAFormalLossWithdrawn:
    def test_by_default_it_is_refused(self, street: Street) -> None:
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at)
        answer = street.icbc.formal_loss_withdrawn(street.card, time.time())
        assert problem(answer) == (409, "In this city a formal loss is not withdrawn.")
        assert street.records.state(report) is BlockState.FORMAL_LOSS

    def test_where_the_city_lets_it_social_security_is_active(
        self, redis_server: RedisServer, redis: Redis
    ) -> None:
        assert redis.dbsize() == 0
        street = a_street(redis_server, rules="formal_loss_may_be_withdrawn = true")
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at)
        assert says(street.icbc.formal_loss_withdrawn(street.card, time.time())) == "applied"
        assert street.records.suspension(report) is None
        assert street.records.state(report) is BlockState.BLOCKED
        assert "text_formal_withdrawn" in street.records.texts()
        hears_status(street, "status_social_restored", "status_bank_blocked")
        assert says(street.icbc.unblocked(street.card, time.time())) == "applied"
        assert street.files().state is ReportState.ACTIVE

    def test_a_formal_loss_that_only_the_directory_knows(
        self, redis_server: RedisServer, redis: Redis
    ) -> None:
        """An import has brought it."""
        assert redis.dbsize() == 0
        street = a_street(redis_server, rules="formal_loss_may_be_withdrawn = true")
        lost = replace(street.card, state=CardState.FORMAL_LOSS)
        street.records.enrols(replace(street.zhang, cards=(lost,)))
        hears_status(street, "status_social_formal")
        assert says(street.icbc.formal_loss_withdrawn(street.card, time.time())) == "applied"
        hears_status(street, "status_social_active", "status_bank_normal")
        assert says(street.icbc.formal_loss_withdrawn(street.card, time.time())) == "stale"
        assert street.files().state is ReportState.ACTIVE


class TestDecoupling:
    def test_it_ends_the_suspension_where_the_city_says_so(
        self, redis_server: RedisServer, redis: Redis
    ) -> None:
        assert redis.dbsize() == 0
        street = a_street(redis_server, rules="decoupling_ends_suspension = true")
        report = street.files()
        assert says(street.icbc.unblocked(street.card, report.reported_at)) == "applied"
        assert street.records.suspension(report) is None
        assert street.records.report_state(report) is ReportState.RELEASED
        assert redis.zcard(keys.DEADLINES) == 0
        assert street.records.hotline.service.release_due() == 0
        assert street.records.texts() == ["text_decoupled", "text_filed"]
        again = street.files()
        assert again.release_at == again.reported_at + WEEK


class TestANewCard:
    NEW: Final = "B87654321"

    def new(self, street: Street) -> Card:
        return reissued(street.card, self.NEW)

    def test_every_record_of_the_old_one_is_closed(self, street: Street) -> None:
        report = street.files()
        assert says(street.icbc.replaced(street.card, self.new(street), time.time())) == "applied"
        assert street.records.suspension(report) is None
        assert street.records.report_state(report) is ReportState.CLOSED
        assert street.records.state(report) is BlockState.REPLACED
        assert street.records.notice_state(report) is NoticeState.CLOSED
        assert not street.records.is_owed(report.notice_id)
        assert listed(street) == []
        assert street.records.hotline.redis.zcard(keys.DEADLINES) == 0
        assert street.records.texts() == ["text_filed", "text_replaced"]

    def test_a_formal_loss_ends_with_it(self, street: Street) -> None:
        report = street.files()
        street.icbc.formally_lost(street.card, report.reported_at)
        street.icbc.replaced(street.card, self.new(street), time.time())
        assert street.records.suspension(report) is None
        assert street.records.report_state(report) is ReportState.SUPERSEDED

    def test_the_new_one_is_normal_in_the_directory(self, street: Street) -> None:
        street.icbc.replaced(street.card, self.new(street), time.time())
        hotline = street.records.hotline
        known = hotline.service.look_up(street.zhang.id_number)
        assert known is not None
        assert known.holder == replace(street.zhang, cards=(self.new(street),))
        assert known.holder.cards[0].state is CardState.NORMAL
        assert check_whole(hotline.redis, hotline.holders, hotline.vault) == 2
        hears_status(street, "status_social_active", "status_bank_normal")

    def test_the_new_one_can_be_reported(self, street: Street) -> None:
        street.files()
        new = self.new(street)
        street.icbc.replaced(street.card, new, time.time())
        report = street.records.reports_lost(replace(street.zhang, cards=(new,)))
        assert report.card_last4 == new.last4
        assert street.records.state(new) is BlockState.NOTIFIED

    def test_the_old_one_is_nobodys_from_then_on(self, street: Street) -> None:
        new, at = self.new(street), time.time()
        assert says(street.icbc.replaced(street.card, new, at, "evt_1")) == "applied"
        assert says(street.icbc.replaced(street.card, new, at, "evt_1")) == "duplicate"
        assert problem(street.icbc.replaced(street.card, new, at, "evt_2")) == (404, NOT_YOURS)
        assert problem(street.icbc.formally_lost(street.card, at)) == (404, NOT_YOURS)

    def test_a_card_of_the_same_number_starts_anew(self, street: Street) -> None:
        report = street.files()
        new = reissued(street.card)
        assert says(street.icbc.replaced(street.card, new, time.time())) == "applied"
        assert street.records.state(report) is BlockState.REPLACED
        hears_status(street, "status_social_active", "status_bank_normal")
        assert street.files().number != report.number

    def test_somebody_elses_card_cannot_become_this_holders(self, street: Street) -> None:
        report = street.files()
        theirs = replace(street.li.cards[0], bank_account="6222021111111111")
        answer = street.icbc.replaced(street.card, theirs, time.time())
        assert problem(answer) == (404, NOT_YOURS)
        assert street.records.report_state(report) is ReportState.ACTIVE

    @pytest.mark.parametrize("field", ["new_card_number", "new_bank_account"])
    def test_numbers_are_as_the_directory_has_them(self, street: Street, field: str) -> None:
        told = {"card_number": street.card.number, "at": "2026-11-22T08:30:00Z",
                "new_card_number": self.NEW, "new_bank_account": "6222029999990000"}  # fmt: skip
        status, detail = problem(street.icbc.tells("card.replaced", {**told, field: "1"}))
        assert (status, detail.split(":")[0]) == (422, f"data.{field}")

    def test_no_number_of_it_is_kept_in_clear(self, street: Street) -> None:
        street.files()
        street.icbc.replaced(street.card, self.new(street), time.time())
        redis = street.records.hotline.redis
        for key in redis.scan_iter():
            dumped = redis.dump(key) or b""
            for number in (self.NEW, "6222029999990000", street.card.number):
                assert number.encode() not in key + dumped

    def test_one_id_for_two_new_cards_is_no_repetition(self, street: Street) -> None:
        at = time.time()
        street.icbc.replaced(street.card, reissued(street.card), at, "evt_1")
        other = replace(reissued(street.card), bank_account="6222028888888888")
        assert street.icbc.replaced(street.card, other, at, "evt_1").status_code == 409
