"""A visitor of the website: a browser without scripts, which follows links and fills in forms."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final, Self
from urllib.parse import urlsplit

from flask import Flask
from redis import Redis
from werkzeug.test import Client, TestResponse

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.visits import Visit
from tests.builders import BASE_URL, hotline_of

ID_NUMBER: Final = "11010519491231002X"


class Form(HTMLParser):
    """The forms of a page: by the address each goes to, its hidden fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str]] = {}
        self._at = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._at = found["action"]
            self.fields[self._at] = {}
        elif tag == "input" and found.get("type") == "hidden":
            self.fields[self._at][found["name"]] = found["value"]


class Browser:
    """One browser. Every answer is a page, or leads to one."""

    def __init__(self, app: Flask, language: str = "zh", base_url: str = BASE_URL) -> None:
        self.app = app
        self.client = Client(app)
        self.base_url = base_url
        self.headers = {"Accept-Language": language, "Origin": base_url}
        self.address = "203.0.113.7"
        self.path = ""
        self.status = 0
        self.html = ""
        self.last: TestResponse | None = None

    def opens(self, path: str) -> Self:
        """A link, or an address that was typed."""
        answer = self.client.get(
            path, base_url=self.base_url, headers=self.headers, environ_base=self._from
        )
        return self._shows(path, answer)

    def fills(self, action: str = "", **values: str | list[str]) -> Self:
        """The form of this page, or the one of its forms that goes to `action`."""
        action = action or self.path
        return self.sends(action, {**Form(self.html).fields[action], **values})

    def sends(self, action: str, values: Mapping[str, str | list[str]]) -> Self:
        """Any form, wherever it came from."""
        answer = self.client.post(
            action, data=values, base_url=self.base_url, headers=self.headers,
            environ_base=self._from,
        )  # fmt: skip
        return self._shows(action, answer)

    @property
    def _from(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.address}

    def _shows(self, path: str, answer: TestResponse) -> Self:
        self.last = answer
        if answer.status_code == 303:
            return self.opens(answer.headers["Location"])
        self.path, self.status = path, answer.status_code
        self.html = answer.get_data(as_text=True)
        return self

    @property
    def said(self) -> str:
        """What stands on the page, numbers without the blanks between their groups."""
        main = self.html.partition("<main")[2].partition("</main>")[0]
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))
        return re.sub(r"(?<=\d) (?=\d)", "", text)

    def sees(self, *words: str) -> Self:
        for part in words:
            assert part in self.said, (self.path, self.status, self.said)
        return self

    def does_not_see(self, *words: str) -> Self:
        for part in words:
            assert part not in self.said, (self.path, self.said)
        return self

    def is_at(self, path: str) -> Self:
        assert self.path == path, (self.path, self.status, self.said)
        return self

    def enters(self, errand: str = "report", id_number: str = ID_NUMBER) -> Self:
        return self.opens(f"/card/{errand}/id").fills(id_number=id_number)

    def proves(self, code: str = "") -> Self:
        """With the code that was texted."""
        return self.fills(proof=code or self.code)

    @property
    def code(self) -> str:
        """The last one that was texted for this visit."""
        visit = self.visit
        assert visit is not None
        (asked_by, _) = visit.codes[-1]
        code = hotline_of(self.app).service.text_code(visit.holder_ref, asked_by)
        assert code in codes(self.app), "it is owed"
        return code

    @property
    def visit(self) -> Visit | None:
        """As it is on record."""
        hotline = hotline_of(self.app)
        return hotline.visits.read(hotline.visits.ref(self.cookie)).visit

    @property
    def cookie(self) -> str:
        host = urlsplit(self.base_url).hostname or ""
        found = self.client.get_cookie("__Host-card", host)
        return found.value if found else ""

    def to_check(self) -> Self:
        """Up to the confirmation, of a holder with one card."""
        return self.enters().proves().is_at("/card/report/check")

    def to_receipt(self) -> Self:
        return self.to_check().fills().is_at("/card/report/receipt")

    @property
    def report_number(self) -> str:
        found = re.search(r"(?:挂失编号|Report number) (\d{8})", self.said)
        assert found is not None, self.said
        return found[1]


def codes(app: Flask) -> list[str]:
    """The codes that are owed, as the texts will have them."""
    hotline = hotline_of(app)
    names = [plain(key).partition(":")[2] for key in hotline.redis.keys("notice:*")]
    bodies = [hotline.outbox.body(notice) for notice in hotline.outbox.find_all(names)]
    return [body["code"] for body in bodies if body.get("prompt") == "text_code_site"]


def entries(redis: Redis) -> list[dict[str, str]]:
    """The journal, oldest first."""
    found = [entry or {} for _, entry in redis.xrange(keys.JOURNAL) or []]
    return [{plain(name): plain(value) for name, value in entry.items()} for entry in found]
