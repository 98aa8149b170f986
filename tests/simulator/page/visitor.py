"""A person at the page: opens it, uses mouse or keyboard, sees what it shows."""

import re
from typing import Self

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from simulator.stack.launcher import CHECKOUT

ARTEFACTS = CHECKOUT / "var" / "test-artefacts" / "page"
PATIENCE_MS = 40_000
MOST_TABS = 80


class Visitor:
    """One browser tab. Every expectation waits until it is met, or fails after 40 s."""

    def __init__(self, browser: Browser, url: str, **context: object) -> None:
        self.url = url
        settings = {"viewport": {"width": 1360, "height": 900}, "locale": "zh-CN", **context}
        self._context = browser.new_context(**settings)  # type: ignore[arg-type]
        self._context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.streams: list[str] = []
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)

    # Acting

    def opens_the_page(self) -> Self:
        """Also after a reload."""
        self.page.goto(f"{self.url}/simulator")
        expect(self.page.locator("html")).to_have_attribute("data-ready", "yes")
        expect(self.page.locator("#link")).to_have_attribute("data-state", "live")
        return self

    def hurries(self) -> Self:
        """Prompts pass eight times as fast."""
        self.page.click("#fast")
        expect(self.page.locator("#fast")).to_have_attribute("aria-pressed", "true")
        return self

    def calls(self) -> Self:
        self.page.click("#call")
        return self.is_in_a_call()

    def hangs_up(self) -> Self:
        self.page.click("#call")
        return self.is_in_no_call()

    def clicks_keys(self, keys: str) -> Self:
        for key in keys:
            self.page.click(f'[data-digit="{key}"]')
        return self

    def chooses(self, name: str) -> Self:
        """One click on a made-up person, found among all of them if need be."""
        if not self.page.locator(".person", has_text=name).count():
            self.page.click("#more-people")
        self.page.locator(".person", has_text=name).first.click()
        return self

    def tabs_to(self, wanted: str) -> Self:
        """With the Tab key alone, to the element of a selector."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return self
        raise AssertionError(f"the Tab key does not reach {wanted}")

    def types(self, keys: str) -> Self:
        self.page.keyboard.type(keys, delay=40)
        return self

    def presses_enter(self) -> Self:
        self.page.keyboard.press("Enter")
        return self

    def turns_to_bank(self, name: str) -> Self:
        self.page.locator("#banks button", has_text=name).click()
        return self

    def makes_the_bank(self, behaviour: str) -> Self:
        self.page.locator("#behaviours button", has_text=behaviour).click()
        expect(self._behaviour(behaviour)).to_have_attribute("aria-pressed", "true")
        return self

    def as_teller(self, act: str, card: str) -> Self:
        """`act` is the button's word at the account behind a card."""
        self._account(card).get_by_role("button", name=act).click()
        return self

    def lets_seven_days_pass(self) -> Self:
        self.page.click("#seven-days")
        return self

    def opens_the_texts(self) -> Self:
        self.page.click("#tab-texts")
        return self

    def answers(self, text: str) -> Self:
        self.page.fill("#answer-text", text)
        self.page.locator("#answer button").click()
        return self

    def is_hidden(self) -> Self:
        """Behind another tab."""
        return self._is_hidden("true")

    def is_shown_again(self) -> Self:
        self._is_hidden("false")
        expect(self.page.locator("#link")).to_have_attribute("data-state", "live")
        return self

    def reports(self, name: str) -> Self:
        """The whole main call for a person with one good card, in Mandarin, then hangs up."""
        self.calls().hears("中文请按1").clicks_keys("1").hears("挂失请按1").clicks_keys("1")
        self.hears("18位身份证号").chooses(name).hears("确认请按1").clicks_keys("1")
        return self.hears("挂失成功")

    # Seeing

    def is_in_a_call(self) -> Self:
        expect(self.page.locator("#call")).to_have_attribute("data-state", "talking")
        return self

    def is_in_no_call(self) -> Self:
        expect(self.page.locator("#call")).to_have_attribute("data-state", "idle")
        return self

    def hears(self, text: str) -> Self:
        expect(self.page.locator("#prompts .line .bubble", has_text=text).last).to_be_attached()
        return self

    def sees_social_security(self, words: str) -> Self:
        expect(self.page.locator("#case .tile").first).to_contain_text(words)
        return self

    def sees_bank_function(self, words: str) -> Self:
        expect(self.page.locator("#case .tile").nth(1)).to_contain_text(words)
        return self

    def sees_account(self, card: str, words: str) -> Self:
        expect(self._account(card).locator(".chip")).to_have_text(words)
        return self

    def sees_notice(self, kind: str, state: str) -> Self:
        notice = self.page.locator("#case .notices > li", has_text=kind).first
        expect(notice.locator(".chip")).to_have_text(state)
        return self

    def sees_attempt(self, words: str) -> Self:
        expect(self.page.locator("#case .attempts li", has_text=words).first).to_be_visible()
        return self

    def sees_event(self, words: str) -> Self:
        """At the bank: what it told the hotline, and that the hotline took it."""
        row = self.page.locator("#events li", has_text=words).first
        expect(row).to_contain_text("已送达")
        return self

    def sees_text(self, words: str) -> Self:
        expect(self.page.locator("#texts .bubble", has_text=words).first).to_be_visible()
        return self

    def sees(self, selector: str, words: str | re.Pattern[str]) -> Self:
        expect(self.page.locator(selector).first).to_contain_text(words)
        return self

    def seconds_left(self) -> int:
        """The key's TTL as the page counts it down."""
        return int(re.sub(r"\D", "", self.page.inner_text("#ttl")))

    def keeps_a_picture(self, name: str) -> Self:
        """A screenshot of the whole page among the test artefacts."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
        return self

    def leaves(self) -> None:
        """Nothing may have gone wrong, and nothing may have come from elsewhere."""
        self._context.close()
        assert self.complaints == []
        assert self.elsewhere == []

    def _is_hidden(self, hidden: str) -> Self:
        self.page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        return self

    def _account(self, card: str) -> Locator:
        return self.page.locator(f'#accounts li[data-card="{card}"]')

    def _behaviour(self, behaviour: str) -> Locator:
        return self.page.locator("#behaviours button", has_text=behaviour)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.elsewhere.append(request.url)
        if request.url.endswith("/live"):
            self.streams.append(request.url)
