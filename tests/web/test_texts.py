"""Texts from holders' phones, through Twilio's door to a real Redis and back as TwiML."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.block import BlockState
from ivr.cards.loss import ReportState
from ivr.cards.notice import NoticeKind, Outcome
from ivr.cards.records import CardState, Holder
from ivr.store import keys
from ivr.store.codec import dump, load, plain
from ivr.store.texting import Question
from ivr.texting import ANSWER_SECONDS, MOST_ANSWERS, MOST_MISSES, MOST_YESES
from tests.bank_side import Records
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import Twilio

PHONE = "+8613800138001"
STRANGER = "+8613900139009"


class Pocket:
    """A phone that texts the line. Each text has an id of its own."""

    def __init__(self, twilio: Twilio, number: str = PHONE) -> None:
        self.twilio = twilio
        self.number = number
        self.sent = 0
        self.answers: list[str] = []

    def texts(self, body: str, sid: str = "", **more: str) -> "Pocket":
        self.sent += 1
        sid = sid or f"SM{self.number[-4:]}{self.sent:028d}"
        form = [("MessageSid", sid), ("From", self.number), ("To", "+8612333"), ("Body", body)]
        answer = self.twilio.posts("/sms", [*form, *more.items()])
        assert answer.status_code == 200, answer
        assert answer.content_type.startswith("text/xml")
        root = ElementTree.fromstring(answer.get_data())  # noqa: S314 (our own answer)
        assert root.tag == "Response"
        assert {verb.tag for verb in root} <= {"Message"}
        self.answers = ["".join(verb.itertext()) for verb in root]
        return self

    def reads(self, *words: str) -> "Pocket":
        for part in words:
            assert part in self.said, self.said
        return self

    def reads_nothing(self) -> "Pocket":
        assert self.answers == []
        return self

    @property
    def said(self) -> str:
        return "\n".join(self.answers)


@pytest.fixture
def pocket(twilio: Twilio) -> Pocket:
    return Pocket(twilio)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


def on_record(redis: Redis) -> list[str]:
    """Whatever a report leaves in Redis."""
    kinds = ("loss", "block", "report", "notice", "rq")
    return [plain(key) for kind in kinds for key in redis.keys(f"{kind}:*")]


class Town:
    """Hotlines with other people, on the emptied shared server."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server

    def of(self, *holders: Holder, **changes: str) -> Pocket:
        app = an_app(settings(self.server.url, **changes), *holders)
        self.records = Records(hotline_of(app))
        return Pocket(Twilio(app))


@pytest.fixture
def town(redis: Redis, redis_server: RedisServer) -> Town:
    assert redis.dbsize() == 0
    return Town(redis_server)


# --- a report -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "yes", "asks", "filed"),
    [
        ("挂失 5678", "是", ("工商银行尾号5678", "7天", "请10分钟内回复“是”"), "已挂失，编号"),
        ("挂失 002X", "确认", ("工商银行尾号5678",), "已挂失，编号"),
        ("挂失", "是", ("工商银行尾号5678",), "已挂失，编号"),
        ("LOST 5678", "CONFIRM", ("ICBC card ending 5678", "7 days"), "Reported, number"),
        ("lost", "yes", ("ICBC card ending 5678",), "Reported, number"),
    ],
)
def test_a_card_is_reported(
    pocket: Pocket,
    records: Records,
    redis: Redis,
    lost: str,
    yes: str,
    asks: tuple[str],
    filed: str,
) -> None:
    pocket.texts(lost).reads(*asks)
    assert on_record(redis) == []
    pocket.texts(yes).reads(filed)

    (report,) = records.reports()
    assert report.number in pocket.said
    assert (report.channel, report.language) == ("text", "en" if lost[0] in "lL" else "zh")
    assert records.texts() == ["text_filed"]
    assert len(records.notices(NoticeKind.LOSS_REPORTED)) == 1
    assert records.state(report) is BlockState.NOTIFIED


def test_nothing_says_blocked_before_the_bank_did(pocket: Pocket, records: Records) -> None:
    pocket.texts("挂失").texts("是")
    (report,) = records.reports()
    pocket.texts("状态").reads("银行还没有确认")
    records.bank_answers(report, Outcome.BLOCKED)
    pocket.texts("状态").reads("已经停用银行功能", report.number[:4])


def test_a_yes_twice_files_once(pocket: Pocket, records: Records) -> None:
    pocket.texts("挂失").texts("是")
    first = pocket.said
    assert pocket.texts("是").said == first
    assert len(records.reports()) == 1


def test_the_same_request_once_more_gets_the_same_answer(
    pocket: Pocket, records: Records, redis: Redis
) -> None:
    lost, yes = "SM" + "a" * 32, "SM" + "b" * 32
    asked = pocket.texts("挂失", lost).said
    filed = pocket.texts("是", yes).said
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    assert pocket.texts("挂失", lost).said == asked
    assert pocket.texts("是", yes).said == filed
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before
    assert len(records.reports()) == 1


def test_a_yes_that_was_filed_and_not_answered_is_answered_the_next_time(
    pocket: Pocket, records: Records, redis: Redis
) -> None:
    """The process died between the report and its answer."""
    yes = "SM" + "b" * 32
    pocket.texts("挂失").texts("是", yes)
    redis.delete(*redis.keys(f"answered:*{yes}"))
    pocket.texts("是", yes).reads("已挂失，编号", records.reports()[0].number)
    assert len(records.reports()) == 1


def later(redis: Redis, seconds: int) -> None:
    """The question was asked so much earlier."""
    (key,) = redis.keys(keys.texting("*"))
    question = load(Question, redis.get(key) or b"")
    earlier = replace(question, asked_at=question.asked_at - seconds)
    redis.set(key, dump(earlier), keepttl=True)


def test_a_yes_that_is_late_files_nothing(pocket: Pocket, redis: Redis) -> None:
    pocket.texts("挂失")
    later(redis, ANSWER_SECONDS + 1)
    pocket.texts("是").reads("已超过10分钟，没有挂失")
    pocket.texts("是").reads("没有等您确认的挂失")
    assert on_record(redis) == []


def test_a_late_yes_after_the_report_tells_how_it_stands(pocket: Pocket, redis: Redis) -> None:
    pocket.texts("挂失").texts("是")
    later(redis, ANSWER_SECONDS + 1)
    pocket.texts("是").reads("已临时挂失")


def test_a_no_forgets_the_question(pocket: Pocket, redis: Redis) -> None:
    pocket.texts("挂失").texts("不").reads("已取消", "95588")
    pocket.texts("是").reads("没有等您确认的挂失")
    assert on_record(redis) == []


def test_a_no_after_the_report_undoes_nothing(pocket: Pocket, records: Records) -> None:
    pocket.texts("挂失").texts("是").texts("取消").reads("已临时挂失")
    assert records.reports()[0].state is ReportState.ACTIVE


def test_what_is_reported_already_is_told_and_not_asked(pocket: Pocket, records: Records) -> None:
    report = records.reports_lost(a_holder())
    pocket.texts("挂失").reads("已临时挂失", report.number[:4], report.number[4:])
    pocket.texts("是").reads("没有等您确认的挂失")
    assert len(records.reports()) == 1


def test_reported_by_telephone_between_question_and_yes(pocket: Pocket, records: Records) -> None:
    pocket.texts("挂失")
    report = records.reports_lost(a_holder())
    pocket.texts("是").reads("已临时挂失", report.number[:4])
    assert len(records.reports()) == 1


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (a_holder(id_number=an_id_number("20200601")), "未满16周岁"),
        (a_holder(a_card(state=CardState.LOCKED)), "需要人工办理，还没有挂失"),
        (a_holder(a_card(state=CardState.FORMAL_LOSS)), "已停用，直到补卡"),
        (a_holder(a_card(state=CardState.TEMPORARY_LOSS)), "已经通过其他渠道挂失"),
        (a_holder(a_card(bank="gone")), "需要人工办理，还没有挂失"),
    ],
)
def test_what_cannot_be_reported(redis: Redis, town: Town, holder: Holder, words: str) -> None:
    pocket = town.of(holder)
    pocket.texts("挂失").reads(words).texts("是").reads("没有等您确认的挂失")
    assert on_record(redis) == []


def test_the_city_may_close_the_channel(redis: Redis, town: Town) -> None:
    pocket = town.of(a_holder(), rules='channels = ["phone"]')
    pocket.texts("挂失").reads("这张卡不能用短信挂失，没有办理")
    assert on_record(redis) == []


# --- several cards, several people ----------------------------------------------------------------

TWO_CARDS = a_holder(a_card("5678"), a_card("4321", "ccb"))
MOTHER = a_holder(id_number=an_id_number("19300101", "011"))
FATHER = a_holder(a_card("9876", "ccb"), id_number=an_id_number("19310101", "022"))


def test_one_of_several_cards_is_named_by_its_number(town: Town) -> None:
    pocket = town.of(TWO_CARDS)
    pocket.texts("挂失").reads("要挂失哪张卡", "工商银行 5678", "建设银行 4321")
    pocket.texts("是").reads("没有等您确认的挂失")
    pocket.texts("挂失卡4321").reads("建设银行尾号4321").texts("是").reads("已挂失")
    (report,) = town.records.reports()
    assert (report.bank, report.card_last4) == ("ccb", "4321")


def test_two_dependants_on_one_phone_are_told_apart(town: Town) -> None:
    pocket = town.of(MOTHER, FATHER)
    pocket.texts(f"挂失 {FATHER.last4}").reads("建设银行尾号9876").texts("是").reads("已挂失")
    pocket.texts(f"挂失 {MOTHER.last4}").reads("工商银行尾号5678").texts("是").reads("已挂失")
    reports = town.records.reports()
    assert {report.holder_last4 for report in reports} == {MOTHER.last4, FATHER.last4}
    pocket.texts("状态").reads("5678", "9876")
    assert len(pocket.answers) == 2


def test_not_me_of_one_of_two(town: Town) -> None:
    pocket = town.of(MOTHER, FATHER)
    records = town.records
    mothers, fathers = records.reports_lost(MOTHER), records.reports_lost(FATHER)
    pocket.texts("不是我").reads("不止一张卡")
    pocket.texts("不是我卡9876").reads("已记下", "挂失还没有撤销")
    assert records.report(fathers.number).disputed_at > 0
    assert records.report(mothers.number).disputed_at == 0


def test_not_me_of_a_formal_loss_tells_how_the_card_stands(town: Town) -> None:
    pocket = town.of(a_holder(a_card(state=CardState.FORMAL_LOSS)))
    pocket.texts("不是我").reads("社保功能已停用，直到补卡")


def test_not_me_lifts_nothing(pocket: Pocket, records: Records) -> None:
    report = records.reports_lost(a_holder())
    for _ in range(2):
        pocket.texts("Not me").reads("It still stands")
    assert records.suspension(report) is not None
    assert records.journal().count("report_disputed") == 1
    assert records.texts().count("text_disputed") == 1


# --- who it is ------------------------------------------------------------------------------------

OF_NOBODY = ("挂失 5678", "挂失", "状态", "不是我", "是", "LOST 5678", "STATUS", "NOT ME")


@pytest.mark.parametrize("body", OF_NOBODY)
def test_a_strangers_phone_is_told_what_a_registered_one_without_such_a_card_is(
    twilio: Twilio, redis: Redis, body: str
) -> None:
    stranger, registered = Pocket(twilio, STRANGER), Pocket(twilio)
    other = re.sub("5678", "1111", body)
    if other == body and body == "挂失":  # a registered phone has a card then
        other = "挂失 1111"
    assert stranger.texts(body).said == registered.texts(other).said
    assert stranger.said
    assert on_record(redis) == []


def test_a_stranger_is_answered_so_often_and_then_not(twilio: Twilio) -> None:
    stranger = Pocket(twilio, STRANGER)
    for _ in range(MOST_MISSES):
        assert stranger.texts("挂失 5678").answers
    stranger.texts("挂失 5678").reads_nothing().texts("你好").reads_nothing()
    Pocket(twilio).texts("挂失").reads("请10分钟内回复“是”")


def test_the_holders_own_phone_is_never_held_back(pocket: Pocket) -> None:
    for _ in range(MOST_MISSES + 3):
        pocket.texts("what?")
    pocket.reads_nothing().texts("挂失").reads("请10分钟内回复“是”").texts("是").reads("已挂失")


def test_nobody_is_answered_all_day(pocket: Pocket, records: Records) -> None:
    """A sender can be forged, and every answer goes to the holder. What was begun is ended."""
    for _ in range(MOST_ANSWERS - 1):
        assert pocket.texts("状态").answers
    pocket.texts("挂失").reads("请10分钟内回复“是”")
    pocket.texts("状态").reads("没有办理", "12333")
    pocket.texts("状态").reads_nothing().texts("挂失").reads_nothing()
    pocket.texts("是").reads("已挂失，编号")
    assert len(records.reports()) == 1
    pocket.texts("不是我").reads_nothing()
    (report,) = records.reports()
    assert report.disputed_at == 0


def test_a_yes_is_not_answered_all_day_either(pocket: Pocket, records: Records) -> None:
    """It is none of the 20 answers, for a report that was begun is not held back."""
    pocket.texts("挂失")
    for _ in range(MOST_YESES):
        pocket.texts("是").reads("已挂失，编号")
    pocket.texts("是").reads_nothing().texts("YES").reads_nothing()
    pocket.texts("状态").reads("已临时挂失")
    assert len(records.reports()) == 1


def test_operators_may_free_a_phone(pocket: Pocket, app: Flask) -> None:
    for _ in range(MOST_ANSWERS + 2):
        pocket.texts("状态")
    pocket.reads_nothing()
    limiting = hotline_of(app).limiting
    assert limiting.forget(limiting.caller(PHONE))
    pocket.texts("状态").reads("没有查到挂失")


def test_what_needs_no_answer_counts_for_nothing(pocket: Pocket) -> None:
    for _ in range(MOST_ANSWERS + 1):
        pocket.texts("退订").reads_nothing()
    pocket.texts("状态").reads("没有查到挂失")


def test_another_phone_does_not_read_what_one_was_answered(twilio: Twilio) -> None:
    """Whoever names a text that came before, from elsewhere."""
    holder, stranger = Pocket(twilio), Pocket(twilio, STRANGER)
    holder.texts("挂失", "SM1").reads("尾号5678")
    stranger.texts("挂失", "SM1").reads("没有查到")
    assert holder.texts("挂失", "SM1").reads("尾号5678").answers


@pytest.mark.parametrize("sender", ["12333", "Hotline", "anonymous", "", "+266696687"])
def test_who_is_no_telephone_is_not_answered(twilio: Twilio, redis: Redis, sender: str) -> None:
    before = redis.dbsize()
    Pocket(twilio, sender or "").texts("挂失 5678").reads_nothing()
    assert redis.dbsize() == before


def test_every_look_is_journalled(twilio: Twilio, redis: Redis) -> None:
    Pocket(twilio).texts("状态")
    Pocket(twilio, STRANGER).texts("挂失")
    entries: Any = redis.xrange(keys.JOURNAL)
    looks = [fields for _, fields in entries]
    assert [(look[b"channel"], look[b"purpose"], look.get(b"found")) for look in looks] == [
        (b"text", b"status", b"1"), (b"text", b"report", None),
    ]  # fmt: skip
    assert PHONE.encode() not in repr(looks).encode()


# --- words that carriers act on -------------------------------------------------------------------


@pytest.mark.parametrize("body", ["STOP", "stop", "CANCEL", "END", "QUIT", "START", "HELP", "退订"])
def test_what_twilio_answers_itself_we_do_not(pocket: Pocket, body: str) -> None:
    pocket.texts(body).reads_nothing()


def test_a_yes_without_a_question_is_twilios(pocket: Pocket) -> None:
    pocket.texts("YES").reads_nothing()


def test_stop_ends_a_question(pocket: Pocket, redis: Redis) -> None:
    pocket.texts("LOST").texts("STOP").reads_nothing().texts("CONFIRM").reads("Nothing is waiting")
    assert on_record(redis) == []


def test_what_the_account_has_answered_we_do_not(pocket: Pocket) -> None:
    pocket.texts("帮助", OptOutType="HELP").reads_nothing()


# --- numbers that must not be texted --------------------------------------------------------------


def test_a_whole_number_is_warned_of_and_kept_nowhere(
    pocket: Pocket, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    for body in (f"挂失{a_holder().id_number}", f"lost {a_holder().id_number[:10]} 31002X"):
        pocket.texts(body).reads("")
        assert pocket.answers
    pocket.reads("Never text a whole ID")
    kept = repr([(key, redis.dump(key)) for key in redis.keys("[!h]*")]) + caplog.text
    assert a_holder().id_number[:17] not in kept
    assert redis.xlen(keys.JOURNAL) == 0
    assert on_record(redis) == []


# --- more proof where everybody proves more -------------------------------------------------------


def test_with_a_second_factor_the_yes_repeats_six_digits(town: Town) -> None:
    pocket = town.of(a_holder(), second_factor="text_code")
    pocket.texts("挂失")
    found = re.search("6位数字：([0-9]{6})", pocket.said)
    assert found is not None
    pocket.texts("是").reads("和短信里的数字不一致，没有挂失")
    pocket.texts(found[1]).reads("没有等您确认")  # one guess for each question
    pocket.texts("挂失")
    again = re.search("6位数字：([0-9]{6})", pocket.said)
    assert again is not None
    pocket.texts(again[1]).reads("已挂失")


def test_wrong_digits_are_answered_in_the_language_of_the_question(town: Town) -> None:
    pocket = town.of(a_holder(), second_factor="text_code")
    pocket.texts("LOST").reads("within 10 minutes").texts("000000").reads("NOT reported")


# --- the door and what breaks ---------------------------------------------------------------------


def test_only_twilio_comes_in(twilio: Twilio, redis: Redis) -> None:
    before = redis.dbsize()
    form = [("MessageSid", "SM1"), ("From", PHONE), ("Body", "挂失")]
    for target in ("/sms", "/sms/status?notice=ntc-1"):
        assert twilio.sends(target, form, None).status_code == 403
        assert twilio.sends(target, form, "A" * 27 + "=").status_code == 403
    assert redis.dbsize() == before


def test_a_request_without_an_id_is_none(twilio: Twilio) -> None:
    assert twilio.posts("/sms", [("From", PHONE), ("Body", "挂失")]).status_code == 400


def test_redis_is_gone(own_server: RedisServer) -> None:
    pocket = Town(own_server).of(a_holder())
    pocket.texts("挂失")
    own_server.stop()
    pocket.texts("是").reads("不能确认是否办成，请当作没有办成")
    pocket.texts("LOST").reads("nothing was done")


def test_a_question_that_cannot_be_read_is_no_500(pocket: Pocket, redis: Redis) -> None:
    pocket.texts("挂失")
    (key,) = redis.keys(keys.texting("*"))
    redis.set(key, "{")
    pocket.texts("是").reads("请当作没有办成")
    redis.delete(key)
    redis.lpush(key, "x")
    pocket.texts("挂失").reads("没有办理")


def segments(text: str) -> int:
    """How many texts it is sent as: 70 characters that are not all of GSM 03.38, else 67 each."""
    alone, joined = (160, 153) if text.isascii() else (70, 67)
    return 1 if len(text) <= alone else -(-len(text) // joined)


@pytest.mark.parametrize(
    ("body", "most"), [("挂失", 1), ("LOST", 2), ("帮助", 1), ("what", 1), ("挂失1111", 1)]
)
def test_an_answer_is_short(pocket: Pocket, body: str, most: int) -> None:
    pocket.texts(body)
    assert [segments(text) for text in pocket.answers] == [most], pocket.said
