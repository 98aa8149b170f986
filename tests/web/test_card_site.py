"""The website from first page to last, as somebody without scripts sees it."""

import json
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from flask import Flask
from redis import Redis

from app import create_app
from ivr.cards.bank_event import UNBLOCKED
from ivr.cards.notice import Outcome
from ivr.cards.records import CardState
from ivr.every_language import load_words
from ivr.store import keys
from ivr.store.codec import plain
from tests.builders import (
    a_card,
    a_holder,
    an_app,
    an_id_number,
    hotline_of,
    names_of,
    settings,
)  # fmt: skip
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.web.card_site import ID_NUMBER, Browser, Form, codes, entries
from tests.web.conftest import Twilio, Wire
from tests.web.test_texts import Pocket
from workers.texts import TextWriter

TWO: Final = (a_card(), a_card("9876", bank="ccb", head="B1234"))
NOBODY: Final = an_id_number(serial="110")
WRONG: Final = "000000"


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


def events(redis: Redis, name: str) -> list[dict[str, str]]:
    return [entry for entry in entries(redis) if entry["event"] == name]


# --- the journeys -------------------------------------------------------------------------------


def test_a_card_is_reported(browser: Browser) -> None:
    browser.opens("/card").sees("社保卡丢了？先挂失", "工商银行：95588", "听不见或不方便说话的")
    browser.opens("/card/report/id").sees("持卡人的身份证号码是多少？")
    browser.enters().is_at("/card/report/proof").sees("如果登记了手机")
    browser.proves().is_at("/card/report/check").sees("尾号002X", "工商银行，尾号5678", "停用7天")
    browser.fills().is_at("/card/report/receipt").sees("挂失已登记", "北京时间", "银行还没有确认")
    browser.does_not_see("已经停用银行功能", "已经确认停用")
    assert browser.report_number == Town(browser.app).the_report().number


def test_in_english(app: Flask) -> None:
    browser = Browser(app, "en-GB,en;q=0.9").enters().sees("What is the code in the text?")
    browser.proves().sees("Social security stops for 7 days").fills()
    browser.sees("Your report is on record", "has not confirmed yet").does_not_see("has blocked")
    assert Town(app).the_report().language == "en"
    browser.opens("/card/look?language=zh&back=/card/report/receipt").sees("挂失已登记")
    browser.opens("/card/look?size=large&back=/card/report/receipt").sees("挂失已登记")
    assert 'class="large"' in browser.html


def test_the_receipt_says_what_the_bank_said_and_when_it_is_final(browser: Browser) -> None:
    receipt = browser.to_receipt().path
    assert 'data-waiting="yes"' in browser.html
    town = Town(browser.app)
    town.bank_answers(town.the_report(), Outcome.RECEIVED)
    browser.opens(receipt).sees("银行还没有确认").does_not_see("已经停用银行功能")
    Town(browser.app).bank_tells(a_card(), UNBLOCKED)
    browser.opens(receipt).sees("没有停用", "已经在银行网点解挂")
    assert 'data-waiting=""' in browser.html


def test_a_bank_that_refuses(browser: Browser) -> None:
    browser.to_receipt()
    town = Town(browser.app)
    town.bank_answers(town.the_report(), Outcome.REFUSED)
    browser.opens("/card/report/receipt").sees("银行功能没有停用。请马上拨打工商银行客服95588")


def test_several_cards_in_one_go_and_each_report_stands_alone(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    browser = Browser(an_app(settings(redis_server.url), a_holder(*TWO))).enters().proves()
    browser.is_at("/card/report/cards").fills().sees("选择丢失的卡。")
    browser.fills(card=["1", "2"]).is_at("/card/report/check").fills().sees("挂失已登记")
    one, other = sorted(Town(browser.app).reports(), key=lambda report: report.bank)
    assert (one.bank, other.bank) == ("ccb", "icbc")
    assert one.number != other.number
    Town(browser.app).bank_answers(other, Outcome.BLOCKED)
    browser.opens("/card/report/receipt").sees("工商银行已经停用", "正在通知建设银行停用")


def test_one_of_several_and_the_other_later_without_proving_again(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    browser = Browser(an_app(settings(redis_server.url), a_holder(*TWO))).enters().proves()
    browser.fills(card="2").fills().sees("建设银行，尾号9876").does_not_see("工商银行")
    browser.opens("/card/report/id").is_at("/card/report/cards").sees("已经挂失", "工商银行")
    browser.fills(card="1").fills().sees("工商银行，尾号5678")
    assert len(Town(browser.app).reports()) == 2


def test_the_status_of_a_card(browser: Browser) -> None:
    browser.enters("status").proves().is_at("/card/status/cards")
    browser.sees("社保功能正常", "没有通过本热线停用", "没有办理正式挂失", "挂失这些卡中的一张")
    browser.opens("/card/report/cards").fills(card="1").fills().sees("挂失已登记")
    browser.opens("/card/status/cards").sees(number_of(browser), "正在通知工商银行")


def number_of(browser: Browser) -> str:
    return Town(browser.app).the_report().number


def test_it_was_not_me(browser: Browser) -> None:
    number = browser.to_receipt().report_number
    holder = Browser(browser.app).enters("not-me").proves().is_at("/card/not-me/check")
    holder.fills().sees("选择不是您办理的挂失。").fills(report="1").sees("选择不是您办理的挂失。")
    holder.fills(report=number).is_at("/card/not-me/done")
    holder.sees("您的异议已登记", "挂失没有因此解除")
    report = hotline_of(browser.app).cases.find_report(number)
    assert report is not None
    assert report.disputed_at > 0
    (told,) = events(hotline_of(browser.app).redis, "report_disputed")
    assert told["channel"] == "web"
    holder.opens("/card/status/cards").sees("已停用，到期恢复")


def test_nothing_to_object_to(browser: Browser) -> None:
    browser.enters("not-me").proves().sees("现在没有正在生效的挂失。")


def test_whoever_is_proven_by_the_card_alone_cannot_object(
    redis: Redis, redis_server: RedisServer
) -> None:
    """What is printed on the card is no secret to its finder."""
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url), a_holder(phone="+861062345678"))
    browser = Browser(app).enters().fills(proof="345678")
    assert codes(app) == []
    browser.fills().sees("挂失已登记").opens("/card/not-me/id").sees("用登记的电话拨12333")
    form = {"report": number_of(browser), "token": token_of(browser)}
    browser.sends("/card/not-me/check", form)
    assert Town(app).the_report().disputed_at == 0


def token_of(browser: Browser) -> str:
    return hotline_of(browser.app).visits.token(browser.cookie)


def test_the_last_places_of_the_card_where_the_city_says_so(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, second_factor="card_tail"), a_holder())
    browser = Browser(app).enters().sees("社保卡号的最后6位是什么？").does_not_see("短信")
    browser.fills(proof="３４ 5678").is_at("/card/report/check")
    assert codes(app) == []
    Browser(app).opens("/card/not-me/id").sees("用登记的电话拨12333", "按2查询后按5")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CardState.TEMPORARY_LOSS, "已经通过其他渠道挂失"),
        (CardState.FORMAL_LOSS, "已经正式挂失，不用再办临时挂失"),
        (CardState.LOCKED, "不能在网上挂失，需要人工办理，还没有挂失"),
        (CardState.SEALED, "不能在网上挂失，需要人工办理，还没有挂失"),
    ],
)
def test_cards_in_other_states(
    redis: Redis, redis_server: RedisServer, state: CardState, words: str
) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url), a_holder(a_card(state=state)))
    browser = Browser(app).enters().proves().sees("没有可以在网上挂失的卡", words)
    browser.sends("/card/report/cards", {"card": "1", "token": token_of(browser)})
    browser.opens("/card/report/check").is_at("/card/report/cards")
    assert redis.keys("report:*") == []


def test_a_child(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    child = a_holder(id_number=an_id_number("20200601"))
    browser = Browser(an_app(settings(redis_server.url), child))
    browser.enters(id_number=child.id_number).proves().sees("未满16周岁，须由监护人")


def test_where_a_city_takes_no_reports_on_the_website(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, rules='channels = ["phone"]'), a_holder())
    browser = Browser(app).enters("status").proves().opens("/card/report/cards")
    browser.sees("不能在网上挂失，需要人工办理")


def test_where_a_report_is_not_made_again(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    rules = "report_may_be_renewed_after_release = false"
    app = an_app(settings(redis_server.url, rules=rules), a_holder())
    Browser(app).to_receipt()
    Town(app).bank_answers(Town(app).the_report(), Outcome.BLOCKED)
    Town(app).days_pass(Town(app).the_report())
    Browser(app).enters().proves().sees("上次临时挂失已经到期", "社保功能正常")
    pocket = Pocket(Twilio(app)).texts("挂失")
    pocket.reads("上次临时挂失已经到期", "社保功能正常")


# --- what is entered ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ("", "填写持卡人的18位身份证号码。"),
        ("1101051949123100", "要有18位，刚才填写的是16位"),
        ("1101051949123100211", "刚才填写的是19位"),
        ("11010519491231002A", "只有数字，最后一位可以是X"),
        ("99" + ID_NUMBER[2:], "不是省份代码"),
        ("110105194902310029", "第7到14位是出生日期"),
        (ID_NUMBER[:-1] + "1", "有一位不对"),
    ],
)
def test_each_error_is_told_three_times_and_nothing_is_filled_back(
    browser: Browser, entered: str, words: str
) -> None:
    browser.enters(id_number=entered)
    assert browser.status == 422
    assert browser.said.count(words.rstrip("。")) == 2, "in the summary and beside the field"
    assert "<title>错误：" in browser.html
    assert 'aria-invalid="true"' in browser.html
    assert 'value="' not in re.sub(r"<input type=\"hidden\"[^>]*>", "", browser.html)
    assert not entered or entered not in browser.html


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ("", "填写6位验证码或卡号最后6位。"),
        ("12345", "要有6位，刚才填写的是5位。"),
        ("1234567", "要有6位，刚才填写的是7位。"),
        (WRONG, "和记录不一致。身份证号码和刚才填写的6位，都核对一遍。"),
    ],
)
def test_so_is_each_of_the_code(browser: Browser, entered: str, words: str) -> None:
    browser.enters().fills("/card/report/proof", proof=entered)
    is_told_three_times(browser, words)
    assert 'aria-invalid="true"' in browser.html
    assert 'autocomplete="one-time-code"' in browser.html
    assert "maxlength" not in browser.html, "a code that is pasted may have blanks"


def test_so_is_each_of_a_choice(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    browser = Browser(an_app(settings(redis_server.url), a_holder(*TWO))).enters().proves()
    is_told_three_times(browser.fills(), "选择丢失的卡。")
    browser.fills(card="2").fills().opens("/card/not-me/check")
    is_told_three_times(browser.fills(), "选择不是您办理的挂失。")


def is_told_three_times(browser: Browser, words: str) -> None:
    """In the title that there is one; what it is in the summary, which leads to the field, and
    beside the field, which says so.
    """
    assert browser.status == 422
    assert "<title>错误：" in browser.html
    assert browser.said.count(words) == 2
    (field,) = re.findall(r'<a href="#([^"]+)">[^<]*</a></li>', browser.html)
    assert f'id="{field}"' in browser.html
    (error,) = re.findall(r'class="error" id="([^"]+)"', browser.html)
    assert re.search(rf'aria-describedby="[^"]*{error}', browser.html)


def test_blanks_and_full_width_digits_are_no_mistake(browser: Browser) -> None:
    browser.enters(id_number=" 110105 1949-1231 ００２ｘ ").is_at("/card/report/proof")


def test_a_number_of_15_places_needs_a_person(browser: Browser) -> None:
    browser.enters(id_number="110105491231002").sees("需要人工办理", "95588")


@pytest.mark.parametrize("number", [ID_NUMBER, NOBODY])
def test_nobody_learns_here_whether_a_number_is_known(browser: Browser, number: str) -> None:
    """The same pages, the same words, to the last try."""
    browser.enters(id_number=number).is_at("/card/report/proof")
    steps = [browser.html]
    for _ in range(4):
        browser.fills(proof=WRONG).sees("和记录不一致")
        steps.append(browser.html)
    browser.fills(proof=WRONG).is_at("/card/report/stopped").sees("核对次数已经用完")
    hidden = r'name="token" value="[^"]*"'
    seen = [re.sub(hidden, "", html) for html in steps]
    assert [len(html) for html in seen] == SAME.setdefault("lengths", [len(h) for h in seen])


SAME: dict[str, list[int]] = {}


def test_hit_and_miss_cost_redis_the_same(own_server: RedisServer, wire: Wire) -> None:
    app = an_app(settings(wire.url), a_holder())
    trips = []
    for number in (ID_NUMBER, NOBODY, ID_NUMBER, NOBODY):
        browser = Browser(app).opens("/card/report/id")
        before = wire.round_trips
        browser.fills(id_number=number)
        trips.append(wire.round_trips - before)
    assert trips[2] == trips[3], trips
    assert own_server.process is not None


def test_a_code_is_texted_once_for_one_form(browser: Browser) -> None:
    browser.opens("/card/report/id")
    html = browser.html
    for _ in range(3):
        browser.path, browser.html = "/card/report/id", html
        browser.fills(id_number=ID_NUMBER).is_at("/card/report/proof")
    assert len(codes(browser.app)) == 1


def test_another_code_only_after_a_minute_and_never_many(browser: Browser) -> None:
    browser.enters().fills("/card/report/again").sees("1分钟后才能再发")
    assert len(codes(browser.app)) == 1
    for wanted in (2, 3):
        a_minute_passes(browser)
        browser.opens("/card/report/proof").fills("/card/report/again").sees("新的验证码正在发出")
        assert len(codes(browser.app)) == wanted
    a_minute_passes(browser)
    browser.opens("/card/report/proof").fills("/card/report/again").sees("现在不能再发验证码")
    browser.fills("/card/report/proof", proof=codes(browser.app)[0]).is_at("/card/report/check")


def a_minute_passes(browser: Browser, seconds: int = 61) -> None:
    """Since the codes of this visit were texted."""
    key = keys.visit(hotline_of(browser.app).visits.ref(browser.cookie))
    redis = hotline_of(browser.app).redis
    record = json.loads(redis.hget(key, "visit") or b"")
    record[4] = [[asked_by, at - seconds] for asked_by, at in record[4]]
    redis.hset(key, "visit", json.dumps(record))


def test_a_code_that_came_too_late(browser: Browser) -> None:
    code = browser.enters().code
    a_minute_passes(browser, 601)
    browser.fills(proof=code).sees("这个验证码已经过期")
    browser.fills("/card/report/again").sees("新的验证码正在发出").proves()
    browser.is_at("/card/report/check")


def test_the_next_visit_of_a_browser_has_a_code_of_its_own(browser: Browser, redis: Redis) -> None:
    """Its cookie stays when a visit ends; a text already sent would never be sent again."""
    first, visit = browser.enters().code, browser.visit
    redis.delete(keys.visit(hotline_of(browser.app).visits.ref(browser.cookie)))
    while visit is not None and redis.time()[0] == visit.born:
        time.sleep(0.05)
    browser.enters().is_at("/card/report/proof")
    assert len(codes(browser.app)) == 2
    browser.fills(proof=first).is_at("/card/report/proof").proves().is_at("/card/report/check")


def test_a_visit_that_ended_denies_no_report_whose_answer_was_lost(browser: Browser) -> None:
    """The form arrived, its answer did not, and the browser comes back after the visit."""
    browser.to_receipt()
    assert Town(browser.app).the_report().number
    browser.opens("/card/ended").sees("请当作没有办成").does_not_see("没有办理")
    browser.opens("/card/look?language=en&back=/card/ended").does_not_see("nothing was reported")


# --- who may ------------------------------------------------------------------------------------


def test_nobody_tries_all_codes_from_many_browsers_at_once(app: Flask) -> None:
    """Nine wrong ones for one ID number; then even the right one opens nothing."""
    browsers = [Browser(app).enters() for _ in range(6)]
    code = browsers[-1].code
    tries = [(browser, n) for n in range(4) for browser in browsers]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one[0].opens("/card/report/proof"), tries[:6]))
        forms = [(b, {"proof": WRONG, "token": token_of(b)}) for b, _ in tries]
        list(pool.map(lambda f: f[0].client.post(
            "/card/report/proof", data=f[1], base_url=f[0].base_url, headers=f[0].headers
        ), forms))  # fmt: skip
    ref = hotline_of(app).service.holder_ref(ID_NUMBER)
    assert hotline_of(app).redis.zcard(keys.mistaken(ref)) == 9
    last = browsers[-1]
    last.sends("/card/report/proof", {"proof": code, "token": token_of(last)})
    last.is_at("/card/report/stopped")
    assert last.visit is not None
    assert last.visit.proven == ""


def test_an_address_that_asks_for_too_many_people(redis: Redis, redis_server: RedisServer) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, id_numbers_per_address="2"), a_holder())
    for serial in ("110", "112"):
        Browser(app).enters(id_number=an_id_number(serial=serial)).is_at("/card/report/proof")
    Browser(app).enters().is_at("/card/report/stopped")
    other = Browser(app)
    other.address = "198.51.100.9"
    other.enters().is_at("/card/report/proof")


def test_a_number_is_not_looked_up_all_day(app: Flask) -> None:
    """Each look-up would text its holder."""
    for _ in range(6):
        Browser(app).enters().is_at("/card/report/proof")
    Browser(app).enters().is_at("/card/report/stopped")
    assert len(codes(app)) == 6


def test_a_code_sent_again_counts_for_the_number_too(app: Flask) -> None:
    """Six texts in a day, of however many browsers; then the page names another way."""
    for _ in range(2):
        browser = Browser(app).enters()
        for _ in range(2):
            a_minute_passes(browser)
            browser.opens("/card/report/proof").fills("/card/report/again")
            browser.sees("新的验证码正在发出")
    assert len(codes(app)) == 6
    Browser(app).enters().is_at("/card/report/stopped")


@pytest.mark.parametrize("number", [ID_NUMBER, NOBODY])
def test_no_code_is_sent_again_over_the_limit(app: Flask, number: str) -> None:
    """The page is the same whether anybody has the number."""
    first = Browser(app).enters(id_number=number)
    for _ in range(5):
        Browser(app).enters(id_number=number).is_at("/card/report/proof")
    a_minute_passes(first)
    first.opens("/card/report/proof").fills("/card/report/again")
    first.sees("不能再发验证码", "12333")
    assert len(codes(app)) == (6 if number == ID_NUMBER else 0)


def test_who_leaves_and_comes_back_gets_no_further_codes(app: Flask) -> None:
    """A browser that keeps its cookie is no new visitor, and no unlimited one."""
    browser = Browser(app)
    for _ in range(7):
        browser.enters()
        key = keys.visit(hotline_of(app).visits.ref(browser.cookie))
        a_second_passes(browser)
        hotline_of(app).redis.delete(key)
    browser.enters().is_at("/card/report/stopped")
    assert len(codes(app)) == 6


def a_second_passes(browser: Browser) -> None:
    """A visit of the same second has the same codes."""
    redis, begun = hotline_of(browser.app).redis, browser.visit
    while begun is not None and redis.time()[0] == begun.born:
        time.sleep(0.05)


def test_the_website_does_not_open_the_breaker_of_the_line(app: Flask) -> None:
    """What is looked up here tells nobody anything."""
    Browser(app).enters(id_number=NOBODY)
    assert hotline_of(app).redis.hget(keys.COUNTERS, "lookup:missed") is None
    (look,) = events(hotline_of(app).redis, "looked_up")
    assert (look["channel"], look["purpose"], "found" in look) == ("web", "report", False)
    assert look["by"] == hotline_of(app).service.visitor("203.0.113.7").ref


def test_behind_proxies_the_address_is_what_the_last_of_ours_saw(
    redis: Redis, redis_server: RedisServer
) -> None:
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, trusted_proxies="2"), a_holder())
    browser = Browser(app)
    browser.headers["X-Forwarded-For"] = "1.1.1.1, 2.2.2.2, 198.51.100.9, 10.0.0.1"
    browser.enters()
    (look,) = events(redis, "looked_up")
    assert look["by"] == hotline_of(app).service.visitor("198.51.100.9").ref


def test_without_proxies_the_header_says_nothing(browser: Browser) -> None:
    browser.headers["X-Forwarded-For"] = "198.51.100.9"
    browser.enters()
    (look,) = events(hotline_of(browser.app).redis, "looked_up")
    assert look["by"] == hotline_of(browser.app).service.visitor("203.0.113.7").ref


# --- forms and cookies --------------------------------------------------------------------------


def test_a_form_without_its_token_does_nothing(browser: Browser) -> None:
    browser.to_check()
    origin = browser.visit.origin if browser.visit else ""
    for token in ("", "x", token_of(Browser(browser.app).enters())):
        browser.sends("/card/report/check", {"origin": origin, "token": token})
        assert browser.status == 400
        browser.sees("这一页已经失效", "没有办理任何业务")
    assert Town(browser.app).reports() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"}, {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    ],
)  # fmt: skip
def test_a_form_from_elsewhere_does_nothing(browser: Browser, headers: dict[str, str]) -> None:
    browser.to_check().headers.update(headers)
    browser.fills()
    assert browser.status == 400
    assert Town(browser.app).reports() == []


def test_a_request_that_is_no_form_changes_nothing_whatever_it_brings(browser: Browser) -> None:
    browser.to_check()
    fields = Form(browser.html).fields["/card/report/check"]
    fields["token"] = ""
    for path in ("/card/report/check", "/card/report/id", "/card/leave"):
        browser.client.head(path, data={**fields, "id_number": NOBODY}, base_url=browser.base_url)
    assert Town(browser.app).reports() == []
    browser.opens("/card/report/check").is_at("/card/report/check")


@pytest.mark.parametrize("path", ["/card/report/again", "/card/more-time", "/card/leave"])
def test_what_a_form_was_answered_can_be_shown_in_another_language(
    browser: Browser, path: str
) -> None:
    browser.opens("/card/report/id").sends(path, {}).sees("这一页已经失效")
    browser.opens(f"/card/look?language=en&back={path}")
    assert browser.status == 200
    browser.enters().fills("/card/report/again").sees("Wait a minute")
    browser.opens(f"/card/look?language=zh&back={path}").opens("/card/report/proof")
    browser.proves().is_at("/card/report/check")


def test_a_cookie_that_somebody_planted_proves_nobody(browser: Browser) -> None:
    planted = Browser(browser.app).opens("/card/report/id").cookie
    browser.client.set_cookie("__Host-card", planted, domain="hotline.example", secure=True)
    browser.to_check()
    assert browser.cookie != planted
    other = Browser(browser.app)
    other.client.set_cookie("__Host-card", planted, domain="hotline.example", secure=True)
    other.opens("/card/report/check").is_at("/card/report/id")


def test_two_browsers_do_not_meet(browser: Browser) -> None:
    browser.to_check()
    other = Browser(browser.app).opens("/card/report/check").is_at("/card/ended")
    assert other.cookie != browser.cookie


def test_the_cookie_is_for_this_host_and_no_script(browser: Browser) -> None:
    browser.opens("/card/report/id")
    assert browser.last is not None
    (cookie,) = browser.last.headers.getlist("Set-Cookie")
    for word in ("__Host-card=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie


def names_of_records(redis: Redis) -> set[str]:
    return {plain(key) for key in redis.keys("*")}


def test_looking_at_a_page_writes_nothing(browser: Browser, redis: Redis) -> None:
    before = names_of_records(redis)
    for path in ("/card", "/card/report/id", "/card/status/cards", "/card/guide", "/card/ended"):
        browser.opens(path)
    assert names_of_records(redis) == before


def test_a_double_click_files_once_and_never_says_already(browser: Browser) -> None:
    browser.to_check()
    form = {"origin": browser.visit.origin if browser.visit else "", "token": token_of(browser)}
    for _ in range(3):
        browser.sends("/card/report/check", form).is_at("/card/report/receipt")
        browser.sees("挂失已登记").does_not_see("已经挂失")
    Town(browser.app).the_report()


def test_two_at_the_same_moment_file_once(browser: Browser) -> None:
    browser.to_check()
    form = {"origin": browser.visit.origin if browser.visit else "", "token": token_of(browser)}
    clicks = [Browser(browser.app) for _ in range(4)]
    for each in clicks:
        each.client.set_cookie("__Host-card", browser.cookie, domain="hotline.example", secure=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each.sends("/card/report/check", form), clicks))
    for each in clicks:
        each.sees("挂失已登记")
    Town(browser.app).the_report()


def test_a_form_of_an_earlier_choice_is_only_looked_at(browser: Browser) -> None:
    browser.to_check().fills(origin="0" * 32).is_at("/card/report/check")
    assert Town(browser.app).reports() == []


def test_whoever_leaves_has_left(browser: Browser) -> None:
    browser.to_receipt()
    cookie, token = browser.cookie, token_of(browser)
    browser.fills("/card/leave").is_at("/card/left").sees("仍然有效")
    assert hotline_of(browser.app).redis.keys("visit:*") != [], "the one before the proof"
    browser.client.set_cookie("__Host-card", cookie, domain="hotline.example", secure=True)
    browser.opens("/card/report/receipt").is_at("/card/ended")
    browser.sends("/card/report/check", {"token": token, "origin": ""}).is_at("/card/ended")


def test_a_visit_ends_and_can_be_lengthened(browser: Browser, redis: Redis) -> None:
    browser.to_receipt()
    key = keys.visit(hotline_of(browser.app).visits.ref(browser.cookie))
    assert 1190 < redis.ttl(key) <= 1200
    browser.fills("/card/more-time").is_at("/card/report/receipt")
    assert 11_990 < redis.ttl(key) <= 12_000
    redis.hset(key, "born", redis.time()[0] - keys.DAY)
    browser.opens("/card/report/receipt").is_at("/card/ended").sees("仍然有效")
    assert redis.exists(key) == 0


@pytest.mark.parametrize("back", ["https://elsewhere.example", "//elsewhere.example", "/voice", ""])
def test_no_page_leads_elsewhere(browser: Browser, back: str) -> None:
    browser.opens(f"/card/look?language=en&back={back}").is_at("/card")


def test_every_answer_has_its_headers(browser: Browser) -> None:
    """Pages, mistakes, refusals, redirects, what is not there; and files, which may be kept."""
    (sheet,) = re.findall(r'href="([^"]*\.css)"', browser.opens("/card").html)
    token = {"token": token_of(browser.opens("/card/report/id"))}
    gets = ["/card", "/card/report/id", "/card/report/cards", "/card/look", sheet,
            "/card/nowhere/id", "/card/guide/nowhere", "/card/nowhere"]  # fmt: skip
    posts = [("/card/report/id", token), ("/card/report/id", {}), ("/card/guide", {})]
    asked = [browser.client.get(path, base_url=browser.base_url) for path in gets]
    asked += [
        browser.client.post(path, data=form, base_url=browser.base_url, headers=browser.headers)
        for path, form in posts
    ]
    told = [answer.status_code for answer in asked]
    assert told == [200, 200, 303, 303, 200, 404, 404, 404, 422, 400, 405]
    for answer in asked:
        headers = answer.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        is_file = answer.mimetype == "text/css"
        assert is_file == (headers["Cache-Control"] != "no-store")
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" in headers


def test_a_page_has_no_script_or_style_of_its_own(browser: Browser) -> None:
    browser.to_receipt()
    assert not re.search(r"<style|style=|onclick|<script(?! src)", browser.html)


def test_files_of_the_pages_are_kept_for_ever_under_names_that_change(browser: Browser) -> None:
    (sheet,) = re.findall(r'href="([^"]*\.css)"', browser.opens("/card").html)
    browser.opens(sheet)
    assert browser.last is not None
    assert "immutable" in browser.last.headers["Cache-Control"]
    assert browser.opens("/card/static/site.css").status == 404
    assert browser.opens("/card/static/..%2froutes.py").status == 404


def test_no_digit_of_a_number_leaves(
    browser: Browser, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither into Redis, nor an address, a header, a page or a log."""
    caplog.set_level(logging.DEBUG)
    pages, targets = [], []
    shows = Browser._shows

    def noting(self: Browser, path: str, answer: object) -> Browser:
        targets.append(path)
        shown = shows(self, path, answer)  # type: ignore[arg-type]
        pages.append(self.html + str(self.last and self.last.headers))
        return shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Browser, "_shows", noting)
        browser.enters(id_number=ID_NUMBER[:-1] + "1").enters().fills(proof="12345")
        browser.proves().fills().opens("/card/status/cards")
        browser.opens("/card/not-me/check").fills(report=number_of(browser))
    kept = b"".join(
        redis.dump(key) or b"" for key in names_of_records(redis) if not key.startswith("holder:")
    )
    for secret in (ID_NUMBER[:14], ID_NUMBER[6:14], "A12345678", "6222021234565678"):
        assert secret not in "".join(pages)
        assert secret not in "".join(targets)
        assert secret not in caplog.text
        assert secret.encode() not in kept


# --- when something is broken -------------------------------------------------------------------


def test_redis_away(own_server: RedisServer) -> None:
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_check()
    own_server.kill()
    browser.fills()
    assert browser.status == 503
    assert browser.last is not None
    assert browser.last.headers["Retry-After"]
    browser.sees("系统繁忙", "请当作没有成功", "工商银行：95588")
    browser.opens("/card/report/id").sees("这次没有办成挂失，您的卡没有因此停用")
    browser.opens("/card").sees("社保卡丢了？先挂失")
    own_server.restart()
    browser.opens("/card/report/check").fills().sees("挂失已登记")


def test_redis_away_after_a_report(own_server: RedisServer) -> None:
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_receipt()
    own_server.kill()
    browser.opens("/card/report/receipt").sees("先前拿到编号的挂失仍然有效")
    browser.does_not_see("没有办成挂失，您的卡")


def test_redis_away_from_the_beginning(own_server: RedisServer) -> None:
    own_server.kill()
    browser = Browser(create_app(settings(own_server.url)))
    browser.opens("/card").sees("社保卡丢了？先挂失")
    browser.opens("/card/report/id").sees("系统繁忙", "95588")
    assert browser.status == 503


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_report_of_which_nobody_can_be_sure(wire: Wire, cut: str) -> None:
    """Treat it as not done; once more finds out, and files nothing twice."""
    browser = Browser(an_app(settings(wire.url), a_holder())).to_check()
    wire.at_commit, wire.cuts_left = cut, 1  # type: ignore[assignment]
    browser.fills().is_at("/card/report/receipt")
    if "请当作没有成功" in browser.said:
        browser.does_not_see("挂失已登记").fills("/card/report/check")
    browser.sees("挂失已登记")
    Town(browser.app).the_report()


def test_somebody_else_was_first(browser: Browser) -> None:
    """Between the page and its confirmation."""
    browser.to_check()
    Browser(browser.app).to_receipt()
    browser.fills().sees("没有新登记挂失", "已经挂失，编号")
    Town(browser.app).the_report()


def test_a_holder_who_left_the_records_meanwhile(browser: Browser, redis: Redis) -> None:
    browser.to_check()
    redis.delete(*redis.keys("holder:*"), *redis.keys("card:*"))
    browser.fills().is_at("/card/ended")
    assert Town(browser.app).reports() == []


def test_a_card_that_was_unblocked_is_reported_again(browser: Browser) -> None:
    browser.to_receipt()
    Town(browser.app).bank_tells(a_card(), UNBLOCKED)
    again = Browser(browser.app).enters().proves().sees("银行功能已不再停用，再挂失会再停用")
    again.fills().sees("挂失已登记", "正在通知工商银行")


def test_under_another_path(redis: Redis, redis_server: RedisServer) -> None:
    """A proxy takes the beginning of the path away; every address of a page has it."""
    assert redis.dbsize() == 0
    base = "https://city.example/hotline"
    app = an_app(settings(redis_server.url, public_base_url=base), a_holder())
    browser = Browser(app).opens("/card")
    assert not re.search(r'(?:href|src|action)="(?!#|/hotline/card)', browser.html)


@pytest.mark.parametrize(("language", "words"), [("zh", "网站上填写"), ("en", "website")])
def test_a_text_says_where_the_code_is_entered(app: Flask, language: str, words: str) -> None:
    code = Browser(app, language).enters().code
    hotline = hotline_of(app)
    names = [plain(key).partition(":")[2] for key in hotline.redis.keys("notice:*")]
    (notice,) = hotline.outbox.find_all(names)
    writer = TextWriter(
        hotline.cases, hotline.holders, load_words(), names_of(hotline), hotline.spoken_languages
    )
    written = json.loads(writer.write(hotline.outbox.body(notice)))
    assert written["to"] == a_holder().phone
    assert code in written["text"]
    assert words in written["text"]
