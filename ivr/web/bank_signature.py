"""The proof of banks and subscribers: Standard Webhooks 1.0, with any of their secrets (old and new
while they are rotated), five minutes of tolerance both ways.

The sum is made here, over bytes: the `standardwebhooks` package takes the body for text before it
compares, and gives up at the first entry of the list that is not as it should be.
"""

import base64
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ivr.partner import webhook_key

TOLERANCE_SECONDS: Final = 5 * 60

# A whole entry of the list. Entries stand apart by spaces; a server that got the header twice puts
# a comma between. Any other entry, of another scheme or broken, hides none of these.
_ENTRY: Final = re.compile(rb"(?<![^\s,])v1,([A-Za-z0-9+/]{43}=)(?![^\s,])")


class Fault(StrEnum):
    """What is wrong with a proof. Only its owner learns which; others get one answer for all."""

    HEADERS_MISSING = "headers_missing"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    CLOCK_OFF = "clock_off"  # and the signature is right
    SIGNATURE_MALFORMED = "signature_malformed"  # no entry of the list is one of this scheme
    SIGNATURE_WRONG = "signature_wrong"  # made with another secret, or over something else
    CLOCK_OFF_SIGNATURE_WRONG = "clock_off_signature_wrong"
    TARGET_ODD = "target_odd"  # what came over the wire is not the path that was routed
    ID_TOO_LONG = "id_too_long"  # and the signature is right


PROVEN: Final = (Fault.CLOCK_OFF, Fault.ID_TOO_LONG)  # only who holds the secret can make these


class Verdict(NamedTuple):
    """What a proof comes to. seconds: how far its moment lies ahead of our clock; negative when
    it lies behind.
    """

    fault: Fault | None
    seconds: int = 0


def verdict_of(secrets: Sequence[str], content: bytes, headers: Mapping[str, str]) -> Verdict:
    """Whether one of the secrets signed `content` under the webhook-* headers, just now; why not.

    headers: by their names in small letters.
    """
    event_id, moment, listed = (
        headers.get(f"webhook-{name}", "").encode("latin-1", "replace")  # the bytes that came
        for name in ("id", "timestamp", "signature")
    )
    if not (event_id and moment and listed):
        return Verdict(Fault.HEADERS_MISSING)
    if not re.fullmatch(b"[0-9]{1,11}", moment):
        return Verdict(Fault.TIMESTAMP_MALFORMED)
    seconds = int(moment) - int(time.time())
    given = _ENTRY.findall(listed)
    is_right = _fits(secrets, b".".join([event_id, moment, content]), given)
    is_recent = abs(seconds) <= TOLERANCE_SECONDS
    if is_right:
        return Verdict(None if is_recent else Fault.CLOCK_OFF, seconds)
    if not given:
        return Verdict(Fault.SIGNATURE_MALFORMED, seconds)
    wrong = Fault.SIGNATURE_WRONG if is_recent else Fault.CLOCK_OFF_SIGNATURE_WRONG
    return Verdict(wrong, seconds)


def _fits(secrets: Sequence[str], signed: bytes, given: Sequence[bytes]) -> bool:
    right = [base64.b64encode(hmac.digest(webhook_key(s), signed, "sha256")) for s in secrets]
    return any(hmac.compare_digest(entry, one) for entry in given for one in right)
