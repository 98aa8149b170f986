"""The door of those who sign as Standard Webhooks says, banks and subscribers: who is let in, what
the others are told, and what is kept of it for the page of whose name it was.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from flask import Request, request
from pydantic import SecretStr
from redis.exceptions import RedisError

from ivr.store.signature_faults import SignatureFaults
from ivr.web.bank_signature import PROVEN, TOLERANCE_SECONDS, Fault, Verdict, verdict_of
from ivr.web.problems import Problem
from ivr.web.wsgi import raw_target

LONGEST_ID: Final = 256
NOT_SIGNED: Final = "The signature is missing or wrong, or not from the last 5 minutes."


class Sender(Protocol):
    """Somebody who has secrets with us: a bank of BANKS_FILE, a subscriber."""

    @property
    def id(self) -> str: ...

    @property
    def secrets(self) -> Sequence[SecretStr]: ...


class WebhookDoor:
    """Lets in who is signed."""

    def __init__(self, faults: SignatureFaults | None = None) -> None:
        """`faults`: where it is kept what was wrong, of senders who have a page that shows it."""
        self._faults = faults

    def require_signature(self, sender: Sender | None, content: bytes, route: str) -> None:
        """Returns when the sender signed `content` (the body; of a GET, its target) just now.

        Whoever has not signed gets one answer, a stranger (None) as well: nobody learns who our
        senders are. `route`: which door, for the sender's page.

        Raises:
            Problem: 401, or 422 for an id that is too long. With a right signature it says how far
                the clock is off.
        """
        secrets = [s.get_secret_value() for s in sender.secrets] if sender else []
        verdict = self._verdict(secrets, content)
        if verdict.fault is None:
            return
        if self._faults is not None:
            with suppress(RedisError):  # what cannot be kept changes no answer
                who, is_proven = sender.id if sender else "", verdict.fault in PROVEN
                self._faults.keep(who, route, verdict.fault, verdict.seconds, is_proven=is_proven)
        raise _problem(verdict)

    def _verdict(self, secrets: Sequence[str], content: bytes) -> Verdict:
        if raw_target(request) is None:
            return Verdict(Fault.TARGET_ODD)
        verdict = verdict_of(secrets, content, _webhook_headers(request))
        is_long = verdict.fault is None and len(request.headers["webhook-id"]) > LONGEST_ID
        return Verdict(Fault.ID_TOO_LONG) if is_long else verdict


def _problem(verdict: Verdict) -> Problem:
    """Only who holds a secret is told more than the one answer."""
    if verdict.fault is Fault.ID_TOO_LONG:
        return Problem(422, f"webhook-id is longer than {LONGEST_ID} characters.")
    if verdict.fault is not Fault.CLOCK_OFF:
        return Problem(401, NOT_SIGNED)
    way = "ahead of" if verdict.seconds > 0 else "behind"
    off = f"your clock is {abs(verdict.seconds)} seconds {way} ours"
    return Problem(
        401, f"The signature is right, but {off}; at most {TOLERANCE_SECONDS} are allowed."
    )


def _webhook_headers(incoming: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in incoming.headers.items()}
