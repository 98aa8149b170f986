"""Sends a text through a domestic gateway: the sender's signature name, a registered template's id
and the values of its variables, over HTTPS with a keyed hash, as Aliyun's and Tencent's do.

What each gateway calls its fields differs. This is the shape of ours: docs/operations.md says it,
and whoever has a contract puts a few lines in front of theirs, or changes the ones here.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ivr.cards.notice import Attempt, Outcome
from ivr.settings import Settings
from ivr.store.text_line import TextLine
from workers.answers import seconds_to_wait
from workers.wire import Answer, Wire

GATEWAY_SECONDS: Final = 6.0
TAKEN: Final = "OK"

# What a gateway's `code` means; HTTP 200 with any other code is no success. One that is not here
# may heal.
VOCABULARY: Final[Mapping[str, Outcome]] = {
    TAKEN: Outcome.RECEIVED,
    "MOBILE_NUMBER_ILLEGAL": Outcome.REFUSED,
    "BLACKLISTED": Outcome.REFUSED,  # the holder wants no texts
    "CONTENT_ILLEGAL": Outcome.REFUSED,  # a person must look at the template
    "LIMIT_CONTROL": Outcome.FAILED,  # too many to this number now
    "BUSY": Outcome.FAILED,
}
# These are about us, not about this text: a person can mend them, so it is tried again.
ABOUT_US: Final = frozenset({
    "SIGNATURE_INVALID", "ACCOUNT_SUSPENDED", "OUT_OF_BALANCE", "SIGN_NAME_ILLEGAL",
    "TEMPLATE_ILLEGAL", "TEMPLATE_PARAMS_ILLEGAL", "PERMISSION_DENIED",
})  # fmt: skip


class GatewayClient:
    """Kept-open connections to the gateway."""

    longest_seconds = GATEWAY_SECONDS + 1

    def __init__(
        self, settings: Settings, text_line: TextLine, templates: Mapping[str, str]
    ) -> None:
        """`templates`: a text's name (`text_filed.zh`) -> the id it was registered under."""
        self._text_line = text_line
        self._templates = templates
        self._sign_name = settings.text_signature
        self._key_id = settings.gateway_key_id
        self._secret = settings.gateway_secret.get_secret_value().encode()
        self._path = urlsplit(settings.gateway_url).path or "/"
        self._wire = Wire(settings.gateway_url, GATEWAY_SECONDS)

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt at `at` (unix seconds) to send what TextWriter writes.

        `out_id` is the same in every attempt: a gateway that knows it sends no text twice. Never
        raises for what the gateway does.
        """
        text = json.loads(body)
        request = json.dumps(
            {
                "phone": text["to"],
                "sign_name": self._sign_name,
                "template": self._templates[text["template"]],
                "parameters": text["parameters"],
                "out_id": notice_id,
            },
            ensure_ascii=False,
        ).encode()
        answer = await self._wire.post(request, self._signed(request, int(at)))
        if answer.status is None:
            return Attempt(int(at), Outcome.FAILED, None, answer.milliseconds, answer.failure)
        code = _code_in(answer)
        outcome, ours = _outcome(answer.status, code), _is_about_us(answer.status, code)
        await asyncio.to_thread(self._tell, outcome, ours)
        wait = None
        if outcome is Outcome.FAILED:
            wait = seconds_to_wait(answer.headers.get("retry-after"), at)
        return Attempt(int(at), outcome, answer.status, answer.milliseconds, code, wait)

    async def close(self) -> None:
        await self._wire.close()

    def _signed(self, request: bytes, at: int) -> dict[str, str]:
        nonce = secrets.token_hex(16)
        to_sign = to_be_signed(self._path, str(at), nonce, request)
        return {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "hotline-12333",
            "x-sms-key": self._key_id,
            "x-sms-timestamp": str(at),
            "x-sms-nonce": nonce,
            "x-sms-signature": hmac.new(self._secret, to_sign, hashlib.sha256).hexdigest(),
        }

    def _tell(self, outcome: Outcome, our_fault: str) -> None:
        if our_fault:
            self._text_line.fails(f"gateway, {our_fault}")
        elif outcome is Outcome.RECEIVED:
            self._text_line.works()


def to_be_signed(path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What the keyed hash is made of: method, path, moment, a nonce and the body's own hash."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join(("POST", path, timestamp, nonce, digest)).encode()


def _code_in(answer: Answer) -> str:
    """One of the codes we know; a gateway's own words may name the number."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    code = said.get("code") if isinstance(said, dict) else None
    is_known = isinstance(code, str) and (code in VOCABULARY or code in ABOUT_US)
    return str(code) if is_known else ""


def _outcome(status: int, code: str) -> Outcome:
    """Only a 2xx that says OK is one."""
    if not 200 <= status < 300:
        return Outcome.FAILED
    return VOCABULARY.get(code, Outcome.FAILED)


def _is_about_us(status: int, code: str) -> str:
    """What a person must mend; "" when it is nothing of ours."""
    is_status = 300 <= status < 500 and status not in (408, 425, 429)
    if code in ABOUT_US or is_status:
        return ", ".join(filter(None, (str(status), code)))
    return ""
