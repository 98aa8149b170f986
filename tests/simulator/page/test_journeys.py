"""What a visitor can see from end to end: real browser, real calls, real bank, real texts.

Each test plays people of its own, so that they may share one hotline.
"""

import pytest

from simulator.bank.client import SandboxBank
from tests.simulator.page.conftest import OpensTab
from tests.simulator.page.visitor import Visitor
from tests.simulator.stack.launches import MakeRun

pytestmark = pytest.mark.browser
WEEK = 604_800


def test_a_report_by_mouse_and_the_banks_block_appears(visitor: Visitor) -> None:
    visitor.reports("赵艳芳")
    visitor.sees_social_security("已停用").sees_bank_function("银行已停用")
    assert WEEK - 120 < visitor.seconds_left() <= WEEK
    visitor.sees_notice("通知银行：停用", "已送达").sees_attempt("HTTP 200")
    visitor.sees_account("9450", "已停用").sees("#receipts", "签名有效")
    visitor.sees("#turns", "POST /voice/confirm").hears("已经确认停用银行功能")
    visitor.page.locator("#turns summary").first.click()
    visitor.sees("#turns .twiml .x-tag", "<Response")
    visitor.keeps_a_picture("report-by-mouse")
    assert "1949123" not in visitor.page.inner_text("#prompts") + visitor.page.inner_text("#turns")
    visitor.hangs_up().sees("#prompts", "您已挂断")


def test_a_report_by_keyboard_alone_then_decoupled_by_keyboard(opens_tab: OpensTab) -> None:
    visitor = opens_tab()
    visitor.tabs_to("#call").presses_enter().is_in_a_call()
    visitor.tabs_to("#fast").presses_enter()
    visitor.hears("For English").types("2").hears("Lost card, press 1").types("1")
    visitor.hears("18-digit ID number").types("810000199001010019")
    visitor.hears("To confirm, press 1").types("1").hears("Reported. Number")
    visitor.sees_bank_function("银行已停用").keeps_a_picture("report-by-keyboard")
    visitor.tabs_to('#accounts [data-card="0337"] [data-act="unblock"]').presses_enter()
    visitor.sees_bank_function("已在网点解挂")
    visitor.page.focus("#keypad")
    visitor.tabs_to("#call").presses_enter().is_in_no_call()


def test_x_is_keyed_as_a_star_or_as_the_letter(visitor: Visitor) -> None:
    visitor.calls().hears("中文请按1").types("1").hears("挂失请按1").types("1")
    visitor.hears("18位身份证号").types("37141719600618085x").hears("确认请按1").types("2")
    visitor.hears("已取消，这张卡没有挂失").hangs_up()


def test_decoupling_by_the_teller_changes_only_the_bank_function(visitor: Visitor) -> None:
    visitor.reports("刘芳").sees_bank_function("银行已停用")
    visitor.as_teller("解挂", "7631").sees_account("7631", "正常")
    visitor.sees_bank_function("已在网点解挂").sees_social_security("已停用").sees_event("已解挂")
    visitor.keeps_a_picture("decoupled")
    visitor.hangs_up().opens_the_texts().sees_text("已在农业银行网点解挂")


def test_a_formal_loss_report_has_no_end(visitor: Visitor) -> None:
    visitor.reports("罗明").sees_bank_function("银行已停用")
    visitor.as_teller("正式挂失", "9684").sees_account("9684", "正式挂失")
    visitor.sees_social_security("至补卡为止").sees_bank_function("正式挂失")
    visitor.sees("#case .facts", "没有期限").sees_event("正式挂失").hangs_up()


def test_seven_days_later_the_hotline_releases_and_the_bank_stays_blocked(visitor: Visitor) -> None:
    visitor.reports("刘超平").sees_bank_function("银行已停用").hangs_up()
    visitor.lets_seven_days_pass().sees_social_security("已自动恢复")
    visitor.sees("#case .facts", "键不存在").sees_notice("通知银行：已到期", "已送达")
    visitor.sees_bank_function("银行已停用").sees("#receipts", "已到期")
    visitor.opens_the_texts().sees_text("社保功能已自动恢复").keeps_a_picture("seven-days-later")


def test_a_bank_that_is_down_and_comes_back(visitor: Visitor) -> None:
    visitor.turns_to_bank("中国银行").makes_the_bank("停机")
    visitor.reports("ANNA MILLER").sees_bank_function("等银行答复").sees_attempt("失败")
    visitor.sees_account("1556", "正常").sees("#case .due", "秒后再试")
    visitor.keeps_a_picture("bank-down")
    visitor.makes_the_bank("正常").sees_bank_function("银行已停用").sees_account("1556", "已停用")
    visitor.sees_attempt("HTTP 200").keeps_a_picture("bank-back").hangs_up()


@pytest.mark.parametrize(
    ("behaviour", "kind"), [("缓慢", "slow"), ("故障", "fail"), ("停机", "down")]
)
def test_the_banks_behaviours_reach_the_bank(
    visitor: Visitor, stack: MakeRun, behaviour: str, kind: str
) -> None:
    visitor.turns_to_bank("建设银行").makes_the_bank(behaviour)
    bank = SandboxBank(stack.launch.bank_url)
    assert [behaviour["kind"] for behaviour in bank.behaviour("ccb")] == [kind]
    visitor.makes_the_bank("正常")
    assert bank.behaviour("ccb") == []
    bank.close()


def test_texts_arrive_and_an_answer_meets_the_truth(visitor: Visitor) -> None:
    visitor.reports("马勇").sees("#banner", "12333").hangs_up()
    visitor.sees("#unread", "2").opens_the_texts()
    visitor.sees_text("已确认停用").sees_text("如非本人办理")
    visitor.answers("状态").sees("#texts .caller", "状态")
    visitor.sees("#texts .caller .when", "已送达").sees_text("社保功能已临时挂失")
    visitor.keeps_a_picture("texts")


def test_a_card_is_reported_by_text(visitor: Visitor) -> None:
    """From the phone of the person who is played: the bank blocks, and a text says so."""
    visitor.chooses("宋勇刚").opens_the_texts().answers("挂失")
    visitor.sees_text("社保卡吗").answers("是").sees_text("已挂失，编号")
    visitor.sees_text("已确认停用").answers("不是我")
    visitor.sees_text("挂失还没有撤销").keeps_a_picture("reported-by-text")


def test_a_text_that_does_not_arrive_says_so(visitor: Visitor) -> None:
    visitor.chooses("梁明杰").opens_the_texts().page.select_option("#fate", "off")
    visitor.answers("帮助").sees_text("可回复").sees("#texts .line .when", "没有收到")


def test_the_report_of_an_account_is_shown_again(visitor: Visitor) -> None:
    visitor.reports("徐宁萍").sees_bank_function("银行已停用")
    number = visitor.page.inner_text("#case .report-number").replace(" ", "")
    visitor.hangs_up().page.evaluate("sessionStorage.clear()")
    visitor.opens_the_page().sees("#case", "还没有挂失")
    visitor.page.click(f'#accounts button:has-text("{number}")')
    visitor.sees_social_security("已停用").sees("#case .report-number", number[4:])


def test_a_reload_keeps_the_call_and_what_was_said(visitor: Visitor) -> None:
    visitor.calls().hears("中文请按1").clicks_keys("1").hears("挂失请按1")
    visitor.opens_the_page().is_in_a_call().hears("中文请按1").clicks_keys("4").hears(
        "单位职工请按1"
    )
    visitor.hangs_up()


def test_two_tabs_are_two_phones(opens_tab: OpensTab) -> None:
    one, other = opens_tab().hurries(), opens_tab().hurries()
    one.calls().hears("中文请按1")
    other.calls().hears("For English").clicks_keys("2").hears("Lost card, press 1")
    one.clicks_keys("1").hears("挂失请按1").hangs_up()
    other.is_in_a_call().hangs_up()


def test_the_page_comes_back_by_itself_after_its_server_was_killed(
    visitor: Visitor, stack: MakeRun
) -> None:
    stack.kill_program("simulator")
    visitor.page.wait_for_selector('#link[data-state="lost"]', state="attached")
    visitor.page.wait_for_selector('#link[data-state="live"]', state="attached")
    visitor.complaints = [text for text in visitor.complaints if not _is_about_the_outage(text)]
    visitor.calls().hears("中文请按1").hangs_up()


def _is_about_the_outage(text: str) -> bool:
    return "net::ERR_" in text or "404" in text


VOICES = """
window.spoken = [];
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
speechSynthesis.getVoices = () => [
  { lang: "zh-CN", localService: true }, { lang: "en-US", localService: true }];
speechSynthesis.speak = (words) => window.spoken.push(`${words.lang} ${words.text}`);
speechSynthesis.cancel = () => window.spoken.push("hush");
"""


def test_prompts_are_spoken_in_their_language_until_muted(opens_tab: OpensTab) -> None:
    visitor = opens_tab()
    visitor.page.add_init_script(VOICES)
    visitor.opens_the_page().calls().hears("For English").clicks_keys("2")
    visitor.hears("Lost card, press 1")
    spoken = visitor.page.evaluate("window.spoken")
    assert [words[:5] for words in spoken if words != "hush"][:2] == ["zh-CN", "en-US"]
    assert "hush" in spoken, "a key cuts the prompt short"
    assert spoken[-1].startswith("en-US Lost card, press 1")
    visitor.page.click("#mute")
    visitor.clicks_keys("3").hears("formal loss").hangs_up()
    assert (
        visitor.page.evaluate("window.spoken.filter(words => words !== 'hush')")[-1] == spoken[-1]
    )


def test_a_hidden_tab_gives_its_connection_back_unless_it_is_in_a_call(visitor: Visitor) -> None:
    before = len(visitor.streams)
    visitor.is_hidden().is_shown_again()
    assert len(visitor.streams) == before + 1
    visitor.calls().is_hidden().is_shown_again().hears("中文请按1").hangs_up()
    assert len(visitor.streams) == before + 1
