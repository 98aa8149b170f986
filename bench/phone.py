"""Calls made of signed requests over kept-open connections, which cost this machine next to
nothing. The same requests go to the hotline and to its floor.
"""

import html
import re
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from ivr.cards.records import Holder
from simulator.engine.signature import sign
from tests.faults.city import ACCOUNT, TOKEN

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ACTION = re.compile(r'<Gather[^>]*? action="([^"]+)"')
PLACES = ("From", "To", "Caller", "Called")
EMPTY = {f"{place}{what}": "" for place in PLACES for what in ("City", "State", "Zip")}
FIXED = {
    **EMPTY,
    **dict.fromkeys(("From", "Caller"), "+8613900000000"),
    **dict.fromkeys(("To", "Called"), "+8612333"),
    **{f"{place}Country": "CN" for place in PLACES},
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "Direction": "inbound",
    "CallStatus": "in-progress",
}


class UnexpectedAnswerError(Exception):
    """Not the TwiML of the next step: what was measured would not be a turn."""


@dataclass
class Phone:
    """One connection to a web server. `seconds` keeps how long each answer took."""

    base_url: str
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        host, _, port = self.base_url.partition("://")[2].partition(":")
        self._host = f"{host}:{port}"
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def dials(self, keys: Sequence[str]) -> "Call":
        """A call that has pressed `keys`, one entry a turn."""
        call = Call(self, f"CA{secrets.token_hex(16)}")
        call.turns(None)
        for entry in keys:
            call.turns(entry)
        return call

    def posts(self, target: str, parameters: dict[str, str]) -> str:
        """One signed request; -> the TwiML. Raises UnexpectedAnswerError."""
        body = urlencode(parameters)
        signature = sign(TOKEN, self.base_url + target, parameters)
        request = (
            f"POST {target} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: TwilioProxy/1.1\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nAccept: */*\r\n"
            f"X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        started = time.perf_counter()
        self._socket.sendall(request)
        head, answer = self._answer()
        self.seconds.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswerError(head.decode())
        return answer.decode()

    def _answer(self) -> tuple[bytes, bytes]:
        received = b""
        while (end := received.find(HEAD_END)) < 0:
            received += self._receive()
        found = LENGTH.search(received[:end])
        whole = end + len(HEAD_END) + (int(found[1]) if found else 0)
        while len(received) < whole:
            received += self._receive()
        return received[:end], received[end + len(HEAD_END) :]

    def _receive(self) -> bytes:
        piece = self._socket.recv(65536)
        if not piece:
            raise UnexpectedAnswerError("the server hung up")
        return piece


@dataclass
class Call:
    """One call on a phone: each answer says where the next request goes."""

    phone: Phone
    sid: str
    target: str = "/voice"

    def turns(self, keys: str | None) -> str:
        """Presses keys (None: dials) and listens; -> the TwiML."""
        said = {} if keys is None else {"Digits": keys, "FinishedOnKey": "", "msg": "Gather End"}
        answer = self.phone.posts(self.target, {**FIXED, "CallSid": self.sid, **said})
        found = ACTION.search(answer)
        self.target = html.unescape(found[1]) if found else ""
        return answer


def to_confirm(holder: Holder) -> tuple[str, ...]:
    """The keys from dialling to the question whether to report: English, 1, ID number."""
    return "2", "1", holder.id_number.replace("X", "*")
