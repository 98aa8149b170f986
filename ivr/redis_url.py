"""REDIS_URL, read in one place: by the check of the settings and on the way to Redis.

A URL holds a password, so no text here quotes one, nor what a library says of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from redis.connection import ConnectionPool
from redis.exceptions import RedisError

from ivr.hosts import address_in, check_host
from ivr.partner import LOOPBACK_HOSTS

SENTINEL_SCHEME: Final = "redis+sentinel://"

_PLAIN: Final = (
    "must look like redis://host:6379/0, rediss://host:6379/0 or unix:///run/r.sock?db=0"
)
_SENTINEL: Final = "must look like redis+sentinel://host:26379,[::1]:26379/mymaster/0"
_SENTINEL_URL: Final = re.compile(
    r"redis\+sentinel://((?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]+)/(?P<service>[^/?#\s]+)"
    r"(/(?P<path>[0-9]*))?(\?db=(?P<db>[0-9]+))?"
)
_TIMEOUTS: Final = ("socket_timeout", "socket_connect_timeout")
_LONGEST_SECONDS: Final = 60
# Of what redis-py takes here, no other can be used: our code relies on how answers are read and
# repeats nothing behind its back; and many a one is an object, which no text can be.
_OPTIONS: Final = (
    "db", "username", "password", *_TIMEOUTS, "socket_keepalive", "ssl_cert_reqs", "ssl_ca_certs",
    "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_check_hostname",
)  # fmt: skip
_IN_CLEAR: Final = "without TLS to another machine: what is read can be heard"
_UNCHECKED: Final = (
    "the certificate of another machine is not checked (ssl_cert_reqs, ssl_check_hostname): "
    "whoever stands between can pose as it"
)


@dataclass(frozen=True)
class Sentinels:
    """The sentinels to ask, the service's name, and how to open its primary."""

    hosts: list[tuple[str, int]]
    service: str
    primary: dict[str, Any]


def check_redis_url(url: str) -> str:
    """For the settings: the URL itself, if `connect` can use it.

    Raises:
        ValueError: saying how it should look.
    """
    if url.startswith(SENTINEL_SCHEME):
        read_sentinels(url)
    elif url:
        _read_plain(url)
    return url


def read_sentinels(url: str) -> Sentinels:
    """A `redis+sentinel://` URL in its parts; blanks between the hosts do not matter.

    Raises:
        ValueError: saying how it should look.
    """
    found = _SENTINEL_URL.fullmatch(url)
    if found is None or (found["path"] and found["db"]):
        raise ValueError(_SENTINEL)
    user, _, password = (found["login"] or "").partition(":")
    secrets = {"username": unquote(user) or None, "password": unquote(password) or None}
    hosts = [_host_and_port(host.strip()) for host in found["hosts"].split(",")]
    db = int(found["path"] or found["db"] or 0)
    return Sentinels(hosts, found["service"], {**secrets, "db": db})


def exposures(url: str) -> list[str]:
    """What others on the network could do with the way to this Redis; nothing, when it stays on
    this machine.
    """
    secret, weakness, hosts = _protection(url)
    if all(host in LOOPBACK_HOSTS for host in hosts):
        return []
    found = [weakness] if weakness else []
    return found if secret else [*found, "without a password on another machine"]


def _host_and_port(text: str) -> tuple[str, int]:
    address = address_in(text)
    if address is None:
        raise ValueError(_SENTINEL)
    return address


def _read_plain(url: str) -> dict[str, Any]:
    """What redis-py makes of it. It passes over a database it cannot read, and finds out about
    the rest only when it connects; so all is asked here.
    """
    parts = _in_parts(url)
    is_socket = parts.scheme == "unix"
    in_path = "" if is_socket else parts.path.strip("/")
    is_twice = bool(in_path) and "db" in parts.query
    named = parts.path if is_socket else parts.hostname
    in_order = re.fullmatch(r"/?[0-9]*", "" if is_socket else parts.path)
    known = _as_the_client_reads(url)
    if not named or not in_order or is_twice or parts.fragment or re.search(r"\s", url):
        raise ValueError(_PLAIN)
    if not all(0 < known.get(name, 1) <= _LONGEST_SECONDS for name in _TIMEOUTS):
        raise ValueError(f"each timeout must be over 0 and at most {_LONGEST_SECONDS} seconds")
    if is_socket and not known["path"].isprintable():
        raise ValueError(_PLAIN)
    check_host(known.get("host", ""))
    return known


def _in_parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_PLAIN) from None
    if not parse_qs(parts.query, keep_blank_values=True).keys() <= set(_OPTIONS):
        raise ValueError(f"may have only these options: {', '.join(_OPTIONS)}")
    return parts


def _as_the_client_reads(url: str) -> dict[str, Any]:
    try:
        pool = ConnectionPool.from_url(url)
        pool.make_connection()  # opens nothing
    except (TypeError, ValueError, RedisError):
        raise ValueError(_PLAIN) from None
    known: dict[str, Any] = pool.connection_kwargs
    return known


def _protection(url: str) -> tuple[str | None, str, Sequence[str]]:
    """The password, what is weak about the encryption, and the hosts; a socket is no host."""
    if url.startswith(SENTINEL_SCHEME):
        asked = read_sentinels(url)
        return asked.primary["password"], _IN_CLEAR, [host for host, _ in asked.hosts]
    known = _read_plain(url)
    weakness = _weak_tls(known) if url.startswith("rediss://") else _IN_CLEAR
    return known.get("password"), weakness, [known["host"]] if "host" in known else []


def _weak_tls(known: dict[str, Any]) -> str:
    is_checked = known.get("ssl_cert_reqs") != "none" and known.get("ssl_check_hostname", True)
    return "" if is_checked else _UNCHECKED
