"""Hosts and addresses as people and the network write them: read in one place, never looked up."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_HOST: Final = re.compile(r"\[(?P<v6>[^\]]+)\]|(?P<name>[\w.-]+)")


def host_in(text: str) -> str | None:
    """A name, or an address of which one of IPv6 stands in brackets; without them. None for all
    else. Raises as `check_host`.
    """
    found = _HOST.fullmatch(text)
    if found is None or not _is_v6(found["v6"]):
        return None
    return check_host(found["v6"] or found["name"])


def address_in(text: str) -> tuple[str, int] | None:
    """The same with `:` and a port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        return None
    named = host_in(host)
    return None if named is None else (named, int(port))


def check_host(host: str) -> str:
    """The host itself, if it can be asked for.

    Raises:
        ValueError: no name service could be asked for it: Python itself would fail, in the midst
            of what it is needed for.
    """
    try:
        host.encode("idna")
        is_fine = host.isprintable()
    except UnicodeError:
        is_fine = False
    if not is_fine:
        raise ValueError(
            "names a host that cannot be looked up: between its dots is nothing, more than "
            "63 letters, or a character that cannot be seen"
        )
    return host


def _is_v6(text: str | None) -> bool:
    """Whether what stands in brackets, if anything does, is an address."""
    try:
        return text is None or bool(IPv6Address(text))
    except ValueError:
        return False


def network_of(raw: str) -> str:
    """What one subscriber has of the network: an IPv4 address, or the /64 of an IPv6 one, without
    its length; "" for what is no address.
    """
    try:
        address = ip_address(raw)
    except ValueError:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False).network_address)
