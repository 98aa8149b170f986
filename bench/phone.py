"""Calls made of signed requests over kept-open connections, which cost this machine next to
nothing. The same requests go to the hotline, to its floor and to its peer.
"""

import base64
import hmac
import html
import re
import secrets
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

TOKEN: Final = "12345"
ACCOUNT: Final = "AC" + "0" * 32
CONNECTIONS: Final = 16
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ACTION: Final = re.compile(rb'<Gather[^>]*? action="([^"]+)"')
FILED: Final = re.compile(rb"Reported\. Number (.+?)\. Again")
TAG_OR_SPACE: Final = re.compile(rb"<[^>]+>|\D")
PLACES: Final = ("From", "To", "Caller", "Called")
FIXED: Final = {
    **{f"{place}{what}": "" for place in PLACES for what in ("City", "State", "Zip")},
    **dict.fromkeys(("To", "Called"), "+8612333"),
    **{f"{place}Country": "CN" for place in PLACES},
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "Direction": "inbound",
    "CallStatus": "in-progress",
}
_STANDS_FOR_SID, _STANDS_FOR_NUMBER = "CA" + "f" * 32, "+86" + "f" * 11
_MARK: Final = re.compile(rf"({_STANDS_FOR_SID}|\+86f{{11}}|%2B86f{{11}})".encode())


class UnexpectedAnswerError(Exception):
    """Not what the next step says: what was measured would not be a turn."""


class Answer(NamedTuple):
    """Moments of `time.monotonic`, and what came."""

    sent: float
    came: float
    status: int
    body: bytes

    @property
    def seconds(self) -> float:
        return self.came - self.sent


class Line:
    """One connection to a web server, with one request at a time on its way."""

    def __init__(self, base_url: str) -> None:
        host, _, port = base_url.partition("://")[2].partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._sent = 0.0

    def send(self, request: bytes) -> None:
        self._sent = time.monotonic()
        self.socket.sendall(request)

    def read(self) -> Answer | None:
        """None: a piece of the answer is still missing. Raises ConnectionError."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("the server hung up")
        self._received += piece
        head, end, body = self._received.partition(HEAD_END)
        found = LENGTH.search(head)
        if not end or len(body) < (int(found[1]) if found else 0):
            return None
        self._received = b""
        return Answer(self._sent, time.monotonic(), int(head[9:12]), body)

    def ask(self, request: bytes) -> Answer:
        self.send(request)
        while (answer := self.read()) is None:
            pass
        return answer

    def close(self) -> None:
        self.socket.close()


@lru_cache(maxsize=10_000)
def _parts(base_url: str, target: str, keys: str | None) -> tuple[list[bytes], bytes, list[bytes]]:
    """What is signed, the head and the body, cut where the call's id and its number belong."""
    said = {} if keys is None else {"Digits": keys, "FinishedOnKey": "", "msg": "Gather End"}
    own = {"CallSid": _STANDS_FOR_SID, **dict.fromkeys(("From", "Caller"), _STANDS_FOR_NUMBER)}
    form = {**FIXED, **said, **own}
    signed = base_url + target + "".join(name + form[name] for name in sorted(form))
    body = urlencode(form)
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {base_url.partition('://')[2]}\r\n"
        "User-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nX-Twilio-Signature: "
    )
    return _MARK.split(signed.encode()), head.encode(), _MARK.split(body.encode())


@dataclass
class Call:
    """One call: each answer says where the next request goes."""

    base_url: str
    sid: str = ""
    target: str = "/voice"
    number: str = ""

    def __post_init__(self) -> None:
        self.sid = self.sid or f"CA{secrets.token_hex(16)}"

    def request(self, keys: str | None) -> bytes:
        """Dials (None), or presses keys."""
        signed, head, body = _parts(self.base_url, self.target, keys)
        digest = hmac.digest(TOKEN.encode(), self._filled(signed), sha1)
        return b"".join((head, base64.b64encode(digest), HEAD_END, self._filled(body)))

    def _filled(self, parts: Sequence[bytes]) -> bytes:
        """Every call comes from a number of its own: one number for many people meets a limit."""
        number = b"86154%08d" % (int(self.sid[2:10], 16) % 10**8)
        own = {
            _STANDS_FOR_SID.encode(): self.sid.encode(),
            _STANDS_FOR_NUMBER.encode(): b"+" + number,
            quote(_STANDS_FOR_NUMBER).encode(): b"%2B" + number,
        }
        return b"".join([own.get(part, part) for part in parts])

    def hears(self, answer: Answer) -> None:
        """Raises: UnexpectedAnswerError."""
        if answer.status != 200:
            raise UnexpectedAnswerError(f"{self.target}: {answer.status} {answer.body[:200]!r}")
        found = ACTION.search(answer.body)
        self.target = html.unescape(found[1].decode()) if found else ""
        if told := FILED.search(answer.body):
            self.number = TAG_OR_SPACE.sub(b"", told[1]).decode()


def ask_all(base_url: str, requests: Sequence[bytes], lines: int = CONNECTIONS) -> list[Answer]:
    """Every request, each line sending its next when it has its answer; in the requests' order."""
    answers: dict[int, Answer] = {}
    waiting = iter(enumerate(requests))
    with selectors.DefaultSelector() as ready:
        for number, request in islice(waiting, lines):
            line = Line(base_url)
            line.send(request)
            ready.register(line.socket, selectors.EVENT_READ, [line, number])
        while len(answers) < len(requests):
            for key, _ in ready.select():
                line, number = key.data
                if (answer := line.read()) is None:
                    continue
                answers[number] = answer
                if following := next(waiting, None):
                    key.data[1] = following[0]
                    line.send(following[1])
                else:
                    ready.unregister(line.socket)
                    line.close()
    return [answers[number] for number in range(len(requests))]


def turn_all(calls: Sequence[Call], keys: str | Sequence[str] | None) -> list[Answer]:
    """Every call makes one turn, 16 at a time. `keys`: the same for all, or each call's own."""
    each = [keys] * len(calls) if keys is None or isinstance(keys, str) else keys
    requests = [call.request(pressed) for call, pressed in zip(calls, each, strict=True)]
    answers = ask_all(calls[0].base_url, requests)
    for call, answer in zip(calls, answers, strict=True):
        call.hears(answer)
    return answers


def rate(answers: Sequence[Answer]) -> float:
    """Answers a second, from the first request to the last answer."""
    return len(answers) / (max(a.came for a in answers) - min(a.sent for a in answers))


def bring_to_confirm(base_url: str, id_numbers: Sequence[str]) -> list[Call]:
    """Calls that have been asked whether the card shall be reported; key 1 files."""
    calls = [Call(base_url) for _ in id_numbers]
    for keys in (None, "2", "1", [number.replace("X", "*") for number in id_numbers]):
        turn_all(calls, keys)
    return calls
