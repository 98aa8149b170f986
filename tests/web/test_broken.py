"""When something is broken: the caller hears what is so, in the right language, and never more."""

import logging
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from redis import Redis

from ivr.agent_hours import DAYS
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import (
    AGENT_NUMBER,
    BANKS,
    a_card,
    a_holder,
    a_secret,
    an_app,
    an_id_number,
    settings,
)
from tests.redis_server import RedisServer
from tests.web.conftest import (
    ID_KEYS,
    OTHER_SID,
    SID,
    Cut,
    PhoneCall,
    Twilio,
    Wire,
    hotline_behind,
)

NOT_BLOCKED_ZH, NOT_BLOCKED_EN = "没有因此停用", "NOT been blocked"
BANK_ZH, BANK_EN = "请拨：工商银行95588，建设银行95533", "ICBC on 95588.CCB on 95533."
UNSURE_ZH, UNSURE_EN = "无法确认挂失是否成功", "cannot confirm"
ON_RECORD_ZH, ON_RECORD_EN = "您的挂失已经登记", "Your report is on record"

DIGITS = ID_KEYS[:-1]


@pytest.fixture(autouse=True)
def logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> "Callable[[], str]":
    """All that was logged or printed, whatever way it took."""
    caplog.set_level(logging.INFO)
    said: list[str] = []

    def read() -> str:
        said.extend([*capfd.readouterr(), caplog.text])
        return "\n".join(said)

    return read


@pytest.fixture(autouse=True)
def _no_digits_in_any_log(logged: "Callable[[], str]") -> "object":
    yield
    text = logged()
    for part in (DIGITS, an_id_number(), "19491231", "A12345678", "622202123456"):
        assert part not in text


def truth(server: RedisServer) -> list[int]:
    """How many suspensions, reports and notices there really are."""
    with server.client() as redis:
        return [len(redis.keys(f"{kind}:*")) for kind in ("loss", "report", "notice")]


def one_whole_report(server: RedisServer) -> bool:
    with server.client() as redis:
        told = redis.zcard(keys.NOTICES_OPEN) - 1, redis.zcard(keys.DEADLINES)
    return truth(server) == [1, 1, 2] and told == (1, 1)


def nothing_at_all(server: RedisServer) -> bool:
    """Nothing but the look-ups is in the journal either."""
    with server.client() as redis:
        told = [fields[b"event"] for _, fields in redis.xrange(keys.JOURNAL)]
        left = [redis.zcard(keys.NOTICES_OPEN), redis.zcard(keys.DEADLINES)]
        left += [
            len(told) - told.count(b"looked_up"),
            len(redis.keys("rq:*")),
            len(redis.keys("block*")),
        ]
    return truth(server) == [0, 0, 0] and not any(left)


# --- Redis is gone ---------------------------------------------------------------------------


def test_no_redis_at_the_first_ring(own_call: PhoneCall, own_server: RedisServer) -> None:
    own_server.kill()

    own_call.dials().hears(NOT_BLOCKED_ZH, BANK_ZH, NOT_BLOCKED_EN, BANK_EN)
    assert own_call.is_over_but_for_a_person


@pytest.mark.parametrize(
    "pressed", [["1"], ["1", "1"], ["1", "1", ID_KEYS], ["1", "2"], ["1", "3"], ["1", "1", "12"]]
)
def test_no_redis_before_a_report(
    own_call: PhoneCall, own_server: RedisServer, pressed: list[str]
) -> None:
    own_call.dials().presses(*pressed)
    own_server.kill()

    own_call.presses(ID_KEYS).hears(NOT_BLOCKED_ZH, BANK_ZH).does_not_hear(NOT_BLOCKED_EN, "ICBC")
    assert own_call.is_over_but_for_a_person


def test_no_redis_at_the_confirming_key(own_call: PhoneCall, own_server: RedisServer) -> None:
    own_call.to_confirmation()
    own_server.kill()
    own_call.presses("1").hears(NOT_BLOCKED_ZH, BANK_ZH).does_not_hear("编号")

    own_server.start()
    assert nothing_at_all(own_server)


def test_the_language_is_kept(own_call: PhoneCall, own_server: RedisServer) -> None:
    own_call.dials().presses("2", "1", ID_KEYS)
    own_server.kill()

    own_call.presses("1").hears(NOT_BLOCKED_EN, BANK_EN).does_not_hear(NOT_BLOCKED_ZH, "工商")


@pytest.mark.parametrize("pressed", [[], [""], ["", ""], ["", "", "*"], ["", "", "*", "1"]])
def test_no_redis_after_a_report(
    own_call: PhoneCall, own_server: RedisServer, pressed: list[str]
) -> None:
    """Wherever the caller went in the meantime: the report is on record."""
    own_call.to_report().presses(*pressed)
    own_server.kill()

    own_call.presses("").hears(ON_RECORD_ZH).does_not_hear("没有停用", "没有办成")


def test_no_redis_after_a_report_in_english(own_call: PhoneCall, own_server: RedisServer) -> None:
    own_call.dials().presses("2", "1", ID_KEYS, "1").hears("Reported. Number")
    own_server.kill()

    own_call.presses("").hears(ON_RECORD_EN).does_not_hear("NOT")


def test_no_redis_after_hearing_of_an_earlier_report(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    own_call.to_report()
    later = (
        PhoneCall(own_call.twilio, OTHER_SID).dials().presses("1", "1", ID_KEYS).hears("已经挂失")
    )
    own_server.kill()

    later.presses("2").hears(ON_RECORD_ZH).does_not_hear("没有停用", "没有办成")


def test_the_call_goes_on_when_redis_is_back(own_call: PhoneCall, own_server: RedisServer) -> None:
    own_call.to_confirmation()
    target = own_call.target
    own_server.kill()
    own_call.presses("1").hears(NOT_BLOCKED_ZH)
    own_server.start()

    own_call.asks(target, "1").hears("挂失成功")


def test_without_redis_the_end_of_a_call_is_still_acknowledged(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    own_server.kill()

    response = own_call.twilio.posts("/voice/status", [("CallSid", SID)])
    assert (response.status_code, response.get_data()) == (204, b"")


def test_a_hotline_that_starts_without_redis_apologises_and_recovers(
    own_server: RedisServer,
) -> None:
    own_server.kill()
    app = an_app(settings(own_server.url))
    PhoneCall(Twilio(app)).dials().hears(NOT_BLOCKED_ZH, BANK_ZH)

    own_server.start()
    PhoneCall(Twilio(app)).dials().hears("12333社保热线")


def test_an_apology_signature_is_still_asked_for(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    own_server.kill()
    response = own_call.twilio.sends("/voice", [("CallSid", SID)], "wrong")
    assert (response.status_code, response.get_data()) == (403, b"")


def test_a_person_is_reached_without_redis(own_call: PhoneCall, own_server: RedisServer) -> None:
    """A transfer needs no records."""
    own_call.dials().presses("2")
    own_server.kill()

    own_call.presses("1").hears(NOT_BLOCKED_EN, "For a person, press 0.")
    assert own_call.is_over_but_for_a_person
    own_call.presses("0")
    (dial,) = ElementTree.fromstring(own_call.answer).iter("Dial")  # noqa: S314
    assert [number.text for number in dial] == [AGENT_NUMBER]
    assert dial.attrib["callerId"] == own_call.caller


@pytest.mark.parametrize("key", ["", "1", "9", "*", "00"])
def test_any_other_key_after_an_apology_ends_the_call(
    own_call: PhoneCall, own_server: RedisServer, key: str
) -> None:
    own_server.kill()
    own_call.dials().presses(key)
    assert "<Dial" not in own_call.answer.decode()
    assert own_call.has_ended


def test_outside_the_hours_an_apology_offers_nobody(
    own_server: RedisServer, another_day: int
) -> None:
    closed = settings(own_server.url, agent_hours=f"{DAYS[another_day]} 08:30-17:30")
    call = PhoneCall(Twilio(an_app(closed)))
    own_server.kill()
    call.dials().hears(NOT_BLOCKED_ZH, BANK_ZH, NOT_BLOCKED_EN, BANK_EN)
    call.does_not_hear("人工", "press 0")
    assert call.has_ended
    assert "<Dial" not in call.asks("/voice/agent", "0").answer.decode()
    assert call.has_ended


def test_with_many_banks_none_of_them_is_read_out(own_server: RedisServer, tmp_path: Path) -> None:
    """And never the number on the back of the card: it is lost."""
    one, _, _ = BANKS.partition("[banks.ccb]")
    more = [one.replace("icbc", f"b{n}").replace("ICBC_S", f"B{n}_S") for n in range(6)]
    (tmp_path / "banks.toml").write_text("".join(more), encoding="utf-8")
    secrets = {f"b{n}_secrets": a_secret() for n in range(6)}
    known = settings(own_server.url, banks_file=str(tmp_path / "banks.toml"), **secrets)
    own_server.kill()
    call = PhoneCall(Twilio(an_app(known))).dials()
    call.hears("请拨发卡银行的客服电话", "call the bank that issued the card").does_not_hear(
        "95588"
    )


# --- Redis breaks exactly while a report is written ------------------------------------------


@pytest.mark.parametrize("cut", ["before", "after", "stall"])
def test_a_wire_cut_at_commit_is_an_unknown_outcome(
    wired_call: PhoneCall, wire: Wire, own_server: RedisServer, cut: Cut
) -> None:
    wired_call.to_confirmation()
    wire.at_commit = cut
    wired_call.presses("1").hears(UNSURE_ZH).does_not_hear(
        "没有停用", "没有办成", "挂失成功", "编号"
    )

    wire.at_commit = ""
    assert nothing_at_all(own_server) if cut == "before" else one_whole_report(own_server)
    truth_by_status = "社保功能正常" if cut == "before" else "社保功能已临时挂失"
    PhoneCall(wired_call.twilio, OTHER_SID).dials().presses("1", "2", ID_KEYS).hears(
        truth_by_status
    )


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("key", ["1", "2", "", "0"])
def test_after_an_unknown_outcome_without_redis_it_is_still_unknown(
    wired_call: PhoneCall, wire: Wire, own_server: RedisServer, cut: Cut, key: str
) -> None:
    wired_call.to_confirmation()
    wire.at_commit = cut
    wired_call.presses("1").hears(UNSURE_ZH)
    own_server.kill()

    wired_call.presses(key).hears(UNSURE_ZH).does_not_hear("没有停用", "没有办成")


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_all_cards_and_redis_is_lost_between_two_reports(
    wired_settings: Settings, wire: Wire, own_server: RedisServer, cut: Cut, *, dies: bool
) -> None:
    """Each card is told as it is: the first reported, the second not sure, the third not reported;
    never all of them suspended.
    """
    cards = (a_card("1111"), a_card("2222", "ccb"), a_card("3333"))
    call = PhoneCall(Twilio(an_app(wired_settings, a_holder(*cards))))
    call.dials().presses("1", "1", ID_KEYS, "4").hears("3张")
    wire.at_commit, wire.spared = cut, 1
    wire.when_cut = own_server.kill if dies else bool
    call.presses("1").hears("尾号1111挂失成功", "尾号3333的卡没有挂失")
    call.hears("尾号2222的卡，暂时无法确认是否挂失").does_not_hear("尾号2222挂失成功", "都已停用")
    number = call.report_number
    if dies:
        own_server.start()
    with own_server.client() as redis:
        reports = [plain(key) for key in redis.keys("report:*")]
        assert len(redis.keys("loss:*")) == len(reports)
    assert keys.report(number) in reports
    assert len(reports) == (1 if cut == "before" else 2)


def test_after_an_unknown_outcome_the_same_call_finds_the_truth(
    wired_call: PhoneCall, wire: Wire, own_server: RedisServer
) -> None:
    wired_call.to_confirmation()
    wire.at_commit = "after"
    wired_call.presses("1").hears(UNSURE_ZH)
    wire.at_commit = ""
    wired_call.presses("2").hears("社保功能已临时挂失")
    assert one_whole_report(own_server)


def test_an_unknown_outcome_that_redis_forgot_to_tell_in_the_call_record(
    wired_call: PhoneCall, wire: Wire, own_server: RedisServer
) -> None:
    """EXEC was done, then Redis died before the turn could be remembered, and came back."""
    wired_call.to_confirmation()
    before = hotline_behind(wired_call).redis.dump(keys.call(SID))
    assert before is not None
    wire.at_commit = "after"
    wired_call.presses("1").hears(UNSURE_ZH)
    wire.at_commit = ""
    hotline_behind(wired_call).redis.restore(keys.call(SID), 0, before, replace=True)

    wired_call.presses("2").hears("挂失成功")
    assert one_whole_report(own_server)


def test_a_report_that_was_never_written_can_be_filed_after_all(
    wired_call: PhoneCall, wire: Wire, own_server: RedisServer
) -> None:
    wired_call.to_confirmation()
    wire.at_commit = "before"
    wired_call.presses("1").hears(UNSURE_ZH)
    wire.at_commit = ""

    PhoneCall(wired_call.twilio, OTHER_SID).to_report()
    assert one_whole_report(own_server)


# --- Redis refuses to write ------------------------------------------------------------------


def refuse_by_memory(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)


def refuse_by_replicas(redis: Redis) -> None:
    redis.config_set("min-replicas-to-write", 1)


REFUSALS = [refuse_by_memory, refuse_by_replicas]


@pytest.mark.parametrize("refuse", REFUSALS)
def test_refused_writes_at_the_first_ring(
    own_call: PhoneCall, own_server: RedisServer, refuse: Callable[[Redis], None]
) -> None:
    """A call that cannot be remembered would begin again for ever."""
    with own_server.client() as redis:
        refuse(redis)

    own_call.dials().hears(NOT_BLOCKED_ZH, BANK_ZH, NOT_BLOCKED_EN, BANK_EN)
    assert own_call.is_over_but_for_a_person


@pytest.mark.parametrize("refuse", REFUSALS)
def test_refused_writes_at_the_confirming_key(
    own_call: PhoneCall, own_server: RedisServer, refuse: Callable[[Redis], None]
) -> None:
    own_call.to_confirmation()
    with own_server.client() as redis:
        refuse(redis)

    own_call.presses("1").hears(NOT_BLOCKED_ZH, BANK_ZH).does_not_hear("编号")
    assert own_call.is_over_but_for_a_person
    assert nothing_at_all(own_server)


@pytest.mark.parametrize("refuse", REFUSALS)
def test_refused_writes_after_a_report(
    own_call: PhoneCall, own_server: RedisServer, refuse: Callable[[Redis], None]
) -> None:
    own_call.to_report()
    with own_server.client() as redis:
        refuse(redis)

    own_call.presses("").hears(ON_RECORD_ZH).does_not_hear("没有停用", "没有办成")
    assert own_call.is_over_but_for_a_person


@pytest.mark.parametrize("refuse", REFUSALS)
def test_a_person_is_reached_while_writes_are_refused(
    own_call: PhoneCall, own_server: RedisServer, refuse: Callable[[Redis], None]
) -> None:
    own_call.dials().presses("1")
    with own_server.client() as redis:
        refuse(redis)

    own_call.presses("0").hears("正在转接人工服务")
    assert b"<Dial" in own_call.answer


def test_a_redis_that_came_back_forgetful_takes_no_report(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    """Nobody could ask it when the hotline started, so it is asked before the first report."""
    known = hotline_behind(own_call).settings
    own_server.kill()
    call = PhoneCall(Twilio(an_app(known)))
    own_server.start()
    with own_server.client() as redis:
        redis.config_set("appendfsync", "everysec")

    call.dials().presses("2", "1", ID_KEYS, "1").hears(NOT_BLOCKED_EN, BANK_EN)
    call.does_not_hear(NOT_BLOCKED_ZH, UNSURE_EN, "report number")
    assert nothing_at_all(own_server)


# --- our answer did not reach Twilio -----------------------------------------------------------


def test_the_fallback_without_redis_keeps_language_and_place(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    own_server.kill()

    def fallback(failed: str, base: str = "https://hotline.example") -> PhoneCall:
        return own_call.asks("/voice/fallback", ErrorCode="11200", ErrorUrl=base + failed)

    fallback("/voice").hears(NOT_BLOCKED_ZH, NOT_BLOCKED_EN)
    fallback("/voice/main_menu?turn=1&lang=en").hears(NOT_BLOCKED_EN).does_not_hear("工商")
    fallback("/voice/confirm?turn=3&lang=zh").hears(UNSURE_ZH, BANK_ZH).does_not_hear("没有停用")
    fallback("/voice/confirm?turn=3&lang=en").hears(UNSURE_EN, BANK_EN).does_not_hear("NOT")
    fallback("/voice/filed?turn=4&lang=en&reported=1").hears(ON_RECORD_EN)
    fallback("/voice/main_menu?turn=9&lang=zh&reported=1").hears(ON_RECORD_ZH)
    fallback("", base="").hears(NOT_BLOCKED_ZH, NOT_BLOCKED_EN)
    fallback("/voice/confirm?turn=3&lang=xx").hears(UNSURE_ZH, UNSURE_EN)


# --- something nobody expected -----------------------------------------------------------------


def test_an_unexpected_error_is_spoken_not_shown(
    own_call: PhoneCall, own_server: RedisServer, logged: Callable[[], str]
) -> None:
    own_call.to_confirmation()
    with own_server.client() as redis:
        redis.hset(keys.call(SID), "step", '"no_step"')

    own_call.asks("/voice/no_step?turn=3&lang=en", ID_KEYS).hears(NOT_BLOCKED_EN, BANK_EN)
    own_call.does_not_hear("Traceback", "KeyError")
    assert "KeyError" in logged()
    assert "voice.py" in logged(), "where it happened"


def test_an_unexpected_error_where_reports_are_filed_is_an_unknown_outcome(
    own_call: PhoneCall, own_server: RedisServer
) -> None:
    """The holder is gone from the directory between two turns."""
    own_call.to_confirmation()
    with own_server.client() as redis:
        redis.delete(*redis.keys("holder:*"))

    own_call.presses("1").hears(UNSURE_ZH, BANK_ZH).does_not_hear("holder")


def test_records_of_other_data_keys_are_an_apology(
    own_call: PhoneCall, own_server: RedisServer, logged: Callable[[], str]
) -> None:
    own_call.dials()
    own_server.kill()  # else the other hotline would not start
    other = PhoneCall(Twilio(an_app(settings(own_server.url))))
    own_server.start()
    other.dials().hears(NOT_BLOCKED_ZH, BANK_ZH)

    assert "WrongDataKeysError" in logged()
