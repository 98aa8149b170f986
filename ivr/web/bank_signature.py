"""The banks' proof: Standard Webhooks 1.0, with any of a bank's secrets (old and new while
they are rotated), five minutes of tolerance both ways.

The sum is made here, over bytes: the `standardwebhooks` package takes the body for text before it
compares, and gives up at the first entry of the list that is not as it should be.
"""

import base64
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Final

from ivr.partner import webhook_key

TOLERANCE_SECONDS: Final = 5 * 60

# A whole entry of the list. Entries stand apart by spaces; a server that got the header twice puts
# a comma between. Any other entry, of another scheme or broken, hides none of these.
_ENTRY: Final = re.compile(rb"(?<![^\s,])v1,([A-Za-z0-9+/]{43}=)(?![^\s,])")


def is_signed(secrets: Sequence[str], content: bytes, headers: Mapping[str, str]) -> bool:
    """Whether one of the secrets signed `content` under the webhook-* headers, just now."""
    event_id, moment, listed = (
        headers.get(f"webhook-{name}", "").encode("latin-1", "replace")  # the bytes that came
        for name in ("id", "timestamp", "signature")
    )
    if not event_id or not _is_recent(moment):
        return False
    signed = b".".join([event_id, moment, content])
    right = [base64.b64encode(hmac.digest(webhook_key(s), signed, "sha256")) for s in secrets]
    given = _ENTRY.findall(listed)
    return any(hmac.compare_digest(entry, one) for entry in given for one in right)


def _is_recent(moment: bytes) -> bool:
    """Unix seconds within the tolerance of this machine's clock."""
    is_number = re.fullmatch(b"[0-9]{1,11}", moment)
    return bool(is_number) and abs(time.time() - int(moment)) <= TOLERANCE_SECONDS
