"""Sends a text message to a holder through Twilio, and names what came of it.

Twilio's answers repeat the number and the words, but no log line, exception or attempt of this
module holds either. Its own client is not used: only one request is needed, and the client waits.
"""

import asyncio
import json
import re
from typing import Final
from urllib.parse import urlencode

from aiohttp import encode_basic_auth

from ivr.cards.notice import Attempt, Outcome
from ivr.settings import Settings
from ivr.store.text_line import TextLine
from workers.answers import seconds_to_wait
from workers.wire import Wire

TEXT_SECONDS: Final = 6.0  # Twilio takes a message into its own queue and answers quickly

# What Twilio's status means; the first row that fits counts.
VOCABULARY: Final[tuple[tuple[range, Outcome], ...]] = (
    (range(200, 300), Outcome.RECEIVED),  # 201: queued by Twilio
    (range(400, 401), Outcome.REFUSED),  # this text: not a mobile number, unsubscribed
    (range(600), Outcome.FAILED),
)
THEIRS: Final = {408, 425, 429}  # they have no time now (429: error 20429, too many at once)
# A 400 with one of these is about us, not about this text. The sender: 21212, 21603, 21606 no
# number that can send, 21659 no number of Twilio's, 21660 of another account, 21611 too many texts
# of it wait at Twilio. The account: 21408 it may not send to that country, 21608 it is on trial.
ABOUT_US: Final = {21212, 21408, 21603, 21606, 21608, 21611, 21659, 21660}


class TextClient:
    """Kept-open connections to Twilio's message service."""

    longest_seconds = TEXT_SECONDS + 1

    def __init__(self, settings: Settings, text_line: TextLine) -> None:
        self._text_line = text_line
        self._from = settings.twilio_from_number
        sid, token = settings.twilio_account_sid, settings.twilio_auth_token[0].get_secret_value()
        self._headers = {
            "authorization": encode_basic_auth(sid, token),
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "hotline-12333",
        }
        base = settings.twilio_api_base.rstrip("/")
        address = f"{base}/2010-04-01/Accounts/{sid}/Messages.json"
        self._wire = Wire(address, TEXT_SECONDS)
        self._receipts = f"{settings.public_base_url}/sms/status?notice="

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:
        """One attempt at `at` (unix seconds) to send `body`, the JSON {"to": …, "text": …}.

        Twilio has no idempotency key for messages: after a lost answer a holder may get the
        same text twice, which is better than never. What becomes of it Twilio tells later, with
        the notice's id. Never raises for what Twilio does.
        """
        text = json.loads(body)
        form = {"To": text["to"], "From": self._from, "Body": text["text"],
                "StatusCallback": self._receipts + notice_id}  # fmt: skip
        answer = await self._wire.post(urlencode(form).encode(), self._headers)
        if answer.status is None:
            return Attempt(int(at), Outcome.FAILED, None, answer.milliseconds, answer.failure)
        said = _reference_in(answer.body)
        ours = is_our_fault(answer.status, said)
        outcome = Outcome.FAILED if ours else outcome_of(answer.status)
        why = ", ".join(filter(None, (str(answer.status), said))) if ours else ""
        await asyncio.to_thread(self._tell, outcome, why)
        wait = None
        if outcome is Outcome.FAILED:
            wait = seconds_to_wait(answer.headers.get("retry-after"), at)
        return Attempt(int(at), outcome, answer.status, answer.milliseconds, said, wait)

    async def close(self) -> None:
        await self._wire.close()

    def _tell(self, outcome: Outcome, our_fault: str) -> None:
        if our_fault:
            self._text_line.fails(our_fault)
        elif outcome is Outcome.RECEIVED:
            self._text_line.works()


def outcome_of(status: int) -> Outcome:
    """What a status means. One outside HTTP's five classes is FAILED: it may work later."""
    return next((o for statuses, o in VOCABULARY if status in statuses), Outcome.FAILED)


def is_our_fault(status: int, said: str) -> bool:
    """Whether Twilio refuses us, whatever the text: wrong credentials (401 and 403, code 20003),
    another account (404), one that may not send (ABOUT_US), an address that is not its API's. A
    person can mend that, so the text is tried again.
    """
    if status == 400:
        return said in {f"code {code}" for code in ABOUT_US}
    return 300 <= status < 500 and status not in THEIRS


def _reference_in(body: bytes) -> str:
    """Twilio's message SID or error code: enough to look it up, and nobody's data."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    sid, code = said.get("sid"), said.get("code")
    if isinstance(sid, str) and re.fullmatch("[A-Z]{2}[0-9a-f]{32}", sid):
        return sid
    return f"code {code}" if isinstance(code, int) and 0 < code < 100_000 else ""
