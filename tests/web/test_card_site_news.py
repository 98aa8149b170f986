"""What the website shows besides: announcements, how long a bank takes, where a new card is had."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import Outcome
from ivr.cards.records import Card, CardState, Progress
from ivr.store import keys
from ivr.store.announcements import Announcement
from tests.bank_side import Records
from tests.builders import a_card, a_holder, a_place, an_app, hotline_of, settings
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.web.card_site import ID_NUMBER, Browser

OF_ALL: Final = {"zh": "周六检修。", "en": "Works on Saturday."}
OF_ICBC: Final = {"zh": "网点调整。", "en": "Branches move."}
MakesBrowser = Callable[..., Browser]


@pytest.fixture
def makes_browser(redis: Redis, redis_server: RedisServer) -> MakesBrowser:
    """Somebody before a website with one holder of these cards."""
    assert redis.dbsize() == 0

    def made(*cards: Card, language: str = "zh") -> Browser:
        app = an_app(settings(redis_server.url), a_holder(*cards))
        return Browser(app, language=language)

    return made


def announces(app: Flask, bank: str, texts: dict[str, str]) -> None:
    until = int(hotline_of(app).outbox.now()) + keys.DAY
    hotline_of(app).announcements.put(Announcement(bank, texts, until))


@pytest.mark.parametrize(
    ("language", "all_hear", "icbc_hears"),
    [
        ("zh", "公告：周六检修。", "工商银行公告：网点调整。"),
        ("en", "Announcement: Works on Saturday.", "ICBC announces: Branches move."),
    ],
)
def test_announcements(
    makes_browser: MakesBrowser, language: str, all_hear: str, icbc_hears: str
) -> None:
    """To everybody at the start, to a bank's callers once their card is known."""
    browser = makes_browser(language=language)
    announces(browser.app, "", OF_ALL)
    announces(browser.app, "icbc", OF_ICBC)
    announces(browser.app, "ccb", {"zh": "建行。", "en": "Of CCB."})
    browser.opens("/card").sees(all_hear).does_not_see(icbc_hears)
    browser.to_check().sees(icbc_hears).does_not_see(all_hear, "建行。", "Of CCB.")
    browser.opens("/card/status/cards").sees(icbc_hears)
    browser.opens("/card/report/cards").sees(icbc_hears)


def test_no_announcement_stands_in_the_way(makes_browser: MakesBrowser, redis: Redis) -> None:
    redis.set(keys.ANNOUNCEMENTS, "no hash")
    makes_browser().opens("/card").sees("社保卡丢了？先挂失").to_check()


def test_where_a_new_card_is_had_once_the_holder_is_known(makes_browser: MakesBrowser) -> None:
    browser = makes_browser()
    hotline_of(browser.app).places.put_all([a_place()])
    usual = "请本人带有效身份证件，到社会保障中心办理"
    browser.opens("/card/guide/new-card").sees(usual, "电子社保卡须经本人授权")
    assert browser.cookie == "", "nobody is known by reading the guide"
    browser.to_check().opens("/card/guide/new-card").does_not_see(usual)
    browser.sees("朝阳社保中心", "朝阳路1号", "工作日上午9点到下午5点", "身份证", "工本费20元")


def test_in_english(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(language="en")
    hotline_of(browser.app).places.put_all([a_place()])
    browser.to_check().opens("/card/guide/new-card").sees("Chaoyang centre", "20 yuan")


def test_cards_of_two_banks_are_had_at_two_places(makes_browser: MakesBrowser) -> None:
    browser = makes_browser(a_card(), a_card("9876", bank="ccb", head="B1234"))
    hotline_of(browser.app).places.put_all([a_place(bank="ccb")])
    browser.enters().proves().opens("/card/guide/new-card")
    browser.sees("工商银行，尾号5678", "社会保障中心", "建设银行，尾号9876", "朝阳社保中心")


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (Progress.BEING_MADE, "新卡正在制作"),
        (Progress.AT_THE_BANK, "新卡已经送到本市的工商银行"),
        (Progress.AT_THE_OUTLET, "领卡地点是朝阳社保中心，地址朝阳路1号"),
    ],
)
def test_how_far_a_new_card_is(makes_browser: MakesBrowser, progress: Progress, told: str) -> None:
    card = replace(a_card(state=CardState.FORMAL_LOSS), progress=progress)
    browser = makes_browser(card)
    hotline_of(browser.app).places.put_all([a_place()])
    browser.enters("status").proves().is_at("/card/status/cards").sees(told)


def test_without_a_new_card_nothing_is_said_of_one(makes_browser: MakesBrowser) -> None:
    makes_browser().enters("status").proves().does_not_see("新卡")


@pytest.mark.parametrize(("language", "told"), [("zh", "一般在2分钟内"), ("en", "n 2 minutes")])
def test_how_long_the_bank_usually_takes(
    makes_browser: MakesBrowser, language: str, told: str
) -> None:
    browser = makes_browser(language=language)
    Records(hotline_of(browser.app)).took("icbc", {5: 15, 120: 5})
    browser.to_receipt().sees(told)
    browser.opens("/card/status/cards").sees(told)
    town = Town(browser.app)
    town.bank_answers(town.the_report(), Outcome.BLOCKED)
    browser.opens("/card/report/receipt").does_not_see(told)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_later_texts_are_in_the_language_of_whoever_was_proven(
    makes_browser: MakesBrowser, language: str
) -> None:
    browser = makes_browser(language=language).enters("status")
    hotline = hotline_of(browser.app)
    ref = hotline.holders.ref(ID_NUMBER)
    assert hotline.spoken_languages.of(ref) == "", "an ID number alone is nobody's word"
    browser.proves()
    assert hotline.spoken_languages.of(ref) == language
