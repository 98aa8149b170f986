"""A whole hotline on a real Redis against a plain model of one card: any news in any order.

After each step both must say the same of the card, of what is owed, listed and told. A week passes
by making all records a week older, which is the same to whoever reads them.
"""

import time
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from redis import Redis

from ivr.cards.acts.report import ReportRequest
from ivr.cards.acts.withdraw import Decision, Withdrawal
from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_LOSS,
    FORMAL_WITHDRAWN,
    LAPSED,
    REPLACED,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.cards.errors import FormalLossStaysError, UnlawfulTransitionError
from ivr.cards.loss import LossReport
from ivr.cards.notice import Outcome
from ivr.store import keys
from ivr.store.codec import dump
from tests.bank_side import Records, new_id
from tests.builders import settings as some_settings
from tests.hotline import open_hotline
from tests.service.one_card import CARD, ZHANG, what_holds_of_one_card
from tests.service.reference import City, Model

WEEK: Final = 604_800
LONG: Final = 60 * WEEK
CITIES: Final = [
    City(),
    City(decoupling_ends=True, formal_may_end=True),
    City(formal_may_end=True, may_renew=False),
]
OUTCOMES: Final = {
    "received": Outcome.RECEIVED,
    "blocked": Outcome.BLOCKED,
    "refused": Outcome.REFUSED,
    "undeliverable": Outcome.FAILED,
}
LONG_AGO: Final = st.sampled_from([False, False, False, True])
COUNTED: Final[dict[str, Any]] = {"runs": 0, "steps": 0, "states": set()}
EXAMPLES: Final = 40


def text_of(city: City) -> str:
    return (
        f"decoupling_ends_suspension = {str(city.decoupling_ends).lower()}\n"
        f"formal_loss_may_be_withdrawn = {str(city.formal_may_end).lower()}\n"
        f"report_may_be_renewed_after_release = {str(city.may_renew).lower()}\n"
    )


class BothOfThem(RuleBasedStateMachine):
    """Everything that happens, happens to the hotline and to the model."""

    redis: Redis

    @initialize(city=st.sampled_from(CITIES))
    def opens(self, city: City) -> None:
        self.redis.flushall()
        opened = open_hotline(some_settings("unix:///unused", rules=text_of(city)), self.redis)
        self.records = Records(opened)
        self.records.enrols(ZHANG)
        self.model = Model(city)
        self.reports: list[str] = []
        self.calls = 0
        self.longest = LONG
        self.account = CARD.bank_account
        COUNTED["runs"] += 1

    @rule()
    def somebody_reports(self) -> None:
        self.calls += 1
        ref = self.records.hotline.vault.ref("id", ZHANG.id_number)
        wish = ReportRequest(ref, self.card_ref, "phone", f"CA{self.calls}", "zh")
        filing = self.records.hotline.service.report_loss(wish)
        assert (filing.refusal is None) == self.model.caller_reports()

    @precondition(lambda self: self.model.owed)
    @rule(what=st.sampled_from(list(OUTCOMES)))
    def the_bank_answers(self, what: str) -> None:
        notice = self.records.notice(self.latest.notice_id)
        self.records.settles(notice, OUTCOMES[what])
        self.model.bank_answers(what)

    @rule()
    def a_person_sends_it_again(self) -> None:
        latest = self.find_latest()
        sent = latest is not None and self.records.hotline.service.send_again(latest.notice_id)
        assert sent == self.model.sent_again()

    @precondition(lambda self: self.reports)
    @rule(of_this_report=st.booleans())
    def the_bank_tells_blocked(self, *, of_this_report: bool) -> None:
        number = self.latest.number if of_this_report else self.reports[0]
        is_this = number == self.latest.number
        came_to = self.hears(BLOCKED, report_number=number)
        assert came_to == self.model.blocked(of_this_report=is_this)

    @rule(long_ago=LONG_AGO)
    def the_bank_tells_unblocked(self, *, long_ago: bool) -> None:
        told = self.model.unblocked(long_ago=long_ago)
        assert self.hears(UNBLOCKED, long_ago=long_ago) == told

    @rule(long_ago=LONG_AGO)
    def the_block_lapses(self, *, long_ago: bool) -> None:
        told = self.model.lapsed(long_ago=long_ago)
        assert self.hears(LAPSED, long_ago=long_ago) == told

    @rule(long_ago=LONG_AGO)
    def a_formal_loss(self, *, long_ago: bool) -> None:
        told = self.model.formally_lost(long_ago=long_ago)
        assert self.hears(FORMAL_LOSS, long_ago=long_ago) == told

    @rule(long_ago=LONG_AGO)
    def a_formal_loss_is_withdrawn(self, *, long_ago: bool) -> None:
        told = self.model.formal_loss_withdrawn(long_ago=long_ago)
        assert self.hears(FORMAL_WITHDRAWN, long_ago=long_ago) == told

    @rule(long_ago=LONG_AGO)
    def the_banks_line_takes_a_report(self, *, long_ago: bool) -> None:
        told = self.model.taken(long_ago=long_ago)
        assert self.hears(TEMPORARY_LOSS, long_ago=long_ago) == told

    @rule(long_ago=LONG_AGO, account=st.sampled_from(["6222020000000001", "6222020000000002"]))
    def the_card_is_replaced(self, account: str, *, long_ago: bool) -> None:
        is_other = account != self.account
        told = self.model.replaced(long_ago=long_ago, is_other_account=is_other)
        new = {"new_card_number": CARD.number, "new_bank_account": account}
        assert self.hears(REPLACED, long_ago=long_ago, **new) == told
        self.account = account if told == "applied" else self.account

    @rule()
    def an_operator_withdraws_it(self) -> None:
        latest = self.find_latest()
        service, decision = self.records.hotline.service, Decision("Li", "a prank")
        came_to = service.withdraw(latest.number, decision) if latest else Withdrawal.UNKNOWN
        assert (came_to is Withdrawal.WITHDRAWN) == self.model.withdrawn()

    @rule()
    def seven_days_pass(self) -> None:
        """Redis ends the suspension by itself, and the sweep finds out."""
        self.grow_older()
        self.records.hotline.service.release_due()
        self.model.seven_days_pass()

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "model"):
            return
        latest, model = self.find_latest(), self.model
        if latest is not None and latest.number not in self.reports:
            self.reports.append(latest.number)
        suspension, block = self.records.suspension(CARD), self.records.state(CARD)
        seen = (
            "active" if suspension is None else suspension.kind.value,
            block.value if block else "none",
            latest.state.value if latest else "none",
            latest is not None and self.records.is_owed(latest.notice_id),
            len(self.reports),
            sorted(self.records.texts()),
        )
        expected = (model.social, model.block, model.report, model.owed, model.reports,
                    sorted(model.texts))  # fmt: skip
        assert seen == expected
        what_holds_of_one_card(self.records)
        COUNTED["steps"] += 1
        COUNTED["states"].add(expected[:4])

    @property
    def card_ref(self) -> str:
        return self.records.card_ref(CARD)

    @property
    def latest(self) -> LossReport:
        found = self.find_latest()
        assert found is not None
        return found

    def find_latest(self) -> LossReport | None:
        """The report that the block belongs to."""
        block = self.records.block(CARD)
        number = block.report_number if block else ""
        return self.records.report(number) if number else None

    def hears(self, kind: str, *, long_ago: bool = False, **named: str) -> str:
        self.longest += WEEK  # before whatever else was told of long ago
        at = int(time.time()) - (self.longest if long_ago else 0)
        named = {"card_number": CARD.number, **named} if kind != BLOCKED else named
        try:
            event = BankEvent(new_id(), "icbc", kind, at, **named)
            return self.records.hotline.service.hear(event)
        except (UnlawfulTransitionError, FormalLossStaysError):
            return "unlawful"

    def grow_older(self) -> None:
        """All records of the card are a week older; what has ended by then is gone."""
        self.longest += WEEK
        for report in self.records.reports():
            older = replace(
                report,
                reported_at=report.reported_at - WEEK,
                release_at=report.release_at - WEEK,
            )
            self.redis.set(keys.report(report.number), dump(older), keepttl=True)
            if self.redis.zscore(keys.DEADLINES, report.number) is not None:
                self.redis.zincrby(keys.DEADLINES, -WEEK, report.number)
        if (block := self.records.block(CARD)) is not None:
            older_block = replace(block, changed_at=block.changed_at - WEEK)
            self.redis.set(keys.block(self.card_ref), dump(older_block), keepttl=True)
        suspension = self.records.suspension(CARD)
        if suspension is not None and suspension.release_at is not None:
            self.redis.delete(keys.loss(self.card_ref))


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
def test_the_hotline_does_what_the_model_does(redis: Redis) -> None:
    BothOfThem.redis = redis
    checks = settings(
        max_examples=EXAMPLES, stateful_step_count=30, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run(BothOfThem, settings=checks)
    runs, steps, states = COUNTED["runs"], COUNTED["steps"], len(COUNTED["states"])
    print(f"\nreference model: {runs} runs, {steps} steps, {states} states, none differing")
    assert states > 10
