"""Markdown to what the page shows: title, table of contents, and the text as HTML."""

import re
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ivr.web.bank_docs.paper import without_marks

if TYPE_CHECKING:
    from markdown_it.token import Token

# Links between files of docs/ lead to routes when the same text is served.
ROUTES: Final = {
    "openapi.json": "/banks/openapi.json",
    "bank-api.md": "/banks/api",
    "bank-api.zh.md": "/banks/api?lang=zh",
}


@dataclass(frozen=True)
class Page:
    """What the template needs; `contents` is (anchor, heading) of every section."""

    title: str
    contents: tuple[tuple[str, str], ...]
    html: str


def read_page(text: str) -> Page:
    """Our own Markdown (CommonMark with tables), with an anchor at every heading."""
    # Loaded here: only the web needs it, and only once somebody looks.
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _listing)
    markdown.add_render_rule("table_open", _table)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = markdown.parse(without_marks(text))
    headings = list(_headings(tokens))
    _lead_to_routes(tokens)
    _name_tables(tokens)
    title = headings[0][2]
    sections = tuple((anchor, words) for level, anchor, words in headings if level == "h2")
    return Page(title, sections, markdown.renderer.render(tokens, markdown.options, {}))


def anchor_of(heading: str) -> str:
    """As GitHub makes them, so that links within the text work there too."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _headings(tokens: "list[Token]") -> "list[tuple[str, str, str]]":
    found = []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(inline.content))
            found.append((opening.tag, anchor_of(inline.content), inline.content))
    return found


def _lead_to_routes(tokens: "list[Token]") -> None:
    for token in tokens:
        for part in token.children or ():
            if part.type == "link_open":
                target = str(part.attrGet("href"))
                part.attrSet("href", ROUTES.get(target, target))


def _name_tables(tokens: "list[Token]") -> None:
    """By the heading they stand under."""
    heading = ""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            heading = inline.content
        elif opening.type == "table_open":
            opening.meta["label"] = heading


def _table(_renderer: object, tokens: "list[Token]", index: int, *_more: object) -> str:
    """It can be scrolled with the keyboard, like a listing. Both are groups, for of regions no two
    may have one name.
    """
    label = escape(tokens[index].meta["label"])
    return f'<div class="wide" tabindex="0" role="group" aria-label="{label}"><table>\n'


def _listing(_renderer: object, tokens: "list[Token]", index: int, *_more: object) -> str:
    """A listing with its file's name; it can be scrolled with the keyboard too."""
    language, _, name = tokens[index].info.partition(" ")
    caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
    label = escape(name or language or "text")
    code = f"<code>{escape(tokens[index].content)}</code>"
    pre = f'<pre tabindex="0" role="group" aria-label="{label}">{code}</pre>'
    return f"<figure>{caption}{pre}</figure>\n"
