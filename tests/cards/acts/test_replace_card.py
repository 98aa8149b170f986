"""A card is replaced: every record of the old one is closed, for every state it may be in."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.hear import hear
from ivr.cards.acts.report import Fresh
from ivr.cards.acts.whose import Whose
from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Reissue
from ivr.cards.loss import ReportState, Suspension
from ivr.cards.notice import NoticeState
from ivr.cards.records import Card, CardState, Holder, Progress
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    BANK,
    CARD_REF,
    EVERY_BLOCK,
    EVERY_NOTICE,
    NOW,
    NUMBER,
    REPORTED_AT,
    WEEK,
    a_block,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    a_suspension,
    an_event,
)

OTHER: Final = Card("B00000001", BANK, "6222020000000001", "330100")
OLD: Final = Card("A12345678", BANK, "6222021234565678", "110100", CardState.FORMAL_LOSS)
NEW: Final = Card("A87654321", BANK, "6222029999999999", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (OTHER, OLD))
RULES: Final = Rules((BANK,), WEEK)
SUSPENDED_BY: Final = (None, a_suspension(), a_formal_suspension())


def replaced(
    case: Case, notice: str = "open", *, holder: Holder = ZHANG, number: str = NEW.number,
    at: int = NOW - 10,
) -> tuple[str, Change]:  # fmt: skip
    whose = Whose("holder-1", holder, OLD, Fresh("87654321", "ntc-2"), "zh")
    event = an_event("replaced", at=at, new_card_number=number, new_bank_account=NEW.bank_account)
    now = a_notice(notice) if case.block else None
    return hear(case, now, event, RULES, NOW, heard_before=False, whose=whose)


@pytest.mark.parametrize(
    ("block", "suspension", "state"), list(product(EVERY_BLOCK, SUSPENDED_BY, ReportState))
)
def test_all_that_follows(block: str, suspension: Suspension | None, state: ReportState) -> None:
    case = a_case(block, suspension=suspension)
    case = replace(case, report=a_report(state=state) if case.block else None)
    status, change = replaced(case)
    assert status == "applied"
    assert change.lifted == (suspension is not None)
    closed = a_report(state=ReportState.CLOSED)
    is_running = case.report is not None and state is ReportState.ACTIVE
    assert change.report == (closed if is_running else None)
    assert change.reissue == Reissue("holder-1", replace(ZHANG, cards=(OTHER, NEW)), CARD_REF, NEW)
    is_closed = case.block is not None and case.block.state is not BlockState.REPLACED
    assert (change.block and change.block.state) == (BlockState.REPLACED if is_closed else None)
    told = [owed.body["prompt"] for owed in change.owes]
    assert told == (["text_replaced"] if is_closed else [])
    fields = {"card": CARD_REF, "bank": BANK, "report": NUMBER if case.report else ""}
    assert Entry("card_replaced", fields) in change.journal


@pytest.mark.parametrize("notice", EVERY_NOTICE)
def test_nobody_asks_the_bank_to_block_the_old_card(notice: str) -> None:
    _, change = replaced(a_case("notified"), notice)
    assert change.notice is not None
    assert change.notice.state == (NoticeState.CLOSED if notice == "open" else None)
    assert change.notice.needs_person is False


def test_an_import_has_brought_the_new_card_before() -> None:
    locked = replace(NEW, state=CardState.LOCKED, bank_account="1")
    both = replace(ZHANG, cards=(locked, OTHER, OLD))
    _, change = replaced(a_case("none"), holder=both)
    assert change.reissue is not None
    assert change.reissue.holder.cards == (OTHER, NEW)


def test_a_card_of_the_same_number_has_a_new_account() -> None:
    same = replace(NEW, number=OLD.number)
    _, change = replaced(a_case("blocked"), number=OLD.number)
    assert change.reissue == Reissue(
        "holder-1", replace(ZHANG, cards=(OTHER, same)), CARD_REF, same
    )


def test_of_the_same_number_news_from_before_the_report_is_stale() -> None:
    """Then it is the new card that was reported lost."""
    status, change = replaced(a_case("blocked"), number=OLD.number, at=REPORTED_AT - 1)
    assert (status, replace(change, journal=())) == ("stale", NOTHING)


def test_nor_does_older_news_end_a_formal_loss_that_nobody_reported_before() -> None:
    block = a_block("formal_loss", report_number="", notice_id="", changed_at=NOW - 9)
    case = Case(CARD_REF, a_formal_suspension(""), block)
    assert replaced(case, number=OLD.number, at=NOW - 10)[0] == "stale"
    assert replaced(case, number=OLD.number, at=NOW - 9)[0] == "applied"
    assert replaced(case, at=NOW - 10)[0] == "applied", "a card of another number"


def test_the_same_news_under_another_id_is_stale() -> None:
    done = replace(ZHANG, cards=(OTHER, replace(NEW, number=OLD.number)))
    whose = Whose("holder-1", done, done.cards[1], Fresh("87654321", "ntc-2"), "zh")
    case = a_case("replaced", suspension=None, report=a_report(state=ReportState.CLOSED))
    event = an_event("replaced", new_card_number=OLD.number, new_bank_account=NEW.bank_account)
    status, change = hear(case, None, event, RULES, NOW, heard_before=False, whose=whose)
    assert (status, replace(change, journal=())) == ("stale", NOTHING)


def test_no_number_shows_in_what_is_decided() -> None:
    _, change = replaced(a_case("blocked"))
    assert NEW.number not in repr(change)
    assert NEW.bank_account not in repr(change)


def test_how_far_the_new_card_was_is_over() -> None:
    """Whatever the last file said of it."""
    arrived = replace(OLD, progress=Progress.AT_THE_OUTLET)
    holder = replace(ZHANG, cards=(OTHER, arrived))
    whose = Whose("holder-1", holder, arrived, Fresh("87654321", "ntc-2"), "zh")
    event = an_event(
        "replaced", new_card_number=NEW.number, new_bank_account=NEW.bank_account, at=NOW - 10
    )
    case = a_case("none")
    _, change = hear(case, None, event, RULES, NOW, heard_before=False, whose=whose)
    assert change.reissue is not None
    assert change.reissue.holder.cards == (OTHER, NEW)
