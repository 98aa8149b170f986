"""A bank's own page in a real Chromium: phone to desktop, light and dark, both languages, axe-core,
and that its buttons work.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from flask import Flask
from playwright.sync_api import Browser, Page
from redis import Redis

from ivr.cards.notice import Attempt, NoticeKind, Outcome
from ivr.store.bank_health import PAUSE_AFTER
from simulator.stack.launcher import CHECKOUT
from tests.bank_side import BankSide, Records, listening
from tests.builders import a_card, a_holder, a_secret, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.simulator.page.conftest import browser
from tests.web.test_bank_page import Developer

__all__ = ["browser"]
pytestmark = pytest.mark.browser
PICTURES = CHECKOUT / "var" / "test-artefacts" / "bank-page"
WIDTHS = (390, 1400)
PEOPLE = [
    a_holder(a_card(f"{n:04}", "icbc", head=f"B{n}"), id_number=an_id_number(serial=f"{n:03}"))
    for n in range(11, 17)
]
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
CODES = "[...document.querySelectorAll('td code')]"
BROKEN_WORDS = f"{CODES}.filter(each => each.getClientRects().length > 1).length"
BACKGROUND = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    """With a bit of everything on the page."""
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url), *PEOPLE)
    records, icbc = Records(hotline_of(app)), BankSide(app, "icbc")
    filed = [records.reports_lost(holder) for holder in PEOPLE]
    tried = Attempt(filed[0].reported_at, Outcome.FAILED, None, 5003, "timeout")
    for _ in range(7):
        records.hotline.service.settle(filed[0].notice_id, tried, filed[0].reported_at)
    for report, outcome in zip(
        filed[1:], (Outcome.BLOCKED, Outcome.RECEIVED, Outcome.REFUSED), strict=False
    ):
        records.bank_answers(report, outcome)
    records.hotline.service.send_trials("icbc")
    icbc.sends(b"{}", secret=a_secret())
    icbc.sends(b"{}", at=1_700_000_000)
    for _ in range(PAUSE_AFTER):
        for words in records.hotline.bank_health.count_failure("icbc", filed[0].reported_at - 60):
            records.hotline.redis.execute_command(*words)
    records.hotline.condition.news()
    return app


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with listening(app) as base:
        yield base + Developer(app).target


def opened(browser: Browser, url: str, **context: Any) -> tuple[Page, list[str]]:
    """A tab, and what it complained of or asked for elsewhere."""
    page, complaints = browser.new_context(**context).new_page(), list[str]()
    base = url.partition("/banks/")[0]
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((base, "data:")) else complaints.append(asked.url)
        ),
    )
    page.goto(url)
    return page, complaints


def violations(page: Page) -> list[str]:
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_everybody_can_read_it(browser: Browser, url: str, language: str, scheme: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        size = {"width": width, "height": 900}
        page, complaints = opened(
            browser, f"{url}?lang={language}", viewport=size, color_scheme=scheme
        )
        for view in ("notices", "blocks", "signatures"):
            page.goto(f"{url}?lang={language}&view={view}&done=tested")
            for details in page.locator("summary").all():
                details.click()
            assert violations(page) == []
            assert not page.evaluate(SIDEWAYS), (view, width)
            assert page.evaluate(BROKEN_WORDS) == 0, (view, width)
            place = PICTURES / f"{view}-{language}-{scheme}-{width}.png"
            page.screenshot(path=place, full_page=True)
        assert complaints == []
        brightness = page.evaluate(BACKGROUND)
        assert max(brightness) < 60 if scheme == "dark" else min(brightness) > 200
        page.context.close()


def test_each_language_is_itself_throughout(browser: Browser, url: str) -> None:
    page, _ = opened(browser, f"{url}?lang=en", locale="zh-CN")
    chinese = """() => [...document.querySelectorAll('body *')]
        .filter(e => e.childElementCount === 0 && /[一-鿿]/.test(e.textContent))
        .filter(e => !e.closest('[lang]:not(html)')).map(e => e.textContent)"""
    for view in ("Blocks", "Signature errors", "Notices"):
        page.get_by_role("link", name=view).click()
        assert page.evaluate(chinese) == []
    page.get_by_role("link", name="中文").click()
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.context.close()


def test_its_buttons_work_with_the_keyboard(browser: Browser, url: str, app: Flask) -> None:
    """Really sent by a browser, which says where the form stood."""
    page, complaints = opened(browser, f"{url}?lang=en")
    page.get_by_role("link", name="Stuck").click()
    assert page.locator(".notice").count() == 1
    page.get_by_role("button", name="Send again").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".said")
    assert page.inner_text(".said") == "It will be sent again, under its own id."
    before = len(Records(hotline_of(app)).notices(NoticeKind.TEST))
    page.get_by_role("button", name="Send me each type as a test").click()
    page.wait_for_selector("text=The tests are on their way")
    assert len(Records(hotline_of(app)).notices(NoticeKind.TEST)) == before + 5
    assert complaints == []
    page.context.close()


def test_the_page_of_a_link_that_is_over(browser: Browser, url: str) -> None:
    page, _ = opened(browser, url.rpartition("/")[0] + "/1-x")
    assert violations(page) == []
    page.context.close()
