"""Who comes to the website: the cookie, the form's token, the address; and what every answer says.

No name, number or address stands in the cookie, and a page changes nothing by being looked at.
"""

import re
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from flask import Request, Response

from ivr.hosts import network_of
from ivr.store.visits import Visits

TOKEN: Final = "token"  # noqa: S105 (the name of a form's field)
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")
YEAR_SECONDS: Final = 365 * 24 * 3600
# With no-referrer browsers send `Origin: null` with forms.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NOT_KEPT: Final = "no-store"


class Gate:
    """Cookies, tokens and addresses of one deployment."""

    def __init__(self, visits: Visits, public_base_url: str, trusted_proxies: int) -> None:
        """`trusted_proxies`: how many, one behind the other, add to X-Forwarded-For."""
        parts = urlsplit(public_base_url)
        self._visits = visits
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._proxies = trusted_proxies
        self.is_https = parts.scheme == "https"
        # A browser takes a __Host- cookie from this host alone, over TLS alone.
        self.cookie_name = "__Host-card" if self.is_https else "card"

    def cookie(self, request: Request) -> str:
        """The visitor's cookie, or "" for none of ours."""
        value = request.cookies.get(self.cookie_name, "")
        return value if _COOKIE.fullmatch(value) else ""

    def new_cookie(self) -> str:
        return secrets.token_urlsafe(32)

    def admits(self, request: Request) -> bool:
        """Whether a form comes from a page that this visitor got from us."""
        cookie, token = self.cookie(request), request.form.get(TOKEN, "")
        if not cookie or not self._is_from_here(request):
            return False
        return compare_digest(token.encode(), self._visits.token(cookie).encode())

    def _is_from_here(self, request: Request) -> bool:
        """By what browsers say of where a form was; an old one says nothing. Without TLS, on one's
        own machine, it may be called by any of its names.
        """
        origins = {None, self._origin, *([] if self.is_https else [f"http://{request.host}"])}
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        return request.headers.get("Origin") in origins and site in ("same-origin", "none")

    def address(self, request: Request) -> str:
        """The network that asks: an IPv4 address, or the /64 that an IPv6 line has; "" if nobody
        can tell. What stands before our own proxies' words anybody may have written.
        """
        told = request.headers.get("X-Forwarded-For", "").split(",") if self._proxies else []
        line = [name.strip() for name in told]
        raw = request.remote_addr or ""
        if self._proxies:
            raw = line[-self._proxies] if len(line) >= self._proxies else ""
        return network_of(raw)

    def keeps(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """Sets a cookie that scripts and other sites do not get."""
        response.set_cookie(
            name, value, max_age=seconds, secure=self.is_https, httponly=True, samesite="Lax"
        )

    def guards(self, response: Response) -> Response:
        """The headers of every answer."""
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", NOT_KEPT)
        if self.is_https:
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
        return response
