"""The page of a result in a real Chromium: what axe-core says of it, and that it loads nothing."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from simulator.bank.running import new_secret
from simulator.conformance.receiver import Receiver
from simulator.conformance.result import as_page, examine
from simulator.conformance.session import Session
from tests.simulator.conformance.a_receiver import a_receiver
from tests.simulator.page.conftest import browser

__all__ = ["browser"]


@pytest.mark.browser
@pytest.mark.parametrize(("language", "unseen"), [("en", "not seen"), ("zh", "未判定")])
def test_everybody_can_read_it(
    browser: Browser, tmp_path: Path, language: str, unseen: str
) -> None:
    secret, file = new_secret(), tmp_path / "result.html"
    with a_receiver((secret,), "refuses unknown types") as receiver:
        session = Session(Receiver(receiver.url, 5, quiet=0.1), secret, pause=0.02)
        file.write_text(as_page(examine(session), language), encoding="utf-8")
    page, asked, said = browser.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    page.goto(file.as_uri())

    found: dict[str, Any] = Axe().run(page).response
    assert [violation["id"] for violation in found["violations"]] == []
    assert page.locator("td.broken").count() == 1
    assert page.locator("td.unseen").all_inner_texts() == [unseen]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    page.close()
