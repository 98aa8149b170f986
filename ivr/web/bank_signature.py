"""The banks' proof: Standard Webhooks 1.0, with any of a bank's secrets (old and new while
they are rotated), five minutes of tolerance both ways.
"""

import binascii
from collections.abc import Mapping, Sequence
from contextlib import suppress

from standardwebhooks import Webhook, WebhookVerificationError

# verify() lets these out for headers and bodies that are not as they should be.
_MALFORMED = (WebhookVerificationError, ValueError, binascii.Error, UnicodeError)


def is_signed(secrets: Sequence[str], content: bytes, headers: Mapping[str, str]) -> bool:
    """Whether one of the secrets signed `content` under the webhook-* headers, just now."""
    for secret in secrets:
        with suppress(*_MALFORMED):
            Webhook(secret).verify(content, dict(headers), json_parse=False)
            return True
    return False
