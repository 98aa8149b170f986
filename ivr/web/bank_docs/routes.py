"""GET /banks/api, a page for people, in English or with ?lang=zh in Chinese, and
GET /banks/openapi.json, the same for programs.

They are docs/bank-api.md, docs/bank-api.zh.md and docs/openapi.json. Open to everybody: they say
how to talk to the hotline, and nothing of any bank.
"""

from functools import cache
from typing import Final

from flask import Blueprint, Response, render_template, request

from ivr.web.bank_docs.page import Page, read_page
from ivr.web.bank_docs.paper import DOCS, PAPERS

# What the page says beside its text: the tag of its language, and what stands over its contents.
AROUND: Final = {"en": ("en", "On this page"), "zh": ("zh-CN", "目录")}
# The page loads nothing at all, from here or elsewhere.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
HOUR: Final = 3600


def bank_docs_routes() -> Blueprint:
    """The routes beside /banks/<bank>."""
    routes = Blueprint("bank_docs", __name__, url_prefix="/banks", template_folder="templates")

    @routes.get("/api")
    def page() -> Response:
        wanted = request.args.get("lang", "")
        language = wanted if wanted in PAPERS else "en"
        tag, contents = AROUND[language]
        shown = {"page": _page(language), "tag": tag, "contents": contents}
        answer = Response(render_template("bank_api.html", **shown))
        answer.headers["Content-Security-Policy"] = POLICY
        return _kept_an_hour(answer)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        description = (DOCS / "openapi.json").read_bytes()
        return _kept_an_hour(Response(description, content_type="application/json"))

    return routes


@cache
def _page(language: str) -> Page:
    return read_page((DOCS / PAPERS[language]).read_text(encoding="utf-8"))


def _kept_an_hour(answer: Response) -> Response:
    answer.cache_control.public = True
    answer.cache_control.max_age = HOUR
    return answer
