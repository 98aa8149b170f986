"""How it looks: phone width, dark, English, reduced motion, and what axe-core says of it."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from tests.simulator.page.conftest import OpensTab
from tests.simulator.page.visitor import Visitor

pytestmark = pytest.mark.browser
NARROW = {"width": 360, "height": 740}
SCHEMES = ("light", "dark")


def violations(visitor: Visitor) -> list[str]:
    """What axe-core finds, a line each, with where."""
    found: dict[str, Any] = Axe().run(visitor.page).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def fits(visitor: Visitor) -> bool:
    """Nothing makes the page itself scroll sideways."""
    return bool(
        visitor.page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_accessibility_violations_before_during_and_after_a_call(
    opens_tab: OpensTab, scheme: str
) -> None:
    visitor = opens_tab(color_scheme=scheme, reduced_motion="reduce").hurries()
    assert violations(visitor) == []
    visitor.reports({"light": "许雨强", "dark": "许英雨"}[scheme])
    visitor.sees_bank_function("银行已停用").page.locator("#turns summary").first.click()
    assert violations(visitor) == []
    visitor.hangs_up().opens_the_texts().sees_text("已确认停用").answers("状态")
    visitor.sees("#texts .caller .when", "已送达").sees_text("社保功能已临时挂失")
    assert violations(visitor) == []
    visitor.keeps_a_picture(f"desktop-{scheme}")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_report_at_a_phones_width(opens_tab: OpensTab, scheme: str) -> None:
    visitor = opens_tab(
        viewport=NARROW, color_scheme=scheme, has_touch=True, reduced_motion="reduce"
    ).hurries()
    assert fits(visitor)
    visitor.keeps_a_picture(f"narrow-{scheme}-start")
    visitor.reports({"light": "唐芳英", "dark": "林伟"}[scheme]).sees_bank_function("银行已停用")
    assert fits(visitor)
    assert violations(visitor) == []
    visitor.keeps_a_picture(f"narrow-{scheme}").hangs_up()


def test_dark_is_dark(opens_tab: OpensTab) -> None:
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    dark, light = (opens_tab(color_scheme=scheme) for scheme in ("dark", "light"))
    assert max(dark.page.evaluate(brightness)) < 60
    assert min(light.page.evaluate(brightness)) > 200


def test_english_is_english_everywhere_and_is_remembered(opens_tab: OpensTab) -> None:
    visitor = opens_tab()
    visitor.page.click('[data-language="en"]')
    visitor.opens_the_page().sees("h1", "Social security hotline")
    assert visitor.page.get_attribute("html", "lang") == "en"
    chinese = """() => [...document.querySelectorAll('main *, footer *, header *')]
        .filter(e => e.childElementCount === 0 && /[一-鿿]/.test(e.textContent))
        .filter(e => !e.closest('[lang], .people, .account-name'))
        .map(e => e.textContent)"""
    assert visitor.page.evaluate(chinese) == []
    labels = "() => [...document.querySelectorAll('main [aria-label]')].map(e => e.ariaLabel)"
    assert not [label for label in visitor.page.evaluate(labels) if label.startswith("拨号")]
    assert violations(visitor) == []
    visitor.keeps_a_picture("english")


def test_nothing_moves_for_those_who_want_no_motion(opens_tab: OpensTab) -> None:
    moving = """() => [...document.querySelectorAll('*')].filter(e => {
        const style = getComputedStyle(e);
        return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
    }).map(e => e.outerHTML.slice(0, 80))"""
    assert opens_tab(reduced_motion="reduce").page.evaluate(moving) == []
    assert opens_tab(reduced_motion="no-preference").page.evaluate(moving) != []
