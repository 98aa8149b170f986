"""The block's table: complete for what deliveries bring, true to the domain, declared once."""

from itertools import product
from typing import Final

import pytest

from ivr.cards.block import ENDED, STALE, TRANSITIONS, Block, BlockEvent, BlockState, after
from ivr.cards.errors import UnlawfulTransitionError

DELIVERY = (BlockEvent.RECEIVED, BlockEvent.BLOCKED, BlockEvent.REFUSED, BlockEvent.GAVE_UP)
THE_BANKS_WORD = (BlockEvent.BLOCKED, BlockEvent.UNBLOCKED, BlockEvent.FORMAL_LOSS)


def a_block(state: BlockState) -> Block:
    return Block("c1", "icbc", state, "12345670", "ntc-1", 100)


# The block now, and in the columns what happens to it: the block then. "=" is late or repeated
# news, which changes nothing; "-" cannot happen. A person sends again only what failed.
TABLE: Final = """
now           received blocked refused gave_up       resent   unblocked formal_loss withdrawn
notified      received blocked refused undeliverable -        unblocked formal_loss withdrawn
received      =        blocked =       =             -        unblocked formal_loss withdrawn
blocked       =        =       =       =             -        unblocked formal_loss =
refused       =        blocked =       =             notified unblocked formal_loss withdrawn
undeliverable received blocked refused =             notified unblocked formal_loss withdrawn
unblocked     =        =       =       =             -        =         formal_loss =
formal_loss   =        =       =       =             -        -         =           =
withdrawn     =        blocked =       =             -        unblocked formal_loss =
lapsed        =        =       =       =             -        unblocked formal_loss =
replaced      =        =       =       =             -        =         formal_loss =

now           taken   lapsed formal_withdrawn replaced
notified      blocked =      =                replaced
received      blocked lapsed =                replaced
blocked       =       lapsed =                replaced
refused       blocked =      =                replaced
undeliverable blocked lapsed =                replaced
unblocked     blocked =      =                replaced
formal_loss   =       -      blocked          replaced
withdrawn     blocked lapsed =                replaced
lapsed        blocked =      =                replaced
replaced      blocked =      =                =
"""
HALVES: Final = [
    [line.split() for line in half.strip().split("\n")] for half in TABLE.split("\n\n")
]
(_, *EVENTS), *ROWS = ([*left, *right] for left, (_, *right) in zip(*HALVES, strict=True))


@pytest.mark.parametrize(("now", "then"), [(now, then) for now, *then in ROWS])
def test_the_whole_table(now: str, then: list[str]) -> None:
    block = a_block(BlockState(now))
    for event, state in zip(map(BlockEvent, EVENTS), then, strict=True):
        if state == "=":
            assert after(block, event, 200) is block, event
        elif state == "-":
            with pytest.raises(UnlawfulTransitionError, match=f"{event}.*{now}"):
                after(block, event, 200)
        else:
            stepped = Block("c1", "icbc", BlockState(state), "12345670", "ntc-1", 200)
            assert after(block, event, 200) == stepped, event


def test_the_table_shows_every_state_and_event() -> None:
    assert {now for now, *_ in ROWS} == set(BlockState)
    assert set(EVENTS) == set(BlockEvent)


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
        assert event in (BlockEvent.BLOCKED, BlockEvent.TAKEN, BlockEvent.FORMAL_WITHDRAWN)


@pytest.mark.parametrize("state", ENDED)
def test_only_a_new_loss_blocks_what_has_ended(state: BlockState) -> None:
    """A report that the bank takes is one; what it says of our notice is late."""
    blocks = {BlockState.BLOCKED, BlockState.FORMAL_LOSS}
    by = {event for event in BlockEvent if TRANSITIONS.get((state, event)) in blocks}
    assert by == {BlockEvent.TAKEN, BlockEvent.FORMAL_LOSS}


def test_two_ways_out_of_a_formal_loss() -> None:
    out = {event for event in BlockEvent if (BlockState.FORMAL_LOSS, event) in TRANSITIONS}
    assert out == {BlockEvent.FORMAL_WITHDRAWN, BlockEvent.REPLACED}


SERVED: Final = [s for s in BlockState if s not in (BlockState.FORMAL_LOSS, BlockState.REPLACED)]


@pytest.mark.parametrize("state", SERVED)
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
