"""A bank that took a notice and never said "blocked" is asked again, and not for ever."""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ivr.cards.acts.remind import FIRST_AFTER, remind
from ivr.cards.case import Case
from ivr.cards.change import Change, Entry, NoticeChange, Reminder, owed_again
from tests.cards.acts.builders import (
    EVERY_BLOCK,
    EVERY_NOTICE,
    NOW,
    a_case,
    a_notice,
)

HOUR: Final = 3600
THREE_DAYS: Final = 72 * HOUR

# fmt: off
# The block now, and (in the columns) its notice: what is done. "gone": nobody kept it; open: it
# is on its way already. Whoever has not taken the notice, or has spoken since, is not asked.
COLUMNS: Final = (*EVERY_NOTICE, "gone")
DONE: Final = {
    #                 open     delivered refused undeliverable closed  gone
    "none":          ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "notified":      ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "received":      ("later", "ask",    "ask",     "ask",     "ask",  "stop"),
    "blocked":       ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "refused":       ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "undeliverable": ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "unblocked":     ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "formal_loss":   ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "withdrawn":     ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "lapsed":        ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
    "replaced":      ("stop",  "stop",   "stop",    "stop",    "stop", "stop"),
}

# Seconds since the bank took the notice: what becomes of "ask".
IN_TIME: Final = {
    0:               "ask",
    600:             "ask",
    THREE_DAYS - 1:  "ask",
    THREE_DAYS:      "leave it to a person",
    THREE_DAYS + 1:  "leave it to a person",
    30 * THREE_DAYS: "leave it to a person",
}
# fmt: on


def expected(done: str, notice: str, taken_at: int) -> Change:
    """Asked again under the same id, and given up 72 hours after the bank first took it."""
    stop, later = Reminder("ntc-1", None), Reminder("ntc-1", NOW + HOUR)
    if done == "stop":
        return Change(reminder=stop)
    if done == "later":
        return Change(reminder=later)
    if done == "leave it to a person":
        return Change(notice=NoticeChange(a_notice(notice), needs_person=True), reminder=stop)
    asked = owed_again(a_notice(notice), NOW, since=taken_at)
    line = Entry("notice_asked_again", {"notice": "ntc-1", "bank": "icbc"})
    return Change(notice=asked, reminder=later, journal=(line,))


def a_case_since(block: str, taken_at: int) -> Case:
    """A card whose block got this far at that moment."""
    case = a_case(block)
    return replace(case, block=case.block and replace(case.block, changed_at=taken_at))


def test_the_table_is_whole() -> None:
    assert tuple(DONE) == EVERY_BLOCK


def test_the_times_are_the_promised_ones() -> None:
    """docs/operations.md: first after 10 minutes."""
    assert FIRST_AFTER == 600


@pytest.mark.parametrize("block", EVERY_BLOCK)
def test_who_is_asked_again(block: str) -> None:
    for (column, state), seconds in product(enumerate(COLUMNS), IN_TIME):
        taken_at = NOW - seconds
        notice = None if state == "gone" else a_notice(state)
        found = remind(a_case_since(block, taken_at), notice, "ntc-1", NOW)
        done = DONE[block][column]
        done = IN_TIME[seconds] if done == "ask" else done
        assert found == expected(done, state, taken_at), f"notice {state}, after {seconds} s"


@pytest.mark.parametrize("block", EVERY_BLOCK)
def test_the_notice_of_an_earlier_report_is_asked_about_no_more(block: str) -> None:
    for state in EVERY_NOTICE:
        found = remind(a_case(block), a_notice(state, id="ntc-0"), "ntc-0", NOW)
        assert found == Change(reminder=Reminder("ntc-0", None)), f"notice {state}"
