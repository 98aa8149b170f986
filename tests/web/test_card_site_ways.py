"""No last page leaves somebody who cannot hear or speak with a telephone number alone."""

from collections.abc import Callable
from typing import Final

import pytest
from redis import Redis

from ivr.cards.records import CardState
from tests.builders import a_card, a_holder, an_app, settings
from tests.redis_server import RedisServer
from tests.web.card_site import Browser

WRONG: Final = "000000"
BRANCH, RELATIVES = "发卡银行网点当面办理", "家人、翻译可以替您拨打12333"
TEXT: Final = "用它发短信“挂失”到+15551230000"
MakesBrowser = Callable[..., Browser]


@pytest.fixture
def makes_browser(redis: Redis, redis_server: RedisServer) -> MakesBrowser:
    assert redis.dbsize() == 0

    def made(state: CardState = CardState.NORMAL, language: str = "zh", **more: str) -> Browser:
        values = {"twilio_from_number": "+15551230000", **more}
        app = an_app(settings(redis_server.url, **values), a_holder(a_card(state=state)))
        return Browser(app, language)

    return made


def to_stopped(browser: Browser) -> Browser:
    browser.enters()
    for _ in range(5):
        browser.fills("/card/report/proof", proof=WRONG)
    return browser.is_at("/card/report/stopped")


def test_who_may_not_go_on_here(makes_browser: MakesBrowser) -> None:
    to_stopped(makes_browser()).sees(BRANCH, RELATIVES, TEXT)


def test_no_code_is_called_good_once_none_is(makes_browser: MakesBrowser) -> None:
    """Others have guessed at the same ID number meanwhile."""
    browser = makes_browser().enters()
    for _ in range(2):
        to_stopped(Browser(browser.app))
    browser.fills("/card/report/again").does_not_see("仍然有效").is_at("/card/report/stopped")
    browser.opens("/card/report/proof").is_at("/card/report/stopped")


def test_whose_number_cannot_be_entered(makes_browser: MakesBrowser) -> None:
    """A text would not help: it finds the same records."""
    makes_browser().opens("/card/report/by-person").sees(BRANCH, RELATIVES).does_not_see("短信")


def test_whose_card_cannot_be_reported(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(CardState.LOCKED).enters().proves().is_at("/card/report/cards")
    browser.sees(BRANCH, RELATIVES).does_not_see("短信")


def test_who_cannot_object_here(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(second_factor="card_tail")
    browser.opens("/card/not-me/id").sees("用它发短信", "“不是我”", RELATIVES)


def test_help_is_on_every_page(makes_browser: MakesBrowser) -> None:
    browser = makes_browser()
    for path in ("/card", "/card/report/id", "/card/left", "/card/guide", "/card/nowhere"):
        assert 'href="/card/guide/help"' in browser.opens(path).html, path
    browser.opens("/card/guide/help").sees(BRANCH, RELATIVES, TEXT, "“状态”", "“不是我”")


def test_in_english(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(language="en").opens("/card/guide/help")
    browser.sees("text LOST to +15551230000", "STATUS", "NOT ME", "an interpreter may call")


@pytest.mark.parametrize(
    "more", [{"text_replies": "false"}, {"rules": 'channels = ["phone", "web"]'}]
)
def test_where_texts_are_not_answered_or_report_nothing(
    makes_browser: MakesBrowser, more: dict[str, str]
) -> None:
    browser = makes_browser(**more).opens("/card/guide/help").sees(BRANCH, RELATIVES)
    browser.does_not_see("短信")


def test_while_redis_is_away(own_server: RedisServer) -> None:
    """Texts need it too."""
    browser = Browser(an_app(settings(own_server.url), a_holder())).enters()
    own_server.kill()
    browser.opens("/card/report/id").sees("系统繁忙", BRANCH, RELATIVES).does_not_see("短信")


ALL_HERE: Final = ("可以在这里办理", "可以在本网站办理", "几分钟完成", "挂失社保卡")
HERE_OR_TOLD: Final = "这里办不了的"


@pytest.mark.parametrize("path", ["/card", "/card/guide/accessibility"])
def test_what_is_promised_to_who_cannot_hear(makes_browser: MakesBrowser, path: str) -> None:
    """Not everything: some cards need a person, and some objections a telephone."""
    browser = makes_browser(second_factor="card_tail").opens(path)
    browser.sees(HERE_OR_TOLD).does_not_see("全部在这里")


@pytest.mark.parametrize("path", ["/card", "/card/guide/help", "/card/guide/accessibility"])
def test_where_the_website_takes_no_reports(makes_browser: MakesBrowser, path: str) -> None:
    browser = makes_browser(rules='channels = ["phone", "text"]').opens(path)
    browser.sees("本网站不能挂失", "12333").does_not_see(*ALL_HERE)


def test_nobody_proves_themselves_for_a_report_that_is_not_taken(
    makes_browser: MakesBrowser,
) -> None:
    """How a card stands is still shown."""
    browser = makes_browser(rules='channels = ["phone", "text"]').opens("/card/report/id")
    browser.sees("本网站不能挂失", BRANCH, RELATIVES, TEXT, "工商银行：95588")
    assert "id_number" not in browser.html
    browser.enters("status").proves().is_at("/card/status/cards").sees("社保功能正常")
    browser.opens("/card/report/cards").sees("不能在网上挂失")


def test_where_neither_website_nor_texts_report(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(rules='channels = ["phone"]').opens("/card")
    browser.sees(BRANCH, RELATIVES).does_not_see("短信")
