"""Wrong addresses and ways under /card: people read a page, machines elsewhere a document."""

import pytest
from flask import Flask

from tests.builders import BASE_URL
from tests.web.card_site import Browser

WRONG = [
    ("GET", "/card/nowhere", 404, "没有这一页"),
    ("GET", "/card/report/nowhere/at/all", 404, "没有这一页"),
    ("GET", "/card/nowhere/id", 404, "没有这一页"),
    ("POST", "/card/nowhere", 404, "没有这一页"),
    ("POST", "/card/guide", 405, "没有这一页"),
    ("DELETE", "/card", 405, "没有这一页"),
    ("PUT", "/card/report/check", 405, "没有这一页"),
]


@pytest.mark.parametrize(("method", "path", "status", "heading"), WRONG)
def test_a_person_reads_a_page(
    app: Flask, method: str, path: str, status: int, heading: str
) -> None:
    """In their language, under the site's name, with a way on; with the headers of every page."""
    for language, words in (("zh", heading), ("en", "Back to the start")):
        asked = {"Accept-Language": language}
        answer = app.test_client().open(path, method=method, base_url=BASE_URL, headers=asked)
        html = answer.get_data(as_text=True)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert f'<html lang="{language}"' in html
        assert words in html
        assert 'href="/card"' in html
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" in answer.headers
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_form_that_is_too_long_is_told_so(app: Flask) -> None:
    browser = Browser(app).opens("/card/report/id").fills(id_number="1" * 5000)
    assert browser.status == 413
    browser.sees("填写的内容太长", "没有办理任何业务").does_not_see("Cookie")
    assert browser.last is not None
    assert "Content-Security-Policy" in browser.last.headers


def test_what_was_typed_as_an_address_is_on_no_page(app: Flask) -> None:
    html = Browser(app).opens("/card/11010519491231002X").html
    assert "11010519491231002X" not in html


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/cards", 404), ("/voice", 405)])
def test_a_machine_elsewhere_reads_a_document(app: Flask, path: str, status: int) -> None:
    answer = app.test_client().get(path, base_url=BASE_URL)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
