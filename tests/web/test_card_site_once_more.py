"""The confirming form sent twice, while Redis breaks: every answer is true of the card."""

from typing import Final

import pytest

from ivr.cards.bank_event import UNBLOCKED
from tests.builders import a_card, a_holder, an_app, settings
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.web.card_site import Browser, Form
from tests.web.conftest import Wire

CONFIRM: Final = "/card/report/check"
UNKNOWN: Final = "请当作没有成功"
DENIED: Final = ("没有因此停用", "没有办成挂失", "没有挂失", "没有新登记")
TWO: Final = (a_card(), a_card("9876", bank="ccb", head="B1234"))


def confirming_form(browser: Browser) -> dict[str, str]:
    return Form(browser.html).fields[CONFIRM]


def test_a_second_click_while_redis_is_away_denies_no_report(own_server: RedisServer) -> None:
    """Its page has the same form, and that finds the report of the first."""
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_check()
    form = confirming_form(browser)
    browser.client.post(CONFIRM, data=form, base_url=browser.base_url, headers=browser.headers)
    browser.client.delete_cookie("card-reported", domain="hotline.example")  # the answer was lost
    own_server.kill()
    browser.sends(CONFIRM, form).sees(UNKNOWN, "工商银行：95588").does_not_see(*DENIED)
    assert browser.status == 503
    assert browser.last is not None
    assert browser.last.headers["Retry-After"]
    assert confirming_form(browser) == form
    lost = browser.html
    browser.opens("/card/report/receipt").does_not_see(*DENIED)
    own_server.restart()
    browser.path, browser.html = CONFIRM, lost
    browser.fills(CONFIRM).is_at("/card/report/receipt").sees("挂失已登记")
    Town(browser.app).the_report()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_report_of_several_that_broke_is_not_denied(wire: Wire, cut: str) -> None:
    """One card's commit breaks, the other's does not."""
    browser = Browser(an_app(settings(wire.url), a_holder(*TWO))).enters().proves()
    browser.fills(card=["1", "2"]).is_at(CONFIRM)
    wire.at_commit, wire.spared, wire.cuts_left = cut, 1, 1  # type: ignore[assignment]
    browser.fills(CONFIRM).is_at("/card/report/receipt").does_not_see(*DENIED)
    if UNKNOWN in browser.said:
        browser.fills(CONFIRM)
    browser.sees("挂失已登记").does_not_see(UNKNOWN)
    assert len(Town(browser.app).reports()) == 2


def test_a_second_click_that_could_not_write_says_what_stands(own_server: RedisServer) -> None:
    """Redis that refuses to write for now: nobody can tell from that what the first click did."""
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_check()
    form = confirming_form(browser)
    with own_server.client() as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        browser.sends(CONFIRM, form).does_not_see(*DENIED)
        redis.config_set("maxmemory-policy", "noeviction")
    browser.sends(CONFIRM, form).sees("挂失已登记")


def test_a_form_that_is_out_of_date_denies_no_report(own_server: RedisServer) -> None:
    """The visit has gone on elsewhere: the form is no more good, the report is."""
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_receipt()
    browser.sends(CONFIRM, {"token": "x", "origin": ""})
    assert browser.status == 400
    browser.sees("已经拿到编号的挂失仍然有效")


def test_a_card_that_may_be_reported_again_is_not_refused(own_server: RedisServer) -> None:
    """Somebody else's report came first, and has ended since."""
    browser = Browser(an_app(settings(own_server.url), a_holder())).to_check()
    other = Browser(browser.app).to_receipt()
    browser.fills(CONFIRM).sees("已经挂失，编号")
    Town(other.app).bank_tells(a_card(), UNBLOCKED)
    browser.opens("/card/report/receipt").does_not_see("需要人工办理")
