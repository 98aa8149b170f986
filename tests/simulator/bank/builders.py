"""Notices as the hotline would write them, and a sender that signs and posts them."""

import itertools
import json
import random
import socket
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import requests

from simulator.bank.running import RunningBank
from simulator.bank.signatures import signed_headers

ID_NUMBER = "11010519491231002X"
NAME = "张三丰"
_numbers = itertools.count(random.randrange(10**7))

Json = dict[str, Any]


def a_report_number() -> str:
    """Another one each time."""
    return f"{next(_numbers) % 10**8:08d}"


def a_loss_report(*, report: str = "", card: str = "", reported_at: datetime | None = None) -> Json:
    """A whole notice of type card.loss_reported; card and report are new unless given."""
    number = report or a_report_number()
    at = reported_at or datetime.now(UTC)
    return {
        "type": "card.loss_reported",
        "timestamp": at.isoformat(),
        "data": {
            "report_number": number,
            "kind": "temporary",
            "action": "block_financial_function",
            "reported_at": at.isoformat(),
            "social_security_release_at": (at + timedelta(days=7)).isoformat(),
            "channel": "phone",
            "card": {
                "number": card or f"A{number}",
                "bank_account": f"62220000{number}",
                "city_code": "330100",
            },
            "holder": {"social_security_number": ID_NUMBER, "name": NAME},
        },
    }


def report_of(notice: Json) -> str:
    return str(notice["data"]["report_number"])


def card_of(notice: Json) -> str:
    return str(notice["data"]["card"]["number"])


def a_webhook_id() -> str:
    return f"ntc_{uuid.uuid4().hex}"


class Sender:
    """The hotline's side of one bank: signs with the newest secret and posts."""

    def __init__(self, running: RunningBank, bank: str = "icbc") -> None:
        self.running = running
        self.bank = bank
        self.session = requests.Session()
        self.session.trust_env = False

    def sends(
        self,
        notice: Json | bytes,
        webhook_id: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> requests.Response:
        """One attempt. `headers` replace the genuine ones."""
        body = notice if isinstance(notice, bytes) else as_body(notice)
        if headers is None:
            headers = self.genuine_headers(body, webhook_id or a_webhook_id())
        return self.session.post(
            self._address(),
            data=body,
            headers=dict(headers),
            timeout=timeout,
            allow_redirects=False,
        )

    def sends_raw(self, notice: Json) -> bytes:
        """One attempt over a bare socket, until the bank ends the connection. -> what it said."""
        body = as_body(notice)
        lines = [
            f"POST /{self.bank}/notices HTTP/1.1",
            "host: bank",
            f"content-length: {len(body)}",
        ]
        lines += [f"{k}: {v}" for k, v in self.genuine_headers(body, a_webhook_id()).items()]
        with socket.create_connection(("127.0.0.1", self.running.port)) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def genuine_headers(self, body: bytes, webhook_id: str) -> dict[str, str]:
        return signed_headers(self.running.secrets[self.bank][0], webhook_id, body.decode())

    def _address(self) -> str:
        return f"{self.running.url}/{self.bank}/notices"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()


def as_body(notice: Json) -> bytes:
    return json.dumps(notice, ensure_ascii=False).encode()
