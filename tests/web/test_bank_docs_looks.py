"""The bank developers' page in a real Chromium: what axe-core says of it, in either language."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page
from redis import Redis

from tests.bank_side import listening
from tests.builders import an_app, settings
from tests.redis_server import RedisServer
from tests.simulator.page.conftest import browser
from tests.web.bank_papers import PLACES

__all__ = ["browser"]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture
def url(redis_server: RedisServer, redis: Redis) -> Iterator[str]:
    assert redis.dbsize() == 0
    with listening(an_app(settings(redis_server.url))) as url:
        yield url


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "size", "scheme"), [("en", DESK, "light"), ("zh", PHONE, "dark")]
)
def test_everybody_can_read_it(
    browser: Browser, url: str, language: str, size: Any, scheme: Any
) -> None:
    page, asked, said = browser.new_page(viewport=size, color_scheme=scheme), [], list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    page.goto(url + PLACES[language])

    found: dict[str, Any] = Axe().run(page).response
    assert [violation["id"] for violation in found["violations"]] == []
    assert _overflow(page) <= 0, "the page itself scrolls sideways"
    assert [one for one in asked if not one.startswith((url, "data:"))] == []
    assert said == []
    page.close()


@pytest.mark.browser
def test_one_language_leads_to_the_other(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(url + PLACES["en"])
    page.get_by_role("link", name="银行接口规范").click()
    assert page.locator("h1").inner_text() == "12333 热线银行接口规范"
    page.get_by_role("link", name="bank API", exact=True).click()
    assert page.locator("h1").inner_text() == "12333 hotline: the bank API"
    page.close()


def _overflow(page: Page) -> int:
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(wide))
