"""One card through acts in any order: what is so whatever came before."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.cards.block import ENDED, BlockState
from ivr.cards.loss import ReportState
from ivr.cards.notice import NoticeKind
from ivr.cards.rules import Rules
from tests.cards.acts.builders import TEXT_WHEN, WEEK
from tests.cards.acts.the_card import RULES, Step, TheCard

HOUR: Final = 3600
OVER: Final = (*ENDED, BlockState.FORMAL_LOSS, BlockState.WITHDRAWN)
FIRST: Final = 0
OF_A_REPORT: Final = ("text_filed", "text_disputed", "text_released", "text_withdrawn")

CITIES: Final = (
    RULES,
    replace(RULES, decoupling_ends_suspension=True, formal_loss_may_be_withdrawn=True),
    replace(RULES, report_may_be_renewed_after_release=False),
)

Move = Callable[[TheCard], None]
MOVES: Final[dict[str, Move]] = {
    "it is reported": lambda card: card.is_reported(),
    "the bank takes the notice": lambda card: card.is_attempted("received"),
    "the bank answers blocked": lambda card: card.is_attempted("blocked"),
    "the bank refuses": lambda card: card.is_attempted("refused"),
    "the bank is silent": lambda card: card.is_attempted("failed", again=True),
    "the bank is given up": lambda card: card.is_attempted("failed"),
    "the bank takes the first notice": lambda card: card.is_attempted("received", FIRST),
    "the bank answers blocked to the first": lambda card: card.is_attempted("blocked", FIRST),
    "the bank refuses the first notice": lambda card: card.is_attempted("refused", FIRST),
    "the bank tells: blocked": lambda card: card.is_told("blocked"),
    "the bank tells: the first is blocked": lambda card: card.is_told("blocked", FIRST),
    "the bank tells: unblocked": lambda card: card.is_told("unblocked"),
    "the bank tells: unblocked long ago": lambda card: card.is_told("unblocked", before=True),
    "the bank tells: formal loss": lambda card: card.is_told("formal loss"),
    "the bank tells: its own line took a report": lambda card: card.is_told("taken"),
    "the bank tells: it took one long ago": lambda card: card.is_told("taken", before=True),
    "the bank tells: its block has lapsed": lambda card: card.is_told("lapsed"),
    "the bank tells: it lapsed long ago": lambda card: card.is_told("lapsed", before=True),
    "the bank tells: formal loss withdrawn": lambda card: card.is_told("formal withdrawn"),
    "the bank tells: the card was replaced": lambda card: card.is_told("replaced"),
    "a person sends it again": lambda card: card.is_sent_again(),
    "a person sends the first again": lambda card: card.is_sent_again(FIRST),
    "an operator withdraws it": lambda card: card.is_withdrawn(),
    "an operator withdraws the first": lambda card: card.is_withdrawn(FIRST),
    "the holder objects": lambda card: card.is_disputed(),
    "an hour passes": lambda card: card.waits(HOUR),
    "three days pass": lambda card: card.waits(72 * HOUR),
    "the seven days pass": lambda card: card.waits(WEEK),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(MOVES)), max_size=30), st.sampled_from(CITIES))
def test_what_holds_in_any_order(moves: list[str], rules: Rules) -> None:
    card = TheCard()
    card.rules = rules
    card.is_reported()
    for move in moves:
        MOVES[move](card)
        what_is_over_is_not_owed(card)
    for step in card.steps:
        only_the_bank_blocks(step)
        a_text_is_owed_once_a_step(step)
    nothing_of_a_report_is_told_twice(card)


def only_the_bank_blocks(step: Step) -> None:
    block = step.change.block
    assert block is None or block.state is not BlockState.BLOCKED or step.says_blocked


def a_text_is_owed_once_a_step(step: Step) -> None:
    """A text tells of the step there was, and there is no second one."""
    texts = [owed.body["prompt"] for owed in step.change.owes if owed.kind is NoticeKind.TEXT]
    assert texts in ([], [worth_telling(step)])


def worth_telling(step: Step) -> str:
    """What a holder may be told of it; empty when nothing became different."""
    block, report, before = step.change.block, step.change.report, step.before
    if report is not None and report.state in OF_A_REPORT_THAT_IS:
        if block is not None and block.state is BlockState.UNBLOCKED:
            return "text_decoupled"
        if report.channel == "bank" and report.state is ReportState.ACTIVE and block is not None:
            return "text_taken"
        return OF_A_REPORT_THAT_IS[report.state][bool(report.disputed_at)]
    if block is None or (before.block and before.block.state is block.state):
        return ""
    if before.block and before.block.state is BlockState.FORMAL_LOSS and step.change.lifted:
        return "text_replaced" if block.state is BlockState.REPLACED else "text_formal_withdrawn"
    return TEXT_WHEN[block.state]


OF_A_REPORT_THAT_IS: Final = {
    ReportState.ACTIVE: ("text_filed", "text_disputed"),
    ReportState.RELEASED: ("text_released", "text_released"),
    ReportState.WITHDRAWN: ("text_withdrawn", "text_withdrawn"),
}


def what_is_over_is_not_owed(card: TheCard) -> None:
    """An unblocked card must not be blocked by a late notice of its report."""
    if card.case.block is not None and card.case.block.state in OVER:
        assert card.case.block.notice_id not in card.open_notices()


def nothing_of_a_report_is_told_twice(card: TheCard) -> None:
    """It is filed, disputed, and released or withdrawn once; bank and holder are told once each."""
    told = [
        (owed.report_number, owed.kind, owed.body.get("prompt"))
        for step in card.steps
        for owed in step.change.owes
        if owed.body.get("prompt", "text_filed") in OF_A_REPORT
    ]
    assert len(told) == len(set(told))
