"""Who may look at what listens on loopback: programs and pages of this machine, and no web site.

A tester's browser carries any web site's requests to 127.0.0.1: under a name of the site's own (DNS
rebinding, seen by Host) or from a page of the site (seen by Origin, Fetch standard section 3.2).
"""

import ipaddress
from urllib.parse import urlsplit

from werkzeug.wrappers import Request


def is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1 or localhost; nothing is looked up."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_asked_by_a_loopback_name(request: Request) -> bool:
    """Whether the Host is a name of this machine, with a port or without."""
    try:
        return is_loopback(urlsplit(f"//{request.host}").hostname or "")
    except ValueError:  # half an IPv6 address
        return False


def is_of_its_own_origin(request: Request) -> bool:
    """Whether it comes from a page of the same server, or from a program (which names none)."""
    own = request.host_url.rstrip("/")
    return request.headers.get("Origin", own).lower() == own.lower()
