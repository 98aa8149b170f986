"""Whole HTTP messages for the papers, as they stand on the wire, with signatures that are right.

Their lines end with CRLF there; a body has no line break at its end, but what Flask adds to ours.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ivr.partner import webhook_key

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (the one of the test vector)
NOTICE_ID: Final = "ntc-3f6c1a9e2b7d4c58a0e1f2d3c4b5a697"
EVENT_ID: Final = "evt_2b7e151628aed2a6abf7158809cf4f3c"
REQUEST_ID: Final = "req_9f4e8d2c1b0a49788f6e5d4c3b2a1908"
TARGET: Final = "/banks/icbc/blocks"
CHECK: Final = "/subscribers/clinic/check"
SUSPENSIONS: Final = "/subscribers/clinic/suspensions"

Json = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """A request and its answer: head, an empty line, body; each line ends with a line feed."""

    request: str
    answer: str


def notice_message(notice: Json, host: str, said: str) -> Message:
    """From us to a host that says this: written as the workers write it."""
    body = json.dumps(notice, ensure_ascii=False, separators=(",", ":"))
    head = [
        "POST /notices HTTP/1.1",
        f"Host: {host}",
        *_signed(NOTICE_ID, _moment_of(notice), body),
        "content-type: application/json",
        "user-agent: hotline-12333",
    ]
    return Message(_whole(head, body), _answer("application/json", said))


def event_message(event: Json, target: str, said: Json) -> Message:
    """From a bank or subscriber, and what we say to it."""
    body = json.dumps(event, ensure_ascii=False)
    head = [
        f"POST {target} HTTP/1.1",
        "Host: hotline.example",
        *_signed(EVENT_ID, _moment_of(event), body),
        "Content-Type: application/json",
    ]
    return Message(_whole(head, body), _answer("application/json", _as_flask(said)))


def list_message(page: Json, target: str, moment: str) -> Message:
    """From a bank or subscriber, a day after this moment; the target is signed, for the body."""
    at = int(datetime.fromisoformat(moment).timestamp()) + 86400
    head = [f"GET {target} HTTP/1.1", "Host: hotline.example"]
    request = "\n".join([*head, *_signed(REQUEST_ID, at, target), ""])
    return Message(request, _answer("application/json", _as_flask(page)))


def _as_flask(page: Json) -> str:
    """Flask sorts names and adds a line feed."""
    return json.dumps(page, sort_keys=True, separators=(",", ":")) + "\n"


def _moment_of(told: Json) -> int:
    return int(datetime.fromisoformat(told["timestamp"]).timestamp())


def _signed(name: str, at: int, content: str) -> list[str]:
    signed = f"{name}.{at}.{content}".encode()
    signature = base64.b64encode(hmac.digest(webhook_key(SECRET), signed, "sha256")).decode()
    return [
        f"webhook-id: {name}",
        f"webhook-timestamp: {at}",
        f"webhook-signature: v1,{signature}",
    ]


def _whole(head: list[str], body: str) -> str:
    return "\n".join([*head, f"Content-Length: {len(body.encode())}", "", body])


def _answer(kind: str, body: str) -> str:
    head = ["HTTP/1.1 200 OK", f"Content-Type: {kind}"]
    return _whole(head, body).removesuffix("\n")
