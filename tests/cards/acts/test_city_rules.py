"""What a city decides: each rule as the domain has it, and the other way round."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.hear import hear
from ivr.cards.acts.report import Fresh, Origin, Refusal, ReportRequest, refusal, report
from ivr.cards.acts.whose import Whose
from ivr.cards.block import BlockState
from ivr.cards.change import Entry, Reissue
from ivr.cards.errors import FormalLossStaysError
from ivr.cards.loss import ReportState
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    BANK,
    CARD_REF,
    EVERY_BLOCK,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    WEEK,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    a_suspension,
    an_event,
)

CARD: Final = Card("A12345678", BANK, "6222021234565678", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
RULES: Final = Rules((BANK,), WEEK)
REQUEST: Final = ReportRequest("holder-1", CARD_REF, "phone", "CA2", "zh")
UNBLOCKABLE: Final = (
    "notified", "received", "blocked", "refused", "undeliverable", "withdrawn", "lapsed",
)  # fmt: skip


@pytest.mark.parametrize(("block", "ends"), list(product(UNBLOCKABLE, (False, True))))
def test_whether_decoupling_ends_the_suspension(block: str, *, ends: bool) -> None:
    rules = replace(RULES, decoupling_ends_suspension=ends)
    event = an_event("unblocked")
    status, change = hear(a_case(block), a_notice(), event, rules, NOW, heard_before=False)
    assert status == "applied"
    assert change.block is not None
    assert change.block.state is BlockState.UNBLOCKED
    assert change.lifted is ends
    assert change.report == (a_report(state=ReportState.RELEASED) if ends else None)
    told = [owed.body["prompt"] for owed in change.owes]
    assert told == ["text_decoupled" if ends else "text_unblocked"]
    released = Entry("loss_released", {"report": NUMBER, "card": CARD_REF, "bank": BANK})
    assert (released in change.journal) is ends


@pytest.mark.parametrize(
    "suspension", [None, a_formal_suspension(), a_suspension(report_number=OTHER_NUMBER)]
)
def test_decoupling_ends_no_other_suspension(suspension: None) -> None:
    rules = replace(RULES, decoupling_ends_suspension=True)
    case = a_case("blocked", suspension=suspension)
    _, change = hear(case, None, an_event("unblocked"), rules, NOW, heard_before=False)
    assert (change.lifted, change.report) == (False, None)


def test_a_formal_loss_stays_where_the_city_says_so() -> None:
    event = an_event("formal withdrawn")
    with pytest.raises(FormalLossStaysError):
        hear(a_case("formal_loss"), None, event, RULES, NOW, heard_before=False)


LOST: Final = replace(CARD, state=CardState.FORMAL_LOSS)
WHOSE: Final = Whose("holder-1", replace(ZHANG, cards=(LOST,)), LOST, Fresh("0", "ntc-2"), "zh")


@pytest.mark.parametrize("block", ["none", "formal_loss"])
def test_a_formal_loss_that_the_directory_knows_is_withdrawn_there_too(block: str) -> None:
    rules = replace(RULES, formal_loss_may_be_withdrawn=True)
    event = an_event("formal withdrawn")
    found = hear(a_case(block), None, event, rules, NOW, heard_before=False, whose=WHOSE)
    assert found[0] == "applied"
    assert found[1].reissue == Reissue("holder-1", ZHANG, CARD_REF, CARD)
    with pytest.raises(FormalLossStaysError):
        hear(a_case(block), None, event, RULES, NOW, heard_before=False, whose=WHOSE)


def test_news_from_before_the_formal_loss_changes_nothing_there() -> None:
    rules = replace(RULES, formal_loss_may_be_withdrawn=True)
    event = an_event("formal withdrawn", at=1)
    case = a_case("formal_loss")
    _, change = hear(case, None, event, rules, NOW, heard_before=False, whose=WHOSE)
    assert change.reissue is None


@pytest.mark.parametrize("block", [b for b in EVERY_BLOCK if b != "formal_loss"])
def test_there_is_no_formal_loss_to_withdraw(block: str) -> None:
    event = an_event("formal withdrawn")
    assert hear(a_case(block), None, event, RULES, NOW, heard_before=False)[0] == "stale"


# Whether a report that ran out may be renewed where the rule is against it: only of a card that
# its bank does not block any more, for that one was found, or is not safe.
MAY_BE: Final = {
    block: block in ("none", "unblocked", "lapsed", "replaced") for block in EVERY_BLOCK
}


@pytest.mark.parametrize(
    ("block", "state", "may_be"),
    list(product(EVERY_BLOCK, ("active", "released"), (False, True))),
)
def test_whether_a_report_may_be_renewed(block: str, state: str, *, may_be: bool) -> None:
    rules = replace(RULES, report_may_be_renewed_after_release=may_be)
    case = a_case(block, suspension=None)
    case = replace(case, report=a_report(state=ReportState(state)) if case.block else None)
    why_not = None if may_be or MAY_BE[block] else Refusal.NOT_RENEWED
    assert refusal(case, ZHANG, CARD, rules, NOW) is why_not
    filing, _ = report(case, ZHANG, CARD, REQUEST, Fresh("87654321", "ntc-2"), rules, NOW)
    assert filing.refusal is why_not


@pytest.mark.parametrize("state", ["withdrawn", "superseded", "closed"])
def test_what_did_not_run_out_is_no_renewal(state: str) -> None:
    rules = replace(RULES, report_may_be_renewed_after_release=False)
    case = a_case("blocked", suspension=None, report=a_report(state=ReportState(state)))
    assert refusal(case, ZHANG, CARD, rules, NOW) is None


@pytest.mark.parametrize(
    ("channels", "why_not"),
    [(None, None), (("phone", "web"), None), (("web",), Refusal.CHANNEL_CLOSED)],
)
def test_which_channels_are_open(channels: tuple[str, ...] | None, why_not: Refusal | None) -> None:
    rules = replace(RULES, channels=channels)
    case = a_case("none")
    assert refusal(case, ZHANG, CARD, rules, NOW, Origin("phone", "CA1")) is why_not
    filing, _ = report(case, ZHANG, CARD, REQUEST, Fresh("87654321", "ntc-2"), rules, NOW)
    assert filing.refusal is why_not
