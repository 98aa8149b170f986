"""Several reports by one confirmation: what comes of one is said as that card's."""

from dataclasses import replace

import pytest
from redis import Redis

from ivr.actions import Directory, Turn, run_action
from ivr.cards.acts.report import ReportRequest
from ivr.dialogue.call import Call
from ivr.dialogue.turn import Result
from ivr.store import keys
from tests.builders import a_card, a_holder, enrol, names_of, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

TWO = a_holder(a_card("1111"), a_card("2222", "ccb"))


@pytest.fixture
def hotline(redis_server: RedisServer, redis: Redis) -> Hotline:
    assert redis.dbsize() == 0
    return open_hotline(settings(redis_server.url))


def a_turn(hotline: Hotline) -> Turn:
    """Of a caller who has just been looked up."""
    known = hotline.service.look_up(TWO.id_number)
    assert known is not None
    call = Call("CA1", "pick_card", facts={"holder_ref": known.ref, "last4": "002X"})
    directory = Directory(hotline.service, {known.ref: known})
    now = int(hotline.outbox.now())
    return Turn(hotline.service, hotline.settings, names_of(hotline), directory, call, now)


def after(turn: Turn, result: Result) -> Turn:
    facts = {**turn.call.facts, **result.facts}
    call = replace(turn.call, facts=facts, choices=result.choices or turn.call.choices)
    return replace(turn, call=call)


def told(result: Result) -> list[str]:
    return [choice.prompt for choice in result.choices]


def reports_from_elsewhere(hotline: Hotline, turn: Turn, place: int) -> None:
    known = turn.known
    ref = list(known.cards)[place]
    hotline.service.report_loss(ReportRequest(known.ref, ref, "website", "W1", "zh"))


def test_another_channel_that_was_quicker_is_told_of_its_card_alone(hotline: Hotline) -> None:
    enrol(hotline, TWO)
    turn = a_turn(hotline)
    turn = after(turn, run_action("look_at_all", turn))
    reports_from_elsewhere(hotline, turn, 1)
    filed = run_action("file_all", turn)
    assert (filed.outcome, told(filed)) == ("told", ["filed_card", "already_reported"])
    numbers = {choice.values["report_number"] for choice in filed.choices}
    assert len(numbers) == 2
    assert len(hotline.redis.keys(keys.report("*"))) == 2


@pytest.mark.parametrize(("quicker", "outcome"), [((0,), "one"), ((0, 1), "none")])
def test_what_is_reported_meanwhile_is_not_asked_for(
    hotline: Hotline, quicker: tuple[int, ...], outcome: str
) -> None:
    enrol(hotline, TWO)
    for place in quicker:
        reports_from_elsewhere(hotline, a_turn(hotline), place)
    assert run_action("look_at_all", a_turn(hotline)).outcome == outcome


def test_the_same_turn_again_files_nothing_more(hotline: Hotline) -> None:
    """And tells the same numbers: an answer that was lost on the way is asked for once more."""
    enrol(hotline, TWO)
    turn = a_turn(hotline)
    turn = after(turn, run_action("look_at_all", turn))
    first = run_action("file_all", turn)
    again = after(a_turn(hotline), Result("", turn.call.facts, choices=turn.call.choices))
    assert run_action("file_all", again).choices == first.choices
    assert len(hotline.redis.keys(keys.report("*"))) == 2


def test_once_nobody_is_sure_of_one_no_more_are_tried(
    redis_server: RedisServer, redis: Redis
) -> None:
    """There is no replica that could have it."""
    assert redis.dbsize() == 0
    hotline = open_hotline(settings(redis_server.url, wait_for_replicas="1"))
    enrol(hotline, TWO)
    turn = a_turn(hotline)
    turn = after(turn, run_action("look_at_all", turn))
    filed = run_action("file_all", turn)
    assert told(filed) == ["unknown_card", "not_filed_card"]
    assert len(hotline.redis.keys(keys.report("*"))) == 1
    assert run_action("read_blocks", after(turn, filed)).outcome == "none"
    assert run_action("look_back", after(turn, filed)).outcome == "unknown"


def test_each_deadline_is_told_where_they_differ(hotline: Hotline) -> None:
    enrol(hotline, TWO)
    turn = a_turn(hotline)
    filed = run_action("file_all", after(turn, run_action("look_at_all", turn)))
    first, second = filed.choices
    until = str(int(first.values["until"]) - 3600)
    other = replace(first, values={**first.values, "until": until})
    turn = after(a_turn(hotline), replace(filed, choices=(other, second)))
    lines = [line.prompt for line in run_action("read_blocks", turn).lines]
    assert lines == [
        "all_waiting", "all_waiting", "all_texted",
        "status_card", "filed_deadline", "status_card", "filed_deadline",
    ]  # fmt: skip
