"""Tells one bank or subscriber: signs a notice, posts it, and names what came of it.

Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec section "Signing").
"""

import ssl
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from aiohttp import encode_basic_auth
from standardwebhooks import Webhook

from ivr.cards.notice import Attempt, Outcome
from ivr.partner import Partner
from workers.answers import UNREADABLE, read_json, seconds_to_wait, word_in
from workers.wire import Answer, Wire

# What a bank's status means; the first row that fits counts.
VOCABULARY: Final[tuple[tuple[range, Outcome], ...]] = (
    (range(200, 300), Outcome.RECEIVED),  # whatever the body says, unless it says "blocked"
    # A moved address is a mistake in someone's settings: a person must look, and a notice
    # with personal data goes nowhere but to the address the bank gave us.
    (range(300, 400), Outcome.REFUSED),
    (range(408, 409), Outcome.FAILED),  # 408 request timeout: the bank's gateway was slow
    (range(425, 426), Outcome.FAILED),  # 425 too early
    (range(429, 430), Outcome.FAILED),  # 429 too many requests
    (range(400, 500), Outcome.REFUSED),  # the bank will say the same again: a person must look
    (range(500, 600), Outcome.FAILED),
)


class BankClient:
    """Kept-open connections to one bank or subscriber. The first post opens one, so forks may come
    before.
    """

    def __init__(self, partner: Partner) -> None:
        """Raises: ssl.SSLError or OSError when one of its certificate files cannot be used."""
        self._signers = [Webhook(secret.get_secret_value()) for secret in partner.secrets]
        self._credentials = _credentials(urlsplit(partner.notice_url))
        self._wire = Wire(partner.notice_url, partner.timeout_seconds, _tls(partner))
        self.longest_seconds = self._wire.longest_seconds

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt at `at` (unix seconds). Never raises for what the bank or network does."""
        answer = await self._wire.post(body.encode(), self._headers(notice_id, body, int(at)))
        return _attempt(answer, at)

    async def close(self) -> None:
        await self._wire.close()

    def _headers(self, notice_id: str, body: str, at: int) -> dict[str, str]:
        moment = datetime.fromtimestamp(at, UTC)  # `sign` is hours off for any other time zone
        signatures = [signer.sign(notice_id, moment, body) for signer in self._signers]
        return {
            "webhook-id": notice_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signatures),
            "content-type": "application/json",
            "user-agent": "hotline-12333",
            **self._credentials,
        }


def _credentials(url: SplitResult) -> dict[str, str]:
    """`https://user:password@bank.example/…`, for a gateway that asks for a login."""
    if url.username is None:
        return {}
    login = encode_basic_auth(unquote(url.username), unquote(url.password or ""), "utf-8")
    return {"authorization": login}


def outcome_of(status: int, said: Any = None) -> Outcome:
    """What an answer means, `said` its JSON. A status outside HTTP's five classes is FAILED: it may
    work later.
    """
    meaning = next((o for statuses, o in VOCABULARY if status in statuses), Outcome.FAILED)
    is_blocked = isinstance(said, dict) and said.get("status") == "blocked"
    return Outcome.BLOCKED if meaning is Outcome.RECEIVED and is_blocked else meaning


def _attempt(answer: Answer, at: float) -> Attempt:
    if answer.status is None:
        return Attempt(int(at), Outcome.FAILED, None, answer.milliseconds, answer.failure)
    said, word = _read(answer)
    outcome = outcome_of(answer.status, said)
    wait = None
    if outcome is Outcome.FAILED:
        wait = seconds_to_wait(answer.headers.get("retry-after"), at)
    return Attempt(int(at), outcome, answer.status, answer.milliseconds, word, wait)


def _read(answer: Answer) -> tuple[Any, str]:
    """What the body says, and the word that may be kept of it."""
    if not answer.body.strip():
        return None, ""
    try:
        said = read_json(answer.body, answer.headers.get("content-type", ""))
    except ValueError:
        return None, UNREADABLE
    return said, word_in(said)


def _tls(partner: Partner) -> ssl.SSLContext | None:
    """TLS as the bank wants it: its private certificate authority, and our own certificate."""
    if not partner.notice_url.startswith("https:"):
        return None
    if partner.client_cert_file is None and partner.ca_file is None:
        return _public_tls()
    context = ssl.create_default_context(cafile=partner.ca_file)
    if partner.client_cert_file is not None:
        # An empty password: a locked key must fail here, not ask at a terminal nobody watches.
        context.load_cert_chain(partner.client_cert_file, partner.client_key_file, password="")
    return context


@cache
def _public_tls() -> ssl.SSLContext:
    """One for all banks: the authorities that a system trusts take half a megabyte."""
    return ssl.create_default_context()
