"""A bank's news of a card: what is believed, and all that follows, for every state of the card."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.hear import hear
from ivr.cards.bank_event import BankEvent
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.errors import UnlawfulTransitionError
from ivr.cards.loss import ReportState
from ivr.cards.notice import Notice, NoticeState
from ivr.cards.rules import Rules
from tests.cards.acts.builders import (
    BANK,
    CARD_REF,
    EVERY_BLOCK,
    EVERY_NOTICE,
    NEWS,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    REPORTED_AT,
    WEEK,
    a_block,
    a_case,
    a_formal_suspension,
    a_notice,
    a_report,
    a_step,
    a_suspension,
    a_text,
    an_event,
)

Table = Mapping[str, tuple[str, ...]]

# Columns: what the bank tells us.
COLUMNS: Final = ("blocked", "unblocked", "formal loss", "lapsed", "formal withdrawn")
RULES: Final = Rules((BANK,), WEEK, formal_loss_may_be_withdrawn=True)

# fmt: off
# The block now: the block then, when the bank tells us one of these. "stale" news changes
# nothing; "unlawful" news is an error of the bank: only a new card helps after a formal loss.
BLOCK_THEN: Final[Table] = {
    #                 "blocked"  "unblocked"  "formal loss"  "lapsed"    "formal withdrawn"
    "none":          ("stale",   "stale",     "formal_loss", "stale",    "stale"),
    "notified":      ("blocked", "unblocked", "formal_loss", "stale",    "stale"),
    "received":      ("blocked", "unblocked", "formal_loss", "lapsed",   "stale"),
    "blocked":       ("stale",   "unblocked", "formal_loss", "lapsed",   "stale"),
    "refused":       ("blocked", "unblocked", "formal_loss", "stale",    "stale"),
    "undeliverable": ("blocked", "unblocked", "formal_loss", "lapsed",   "stale"),
    "unblocked":     ("stale",   "stale",     "formal_loss", "stale",    "stale"),
    "formal_loss":   ("stale",   "unlawful",  "stale",       "unlawful", "blocked"),
    "withdrawn":     ("blocked", "unblocked", "formal_loss", "lapsed",   "stale"),
    "lapsed":        ("stale",   "unblocked", "formal_loss", "stale",    "stale"),
    "replaced":      ("stale",   "stale",     "formal_loss", "stale",    "stale"),
}

# The notice now: the notice then, when such news is believed. In any case nobody need look at
# it any more. What is open stays so after "blocked": its answer is still to come.
NOTICE_THEN: Final[Table] = {
    "open":          ("open",          *["closed"] * 4),
    "delivered":     ("delivered",     *["delivered"] * 4),
    "refused":       ("refused",       *["refused"] * 4),
    "undeliverable": ("undeliverable", *["undeliverable"] * 4),
    "closed":        ("closed",        *["closed"] * 4),
    "gone":          ("gone",          *["gone"] * 4),
}

# The report now: the report then, when such news is believed.
REPORT_THEN: Final[Table] = {
    #              "blocked"     "unblocked"   "formal loss" "lapsed"      "formal withdrawn"
    "active":     ("active",     "active",     "superseded", "active",     "active"),
    "released":   ("released",   "released",   "released",   "released",   "released"),
    "superseded": ("superseded", "superseded", "superseded", "superseded", "superseded"),
    "withdrawn":  ("withdrawn",  "withdrawn",  "withdrawn",  "withdrawn",  "withdrawn"),
    "closed":     ("closed",     "closed",     "closed",     "closed",     "closed"),
    "gone":       ("gone",       "gone",       "gone",       "gone",       "gone"),
}

# The report now: what suspends social security then, when such news is believed.
SUSPENDED_THEN: Final[Table] = {
    #              "blocked"           "unblocked"         "formal loss"    "lapsed"   "withdrawn"
    "active":     ("temporary report", "temporary report", "formal report", "the same", "nothing"),
    "released":   ("nothing",          "nothing",          "formal report", "the same", "nothing"),
    "superseded": ("formal report",    "formal report",    "formal report", "the same", "nothing"),
    "withdrawn":  ("nothing",          "nothing",          "formal report", "the same", "nothing"),
    "closed":     ("nothing",          "nothing",          "formal report", "the same", "nothing"),
    "gone":       ("nothing",          "nothing",          "formal report", "the same", "nothing"),
}

# When it happened at the bank: whether it can be news of this report. Nobody can have been at
# an outlet for a report that was not made yet; "blocked" names its report, and a formal loss
# has no end but its withdrawal, which comes after it (here a minute after the report).
CAN_BE: Final = {
    #                              "blocked" "unblocked" "formal loss" "lapsed" "formal withdrawn"
    "a second before the report": (True,     False,      True,         False,   False),
    "with the report":            (True,     True,       True,         True,    False),
    "after the report":           (True,     True,       True,         True,    False),
}
# fmt: on
WHEN: Final = {
    "a second before the report": REPORTED_AT - 1,
    "with the report": REPORTED_AT,
    "after the report": REPORTED_AT + 1,
}
SUSPENDED_BY: Final = {
    "temporary report": a_suspension(),
    "nothing": None,
    "formal report": a_formal_suspension(),
}


def then(table: Table, now: str, news: str) -> str:
    return table[now][COLUMNS.index(news)]


def a_notice_or_none(state: str) -> Notice | None:
    return None if state == "gone" else a_notice(state)


def a_case_with(block: str, report: str) -> Case:
    """A card with a report in this state; "gone": its retention is over."""
    if block == "none":
        return a_case("none")
    kept = None if report == "gone" else a_report(state=ReportState(report))
    suspension = SUSPENDED_BY[then(SUSPENDED_THEN, report, "blocked")]
    return a_case(block, report=kept, suspension=suspension)


def heard(news: str, answer: str) -> Entry:
    """The journal's line of an event."""
    fields = {"type": NEWS[news], "answer": answer, "card": "card-1", "bank": "icbc",
              "id": "evt-1"}  # fmt: skip
    return Entry("bank_event", fields)


def stale(news: str) -> tuple[str, Change]:
    """Late or repeated news is journalled, and nothing else."""
    return "stale", Change(journal=(heard(news, "stale"),))


def notice_then(notice: str, news: str) -> NoticeChange | None:
    """What is stored of the notice; a state it has already is left as it is."""
    if notice == "gone":
        return None
    state = then(NOTICE_THEN, notice, news)
    is_new = state != notice
    return NoticeChange(
        a_notice(notice), state=NoticeState(state) if is_new else None, needs_person=False
    )


def first_block(case: Case) -> Case:
    """A card that was never reported to us gets its block from a formal loss."""
    empty = Block(CARD_REF, "icbc", BlockState.UNBLOCKED, "", "", NOW)
    return replace(case, block=case.block or empty)


def expected(
    block: str, notice: str, report: str, news: str, at: int = NOW - 10
) -> tuple[str, Change]:
    """The four tables read together. `at`: when it was unblocked, which counts for the block."""
    state = then(BLOCK_THEN, block, news)
    if state == "stale":
        return stale(news)
    step = a_step(first_block(a_case_with(block, report)), state)
    if news != "blocked" and step.block is not None:
        step = replace(step, block=replace(step.block, changed_at=min(at, NOW)))
    if news == "formal withdrawn":
        step = formal_loss_withdrawn(step, report)
    report_then = then(REPORT_THEN, report, news)
    is_formal = news == "formal loss"
    return "applied", replace(
        step,
        suspension=a_formal_suspension("" if report == "gone" else NUMBER) if is_formal else None,
        report=a_report(state=ReportState(report_then)) if report_then != report else None,
        notice=notice_then(notice, news),
        journal=(*step.journal, heard(news, "applied")),
    )


def formal_loss_withdrawn(step: Change, report: str) -> Change:
    """The block stays, as the bank has it; social security is active, and the holder hears that."""
    fields = {"report": NUMBER, "card": CARD_REF, "bank": "icbc"}
    return replace(
        step,
        lifted=then(SUSPENDED_THEN, report, "blocked") != "nothing",
        owes=(a_text("text_formal_withdrawn"),) if report != "gone" else (),
        journal=(*step.journal, Entry("formal_loss_withdrawn", fields)),
        timed=None,
    )


def test_the_tables_are_whole() -> None:
    reports = [*(state.value for state in ReportState), "gone"]
    assert list(BLOCK_THEN) == list(EVERY_BLOCK)
    assert list(NOTICE_THEN) == [*EVERY_NOTICE, "gone"]
    assert list(REPORT_THEN) == list(SUSPENDED_THEN) == reports
    assert {then(SUSPENDED_THEN, report, "formal loss") for report in reports} == {"formal report"}
    assert tuple(NEWS)[:5] == COLUMNS


LAWFUL: Final = [
    pair for pair in product(BLOCK_THEN, COLUMNS) if then(BLOCK_THEN, *pair) != "unlawful"
]


@pytest.mark.parametrize(("block", "news"), LAWFUL)
def test_all_a_bank_can_tell_us(block: str, news: str) -> None:
    """Of every card, whatever its notice and its report came to."""
    notices = ["gone"] if block == "none" else list(NOTICE_THEN)
    reports = ["gone"] if block == "none" else list(REPORT_THEN)
    for notice, report in product(notices, reports):
        case, now = a_case_with(block, report), a_notice_or_none(notice)
        found = hear(case, now, an_event(news), RULES, NOW, heard_before=False)
        assert found == expected(block, notice, report, news), f"notice {notice}, report {report}"


@pytest.mark.parametrize(("when", "news"), list(product(CAN_BE, COLUMNS)))
def test_when_it_happened_at_the_bank(when: str, news: str) -> None:
    can_be = CAN_BE[when][COLUMNS.index(news)]
    for block, notice in product(EVERY_BLOCK[1:], NOTICE_THEN):
        if can_be and (block, news) not in LAWFUL:
            continue
        event = an_event(news, at=WHEN[when])
        found = hear(a_case(block), a_notice_or_none(notice), event, RULES, NOW, heard_before=False)
        is_of_the_old_card = (block, news) == ("replaced", "formal loss")
        is_news = can_be and not is_of_the_old_card
        should_be = expected(block, notice, "active", news, event.at) if is_news else stale(news)
        assert found == should_be, f"block {block}, notice {notice}"


@pytest.mark.parametrize("when", WHEN)
def test_without_the_report_nobody_knows_what_was_before_it(when: str) -> None:
    event, case = an_event("unblocked", at=WHEN[when]), a_case_with("blocked", "gone")
    found = hear(case, None, event, RULES, NOW, heard_before=False)
    assert found == expected("blocked", "gone", "gone", "unblocked", event.at)


@pytest.mark.parametrize("when", ["with the report", "after the report"])
def test_nothing_opens_a_formal_loss(when: str) -> None:
    event = an_event("unblocked", at=WHEN[when])
    for notice, report in product(NOTICE_THEN, REPORT_THEN):
        case = a_case_with("formal_loss", report)
        with pytest.raises(UnlawfulTransitionError, match=r"unblocked .* formal_loss"):
            hear(case, a_notice_or_none(notice), event, RULES, NOW, heard_before=False)


@pytest.mark.parametrize("block", EVERY_BLOCK)
def test_blocked_for_an_earlier_report_says_nothing_of_this_one(block: str) -> None:
    event = an_event("blocked", report_number=OTHER_NUMBER)
    for notice in NOTICE_THEN:
        found = hear(a_case(block), a_notice_or_none(notice), event, RULES, NOW, heard_before=False)
        assert found == stale("blocked"), f"notice {notice}"


def test_blocked_says_nothing_of_a_formal_loss_that_only_the_bank_took() -> None:
    taken = a_block("formal_loss", report_number="", notice_id="")
    case = Case(CARD_REF, a_formal_suspension(""), taken)
    assert hear(case, None, an_event("blocked"), RULES, NOW, heard_before=False) == stale("blocked")


@pytest.mark.parametrize(("block", "news"), list(product(EVERY_BLOCK, NEWS)))
def test_the_same_event_again_changes_nothing_at_all(block: str, news: str) -> None:
    """Not even the journal."""
    for notice, when in product(NOTICE_THEN, WHEN.values()):
        event = an_event(news, at=when)
        found = hear(a_case(block), a_notice_or_none(notice), event, RULES, NOW, heard_before=True)
        assert found == ("duplicate", NOTHING), f"notice {notice}"


def test_who_told_it_stands_in_the_journal_and_no_card_number() -> None:
    event = BankEvent("evt-9", "ccb", NEWS["formal loss"], NOW, card_number="A12345678", outlet="7")
    _, change = hear(a_case("none"), None, event, RULES, NOW, heard_before=False)
    told = {"type": "formal_loss.reported", "answer": "applied", "card": "card-1",
            "bank": "ccb", "id": "evt-9"}  # fmt: skip
    assert change.journal[-1] == Entry("bank_event", told)
    assert change.block == Block("card-1", "ccb", BlockState.FORMAL_LOSS, "", "", NOW)
    assert "A12345678" not in repr(change)
