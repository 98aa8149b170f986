"""The website from first page to last, as somebody without scripts sees it."""

import pytest
from flask import Flask

from tests.web.card_site import Browser


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


def test_a_card_is_reported(browser: Browser) -> None:
    browser.opens("/card").sees("社保卡丢了？先挂失", "工商银行：95588", "听不见或不方便说话的")
    browser.opens("/card/report/id").sees("持卡人的身份证号码是多少？")
    browser.enters().is_at("/card/report/proof").sees("如果登记了手机")
    browser.proves().is_at("/card/report/check").sees("尾号002X", "工商银行，尾号5678", "停用7天")
    browser.fills().is_at("/card/report/receipt").sees("挂失已登记", "北京时间", "银行还没有确认")
    browser.does_not_see("已经停用银行功能", "已经确认停用")
    assert len(browser.report_number) == 8
