"""Calls between turns: read with all a turn needs, never set back, forgotten after an hour."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from ivr.cards.block import BlockState
from ivr.cards.case import Case
from ivr.cards.limits import Caller
from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.flow import FLOW
from ivr.store import keys
from ivr.store.calls import FIELDS, Snapshot, dump_call, load_call
from ivr.store.limits import LookUp
from ivr.store.unreadable import UnreadableRecordError
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


def looked_up(hotline: Hotline, ref: str) -> Snapshot:
    return hotline.calls.look_up("CA1", "status_id", 0, LookUp(ref, Caller(), "phone", "status"))


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
    seen = looked_up(hotline, hotline.vault.ref("id", HOLDER.id_number))

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
    seen = looked_up(hotline, hotline.vault.ref("id", "320102195006150014"))
    assert seen.known is None


def test_the_last_keyed_holder_goes_before_the_remembered_one(hotline: Hotline) -> None:
    hotline.calls.save(Call("CA1", "status_id", facts={"holder_ref": "0" * 32}), "x")
    ref = hotline.vault.ref("id", HOLDER.id_number)
    assert hotline.calls.read("CA1").known is None
    known = looked_up(hotline, ref).known
    assert known is not None
    assert known.holder == HOLDER


def test_a_new_call_is_begun_by_one_of_many(hotline: Hotline, redis: Redis) -> None:
    calls = [Call("CA1", "language", said=(Line(str(number)),)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda call: hotline.calls.go_on(call, "", None, "begun"), calls))

    (first,) = (found.call for found in seen if found.went_on)
    assert [found.call for found in seen] == [first] * 8
    assert hotline.calls.read("CA1").call == first
    assert first is not None
    assert abs(first.at - redis.time()[0]) <= 1
    assert redis.hgetall(keys.COUNTERS) == {b"begun": b"1"}
    assert 3590 <= redis.ttl(keys.call("CA1")) <= keys.CALL_SECONDS


def test_a_call_goes_on_from_where_it_stands_and_keeps_the_rest(
    hotline: Hotline, redis: Redis
) -> None:
    choices = (Choice("c1", {"bank": "ICBC"}),)
    before = Call("CA1", "main_menu", 3, "en", 2, {"days": "7"}, choices, (Line("no_input"),))
    hotline.calls.save(before, "x")
    redis.expire(keys.call("CA1"), 10)
    ahead = Call("CA1", "card_services", 4, language="", said=(Line("card_services"),))

    seen = hotline.calls.go_on(ahead, "main_menu", 3, "step:card_services")
    assert seen.went_on
    assert seen.call == replace(ahead, at=seen.now, language="en", facts={"days": "7"},
                                choices=choices)  # fmt: skip
    assert hotline.calls.read("CA1").call == seen.call
    assert 3590 <= redis.ttl(keys.call("CA1")) <= keys.CALL_SECONDS
    assert redis.hget(keys.COUNTERS, "step:card_services") == b"1"

    other = replace(ahead, step="language", turn=5, language="zh")
    assert hotline.calls.go_on(other, "card_services", 4, "x").went_on
    found = hotline.calls.read("CA1").call
    assert found is not None
    assert (found.language, found.facts) == ("zh", {"days": "7"})


@pytest.mark.parametrize(
    ("step", "turn"), [("main_menu", 2), ("main_menu", 4), ("language", 3), ("", None)]
)
def test_a_call_that_stands_elsewhere_is_only_read(
    hotline: Hotline, redis: Redis, step: str, turn: int | None
) -> None:
    report = filed(hotline)
    call = Call("CA1", "main_menu", 3, facts={"holder_ref": report.holder_ref})
    hotline.calls.save(call, "x")
    redis.delete(keys.COUNTERS)

    seen = hotline.calls.go_on(Call("CA1", "card_services", 4), step, turn, "y")
    assert (seen.went_on, seen.call) == (False, call)
    assert seen.known is not None
    assert seen.known.ref == report.holder_ref
    assert hotline.calls.read("CA1").call == call
    assert redis.hgetall(keys.COUNTERS) == {}


def test_a_call_that_is_gone_does_not_go_on(hotline: Hotline, redis: Redis) -> None:
    seen = hotline.calls.go_on(Call("CA1", "card_services", 4), "main_menu", 3, "x")
    assert (seen.went_on, seen.call, seen.known) == (False, None, None)
    assert redis.keys("call*") == []


DAMAGES: dict[str, Callable[[Redis], object]] = {
    "another kind": lambda redis: redis.set(keys.call("CA1"), "x"),
    "no JSON": lambda redis: redis.hset(keys.call("CA1"), "said", "no JSON"),
    "no lines": lambda redis: redis.hset(keys.call("CA1"), "said", '{"a": 1}'),
    "no number": lambda redis: redis.hset(keys.call("CA1"), "turn", '"x"'),
    "lacks its step": lambda redis: redis.hdel(keys.call("CA1"), "step"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_call_that_cannot_be_read_is_named(hotline: Hotline, redis: Redis, damage: str) -> None:
    hotline.calls.save(Call("CA1", "main_menu", 3), "x")
    DAMAGES[damage](redis)
    for _ in range(2):
        with pytest.raises(UnreadableRecordError):
            hotline.calls.read("CA1")
        with pytest.raises(UnreadableRecordError):
            hotline.calls.go_on(Call("CA1", "language"), "", None, "x")
    assert hotline.condition.unreadable() == [keys.call("CA1")]


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
