"""Made-up cards, reports, blocks, notices and news: no server, no clock, no chance.

One card of one bank was reported an hour ago, at half past three; what a test needs to be
different it says.
"""

from dataclasses import replace
from typing import Any, Final

from ivr.cards.bank_event import BankEvent
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import NOTHING, Change, Entry, Owed, Timed
from ivr.cards.loss import LossReport, ReportKind, Suspension
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome

NOW: Final = 1_795_336_200  # 2026-11-22 16:30 in Beijing
REPORTED_AT: Final = NOW - 3600
WEEK: Final = 604_800
RELEASE_AT: Final = REPORTED_AT + WEEK
CARD_REF, BANK, NUMBER, OTHER_NUMBER = "card-1", "icbc", "12345670", "87654321"

EVERY_BLOCK: Final = (
    "none", "notified", "received", "blocked", "refused", "undeliverable", "unblocked",
    "formal_loss", "withdrawn", "lapsed", "replaced",
)  # fmt: skip
EVERY_NOTICE: Final = ("open", "delivered", "refused", "undeliverable", "closed")

# What banks call their news (design.md section 2, "Bank events").
NEWS: Final = {
    "blocked": "financial_function.blocked",
    "unblocked": "financial_function.unblocked",
    "formal loss": "formal_loss.reported",
    "lapsed": "financial_function.block_lapsed",
    "formal withdrawn": "formal_loss.withdrawn",
    "taken": "temporary_loss.reported",
    "replaced": "card.replaced",
}


def a_report(**changes: Any) -> LossReport:
    """The report the block belongs to, still active."""
    report = LossReport(
        number=NUMBER,
        holder_ref="holder-1",
        card_ref=CARD_REF,
        bank=BANK,
        reported_at=REPORTED_AT,
        release_at=RELEASE_AT,
        channel="phone",
        origin="CA1",
        notice_id="ntc-1",
        card_last4="5678",
        holder_last4="002X",
        language="zh",
    )
    return replace(report, **changes)


def a_suspension(**changes: Any) -> Suspension:
    """By the temporary report."""
    return replace(Suspension(ReportKind.TEMPORARY, NUMBER, "CA1", RELEASE_AT), **changes)


def a_formal_suspension(number: str = NUMBER) -> Suspension:
    """By a formal report, which only a bank can take: it has no end."""
    return Suspension(ReportKind.FORMAL, number, "bank", None)


def a_block(state: str = "notified", **changes: Any) -> Block:
    """A block that got this far a minute after the report."""
    block = Block(CARD_REF, BANK, BlockState(state), NUMBER, "ntc-1", REPORTED_AT + 60)
    return replace(block, **changes)


def a_case(block: str = "notified", /, **changes: Any) -> Case:
    """A reported card and how far its block is; "none": nobody was ever told to block it."""
    if block == "none":
        return replace(Case(CARD_REF), **changes)
    return replace(Case(CARD_REF, a_suspension(), a_block(block), a_report()), **changes)


def a_notice(state: str = "open", **changes: Any) -> Notice:
    """The notice to block the card that the block belongs to."""
    notice = Notice(
        id="ntc-1",
        kind=NoticeKind.LOSS_REPORTED,
        queue="bank-icbc",
        bank=BANK,
        report_number=NUMBER,
        card_ref=CARD_REF,
        sealed_body=b"(sealed)",
        created_at=REPORTED_AT,
        tried_since=REPORTED_AT,
        state=NoticeState(state),
    )
    return replace(notice, **changes)


def a_notice_of_an_earlier_report(state: str = "open") -> Notice:
    """Of a report that was released before the card was reported again."""
    return a_notice(state, id="ntc-0", report_number=OTHER_NUMBER)


def an_attempt(outcome: str = "received", **changes: Any) -> Attempt:
    """An attempt that ended just now; one that failed had no answer."""
    status = {"received": 202, "blocked": 200, "refused": 422, "failed": None}[outcome]
    answer = "read_timeout" if status is None else "{}"
    return replace(Attempt(NOW - 1, Outcome(outcome), status, 250, answer), **changes)


def an_event(news: str = "blocked", **changes: Any) -> BankEvent:
    """The bank's news of the card, from after the report."""
    event = BankEvent("evt-1", BANK, NEWS[news], NOW - 10)
    named = {"report_number": NUMBER} if news == "blocked" else {"card_number": "A12345678"}
    return replace(event, **{**named, **changes})


# --- what follows --------------------------------------------------------------------------------


# The text its holder is owed when a block gets here; on its way there is nothing to tell yet.
TEXT_WHEN: Final = {
    "notified": "",
    "received": "",
    "blocked": "text_blocked",
    "refused": "text_failed",
    "undeliverable": "text_unreached",
    "unblocked": "text_unblocked",
    "formal_loss": "text_formal",
    "withdrawn": "",
    "lapsed": "text_lapsed",
    "replaced": "text_replaced",
}


def a_text(prompt: str) -> Owed:
    """Owed now to the holder of the report."""
    return Owed(
        kind=NoticeKind.TEXT,
        bank=BANK,
        at=NOW,
        body={"prompt": prompt, "report_number": NUMBER},
        report_number=NUMBER,
        card_ref=CARD_REF,
    )


def a_step(case: Case, state: str) -> Change:
    """The block goes to another state now, the holder is told once if there is anything to tell
    and anybody to tell, and the journal says so; an empty state is no step. When the bank says
    "blocked", that is timed.
    """
    if case.block is None or not state:
        return NOTHING
    text = TEXT_WHEN[state] if case.report else ""
    fields = {"report": case.block.report_number, "card": CARD_REF, "bank": BANK}
    timed = Timed(case.block.notice_id, BANK, is_over=True)
    return Change(
        block=replace(case.block, state=BlockState(state), changed_at=NOW),
        owes=(a_text(text),) if text else (),
        journal=(Entry(f"block_{state}", fields),),
        timed=timed if state == "blocked" else None,
    )
