"""The holder says "it was not me": recorded once while the report runs, and nothing released."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.dispute import dismiss, dispute
from ivr.cards.acts.withdraw import Decision
from ivr.cards.change import NOTHING, Change, Entry, Owed
from ivr.cards.loss import ReportState
from ivr.cards.notice import NoticeKind
from tests.cards.acts.builders import EVERY_BLOCK, NOW, a_case, a_report, a_suspension, a_text
from tests.cards.acts.test_withdraw import COLUMNS, COMES_TO, SUSPENDED_BY, TOLD

LI: Final = Decision("Li", "they remembered")


def disputed() -> Change:
    """All that follows: neither the suspension nor the block is touched."""
    says = {name: value for name, value in TOLD.items() if name != "action"}
    body = {"type": "card.report_disputed", "timestamp": "2026-11-22T08:30:00Z", "data": says}
    line = {"report": "12345670", "card": "card-1", "bank": "icbc", "channel": "phone"}
    kind = NoticeKind.REPORT_DISPUTED
    return Change(
        report=a_report(disputed_at=NOW),
        owes=(Owed(kind, "icbc", NOW, body, "12345670", "card-1"), a_text("text_disputed")),
        journal=(Entry("report_disputed", line),),
    )


@pytest.mark.parametrize(("state", "by"), list(product(COMES_TO, COLUMNS)))
def test_when_it_is_recorded(state: str, by: str) -> None:
    """While a withdrawal would do something, and then only."""
    runs = COMES_TO[state][COLUMNS.index(by)] == "WITHDRAWN"
    for block in EVERY_BLOCK:
        case = replace(a_case(block), suspension=SUSPENDED_BY[by])
        found = dispute(case, a_report(state=ReportState(state)), TOLD, "phone", NOW)
        assert found == (("recorded", disputed()) if runs else ("over", NOTHING)), block


@pytest.mark.parametrize("block", EVERY_BLOCK)
def test_twice_is_once(block: str) -> None:
    case = replace(a_case(block), suspension=a_suspension())
    again = dispute(case, a_report(disputed_at=NOW - 60), TOLD, "sms", NOW)
    assert again == ("known", NOTHING)


@pytest.mark.parametrize("state", ReportState)
def test_a_dismissal_closes_what_is_open(state: ReportState) -> None:
    report = a_report(state=state, disputed_at=NOW)
    line = {"report": "12345670", "card": "card-1", "bank": "icbc", "by": "Li",
            "confirmed_by": "", "reason": "they remembered"}  # fmt: skip
    closed = Change(report=a_report(), journal=(Entry("dispute_dismissed", line),))
    assert dismiss(report, LI) == (closed if state is ReportState.ACTIVE else NOTHING)
    assert dismiss(a_report(state=state), LI) == NOTHING


def test_a_holder_may_object_again_after_a_dismissal() -> None:
    change = dismiss(a_report(disputed_at=NOW - 60), LI)
    assert change.report is not None
    assert dispute(a_case(), change.report, TOLD, "phone", NOW)[0] == "recorded"
