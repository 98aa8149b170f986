"""The voice routes: valid TwiML every time, nothing done twice, two round trips a turn."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from structlog.testing import capture_logs

from ivr.conversation import Heard
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Do
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.announcements import Announcement
from ivr.store.codec import plain
from simulator.kit import a_caller, phone_line
from tests.builders import TWILIO_TOKEN, a_card, a_holder, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import (
    ID_KEYS,
    OTHER_SID,
    SID,
    PhoneCall,
    Twilio,
    Wire,
    hotline_behind,
    next_target,
)

EVERY_STEP = sorted(name for name, step in FLOW.items() if not isinstance(step, Do))


def reports(redis: Redis) -> list[str]:
    return [plain(key) for key in redis.keys("report:*")]


def notices(redis: Redis) -> list[str]:
    return [plain(key) for key in redis.keys("notice:*")]


@pytest.mark.parametrize(("key", "end"), [("1", "再见"), ("2", "Goodbye")])
def test_a_strict_twilio_has_nothing_to_say_about_the_main_call(
    twilio: Twilio, key: str, end: str
) -> None:
    line = phone_line(auth_token=TWILIO_TOKEN, status="/voice/status", fallback="/voice/fallback")
    caller = a_caller(twilio.client.application, line)
    caller.dials().presses(key).presses("1").presses(ID_KEYS).presses("1")
    caller.waits().hears(end).is_hung_up_on()

    assert {exchange.status for exchange in caller.exchanges} == {200, 204}


def test_every_key_sequence_gets_valid_twiml(call: PhoneCall) -> None:
    """Every answer is checked by `PhoneCall`: 200, text/xml, nothing for Twilio's debugger."""
    journeys = [
        ["", "", "", ""], ["1", "7", "8", "x"], ["2", "2", ID_KEYS, "9", "3", "1", "*", "3"],
        ["1", "4", "1", "9", "*", "2"], ["2", "0", "completed"], ["1", "0"], ["1", "1", "123"],
        ["1", "1", "110105491231002", ""], ["1", "1", ID_KEYS, "1", "", "", "9"],
        ["1", "1", ID_KEYS, "2", "*"], ["1", "1", "*" * 18], ["1", "1", "4" * 15_000],
        ["1", "1", "１１", "\u0000", "<&>"],
    ]  # fmt: skip
    for number, pressed in enumerate(journeys):
        other = PhoneCall(call.twilio, f"CA{number:032d}").dials()
        for key in pressed:
            if not other.has_ended:
                other.presses(key)


@pytest.mark.parametrize("step", EVERY_STEP)
def test_no_steps_url_is_another_route(twilio: Twilio, step: str) -> None:
    """The step's URL leads to the step, not to the status callback or the fallback."""
    PhoneCall(twilio).dials().asks(f"/voice/{step}?turn=99").hears("12333社保热线")


def test_the_status_of_a_card_goes_on(call: PhoneCall) -> None:
    call.to_report()
    PhoneCall(call.twilio, OTHER_SID).dials().presses("1", "2", ID_KEYS).hears(
        "社保功能已临时挂失", call.report_number
    ).presses("9").hears("社保功能已临时挂失").presses("3").hears("正式挂失请按1")


def test_a_repeated_turn_does_nothing_twice(call: PhoneCall, redis: Redis) -> None:
    first = call.to_report().answer
    before = {key: redis.ttl(key) for key in redis.scan_iter()}

    for _ in range(3):
        assert call.repeats().answer == first

    assert set(redis.scan_iter()) == set(before)
    assert len(reports(redis)) == 1
    assert len(notices(redis)) == 2, "one to the bank, one text"
    assert redis.xlen(keys.JOURNAL) == 2, "the look-up and the report"


def test_a_turn_repeated_at_the_same_time_does_nothing_twice(call: PhoneCall, redis: Redis) -> None:
    target = call.to_confirmation().target
    with ThreadPoolExecutor(8) as pool:
        calls = [PhoneCall(call.twilio) for _ in range(8)]
        answers = {c.answer for c in pool.map(lambda c: c.asks(target, "1"), calls)}

    assert len(answers) == 1
    assert len(reports(redis)) == 1
    assert len(notices(redis)) == 2
    assert redis.hget(keys.COUNTERS, "step:filed") == b"1"
    call.asks(next_target(answers.pop())).hears("正在通知工商银行")


def test_two_calls_at_the_same_instant_make_one_report(call: PhoneCall, redis: Redis) -> None:
    calls = [PhoneCall(call.twilio, f"CA{n:032d}").to_confirmation() for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda c: c.presses("1"), calls))

    assert len(reports(redis)) == 1
    (number,) = (key.removeprefix("report:") for key in reports(redis))
    assert sum("挂失成功" in c.said for c in calls) == 1
    assert sum("已经挂失" in c.said for c in calls) == 5
    for one in calls:
        one.hears(number)


def test_a_late_turn_gets_the_present_step(call: PhoneCall) -> None:
    old = call.dials().target
    present = call.presses("1", "1").answer

    assert call.asks(old, "2").answer == present
    assert call.asks("/voice/report_id", ID_KEYS).answer == present, "no turn"
    assert call.asks("/voice/report_id?turn=x", ID_KEYS).answer == present
    assert call.asks("/voice/report_id?turn=99", ID_KEYS).answer == present
    assert call.asks("/voice/no_such_step?turn=2", "1").answer == present
    assert call.asks("/voice/find_holder?turn=2").answer == present


def test_a_call_that_dials_again_hears_where_it_stands(call: PhoneCall) -> None:
    present = call.dials().presses("1", "1").answer

    assert call.dials().answer == present


def test_a_person_is_offered_by_the_hour_of_the_turn_not_of_its_repeat(
    redis: Redis, redis_server: RedisServer
) -> None:
    weekday = settings(redis_server.url, agent_hours="mon-fri 08:30-17:30")
    call = PhoneCall(Twilio(an_app(weekday))).dials().presses("1")
    for at, is_offered in ((1_789_525_800, True), (1_789_200_000, False)):
        redis.hset(keys.call(SID), "at", at)
        assert ("人工请按0" in call.repeats().said) is is_offered


def test_a_call_whose_record_is_lost_begins_again(call: PhoneCall, redis: Redis) -> None:
    call.to_confirmation()
    redis.delete(keys.call(SID))

    call.presses("1").hears("12333社保热线").does_not_hear("编号")
    assert reports(redis) == []
    call.presses("1", "1", ID_KEYS, "1").hears("挂失成功")


def test_an_unknown_step_begins_a_call(call: PhoneCall) -> None:
    call.asks("/voice/no_such_step", "1").hears("12333社保热线")


@pytest.mark.parametrize("sid", ["", "A" * 129, f"{SID}\n", "a\tb", "\x7f", "呼叫", "é"])
def test_a_request_without_a_calls_id_is_no_call(twilio: Twilio, redis: Redis, sid: str) -> None:
    form = [("CallSid", sid)] if sid else [("From", "+8613800138000")]

    assert twilio.posts("/voice", form).status_code == 400
    assert twilio.posts("/voice/confirm?turn=1", form).status_code == 400
    assert redis.keys("call:*") == []


# A call's id is opaque: 1 to 128 printable characters of ASCII. Somleng's are UUIDs.
IDS = [
    "c7a3b0f2-5f0e-4d8b-9a44-2f1f0c1d7e55", "call:*", "..", "../report", " ", "a b", "a%20b", "%",
    "%s%n", "{}", "*", "?", "[a-z]", "a:b", "A" * 128, "~" * 128, "'; FLUSHALL",
]  # fmt: skip


@pytest.mark.parametrize("sid", IDS)
def test_a_whole_call_of_any_engine(twilio: Twilio, redis: Redis, sid: str) -> None:
    call = PhoneCall(twilio, sid).to_report()
    (name,) = redis.keys("call:*")
    assert re.fullmatch(r"call:[\w.~%-]+", plain(name)), "one plain word, no pattern"
    assert 0 < redis.ttl(name) <= keys.CALL_SECONDS
    call.presses("").hears("正在通知工商银行").repeats().presses("", "").hears("再见")
    assert call.has_ended
    assert reports(redis) == [f"report:{report_number(redis)}"]


def report_number(redis: Redis) -> str:
    """Of the one report there is."""
    (name,) = reports(redis)
    return name.removeprefix("report:")


def test_calls_with_similar_ids_do_not_meet(twilio: Twilio, redis: Redis) -> None:
    """Each is asked by its own id alone, wherever it stands."""
    calls = [PhoneCall(twilio, sid) for sid in IDS]
    for number, call in enumerate(calls):
        call.dials().presses(*["1", "4", "1"][: number % 4])
    answers = [call.answer for call in calls]
    assert [call.repeats().answer for call in calls] == answers
    assert len(redis.keys("call:*")) == len(IDS)


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=128)


@given(PRINTABLE, PRINTABLE)
def test_two_ids_never_share_a_key(one: str, other: str) -> None:
    assert (keys.call(one) == keys.call(other)) == (one == other)
    assert re.fullmatch(r"call:[\w.~%-]+", keys.call(one))


def test_the_person_sees_who_calls(twilio: Twilio) -> None:
    call = PhoneCall(twilio)
    call.caller = "+8613912345678"
    call.dials().presses("1", "0")
    assert b'callerId="+8613912345678"' in call.answer
    assert b'callerId="+8613912345678"' in call.repeats().answer


@pytest.mark.parametrize("caller", ["anonymous", "+266696687", "client:bob", ""])
def test_a_number_that_no_network_takes_is_not_shown_to_the_person(
    twilio: Twilio, caller: str
) -> None:
    """Twilio would reject the transfer with error 13214."""
    call = PhoneCall(twilio)
    call.caller = caller
    assert b'callerId="+8612333"' in call.dials().presses("1", "0").answer


def test_the_callers_number_is_not_kept(call: PhoneCall, redis: Redis) -> None:
    call.dials().presses("1", "0")
    assert call.caller not in str(redis.hgetall(keys.call(SID)))
    assert call.caller not in repr(Heard(SID, "person", 3, "", call.caller))


def test_keys_are_not_in_what_a_request_looks_like() -> None:
    """An ID number among them; a repr() may end up in a log or an error's text."""
    assert ID_KEYS not in repr(Heard(SID, "report_id", 3, ID_KEYS))


def test_the_end_of_a_call_is_counted(twilio: Twilio, redis: Redis) -> None:
    for status in ("completed", "busy", "no-answer"):
        response = twilio.posts("/voice/status", [("CallSid", SID), ("CallStatus", status)])
        assert (response.status_code, response.get_data()) == (204, b"")
    assert redis.hget(keys.COUNTERS, "calls_ended") == b"3"


def test_the_fallback_goes_on_with_the_present_step(call: PhoneCall) -> None:
    confirm = call.to_confirmation().answer
    call.asks("/voice/fallback", ErrorCode="11200", ErrorUrl="https://hotline.example/voice")
    assert call.answer == confirm

    filed = call.presses("1").answer
    call.asks("/voice/fallback", ErrorCode="11200")
    assert call.answer == filed


@pytest.mark.parametrize(
    ("code", "logged"),
    [("11200", "11200"), (f"{ID_KEYS[:-1]}", "unreadable"), ("11200\n1", "unreadable"),
     ("1234567", "unreadable"), ("x", "unreadable"), ("", "unreadable")],
)  # fmt: skip
def test_of_twilios_error_code_only_digits_are_logged(
    call: PhoneCall, code: str, logged: str
) -> None:
    """Six at most: who signs could write an ID number there, or a line of his own."""
    call.to_confirmation()
    with capture_logs() as lines:
        call.asks("/voice/fallback", ErrorCode=code)
    assert [line["error"] for line in lines if line["event"] == "fallback"] == [logged]


def test_a_record_set_back_to_before_the_report_still_knows_it(
    call: PhoneCall, redis: Redis
) -> None:
    """The turn's report was committed, its call record was not: neither key may deny it."""
    call.to_confirmation()
    before, confirm = redis.dump(keys.call(SID)), call.target
    assert before is not None
    number = call.presses("1").report_number
    filed = call.target
    ways = [(confirm, "1"), (confirm, "2"), (confirm, ""), ("/voice/outcome_unknown?turn=4", "2")]
    for target, pressed in ways:
        redis.restore(keys.call(SID), 0, before, replace=True)
        call.asks(target, pressed).hears("挂失成功", number)
    redis.restore(keys.call(SID), 0, before, replace=True)
    call.asks(filed).hears("正在通知工商银行")
    assert len(reports(redis)) == 1


def test_a_second_card_of_the_same_call_is_another_report(
    redis: Redis, redis_server: RedisServer
) -> None:
    holder = a_holder(a_card("1111"), a_card("2222", bank="ccb"))
    call = PhoneCall(Twilio(an_app(settings(redis_server.url), holder)))
    call.dials().presses("1", "1", ID_KEYS, "1", "1").hears("挂失成功")
    first = call.report_number
    call.presses("", "", "*", "1", ID_KEYS, "2", "1").hears("挂失成功")

    assert call.report_number != first
    assert len(reports(redis)) == 2
    assert len(redis.keys("loss:*")) == 2


def test_another_card_is_reported_without_keying_the_number_again(
    redis: Redis, redis_server: RedisServer
) -> None:
    holder = a_holder(a_card("1111"), a_card("2222", bank="ccb"))
    call = PhoneCall(Twilio(an_app(settings(redis_server.url), holder)))
    call.dials().presses("1", "1", ID_KEYS, "1", "1").hears("挂失成功")
    call.presses("", "").hears("挂失另一张卡请按1").presses("1")
    call.hears("工商银行尾号1111，已经挂失，详情请按1。", "建设银行尾号2222，请按2。")
    call.presses("2", "1").hears("挂失成功")
    assert len(reports(redis)) == len(redis.keys("loss:*")) == 2
    call.presses("", "", "1", "1").hears("工商银行尾号1111的卡已经挂失")
    assert len(reports(redis)) == 2


# --- what a turn costs -----------------------------------------------------------------------


def test_an_ordinary_turn_is_two_round_trips(wired_call: PhoneCall, wire: Wire) -> None:
    PhoneCall(
        wired_call.twilio, OTHER_SID
    ).to_report()  # connections, scripts and keys are there now
    turns = [("", "/voice"), *((key, "") for key in ("2", "1", "12", ID_KEYS, "7", "9", "2", "*"))]
    for key, target in turns:
        before = wire.round_trips
        wired_call.asks(target or wired_call.target, key)
        assert wire.round_trips - before <= 2, (key, wired_call.said)


def test_announcements_take_no_round_trip_of_their_own(wired_call: PhoneCall, wire: Wire) -> None:
    PhoneCall(wired_call.twilio, OTHER_SID).to_report()
    store = hotline_behind(wired_call).announcements
    texts, until = {"zh": "维护。", "en": "Maintenance."}, int(time.time()) + 60
    for bank in ("", "icbc"):
        store.put(Announcement(bank, texts, until))
    most = {"1": 1, "2": 1, ID_KEYS: 2}
    wired_call.dials()
    for key, trips in most.items():
        before = wire.round_trips
        wired_call.presses(key)
        assert wire.round_trips - before <= trips, (key, wired_call.said)
    wired_call.hears("工商银行公告：维护。")


def test_a_turn_whose_end_only_the_key_decides_is_one_round_trip(
    wired_call: PhoneCall, wire: Wire
) -> None:
    PhoneCall(wired_call.twilio, OTHER_SID).to_report()  # scripts are there now
    for key in ("", "2", "3", "1", "*", "*", "*", "", "1"):
        before = wire.round_trips
        wired_call.asks(wired_call.target or "/voice", key)
        assert wire.round_trips - before == 1, (key, wired_call.said)


def test_the_filing_turn_is_three_round_trips(wired_call: PhoneCall, wire: Wire) -> None:
    """Read the call; commit the report; remember the call."""
    PhoneCall(wired_call.twilio, OTHER_SID).to_report()
    redis = hotline_behind(wired_call).redis
    redis.delete(*redis.keys("loss:*"), *redis.keys("block:*"))
    wired_call.to_confirmation()

    before = wire.round_trips
    wired_call.presses("1").hears("挂失成功")
    assert wire.round_trips - before == 3


def test_a_repeated_turn_is_one_round_trip(wired_call: PhoneCall, wire: Wire) -> None:
    wired_call.to_confirmation()
    before = wire.round_trips
    wired_call.asks("/voice/language?turn=0", "1")
    assert wire.round_trips - before == 1


def test_settings_reach_the_answers(wired_settings: Settings) -> None:
    call = PhoneCall(Twilio(an_app(wired_settings, a_holder())))
    assert b"<Dial" in call.dials().presses("1", "0").answer
    assert wired_settings.agent_number.encode() in call.answer
