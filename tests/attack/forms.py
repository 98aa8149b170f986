"""A form of the website as its visitor sends it, and every way to make one that is not."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from tests.attack.forging import Twist, with_body, with_header, without
from tests.attack.phone import Door, Sent

FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Visitor:
    """A browser that has opened the first question."""

    base_url: str
    cookie: str
    token: str

    @classmethod
    def comes(cls, base_url: str) -> "Visitor":
        door = Door(base_url)
        answer = door.sends(Sent("GET", "/card/report/id", {}))
        door.closes()
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        token = re.search(r'name="token" value="([^"]+)"', answer.body.decode())
        assert token is not None, answer
        return cls(base_url, cookie, token[1])

    def sends(self, target: str, values: Mapping[str, str]) -> Sent:
        """The token stands last, as far as a cut is concerned."""
        headers = {"Cookie": self.cookie, "Origin": self.base_url, "Content-Type": FORM_TYPE}
        body = urlencode({**values, "token": self.token}).encode()
        return Sent("POST", target, headers, body)


def form_forgeries(other: Visitor) -> Iterator[tuple[str, Twist]]:
    """Of a form with its visitor's cookie and token. `other`: another visitor's."""
    yield "no cookie", without("Cookie")
    yield "another visitor's cookie", with_header("Cookie", other.cookie)
    yield "an empty cookie", with_header("Cookie", "card=")
    yield "a cookie of other letters", with_header("Cookie", "card=%00%ff")
    yield "a long cookie", with_header("Cookie", "card=" + "a" * 4000)
    yield "no token", with_body(lambda body: body.partition(b"token=")[0])
    yield (
        "another visitor's token",
        with_body(lambda body: body.partition(b"token=")[0] + f"token={other.token}".encode()),
    )
    yield "an empty token", with_body(lambda body: body.partition(b"token=")[0] + b"token=")
    yield (
        "a token of other letters",
        with_body(lambda body: body.partition(b"token=")[0] + b"token=%E4%BD%A0%00"),
    )
    yield "cut by a byte", with_body(lambda body: body[:-1])
    yield "no body", with_body(lambda _body: b"")
    yield "too large a body", with_body(lambda body: body + b"&x=" + b"y" * 5000)
    yield "far too large a body", with_body(lambda body: body + b"z" * 70_000)
    for origin in ("https://elsewhere.example", "null", "", f"{other.base_url}.elsewhere.example"):
        yield f"from {origin or 'nowhere'}", with_header("Origin", origin)
    for site in ("cross-site", "same-site"):
        yield f"sent {site}", with_header("Sec-Fetch-Site", site)
    yield "as JSON", with_header("Content-Type", "application/json")
    yield "as nothing", with_header("Content-Type", "")
    yield "as multipart", with_header("Content-Type", "multipart/form-data; boundary=x")
