"""Standard Webhooks 1.0: checks that a notice is from the hotline, signs what the bank sends."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook, WebhookVerificationError


def is_genuine(secrets: Iterable[str], headers: Mapping[str, str], body: bytes) -> bool:
    """True if one of the secrets signed exactly this body within the last (next) 5 minutes.

    `verify` also raises ValueError (bad base64, bytes that are not UTF-8): that means the same as
    its own error, "not genuine".
    """
    return any(_signed_with(secret, headers, body) for secret in secrets)


def _signed_with(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def signed_headers(
    secret: str, webhook_id: str, body: str, at: datetime | None = None
) -> dict[str, str]:
    """The three headers for one attempt, made at `at` (aware; now if not given).

    The moment is turned to UTC first: `sign` mis-signs every other zone.
    """
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, moment, body),
    }
