"""The block's table: complete for what deliveries bring, true to the domain, declared once."""

from itertools import product

import pytest

from ivr.cards.block import STALE, TRANSITIONS, Block, BlockEvent, BlockState, after
from ivr.cards.errors import UnlawfulTransitionError

EVERY_STEP = list(product(BlockState, BlockEvent))
DELIVERY = (BlockEvent.RECEIVED, BlockEvent.BLOCKED, BlockEvent.REFUSED, BlockEvent.GAVE_UP)
THE_BANKS_WORD = (BlockEvent.BLOCKED, BlockEvent.UNBLOCKED, BlockEvent.FORMAL_LOSS)


def a_block(state: BlockState) -> Block:
    return Block("c1", "icbc", state, "12345670", "ntc-1", 100)


@pytest.mark.parametrize(("state", "event"), EVERY_STEP)
def test_every_step_is_lawful_or_stale_or_refused(state: BlockState, event: BlockEvent) -> None:
    block, step = a_block(state), (state, event)
    if step in STALE:
        assert after(block, event, 200) is block
    elif step in TRANSITIONS:
        assert after(block, event, 200) == Block(
            "c1", "icbc", TRANSITIONS[step], "12345670", "ntc-1", 200
        )
    else:
        with pytest.raises(UnlawfulTransitionError, match=f"{event}.*{state}"):
            after(block, event, 200)


def test_no_step_is_both_lawful_and_stale() -> None:
    assert not STALE & TRANSITIONS.keys()


@pytest.mark.parametrize(("state", "event"), list(product(BlockState, DELIVERY)))
def test_what_a_delivery_brings_is_never_an_error(state: BlockState, event: BlockEvent) -> None:
    """A worker's slow attempt may end in any state: it must not stumble over it."""
    after(a_block(state), event, 200)


@pytest.mark.parametrize("state", list(BlockState))
@pytest.mark.parametrize("event", list(BlockEvent))
def test_only_the_banks_word_makes_a_block(state: BlockState, event: BlockEvent) -> None:
    if TRANSITIONS.get((state, event)) is BlockState.BLOCKED:
        assert event is BlockEvent.BLOCKED


@pytest.mark.parametrize("event", [e for e in BlockEvent if e is not BlockEvent.FORMAL_LOSS])
def test_late_news_never_blocks_an_unblocked_card_again(event: BlockEvent) -> None:
    try:
        after_it = after(a_block(BlockState.UNBLOCKED), event, 200).state
    except UnlawfulTransitionError:
        return
    assert after_it is BlockState.UNBLOCKED


@pytest.mark.parametrize("event", list(BlockEvent))
def test_a_formal_loss_has_no_way_out(event: BlockEvent) -> None:
    assert (BlockState.FORMAL_LOSS, event) not in TRANSITIONS


@pytest.mark.parametrize("state", [s for s in BlockState if s is not BlockState.FORMAL_LOSS])
def test_a_holder_at_an_outlet_is_always_served(state: BlockState) -> None:
    """Decoupling and a formal report are made in person, with valid ID (domain section 1)."""
    assert after(a_block(state), BlockEvent.FORMAL_LOSS, 1).state is BlockState.FORMAL_LOSS
    assert after(a_block(state), BlockEvent.UNBLOCKED, 1).state is BlockState.UNBLOCKED


@pytest.mark.parametrize("state", list(BlockState))
@pytest.mark.parametrize("event", list(BlockEvent))
def test_the_same_news_twice_changes_nothing_more(state: BlockState, event: BlockEvent) -> None:
    if event is BlockEvent.RESENT or (state, event) not in TRANSITIONS:
        return
    once = after(a_block(state), event, 200)
    assert after(once, event, 300) is once


def test_every_state_can_be_reached() -> None:
    reached, ahead = set(), [BlockState.NOTIFIED]
    while ahead:
        state = ahead.pop()
        if state not in reached:
            reached.add(state)
            ahead += [to for (start, _), to in TRANSITIONS.items() if start is state]
    assert reached == set(BlockState)
