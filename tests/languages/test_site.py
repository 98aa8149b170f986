"""The website in a third language: it speaks it once its column is whole, and offers it."""

from tests.languages.house import CODE, House, words
from tests.web.card_site import Browser


def test_a_report_in_the_third_language(house: House) -> None:
    browser = Browser(house.adds_all().boots(), CODE).opens("/card")
    assert f'<html lang="{CODE}"' in browser.html
    browser.sees(words("site_start")).enters().sees(words("site_code")).proves()
    browser.sees(words("site_check"), words("confirm_price")).fills()
    browser.sees(words("site_receipt"), words("status_bank_waiting"))
    assert browser.visit is not None


def test_the_others_offer_it(house: House) -> None:
    browser = Browser(house.adds_all().boots()).opens("/card")
    assert f'lang="{CODE}" hreflang="{CODE}"' in browser.html
