"""Every page of the website in a real Chromium, measured: targets, sizes, reflow, wider spacing,
focus, titles, landmarks, forced colours; and that nothing moves by itself or comes from elsewhere.
"""

import re
from typing import Final, Self
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Response

from ivr.web.card_site.routes import ABOUT, GUIDE
from tests.simulator.page.conftest import browser  # noqa: F401 (a fixture)
from tests.web.card_site import ID_NUMBER, codes
from tests.web.test_card_site_pages import (  # noqa: F401 (two are fixtures)
    OpensPage,
    Reader,
    opens_page,
    site,
    violations,
)

pytestmark = pytest.mark.browser
PHONE: Final = {"width": 320, "height": 640}  # also 1280 px at 400 % (WCAG 1.4.10)
OPEN: Final = (
    "/card", "/card/report/by-person", "/card/report/stopped", "/card/not-me/id", "/card/guide",
    *(f"/card/guide/{topic}" for topic in (*GUIDE, *ABOUT)),
    "/card/ended", "/card/left", "/card/nowhere",
)  # fmt: skip
# Of those, one of each kind that `test_card_site_pages.py` does not show to axe.
UNLIKE: Final = (
    "/card/report/by-person", "/card/report/stopped", "/card/guide/help", "/card/nowhere",
)  # fmt: skip
NORMAL, LARGE = [44, 18], [60, 24]  # px: the least side of a target, the least size of a letter
FAULTS: Final = """([least, size]) => {
  const all = (names) => [...document.querySelectorAll(names)].filter((e) => e.checkVisibility());
  const seen = all('a:not(.skip), button, input:not([type=hidden])');
  const place = (e) => (e.closest('.choice') ?? e).getBoundingClientRect();
  const root = document.documentElement, faults = [];
  const wrong = (why, e) => faults.push(`${why}: ${e.outerHTML ?? e}`);
  if (root.scrollWidth > root.clientWidth) wrong('scrolls sideways', root.scrollWidth);
  for (const e of seen) {
    const { width, height } = place(e);
    if (width < least || height < least) wrong(`${width} x ${height}`, e);
  }
  for (const e of all('main *, footer *, header *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (own && parseFloat(getComputedStyle(e).fontSize) < size) wrong('small', e);
  }
  for (const e of all('main p')) {
    const { lineHeight, fontSize, marginBottom } = getComputedStyle(e);
    const [line, font, gap] = [lineHeight, fontSize, marginBottom].map(parseFloat);
    if (line < 1.5 * font - 0.1) wrong('lines too near', e);
    if (!e.closest('dd, .number, .unseen') && gap < 1.3 * (line - font)) wrong('too near', e);
  }
  for (const e of seen) {
    e.focus();
    const { x, y, width, height } = e.getBoundingClientRect();
    const top = document.elementFromPoint(x + width / 2, y + height / 2);
    if (!top || !(e.contains(top) || top.contains(e))) wrong('covered', e);
    if (getComputedStyle(e).outlineStyle === 'none') wrong('focus unseen', e);
  }
  for (const name of ['header', 'main', 'footer', 'h1'])
    if (document.querySelectorAll(name).length !== 1) wrong('not one', name);
  if (!document.querySelector('a, button, input').matches('.skip')) wrong('no skip', '');
  if (!document.querySelector('footer a').href.endsWith('/card/guide/help')) wrong('no help', '');
  if (document.querySelector('meta[http-equiv]')) wrong('moves', '');
  return faults;
}"""
WIDER: Final = """() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
  const root = document.documentElement;
  const parts = [...document.querySelectorAll(':is(main, header, footer) *:not(.unseen)')];
  const cut = parts.filter((e) =>
    getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1);
  const wide = root.scrollWidth > root.clientWidth ? [`${root.scrollWidth}`] : [];
  document.adoptedStyleSheets = [];
  return [...wide, ...cut.map((e) => e.outerHTML)];
}"""


class Inspector:
    """Goes through the site with a keyboard, measures each page, and notes what it is called."""

    def __init__(self, reader: Reader, *, is_large: bool) -> None:
        self.reader = reader
        self.page = reader.page
        self.measures = LARGE if is_large else NORMAL
        self.titles: dict[str, str] = {}

    def looks(self, path: str = "") -> Self:
        """At this page, or at another."""
        if path:
            self.reader.opens(path)
        page, at, h1 = self.page, urlsplit(self.page.url).path, self.reader.h1
        assert page.evaluate(FAULTS, self.measures) == [], at
        assert page.evaluate(WIDER) == [], at
        name = page.locator(".name").inner_text()
        assert re.fullmatch(rf"(错误：|Error: )?{re.escape(h1)} – (.* – )?{name}", page.title()), at
        self.titles.setdefault(at, page.title())
        return self

    def looks_at_open_ones(self) -> Self:
        """Whatever anybody may open; axe has nothing to say of those that no visit shows it."""
        for path in OPEN:
            self.looks(path)
            assert self.measures == NORMAL or path not in UNLIKE or not violations(self.page), path
        self.reader.problems.clear()  # the browser notes that there is no such page, as it should
        return self

    def sends(self) -> Self:
        """The form of this page; then looks at what it is answered."""
        with self.page.expect_navigation():
            self.page.locator("main form button.main").first.press("Enter")
        return self.looks()

    def fills(self, field: str, text: str) -> Self:
        self.page.locator(f"#{field}").fill(text)
        return self.sends()

    def visits(self) -> Self:
        """Both cards are reported, with a mistake in each form; their status; an objection."""
        self.looks("/card/report/id").fills("id_number", "1").fills("id_number", ID_NUMBER)
        self.fills("proof", "1").fills("proof", codes(self.reader.app)[0]).sends()
        for box in self.page.locator("[type=checkbox]").all():
            box.press("Space")
        self.sends().sends()  # the check, and the receipt
        self.looks("/card/report/cards").looks("/card/status/cards").looks("/card/not-me/check")
        self.sends().page.locator("[type=radio]").first.press("Space")
        return self.sends()


@pytest.mark.parametrize(
    ("locale", "scheme", "is_large"), [("zh-CN", "light", False), ("en", "dark", True)]
)
def test_every_page(
    opens_page: OpensPage,  # noqa: F811
    locale: str,
    scheme: str,
    *,
    is_large: bool,
) -> None:
    reader = opens_page(locale=locale, viewport=PHONE, color_scheme=scheme)
    answers: list[Response] = []
    reader.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
    reader.opens(f"/card/look?size={'large' if is_large else 'normal'}&back=/card")
    inspector = Inspector(reader, is_large=is_large).looks_at_open_ones().visits()
    reader.page.emulate_media(forced_colors="active")
    inspector.looks("/card").looks("/card/report/receipt").looks("/card/guide/help")
    assert len(set(inspector.titles.values())) == len(inspector.titles), inspector.titles
    assert [each.url for each in answers if not each.url.startswith(reader.base_url)] == []
    assert [each.url for each in answers if "refresh" in each.headers] == []
