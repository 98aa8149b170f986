"""Twilio's proof: X-Twilio-Signature over PUBLIC_BASE_URL and the raw request target.

Never over `request.url`: Werkzeug decodes it, so genuine requests with percent-encoding would
be turned away, and behind a proxy it has the wrong scheme and host.
"""

import hmac
from hashlib import sha256
from urllib.parse import SplitResult, urlsplit

from flask import Request
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from ivr.web.wsgi import raw_target

SIGNATURE_HEADER = "X-Twilio-Signature"


class TwilioDoor:
    """Judges requests by the account's auth token. No setting turns this off."""

    def __init__(self, auth_token: str, public_base_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._bases = _spellings(public_base_url)

    def admits(self, request: Request) -> bool:
        """Whether Twilio signed exactly this request."""
        signature = request.headers.get(SIGNATURE_HEADER, "")
        target = raw_target(request)
        if target is None or not signature or not _body_is_signed(request):
            return False
        return any(self._matches(base + target, request.form, signature) for base in self._bases)

    def _matches(self, url: str, form: MultiDict[str, str], signature: str) -> bool:
        expected = self._validator.compute_signature(url, form)
        return hmac.compare_digest(expected.encode(), signature.encode())


def _body_is_signed(request: Request) -> bool:
    """Whether the signature covers the body. It covers a form, and any other body by a bodySHA256
    query parameter. It never covers files in a multipart form, which Twilio never sends.
    """
    if request.mimetype == "multipart/form-data":
        return False
    if request.form or not request.get_data(cache=True):
        return True
    claimed = request.args.get("bodySHA256", "")
    actual = sha256(request.get_data()).hexdigest()
    return hmac.compare_digest(actual.encode(), claimed.lower().encode())


def _spellings(base: str) -> list[str]:
    """The base URL as Twilio may write it. It always drops user:password. Over https, and for a
    default port, it sometimes drops the port too, so both are tried, as its own validators do.
    """
    parts = urlsplit(base)
    host = parts.netloc.rpartition("@")[2]  # not parts.hostname, which is in lower case
    if parts.port is not None:
        host = host.rpartition(":")[0]
    default = 443 if parts.scheme == "https" else 80
    with_port = f"{host}:{parts.port or default}"
    if parts.port is None:
        hosts = [host, with_port]
    elif parts.scheme == "https" or parts.port == default:
        hosts = [with_port, host]
    else:
        hosts = [with_port]
    return [_with_host(parts, name) for name in hosts]


def _with_host(parts: SplitResult, host: str) -> str:
    return parts._replace(netloc=host).geturl().rstrip("/")
