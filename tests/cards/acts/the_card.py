"""One card through any acts in any order: every change is kept in memory, as a store keeps it."""

from dataclasses import dataclass, replace
from typing import Final

from ivr.cards.acts.dispute import dispute
from ivr.cards.acts.hear import hear
from ivr.cards.acts.release import release
from ivr.cards.acts.remind import FIRST_AFTER, remind
from ivr.cards.acts.report import Fresh, ReportRequest, report
from ivr.cards.acts.send_again import send_again
from ivr.cards.acts.settle import settle
from ivr.cards.acts.whose import Whose
from ivr.cards.acts.withdraw import Decision, withdraw
from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, NoticeChange
from ivr.cards.errors import FormalLossStaysError, UnlawfulTransitionError
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, Notice, NoticeState
from ivr.cards.records import Card, Holder
from ivr.cards.rules import Rules
from tests.cards.acts.builders import BANK, CARD_REF, NOW, WEEK, a_notice, an_attempt, an_event

CARD: Final = Card("A12345678", BANK, "6222021234565678", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
RULES: Final = Rules((BANK,), WEEK)
# The new card may have the number of the old one: then everything may happen to it again.
NEW: Final = {"new_card_number": CARD.number, "new_bank_account": "6222021234560000"}


def applied(case: Case, change: Change) -> Case:
    """The case once a change is stored; the release of an earlier report is not its own."""
    block, new = change.block or case.block, change.report
    is_its_own = new is not None and block is not None and block.report_number == new.number
    suspension = None if change.lifted else change.suspension or case.suspension
    return Case(case.card_ref, suspension, block, new if is_its_own else case.report)


@dataclass(frozen=True)
class Step:
    """What one act did: the card before it, and the change; `says_blocked`: the bank did, in it."""

    before: Case
    change: Change
    says_blocked: bool


class TheCard:
    """One card, its reports and the notices to block it, oldest first."""

    def __init__(self) -> None:
        self.now = NOW
        self.case = Case(CARD_REF)
        self.reports: list[LossReport] = []
        self.notices: list[Notice] = []
        self.attempts: list[list[Attempt]] = []
        self.reminders: dict[str, int] = {}
        self.for_a_person: set[str] = set()
        self.steps: list[Step] = []
        self.rules = RULES

    def is_reported(self) -> None:
        """By a call of its own; nothing happens when the card may not be reported now."""
        n = len(self.reports)
        request = ReportRequest("holder-1", "card-1", "phone", f"CA{n}", "zh")
        fresh = Fresh(f"{n:08}", f"ntc-{n}")
        earlier = self._notice()
        _, change = report(self.case, ZHANG, CARD, request, fresh, RULES, self.now, earlier=earlier)
        if change.report is not None:
            self.notices.append(a_notice(id=fresh.notice_id, report_number=fresh.number))
            self.attempts.append([])
        self._keep(change)

    def is_attempted(self, came_to: str, which: int = -1, *, again: bool = False) -> None:
        """A notice is delivered, or not; two attempts at the same one may overlap."""
        if self.notices:
            notice, earlier = self.notices[which], self.attempts[which]
            due = self.now + 60 if again else None
            change = settle(self.case, notice, earlier, an_attempt(came_to), due, self.now)
            self._keep(change, says_blocked=came_to == "blocked")

    def is_told(self, news: str, which: int = -1, *, before: bool = False) -> None:
        """By its bank, of one of the reports; `before`: it happened before that report."""
        number = self.reports[which].number if self.reports else ""
        named = {"report_number": number} if news == "blocked" else {}
        named |= NEW if news == "replaced" else {}
        at = self.now - 2 * WEEK if before else self.now
        event = an_event(news, at=at, **named)
        try:
            _, change = hear(
                self.case, self._notice(), event, self.rules, self.now, heard_before=False,
                whose=self._whose(),
            )  # fmt: skip
        except (FormalLossStaysError, UnlawfulTransitionError):
            change = NOTHING
        self._keep(change, says_blocked=news in ("blocked", "taken", "formal withdrawn"))

    def _whose(self) -> Whose:
        n = len(self.reports)
        return Whose("holder-1", ZHANG, CARD, Fresh(f"{n:08}", f"ntc-{n}"), "zh")

    def is_sent_again(self, which: int = -1) -> None:
        """A person sends one of the notices again."""
        if self.notices:
            self._keep(send_again(self.case, self.notices[which], self.now))

    def is_withdrawn(self, which: int = -1) -> None:
        """An operator takes a report back."""
        if self.reports:
            report = self.reports[which]
            notice = next((n for n in self.notices if n.id == report.notice_id), None)
            _, change = withdraw(self.case, report, notice, {}, Decision("Li", "why"), self.now)
            self._keep(change)

    def is_disputed(self) -> None:
        """The holder says "it was not me"."""
        if self.reports:
            self._keep(dispute(self.case, self.reports[-1], {}, "phone", self.now)[1])

    def waits(self, seconds: int) -> None:
        """Time passes, Redis ends the suspension by itself, and then the sweep looks."""
        self.now += seconds
        end = self.case.suspension.release_at if self.case.suspension else None
        if end is not None and end <= self.now:
            self.case = replace(self.case, suspension=None)
        for each in list(self.reports):
            self._keep(release(self.case, each, {}, self.now))
        for notice_id in [i for i, at in self.reminders.items() if at <= self.now]:
            known = [notice for notice in self.notices if notice.id == notice_id]
            self._keep(remind(self.case, known[0], notice_id, self.now))

    def open_notices(self) -> list[str]:
        return [notice.id for notice in self.notices if notice.state is NoticeState.OPEN]

    def _notice(self) -> Notice | None:
        """The one the block belongs to."""
        block = self.case.block
        return next((n for n in self.notices if block and n.id == block.notice_id), None)

    def _keep(self, change: Change, *, says_blocked: bool = False) -> None:
        self.steps.append(Step(self.case, change, says_blocked))
        self.case = applied(self.case, change)
        new = change.report
        if new is not None:
            known = {report.number: report for report in self.reports}
            self.reports = list({**known, new.number: new}.values())
        if change.block is not None and change.block.notice_id:
            is_received = change.block.state is BlockState.RECEIVED
            self._remind(change.block.notice_id, self.now + FIRST_AFTER if is_received else None)
        if change.reminder is not None:
            self._remind(change.reminder.notice_id, change.reminder.at)
        if change.notice is not None:
            self._keep_notice(change.notice)

    def _keep_notice(self, told: NoticeChange) -> None:
        n = self.notices.index(told.notice)
        self.notices[n] = replace(told.notice, state=told.state or told.notice.state)
        if told.attempt is not None:
            self.attempts[n].append(told.attempt)
        if told.needs_person is not None:
            change_list = self.for_a_person.add if told.needs_person else self.for_a_person.discard
            change_list(told.notice.id)

    def _remind(self, notice_id: str, at: int | None) -> None:
        self.reminders.pop(notice_id, None)
        if at is not None:
            self.reminders[notice_id] = at
