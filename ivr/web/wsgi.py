"""The request as it came over the wire, target and body: what Twilio and the banks sign."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

# A proxy may send the absolute form (RFC 9112, 3.2.2). Web servers take any target with "://" for
# one, even voice?x=://host/other, and route by its beginning (/voice).
_TARGET: Final = re.compile(r"(?:https?://[^/?#]+)?(/.*)")


def raw_target(request: Request) -> str | None:
    """Path and query as they came over the wire, with their percent-encoding. None, which must be
    refused, when the path is not the one that was routed.
    """
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    if not raw:
        raise RuntimeError("the web server does not pass on the raw request target (RAW_URI)")
    found = _TARGET.fullmatch(str(raw))
    return found[1] if found and _path(found[1]) == _routed_path(request) else None


def whole_body(request: Request) -> bytes:
    """The body, kept for whoever reads it again.

    Raises:
        BadRequest: it breaks off, or comes in chunks that are none. Web servers say so with errors
            of their own, which must not be taken for ours: nobody has signed anything yet.
        HTTPException: it is too large.
    """
    try:
        return request.get_data(cache=True)
    except HTTPException:
        raise
    except Exception as error:
        raise BadRequest from error


def body_within_limit(request: Request) -> bytes:
    """The same. One without a Content-Length that reaches the limit is refused: Werkzeug cuts it
    off.
    """
    body = whole_body(request)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge
    return body


def _path(target: str) -> bytes:
    return unquote_to_bytes(re.split("[?#]", target, maxsplit=1)[0])


def _routed_path(request: Request) -> bytes:
    """Decoded by the web server; WSGI carries the bytes as latin-1 (PEP 3333)."""
    environ = request.environ
    return f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}".encode("latin-1")
