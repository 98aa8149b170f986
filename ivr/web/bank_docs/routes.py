"""GET /banks/api, a page for people, and GET /banks/openapi.json, the same for programs.

Both have one source: docs/bank-api.md and docs/openapi.json. Open to everybody: they say how
to talk to the hotline, and nothing of any bank.
"""

from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, render_template

from ivr.web.bank_docs.page import Page, read_page

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
# The page loads nothing at all, from here or elsewhere.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
HOUR: Final = 3600


def bank_docs_routes() -> Blueprint:
    """The routes beside /banks/<bank>."""
    routes = Blueprint("bank_docs", __name__, url_prefix="/banks", template_folder="templates")

    @routes.get("/api")
    def page() -> Response:
        answer = Response(render_template("bank_api.html", page=_page()))
        answer.headers["Content-Security-Policy"] = POLICY
        return _kept_an_hour(answer)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        description = (DOCS / "openapi.json").read_bytes()
        return _kept_an_hour(Response(description, content_type="application/json"))

    return routes


@cache
def _page() -> Page:
    return read_page((DOCS / "bank-api.md").read_text(encoding="utf-8"))


def _kept_an_hour(answer: Response) -> Response:
    answer.cache_control.public = True
    answer.cache_control.max_age = HOUR
    return answer
