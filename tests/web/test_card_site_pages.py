"""The website in a real Chromium: by keyboard alone, without scripts, narrow and wide, in large
print, light and dark, on paper; and what axe-core says of every page.
"""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from redis import Redis
from werkzeug.serving import make_server

from ivr.cards.notice import Outcome
from simulator.stack.ports import Ports
from tests.builders import a_card, a_holder, an_app, settings
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.simulator.page.conftest import browser  # noqa: F401 (a fixture)
from tests.simulator.page.visitor import ARTEFACTS
from tests.web.card_site import ID_NUMBER, codes

pytestmark = pytest.mark.browser
NARROW: Final = {"width": 390, "height": 844}
WIDE: Final = {"width": 1400, "height": 900}
TWO_CARDS: Final = (a_card(), a_card("9876", bank="ccb", head="B1234"))
MOST_TABS: Final = 40


class Reader:
    """Somebody before a screen, with a keyboard and nothing else."""

    def __init__(self, page: Page, app: Flask, base_url: str) -> None:
        self.page = page
        self.app = app
        self.base_url = base_url
        self.problems: list[str] = []
        page.on("console", self.notes)
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def notes(self, line: ConsoleMessage) -> None:
        """An error in the console; a page that is asked for once more with 422 is none."""
        if line.type == "error" and "422" not in line.text:
            self.problems.append(line.text)

    def opens(self, path: str = "/card") -> Self:
        self.page.goto(f"{self.base_url}{path}")
        return self

    def tabs_to(self, text: str) -> Self:
        """Moves the focus on to what is called so."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if text in self.focused:
                assert self.shows_focus, text
                return self
        raise AssertionError(f"nothing is called {text}")

    @property
    def focused(self) -> str:
        name = "e => (e.labels?.[0] ?? e).textContent.trim()"
        return str(self.page.evaluate(f"({name})(document.activeElement)"))

    @property
    def shows_focus(self) -> bool:
        style = "getComputedStyle(document.activeElement)"
        return bool(self.page.evaluate(f"{style}.outlineStyle !== 'none'"))

    def presses(self, text: str) -> Self:
        """A link or a button."""
        return self.tabs_to(text).enters()

    def chooses(self, text: str) -> Self:
        self.tabs_to(text).page.keyboard.press("Space")
        return self

    def types(self, label: str, text: str) -> Self:
        """Into the field of that name, then Enter."""
        self.tabs_to(label).page.keyboard.type(text)
        return self.enters()

    def enters(self) -> Self:
        """Enter, and the next page is there."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        return self

    def sees(self, *words: str) -> Self:
        for part in words:
            self.page.get_by_text(part).first.wait_for()
        return self

    @property
    def h1(self) -> str:
        return self.page.locator("h1").inner_text()

    def is_sound(self, picture: str = "") -> Self:
        """axe has nothing to say, nothing scrolls sideways, and the browser did not complain."""
        assert violations(self.page) == [], self.h1
        assert self.page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), self.h1
        assert len(self.page.locator("h1").all()) == 1
        assert self.page.title().endswith(self.page.locator(".name").inner_text())
        if picture:
            keeps_a_picture(self.page, picture)
        return self


def keeps_a_picture(page: Page, name: str) -> None:
    """A screenshot of the whole page among the test artefacts."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


def violations(page: Page) -> list[str]:
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


OpensPage = Callable[..., Reader]


@pytest.fixture
def site(redis: Redis, redis_server: RedisServer) -> Iterator[tuple[Flask, str]]:
    """The hotline on a port of its own, with one holder of two cards."""
    assert redis.dbsize() == 0
    port = Ports.free().web
    url = f"http://127.0.0.1:{port}"
    app = an_app(settings(redis_server.url, public_base_url=url), a_holder(*TWO_CARDS))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield app, url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opens_page(site: tuple[Flask, str], browser: Browser) -> Iterator[OpensPage]:  # noqa: F811
    opened: list[Reader] = []

    def opens(**context: Any) -> Reader:
        page = browser.new_context(**{"locale": "zh-CN", "viewport": NARROW, **context}).new_page()
        opened.append(Reader(page, *site))
        return opened[-1]

    yield opens
    for reader in opened:
        assert reader.problems == []
        reader.page.context.close()


WORDS: Final = {
    "zh-CN": {
        "report": "挂失社保卡", "id": "身份证号码", "go": "继续", "code": "6位验证码",
        "confirm": "确认挂失", "done": "挂失已登记", "icbc": "工商银行", "ccb": "建设银行",
        "large": "长辈版", "wait": "还没有确认", "blocked": "已经停用银行功能",
        "news": "查询最新结果", "status": "查看全部卡的状态", "state": "卡的状态",
        "not me": "不是我办理的", "guide": "办事指南", "noted": "您的异议已登记",
        "leave": "退出", "problem": "有问题需要改正", "error": "错误：",
        "empty": "填写持卡人的18位身份证号码。",
    },
    "en": {
        "report": "Report a lost card", "id": "ID number", "go": "Continue",
        "code": "6-digit code", "confirm": "Report lost", "done": "Your report is on record",
        "icbc": "ICBC", "ccb": "CCB", "large": "Large print", "wait": "has not confirmed",
        "blocked": "has blocked the bank function", "news": "Check for news",
        "status": "See how all cards stand", "state": "How your cards stand",
        "not me": "I did not make", "guide": "Guide", "noted": "Your objection is on record",
        "leave": "Leave", "problem": "There is a problem", "error": "Error: ",
        "empty": "Enter the cardholder's 18-digit ID number.",
    },
}  # fmt: skip


def bank_blocks(app: Flask, bank: str = "icbc") -> None:
    """The bank's word comes."""
    town = Town(app)
    (report,) = (report for report in town.reports() if report.bank == bank)
    town.bank_answers(report, Outcome.BLOCKED)


LOOKS: Final = [
    ("zh-CN", NARROW, "light", True, False),
    ("zh-CN", WIDE, "dark", False, False),
    ("zh-CN", NARROW, "dark", False, True),
    ("en", NARROW, "dark", True, False),
    ("en", WIDE, "light", False, True),
]


@pytest.mark.parametrize(("locale", "viewport", "scheme", "scripts", "is_large"), LOOKS)
def test_a_whole_visit_by_keyboard_alone(
    opens_page: OpensPage,
    locale: str,
    viewport: dict[str, int],
    scheme: str,
    *,
    scripts: bool,
    is_large: bool,
) -> None:
    """Two cards reported in one go, the bank's word, the status, an objection, the end."""
    reader = opens_page(
        locale=locale, viewport=viewport, color_scheme=scheme, reduced_motion="reduce",
        java_script_enabled=True,
    )  # fmt: skip
    if not scripts:  # axe is a script, and so is a look at the focus: only ours are kept away
        reader.page.route("**/site.*.js", lambda route: route.fulfill(body=""))
    words, look = WORDS[locale], f"{locale}-{viewport['width']}-{scheme}{'-large' * is_large}"
    reader.opens()
    if is_large:
        reader.presses(words["large"])
    reader.is_sound(f"site-{look}-start").presses(words["report"])
    reader.types(words["id"], "").sees(words["problem"], words["empty"])
    assert reader.page.title().startswith(words["error"])
    assert words["problem"] in reader.focused
    reader.is_sound(f"site-{look}-error").tabs_to(words["empty"]).page.keyboard.press("Enter")
    reader.page.keyboard.type(ID_NUMBER)
    reader.enters().sees(words["code"]).is_sound(f"site-{look}-code")
    reader.types(words["code"], codes(reader.app)[0]).sees(words["icbc"], words["ccb"])
    reader.is_sound(f"site-{look}-cards").chooses(words["icbc"])
    reader.chooses(words["ccb"]).presses(words["go"]).is_sound(f"site-{look}-check")
    reader.presses(words["confirm"]).sees(words["done"], words["wait"])
    reader.is_sound(f"site-{look}-receipt")
    assert words["blocked"] not in reader.page.content()
    bank_blocks(reader.app)
    if not scripts:
        reader.presses(words["news"])
    reader.sees(words["blocked"]).is_sound(f"site-{look}-news")
    reader.presses(words["status"]).sees(words["state"]).is_sound(f"site-{look}-status")
    reader.presses(words["not me"]).is_sound(f"site-{look}-not-me")
    reader.chooses(words["icbc"]).presses(words["not me"]).sees(words["noted"])
    reader.is_sound(f"site-{look}-noted").presses(words["leave"]).is_sound()
    reader.presses(words["guide"]).is_sound(f"site-{look}-guide")


@pytest.mark.parametrize("locale", WORDS)
def test_all_of_it_without_javascript(opens_page: OpensPage, locale: str) -> None:
    """No script at all, as an old telephone or a careful person has it."""
    reader, words = opens_page(locale=locale, java_script_enabled=False), WORDS[locale]
    page = reader.opens().page
    page.get_by_role("link", name=words["report"]).click()
    page.locator("#id_number").fill(ID_NUMBER)
    page.get_by_role("button", name=words["go"]).click()
    page.locator("#proof").fill(codes(reader.app)[0])
    page.get_by_role("button", name=words["go"]).click()
    page.get_by_label(re.compile(words["icbc"])).check()
    page.get_by_role("button", name=words["go"]).click()
    page.get_by_role("button", name=words["confirm"]).click()
    reader.sees(words["done"], words["wait"])
    bank_blocks(reader.app)
    page.get_by_role("link", name=words["news"]).click()
    reader.sees(words["blocked"])
    assert page.locator("#print").is_hidden(), "it would do nothing"


def test_the_receipt_updates_by_itself_and_can_be_told_not_to(opens_page: OpensPage) -> None:
    reader, words = opens_page(), WORDS["zh-CN"]
    page = to_receipt(reader)
    page.get_by_role("button", name="停止自动更新").click()
    reader.sees("已停止自动更新。")
    page.reload()
    bank_blocks(reader.app)
    reader.sees(words["blocked"])
    page.locator("#updates").wait_for(state="hidden")
    assert words["blocked"] in page.get_by_role("status").inner_text(), "it is spoken"


def to_receipt(reader: Reader) -> Page:
    words, page = WORDS["zh-CN"], reader.opens("/card/report/id").page
    page.locator("#id_number").fill(ID_NUMBER)
    reader.enters()
    page.locator("#proof").fill(codes(reader.app)[0])
    reader.enters()
    page.get_by_label(re.compile(words["icbc"])).check()
    page.get_by_role("button", name=words["go"]).click()
    page.get_by_role("button", name=words["confirm"]).click()
    reader.sees(words["done"])
    return page


def test_on_paper_there_is_what_matters_and_no_button(opens_page: OpensPage) -> None:
    reader = opens_page(viewport=WIDE)
    page = to_receipt(reader)
    page.emulate_media(media="print")
    keeps_a_picture(page, "site-paper")
    assert page.locator(".number").is_visible()
    assert page.locator(".as-of").is_visible()
    for button in page.get_by_role("button").all():
        assert not button.is_visible()


def test_whoever_goes_back_finds_no_number_in_the_field(opens_page: OpensPage) -> None:
    page = to_receipt(opens_page())
    for _ in range(4):
        page.go_back()
        field = page.locator("#id_number")
        assert field.count() == 0 or field.input_value() == ""


def test_before_a_visit_ends_there_is_a_warning_that_lengthens_it(opens_page: OpensPage) -> None:
    reader = opens_page()
    reader.page.clock.install()
    page = to_receipt(reader)
    page.get_by_role("button", name="停止自动更新").click()
    page.clock.run_for(18 * 60 * 1000 + 5000)
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert violations(page) == []
    dialog.get_by_role("button").click()
    page.clock.run_for(10_000)
    assert not dialog.is_visible()
