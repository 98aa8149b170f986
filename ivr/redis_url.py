"""REDIS_URL, read in one place: by the check of the settings and on the way to Redis.

A URL holds a password, so no text here quotes one, nor what a library says of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.connection import ConnectionPool

from ivr.banks_file import LOOPBACK_HOSTS

SENTINEL_SCHEME: Final = "redis+sentinel://"

_PLAIN: Final = (
    "must look like redis://host:6379/0, rediss://host:6379/0 or unix:///run/r.sock?db=0"
)
_SENTINEL: Final = "must look like redis+sentinel://host:26379,[::1]:26379/mymaster/0"
_SENTINEL_URL: Final = re.compile(
    r"redis\+sentinel://((?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]+)/(?P<service>[^/?#\s]+)"
    r"(/(?P<path>[0-9]*))?(\?db=(?P<db>[0-9]+))?"
)
_HOST: Final = re.compile(r"(\[(?P<v6>[^\]]+)\]|(?P<name>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})")


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
    secret, is_encrypted, hosts = _protection(url)
    if all(host in LOOPBACK_HOSTS for host in hosts):
        return []
    found = [] if is_encrypted else ["without TLS to another machine: what is read can be heard"]
    return found if secret else [*found, "without a password on another machine"]


def _host_and_port(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= 65535 or not _is_v6(found["v6"]):
        raise ValueError(_SENTINEL)
    return found["v6"] or found["name"], int(found["port"])


def _is_v6(text: str | None) -> bool:
    """Whether what stands in brackets, if anything does, is an address."""
    try:
        return text is None or bool(IPv6Address(text))
    except ValueError:
        return False


def _read_plain(url: str) -> dict[str, Any]:
    """What redis-py makes of it. It passes over a database it cannot read, and finds out about
    an unknown option only when it connects; so both are asked here.
    """
    try:
        parts = urlsplit(url)
        pool = ConnectionPool.from_url(url)
        pool.make_connection()  # opens nothing
    except (TypeError, ValueError):
        raise ValueError(_PLAIN) from None
    is_socket = parts.scheme == "unix"
    in_path = "" if is_socket else parts.path.strip("/")
    is_twice = bool(in_path) and "db" in parts.query
    named = parts.path if is_socket else parts.hostname
    in_order = re.fullmatch(r"/?[0-9]*", "" if is_socket else parts.path)
    if not named or not in_order or is_twice or parts.fragment or re.search(r"\s", url):
        raise ValueError(_PLAIN)
    known: dict[str, Any] = pool.connection_kwargs
    return known


def _protection(url: str) -> tuple[str | None, bool, Sequence[str]]:
    """The password, whether all is encrypted, and the hosts; a socket is no host."""
    if url.startswith(SENTINEL_SCHEME):
        asked = read_sentinels(url)
        return asked.primary["password"], False, [host for host, _ in asked.hosts]
    known, is_encrypted = _read_plain(url), url.startswith("rediss://")
    return known.get("password"), is_encrypted, [known["host"]] if "host" in known else []
