"""Twilio's proof: X-Twilio-Signature over PUBLIC_BASE_URL and the raw request target.

Never over `request.url`: Werkzeug decodes it, so genuine requests with percent-encoding would
be turned away, and behind a proxy it has the wrong scheme and host.
"""

import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import SplitResult, urlsplit

from flask import Request
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from ivr.web.wsgi import raw_target, whole_body

SIGNATURE_HEADER: Final = "X-Twilio-Signature"
MOST_BYTES: Final = 16 * 1024
MOST_FIELDS: Final = 200  # Twilio sends about 40 with a call
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{27}=")  # the base64 of SHA-1's 20 bytes


class TwilioDoor:
    """Judges requests by the account's auth tokens. No setting turns this off."""

    def __init__(self, auth_tokens: Sequence[SecretStr], public_base_url: str) -> None:
        """`auth_tokens`: more than one while the token is changed; any of them opens."""
        self._validators = [RequestValidator(token.get_secret_value()) for token in auth_tokens]
        self._base = urlsplit(public_base_url)

    def admits(self, request: Request) -> bool:
        """Whether Twilio signed exactly this request. Nothing is read or hashed of one without
        a signature.

        Raises:
            RequestEntityTooLarge: its body is larger than Twilio's ever are.
            BadRequest: its body cannot be read.
        """
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not _SIGNATURE.fullmatch(signature):
            return False
        request.max_content_length = MOST_BYTES
        target = raw_target(request)
        if target is None or not _is_short_form(request) or not _body_is_signed(request):
            return False
        bases = _spellings(self._base, request.environ.get("HTTP_HOST", ""))
        form = _Parameters(request.form.to_dict(flat=False))
        return any(self._matches(base + target, form, signature) for base in bases)

    def _matches(self, url: str, form: "_Parameters", signature: str) -> bool:
        expected = [validator.compute_signature(url, form) for validator in self._validators]
        return any(hmac.compare_digest(e.encode(), signature.encode()) for e in expected)


class _Parameters(dict[str, list[str]]):
    """A form as RequestValidator asks for it first; for a MultiDict it takes twice the time."""

    getall = dict.__getitem__


def _is_short_form(request: Request) -> bool:
    """Counted before the form is taken apart."""
    return whole_body(request).count(b"&") < MOST_FIELDS


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


@lru_cache(maxsize=64)  # hosts as they were called
def _spellings(base: SplitResult, host_header: str) -> list[str]:
    """The base URL as Twilio may write it, which signs the URL that it was told.

    It always drops user:password. Over https, and for a default port, it sometimes drops the port
    too, so both are tried, as its own validators do. A host is the same in any case: as we were
    told it, in lower case, and as it was called this time.
    """
    told = base.netloc.rpartition("@")[2]  # not base.hostname, which is in lower case
    host = told.removesuffix(f":{base.port}")
    called = host_header[: len(host)]
    same = [host, host.lower(), *([called] if called.lower() == host.lower() else [])]
    return [
        base._replace(netloc=f"{name}{port}").geturl().rstrip("/")
        for name in dict.fromkeys(same)
        for port in _ports(base)
    ]


def _ports(base: SplitResult) -> list[str]:
    default = 443 if base.scheme == "https" else 80
    with_port = f":{base.port or default}"
    may_lack = base.port is None or base.scheme == "https" or base.port == default
    return [with_port, ""] if may_lack else [with_port]
