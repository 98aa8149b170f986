"""What deliveries and bank events make of blocks, in any order, and what an operator may resend."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from ivr.cards.acts.hear import EventStatus
from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_LOSS,
    LAPSED,
    MEANS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.block import ENDED, STALE, TRANSITIONS, Block, BlockEvent, BlockState, after
from ivr.cards.errors import NotThisBanksError, UnlawfulTransitionError
from ivr.cards.loss import LossReport, ReportKind, ReportState
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from tests.bank_side import WAY_INTO, Records, new_id
from tests.builders import a_card, a_holder
from tests.builders import settings as some_settings
from tests.hotline import Hotline, leased, open_hotline

ZHANG = a_holder(a_card("5678", "icbc"))
CARD = ZHANG.cards[0]
OVER: Final = (*ENDED, BlockState.FORMAL_LOSS)
# News that is of the block alone; the rest is held against a model in tests/service.
OF_THE_BLOCK: Final = (BLOCKED, UNBLOCKED, FORMAL_LOSS, LAPSED)
BY_ATTEMPT: Final = {
    Outcome.RECEIVED: BlockEvent.RECEIVED,
    Outcome.BLOCKED: BlockEvent.BLOCKED,
    Outcome.REFUSED: BlockEvent.REFUSED,
    Outcome.FAILED: BlockEvent.GAVE_UP,
}


@pytest.fixture
def records(redis: Redis) -> Records:
    return fresh_records(redis)


def fresh_records(redis: Redis) -> Records:
    """A hotline that knows Zhang and nothing else."""
    redis.flushall()
    records = Records(open_hotline(some_settings("unix:///unused"), redis))
    records.enrols(ZHANG)
    return records


def event(kind: str, report: LossReport, at: int = 0, event_id: str = "") -> BankEvent:
    """An event about a report, or about its card, from the report's own bank."""
    named = {"report_number": report.number} if kind == BLOCKED else {"card_number": CARD.number}
    return BankEvent(event_id or new_id(), report.bank, kind, at or report.reported_at + 1, **named)


class TestTheTable:
    def test_every_step_is_either_lawful_or_stale_or_refused(self) -> None:
        assert not set(TRANSITIONS) & STALE

    def test_a_stale_event_leaves_the_very_same_block(self) -> None:
        for state, news in STALE:
            block = Block("c", "icbc", state, "12345670", "ntc-1", 5)
            assert after(block, news, 9) is block

    def test_what_is_in_neither_is_refused(self) -> None:
        every = {(s, e) for s in BlockState for e in BlockEvent}
        refused = every - set(TRANSITIONS) - STALE
        assert (BlockState.FORMAL_LOSS, BlockEvent.UNBLOCKED) in refused
        for state, news in refused:
            with pytest.raises(UnlawfulTransitionError):
                after(Block("c", "icbc", state, "", "", 5), news, 9)

    def test_a_bank_and_an_attempt_can_always_be_believed_or_passed_over(self) -> None:
        """Of all that comes from outside only the end of a block is refused, of a formal loss."""
        outside = [*MEANS.values(), *BY_ATTEMPT.values()]
        refused = {(s, e) for s in BlockState for e in outside if (s, e) not in TRANSITIONS} - STALE
        ends = (BlockEvent.UNBLOCKED, BlockEvent.LAPSED)
        assert refused == {(BlockState.FORMAL_LOSS, end) for end in ends}


class TestAttempts:
    @pytest.mark.parametrize(("state", "outcome"), WAY_INTO.items())
    def test_the_first_attempt(self, records: Records, state: BlockState, outcome: Outcome) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, outcome)
        assert records.state(report) == state
        assert not records.is_owed(report.notice_id)
        assert len(records.hotline.outbox.attempts(report.notice_id)) == 1

    def test_a_failure_that_can_heal_changes_nothing_yet(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.FAILED, again_in=5)
        assert records.state(report) == BlockState.NOTIFIED
        assert records.is_owed(report.notice_id)
        assert records.texts() == ["text_filed"]

    @pytest.mark.parametrize(
        ("outcome", "text"),
        [
            (Outcome.BLOCKED, ["text_blocked"]),
            (Outcome.REFUSED, ["text_failed"]),
            (Outcome.FAILED, ["text_unreached"]),
            (Outcome.RECEIVED, []),
        ],
    )
    def test_the_holder_is_told(self, records: Records, outcome: Outcome, text: list[str]) -> None:
        records.bank_answers(records.reports_lost(ZHANG), outcome)
        assert records.texts() == sorted([*text, "text_filed"])

    @pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
    def test_a_failure_of_an_overtaken_notice_needs_nobody(
        self, records: Records, outcome: Outcome
    ) -> None:
        """The card was unblocked while the attempt was under way: nothing is owed any more."""
        report = records.reports_lost(ZHANG)
        notice = leased(records.hotline, report.notice_id, 30)
        assert notice is not None
        assert records.hotline.service.hear(event(UNBLOCKED, report)) == "applied"
        records.settles(notice, outcome)
        assert records.notice_state(report) == NoticeState.CLOSED
        assert records.hotline.redis.zcard(keys.NOTICES_STUCK) == 0
        assert len(records.hotline.outbox.attempts(report.notice_id)) == 1

    def test_an_attempt_for_an_earlier_report_leaves_the_next_one_alone(
        self, records: Records
    ) -> None:
        first = records.reports_lost(ZHANG)
        notice = leased(records.hotline, first.notice_id, 30)
        assert notice is not None
        records.seven_days_pass(first)
        second = records.reports_lost(ZHANG)
        records.settles(notice, Outcome.BLOCKED)
        assert records.state(second) == BlockState.NOTIFIED


class TestEvents:
    @pytest.mark.parametrize("state", [BlockState.REFUSED, BlockState.UNDELIVERABLE])
    @pytest.mark.parametrize("kind", [BLOCKED, UNBLOCKED, FORMAL_LOSS])
    def test_the_banks_word_settles_what_a_person_was_to_look_at(
        self, records: Records, state: BlockState, kind: str
    ) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, WAY_INTO[state])
        assert records.hotline.redis.zcard(keys.NOTICES_STUCK) == 1
        assert records.hotline.service.hear(event(kind, report)) == "applied"
        assert records.hotline.redis.zcard(keys.NOTICES_STUCK) == 0

    def test_of_an_unknown_report(self, records: Records) -> None:
        unknown = BankEvent(new_id(), "icbc", BLOCKED, 5, report_number="00000000")
        with pytest.raises(NotThisBanksError):
            records.hotline.service.hear(unknown)

    def test_the_error_and_the_event_hide_the_card(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        assert CARD.number not in repr(event(UNBLOCKED, report))
        with pytest.raises(NotThisBanksError) as error:
            records.hotline.service.hear(replace(event(UNBLOCKED, report), bank="ccb"))
        assert CARD.number not in repr(error.value)


class TestResend:
    @pytest.mark.parametrize("state", [BlockState.REFUSED, BlockState.UNDELIVERABLE])
    def test_what_failed_is_owed_again(self, records: Records, state: BlockState) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, WAY_INTO[state])
        assert records.hotline.service.send_again(report.notice_id)
        assert records.state(report) == BlockState.NOTIFIED
        assert records.is_owed(report.notice_id)
        assert records.hotline.redis.ttl(keys.notice(report.notice_id)) == -1
        assert records.hotline.redis.zcard(keys.NOTICES_STUCK) == 0
        records.bank_answers(report, Outcome.BLOCKED)
        assert records.state(report) == BlockState.BLOCKED

    def test_what_was_delivered_may_be_sent_again(self, records: Records) -> None:
        """The bank may have lost it; the id lets it see that it has not."""
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.BLOCKED)
        assert records.hotline.service.send_again(report.notice_id)
        assert records.state(report) == BlockState.BLOCKED
        records.bank_answers(report, Outcome.REFUSED)
        assert records.state(report) == BlockState.BLOCKED

    def test_what_is_open_is_left_alone(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        assert not records.hotline.service.send_again(report.notice_id)

    @pytest.mark.parametrize("kind", [UNBLOCKED, FORMAL_LOSS])
    @pytest.mark.parametrize("outcome", [None, *Outcome])
    def test_what_was_overtaken_is_never_sent_again(
        self, records: Records, kind: str, outcome: Outcome | None
    ) -> None:
        """A late notice must not block an unblocked card again, whatever came of it before."""
        report = records.reports_lost(ZHANG)
        if outcome is not None:
            records.bank_answers(report, outcome)
        records.hotline.service.hear(event(kind, report))
        assert not records.hotline.service.send_again(report.notice_id)
        assert not records.is_owed(report.notice_id)

    def test_the_notice_of_an_earlier_report_is_left_alone(self, records: Records) -> None:
        first = records.reports_lost(ZHANG)
        records.bank_answers(first, Outcome.REFUSED)
        records.seven_days_pass(first)
        records.reports_lost(ZHANG)
        assert not records.hotline.service.send_again(first.notice_id)

    def test_news_of_a_release_may_be_sent_again_any_time(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.seven_days_pass(report)
        records.hotline.service.hear(event(UNBLOCKED, report))
        (released,) = records.notices(NoticeKind.LOSS_RELEASED)
        claimed = leased(records.hotline, released.id, 30)
        assert claimed is not None
        records.settles(claimed, Outcome.REFUSED)
        assert records.hotline.service.send_again(released.id)


ANY_ORDER: Final = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


class AnyOrder(RuleBasedStateMachine):
    """One card through reports, attempts, events, resends and releases in any order.

    A second, tiny model applies the declared table; the store must always agree with it.
    """

    def __init__(self, records: Records) -> None:
        super().__init__()
        self.records = records
        self.reports: list[LossReport] = []
        self.claimed: list[Notice] = []
        self.sent: list[BankEvent] = []
        self.state: BlockState | None = None
        self.is_formal = False

    @initialize()
    def first_report(self) -> None:
        self.file()

    @precondition(lambda self: self.records.suspension(CARD) is None)
    @rule()
    def file(self) -> None:
        self.reports.append(self.records.reports_lost(ZHANG))
        self.state = BlockState.NOTIFIED

    @precondition(lambda self: self.reports)
    @rule()
    def claim(self) -> None:
        for report in self.reports:
            if notice := leased(self.hotline, report.notice_id, 0):
                self.claimed.append(notice)

    @precondition(lambda self: self.claimed)
    @rule(outcome=st.sampled_from(Outcome), again=st.booleans(), which=st.integers(0, 99))
    def settle(self, outcome: Outcome, again: bool, which: int) -> None:
        notice = self.claimed.pop(which % len(self.claimed))
        was_open = self.records.is_owed(notice.id)
        self.records.settles(notice, outcome, again_in=0 if again else None)
        is_over = outcome is not Outcome.FAILED or not again
        # A second attempt under way when the first one closed the notice: bad news proves nothing.
        counts = was_open or outcome in (Outcome.RECEIVED, Outcome.BLOCKED)
        if is_over and counts and notice.id == self.reports[-1].notice_id:
            self.step(BY_ATTEMPT[outcome])

    @rule(kind=st.sampled_from(OF_THE_BLOCK), which=st.integers(0, 99), late=st.integers(-5, 5))
    def bank_tells(self, kind: str, which: int, late: int) -> None:
        report = self.reports[which % len(self.reports)]
        told = event(kind, report, report.reported_at + late)
        self.sent.append(told)
        block, latest = self.state, self.reports[-1]
        is_old_news = (kind == BLOCKED and report is not latest and block is not None) or (
            kind in (UNBLOCKED, LAPSED) and told.at < latest.reported_at
        )
        step = (self.state, MEANS[kind])
        if is_old_news or step in STALE or self.state is None:
            assert self.apply(told) == "stale"
        elif step in TRANSITIONS:
            assert self.apply(told) == "applied"
            self.step(MEANS[kind])
        else:
            self.sent.pop()
            with pytest.raises(UnlawfulTransitionError):
                self.apply(told)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 99))
    def bank_repeats(self, which: int) -> None:
        assert self.apply(self.sent[which % len(self.sent)]) == "duplicate"

    @rule(which=st.integers(0, 99))
    def resend(self, which: int) -> None:
        report = self.reports[which % len(self.reports)]
        was_sent = self.hotline.service.send_again(report.notice_id)
        if was_sent:
            assert report is self.reports[-1]
            assert self.state not in OVER
            if (self.state, BlockEvent.RESENT) in TRANSITIONS:
                self.step(BlockEvent.RESENT)

    @precondition(lambda self: not self.is_formal)
    @rule()
    def seven_days_pass(self) -> None:
        self.records.seven_days_pass(self.reports[-1])

    @invariant()
    def the_block_is_what_the_table_says(self) -> None:
        assert self.records.state(CARD) == self.state
        listed = self.hotline.redis.zscore(keys.blocks("icbc"), self.records.card_ref(CARD))
        assert (listed is not None) == (self.state not in (None, *ENDED))

    @invariant()
    def an_overtaken_notice_is_not_owed(self) -> None:
        if self.state in OVER:
            assert not self.records.is_owed(self.reports[-1].notice_id)

    @invariant()
    def a_formal_loss_has_no_end(self) -> None:
        if self.is_formal:
            suspension = self.records.suspension(CARD)
            assert suspension is not None
            assert suspension.kind is ReportKind.FORMAL
            assert self.hotline.redis.ttl(keys.loss(self.records.card_ref(CARD))) == -1
            states = {self.records.report_state(report) for report in self.reports}
            assert ReportState.ACTIVE not in states

    @property
    def hotline(self) -> Hotline:
        return self.records.hotline

    def apply(self, told: BankEvent) -> EventStatus:
        return self.hotline.service.hear(told)

    def step(self, news: BlockEvent) -> None:
        assert self.state is not None
        step = (self.state, news)
        assert step in TRANSITIONS or step in STALE
        self.state = TRANSITIONS.get(step, self.state)
        self.is_formal = self.state is BlockState.FORMAL_LOSS


def test_any_order_of_events_and_attempts_follows_the_table(redis: Redis) -> None:
    class OnThisRedis(AnyOrder):
        def __init__(self) -> None:
            super().__init__(fresh_records(redis))

    run_state_machine_as_test(OnThisRedis, settings=ANY_ORDER)


class TestWhatARefusalProves:
    """A refusal of a later attempt says nothing of an earlier one that may have arrived."""

    def test_a_receipt_stands(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.RECEIVED)
        notice = records.hotline.outbox.find(report.notice_id)
        assert notice is not None
        records.hotline.service.send_again(notice.id)
        records.bank_answers(report, Outcome.REFUSED)
        assert records.state(report) is BlockState.RECEIVED
        assert records.hotline.redis.zscore(keys.NOTICES_STUCK, notice.id) is not None

    def test_after_an_attempt_without_an_answer_it_is_not_confirmed(self, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        notice = leased(records.hotline, report.notice_id, 30)
        assert notice is not None
        now = int(records.hotline.outbox.now())
        lost = Attempt(now, Outcome.FAILED, None, 5000, "read_timeout")
        records.hotline.service.settle(notice.id, lost, now)
        records.hotline.service.settle(notice.id, Attempt(now, Outcome.REFUSED, 409, 5, ""), None)
        assert records.state(report) is BlockState.UNDELIVERABLE
