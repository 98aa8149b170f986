"""The X-Twilio-Signature header (twilio.com/docs/usage/security)."""

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha1
from urllib.parse import urlsplit


def signed_url(url: str) -> str:
    """The URL as Twilio signs it.

    "The fragment is neither sent nor signed. Voice over HTTP keeps the port, over HTTPS drops it;
    user:password is always dropped." Path and query stay exactly as they are sent.
    """
    whole = url.partition("#")[0]
    parts = urlsplit(whole)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https" and parts.port is not None:
        host = host.rpartition(":")[0]
    return whole.replace(f"//{parts.netloc}", f"//{host}", 1)


def signing_token(listed: str) -> str:
    """The one of a comma list that signs: the first, as long as a token is changed."""
    return listed.partition(",")[0].strip().strip("\"'")


def sign(auth_token: str, url: str, parameters: Mapping[str, str]) -> str:
    """Base64 of the HMAC-SHA1. `parameters`: the form of a POST, empty for a GET."""
    text = signed_url(url) + "".join(name + parameters[name] for name in sorted(parameters))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), sha1)).decode()
