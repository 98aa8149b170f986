"""Calls between turns: read with all a turn needs, never set back, forgotten after an hour."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.flow import FLOW
from ivr.store import keys
from ivr.store.calls import FIELDS, dump_call, load_call
from tests.hotline import Hotline
from tests.store.conftest import HOLDER, filed

texts = st.text(max_size=10)
facts = st.dictionaries(texts, texts, max_size=3)
calls = st.builds(
    Call, sid=texts, step=st.sampled_from(sorted(FLOW)), turn=st.integers(0, 1000),
    at=st.integers(0, 2**40),
    language=st.sampled_from(["zh", "en"]), tries=st.integers(0, 3), facts=facts,
    choices=st.lists(st.builds(Choice, texts, facts), max_size=3).map(tuple),
    said=st.lists(st.builds(Line, texts, facts, st.booleans()), max_size=3).map(tuple),
)  # fmt: skip


@given(calls)
def test_a_call_is_the_same_after_being_stored(call: Call) -> None:
    assert load_call(call.sid, list(dump_call(call).values())) == call


def test_an_unknown_call_is_none(hotline: Hotline, redis: Redis) -> None:
    seen = hotline.calls.read("CA1")

    assert (seen.call, seen.known) == (None, None)
    assert abs(seen.now - redis.time()[0]) <= 1


def test_a_call_is_forgotten_an_hour_after_its_last_turn(hotline: Hotline, redis: Redis) -> None:
    call = Call("CA1", "main_menu", turn=1)
    hotline.calls.save(call, "step:main_menu")
    redis.expire(keys.call("CA1"), 10)
    hotline.calls.save(replace(call, turn=2), "step:main_menu")

    assert 3590 <= redis.ttl(keys.call("CA1")) <= keys.CALL_SECONDS
    assert redis.hget(keys.COUNTERS, "step:main_menu") == b"2"


def test_a_slow_repeat_does_not_set_a_call_back(hotline: Hotline, redis: Redis) -> None:
    """The first attempt at a turn hung, its repeat went through and the call went on."""
    hotline.calls.save(Call("CA1", "confirm", turn=4), "step:confirm")
    hotline.calls.save(Call("CA1", "report_id", turn=3), "step:report_id")
    hotline.calls.save(Call("CA1", "confirm", turn=4), "step:confirm")

    assert hotline.calls.read("CA1").call == Call("CA1", "confirm", turn=4)
    assert redis.hgetall(keys.COUNTERS) == {b"step:confirm": b"1"}


def test_the_latest_of_many_turns_wins(hotline: Hotline) -> None:
    turns = [Call("CA1", "main_menu", turn=turn) for turn in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda call: hotline.calls.save(call, "x"), turns))
    assert hotline.calls.read("CA1").call == turns[-1]


def test_a_holder_just_keyed_in_comes_with_the_cards(hotline: Hotline) -> None:
    seen = hotline.calls.read("CA1", hotline.vault.ref("id", HOLDER.id_number))

    assert seen.known is not None
    assert seen.known.holder == HOLDER
    (card_ref,) = seen.known.cards
    assert seen.known.cards[card_ref] == HOLDER.cards[0]
    assert seen.known.readings[card_ref].case == Case(card_ref)


def test_a_holder_the_call_remembers_comes_with_the_standing(hotline: Hotline) -> None:
    report = filed(hotline)
    call = Call("CA1", "confirm", facts={"holder_ref": report.holder_ref})
    hotline.calls.save(call, "step:confirm")

    seen = hotline.calls.read("CA1")
    assert seen.known is not None
    assert (seen.call, seen.known.ref, seen.known.holder) == (call, report.holder_ref, HOLDER)
    case = seen.known.readings[report.card_ref].case
    assert case.suspension is not None
    assert case.suspension.report_number == report.number
    assert case.block is not None
    assert case.block.state is BlockState.NOTIFIED
    assert case.report == report


def test_a_holder_nobody_knows_is_not_there(hotline: Hotline) -> None:
    seen = hotline.calls.read("CA1", hotline.vault.ref("id", "320102195006150014"))
    assert seen.known is None


def test_the_last_keyed_holder_goes_before_the_remembered_one(hotline: Hotline) -> None:
    hotline.calls.save(Call("CA1", "status_id", facts={"holder_ref": "0" * 32}), "x")
    ref = hotline.vault.ref("id", HOLDER.id_number)
    assert hotline.calls.read("CA1").known is None
    known = hotline.calls.read("CA1", ref).known
    assert known is not None
    assert known.holder == HOLDER


def test_what_was_keyed_in_is_never_stored(hotline: Hotline, redis: Redis) -> None:
    hotline.calls.save(Call("CA1", "report_id", entered=HOLDER.id_number), "x")
    stored = redis.hgetall(keys.call("CA1"))
    assert stored.keys() == {name.encode() for name in FIELDS}
    assert HOLDER.id_number not in str(stored)


def test_scripts_survive_a_script_flush(hotline: Hotline, redis: Redis) -> None:
    """As after a restart or failover of Redis."""
    hotline.calls.save(Call("CA1", "main_menu"), "x")
    redis.script_flush()
    hotline.calls.save(Call("CA1", "main_menu", turn=1), "x")
    redis.script_flush()
    found = hotline.calls.read("CA1").call
    assert found is not None
    assert found.turn == 1
