"""One of the marked before the website: over HTTP, with cookies and forms, and nothing else."""

import re
from typing import Final, Self
from urllib.parse import urlencode

from ivr.store.visits import Visit
from tests.attack.forms import FORM_TYPE
from tests.attack.phone import Answer, Door, Sent
from tests.marks.city import MarkedCity

MOST_REDIRECTS: Final = 5


class Visitor:
    """A browser. `read` is all that came back, heads and bodies; `urls` is where it went."""

    def __init__(self, city: MarkedCity) -> None:
        self._city = city
        self._door = Door(city.base_url)
        self.cookies: dict[str, str] = {}
        self.urls: list[str] = []
        self.read: list[bytes] = []
        self.page = ""

    def opens(self, target: str) -> Self:
        return self._goes(Sent("GET", target, self._head()))

    def fills(self, target: str, **values: str) -> Self:
        """A form of the page, with all its hidden fields."""
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.page))
        head = {**self._head(), "Origin": self._city.base_url, "Content-Type": FORM_TYPE}
        return self._goes(Sent("POST", target, head, urlencode(hidden | values).encode()))

    def leaves(self) -> Self:
        self._door.closes()
        return self

    @property
    def code(self) -> str:
        """What was texted, if anybody was; else some other code."""
        visit = self._visit
        if visit is None or not visit.codes:
            return "000000"
        return self._city.hotline.service.text_code(visit.holder_ref, visit.codes[-1][0])

    @property
    def _visit(self) -> Visit | None:
        visits = self._city.hotline.visits
        return visits.read(visits.ref(self.cookies.get("card", ""))).visit

    def _head(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookies, "Accept-Language": "en"}

    def _goes(self, sent: Sent) -> Self:
        for _ in range(MOST_REDIRECTS):
            answer = self._notes(sent.target, self._door.sends(sent))
            if answer.status != 303:
                break
            sent = Sent("GET", answer.headers["Location"], self._head())
        self.page = answer.body.decode()
        return self

    def _notes(self, target: str, answer: Answer) -> Answer:
        self.urls.append(target)
        self.read += [answer.body, repr(answer.headers).encode()]
        told = answer.headers.get("Set-Cookie", "")
        self.cookies |= dict(re.findall(r"(?:^|, )([\w-]+)=([\w.-]*);", told))
        return answer
