"""One attempt to deliver a notice: what becomes of the notice, the block and the holder's text."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from ivr.cards.acts.settle import settle
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState
from tests.cards.acts.builders import (
    EVERY_BLOCK,
    EVERY_NOTICE,
    NOW,
    a_case,
    a_notice,
    a_notice_of_an_earlier_report,
    a_step,
    an_attempt,
)

# Columns: what the attempt came to.
COLUMNS: Final = ("received", "blocked", "refused", "failed, to be tried", "given up")

# fmt: off
# The notice now: the notice then; "" when the attempt is only written down. What is closed only
# good news can change: two attempts may overlap, and the other one closed it.
NOTICE_THEN: Final = {
    #                 received     blocked      refused    to be tried  given up
    "open":          ("delivered", "delivered", "refused", "",          "undeliverable"),
    "delivered":     ("delivered", "delivered", "",        "",          ""),
    "refused":       ("delivered", "delivered", "",        "",          ""),
    "undeliverable": ("delivered", "delivered", "",        "",          ""),
    "closed":        ("delivered", "delivered", "",        "",          ""),
}

# The notice then: whether a person must look.
NEEDS_PERSON: Final = {"": None, "delivered": False, "refused": True, "undeliverable": True}

# The block now: the block then, when an attempt makes something of its notice; "" is no step.
# The last column: refused, when an earlier attempt had no answer and may have reached the bank.
BLOCK_THEN: Final = {
    #                 received    blocked    refused    given up         refused, after silence
    "none":          ("",         "",        "",        "",              ""),
    "notified":      ("received", "blocked", "refused", "undeliverable", "undeliverable"),
    "received":      ("",         "blocked", "",        "",              ""),
    "blocked":       ("",         "",        "",        "",              ""),
    "refused":       ("",         "blocked", "",        "",              ""),
    "undeliverable": ("received", "blocked", "refused", "",              ""),
    "unblocked":     ("",         "",        "",        "",              ""),
    "formal_loss":   ("",         "",        "",        "",              ""),
    "withdrawn":     ("",         "blocked", "",        "",              ""),
    "lapsed":        ("",         "",        "",        "",              ""),
    "replaced":      ("",         "",        "",        "",              ""),
}
MAKES: Final = ("received", "blocked", "refused", "given up", "refused, after silence")

# What the attempt came to: whether the bank answered at all.
ANSWERED: Final = {
    "received":            True,
    "blocked":             True,
    "refused":             True,
    "failed, to be tried": False,
    "given up":            False,
}
# fmt: on
LATER: Final = NOW + 30

BROKEN = an_attempt("failed", status=503, answer="{}")  # an answer, though not the hoped-for one
SILENT = an_attempt("failed", status=None)
EARLIER: Final[dict[str, tuple[Attempt, ...]]] = {
    "the first": (),
    "after an answer": (BROKEN,),
    "after silence": (SILENT,),
    "after silence and an answer": (SILENT, BROKEN),
    "after an answer and silence": (BROKEN, SILENT),
}


def an_attempt_that(came_to: str, **changes: Any) -> Attempt:
    outcome = {"failed, to be tried": "failed", "given up": "failed"}.get(came_to, came_to)
    return an_attempt(outcome, **changes)


def next_due(came_to: str) -> int | None:
    return LATER if came_to == "failed, to be tried" else None


def attempted(notice: Notice, came_to: str) -> Entry:
    """The journal's line of an attempt."""
    status = {"received": "202", "blocked": "200", "refused": "422"}.get(came_to, "read_timeout")
    event = "notice_failed" if status == "read_timeout" else f"notice_{came_to}"
    fields = {"notice": notice.id, "report": notice.report_number, "bank": "icbc",
              "kind": notice.kind.value, "status": status}  # fmt: skip
    return Entry(event, fields)


def notice_then(notice: Notice, came_to: str, block: str = "") -> NoticeChange:
    """The attempt, written down whatever it came to, and what it makes of the notice.

    A late receipt of a refused notice leaves it where a person looks: the block is still refused.
    One that was open is not where a person looks.
    """
    is_good = came_to in ("received", "blocked")
    is_left = (block, came_to) == ("refused", "received") or (
        notice.state is NoticeState.OPEN and is_good
    )
    then = NOTICE_THEN[notice.state][COLUMNS.index(came_to)]
    is_tried = notice.state.value == "open" and came_to == "failed, to be tried"
    return NoticeChange(
        notice,
        an_attempt_that(came_to),
        state=NoticeState(then) if then else None,
        due=LATER if is_tried else None,
        needs_person=None if is_left else NEEDS_PERSON[then],
    )


def block_then(block: str, notice: str, came_to: str, earlier: str) -> str:
    """The two tables read together."""
    if not NOTICE_THEN[notice][COLUMNS.index(came_to)]:
        return ""
    is_doubtful = came_to == "refused" and "silence" in earlier
    return BLOCK_THEN[block][MAKES.index("refused, after silence" if is_doubtful else came_to)]


def test_the_tables_are_whole() -> None:
    assert tuple(NOTICE_THEN) == EVERY_NOTICE
    assert tuple(BLOCK_THEN) == EVERY_BLOCK
    assert tuple(ANSWERED) == COLUMNS


EVERY_ATTEMPT: Final = list(product(EVERY_NOTICE, COLUMNS))


@pytest.mark.parametrize(("state", "came_to"), EVERY_ATTEMPT)
def test_all_an_attempt_can_come_to(state: str, came_to: str) -> None:
    """Whatever the block is by then, and whatever attempts came before."""
    notice, attempt, due = a_notice(state), an_attempt_that(came_to), next_due(came_to)
    for block, earlier in product(EVERY_BLOCK, EARLIER):
        case = a_case(block)
        step = a_step(case, block_then(block, state, came_to, earlier))
        expected = replace(
            step,
            notice=notice_then(notice, came_to, block),
            answered=ANSWERED[came_to],
            journal=(attempted(notice, came_to), *step.journal),
        )
        found = settle(case, notice, EARLIER[earlier], attempt, due, NOW)
        assert found == expected, f"block {block}, {earlier}"


# Notices that say nothing of the block. Their ids are no proof of anything: a text with the very
# id of the block's notice would still be a text.
OTHERS: Final = {
    "to block, of an earlier report": a_notice_of_an_earlier_report(),
    "of a release": a_notice(kind=NoticeKind.LOSS_RELEASED),
    "a ping": a_notice(kind=NoticeKind.PING),
    "a text": a_notice(kind=NoticeKind.TEXT),
}


@pytest.mark.parametrize("which", OTHERS)
def test_other_notices_say_nothing_of_the_block(which: str) -> None:
    like = OTHERS[which]
    for (state, came_to), block, earlier in product(EVERY_ATTEMPT, EVERY_BLOCK, ((), (SILENT,))):
        notice = a_notice(state, id=like.id, kind=like.kind, report_number=like.report_number)
        attempt, due = an_attempt_that(came_to), next_due(came_to)
        expected = Change(
            notice=notice_then(notice, came_to),
            answered=ANSWERED[came_to],
            journal=(attempted(notice, came_to),),
        )
        found = settle(a_case(block), notice, earlier, attempt, due, NOW)
        assert found == expected, f"{came_to}, notice {state}, block {block}"


def test_no_text_is_owed_once_the_report_is_gone() -> None:
    """After its retention there is nobody to tell; the block still follows the bank."""
    change = settle(a_case(report=None), a_notice(), (), an_attempt("blocked"), None, NOW)
    assert change.block == a_step(a_case(), "blocked").block
    assert change.owes == ()


def test_a_bank_that_answers_500_is_as_good_as_away() -> None:
    """It is paused like one that is silent (ivr/store/bank_health.py)."""
    for block, state in product(EVERY_BLOCK, EVERY_NOTICE):
        change = settle(a_case(block), a_notice(state), (), BROKEN, LATER, NOW)
        assert change.answered is False


@pytest.mark.parametrize("came_to", ["received", "blocked", "refused"])
def test_only_a_failure_is_tried_again(came_to: str) -> None:
    """Whatever the schedule says of a next attempt."""
    without = settle(a_case(), a_notice(), (), an_attempt(came_to), None, NOW)
    assert settle(a_case(), a_notice(), (), an_attempt(came_to), LATER, NOW) == without


class TestOnce:
    """A worker that lost the answer to its commit settles the same attempt again."""

    @pytest.mark.parametrize(("state", "came_to"), EVERY_ATTEMPT)
    def test_what_is_written_down_is_not_written_again(self, state: str, came_to: str) -> None:
        attempt = an_attempt_that(came_to, claim="c-1")
        stood: list[Sequence[Attempt]] = [(attempt,), (SILENT, attempt), (attempt, BROKEN)]
        for block, earlier in product(EVERY_BLOCK, stood):
            found = settle(a_case(block), a_notice(state), earlier, attempt, next_due(came_to), NOW)
            assert found == NOTHING, f"block {block}"

    def test_the_claim_says_which_attempt_it_is_not_what_came_of_it(self) -> None:
        attempt, other = an_attempt("blocked", claim="c-1"), an_attempt("refused", claim="c-1")
        assert settle(a_case(), a_notice(), [other], attempt, None, NOW) == NOTHING

    @pytest.mark.parametrize(("claim", "stood"), [("c-2", "c-1"), ("c-2", ""), ("", "")])
    def test_another_claim_or_none_is_another_attempt(self, claim: str, stood: str) -> None:
        attempt, earlier = an_attempt("received", claim=claim), an_attempt("received", claim=stood)
        change = settle(a_case(), a_notice(), [earlier], attempt, None, NOW)
        assert change.notice == NoticeChange(a_notice(), attempt, state=NoticeState.DELIVERED)


def test_a_refusal_without_a_status_is_journalled_by_its_reason() -> None:
    """What cannot be sent at all: no phone number, say."""
    attempt = an_attempt("refused", status=None, answer="no_phone")
    change = settle(Case(""), a_notice(kind=NoticeKind.TEXT), (), attempt, None, NOW)
    assert change.journal[0].fields["status"] == "no_phone"


@pytest.mark.parametrize("came_to", ["failed", "refused", "received", "blocked"])
def test_a_test_is_tried_once_and_is_nobodys_trouble(came_to: str) -> None:
    """It is about no card, no person has to look at it, and its failure is no failure of what is
    real: the bank's live notices are not paused for it.
    """
    notice = a_notice(kind=NoticeKind.TEST, report_number="", card_ref="")
    change = settle(Case(""), notice, (), an_attempt(came_to), LATER, NOW)
    assert change.notice is not None
    assert change.notice.state not in (None, NoticeState.OPEN)
    assert (change.notice.due, change.notice.needs_person) == (None, None)
    assert change.answered is (None if came_to == "failed" else True)
    assert (change.block, change.report, change.owes) == (None, None, ())
