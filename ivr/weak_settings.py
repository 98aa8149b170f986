"""Settings that can be used and should be looked at: told at boot, all together, never a secret."""

import re
from collections.abc import Iterator
from typing import Final

from ivr.banks_file import LOOPBACK_HOSTS, is_in_clear, split_url
from ivr.redis_url import exposures
from ivr.settings import Settings

A_TOKEN_OF_TWILIO: Final = re.compile(r"[0-9a-f]{32}")


def weak_settings(settings: Settings) -> list[str]:
    """A line for each, as for what is refused: the setting, and why. Nothing in development."""
    return [] if settings.hotline_development else list(_weak(settings))


def weak_listening(settings: Settings) -> list[str]:
    """The same for a web process alone: who can come near it."""
    if settings.hotline_development or settings.behind_proxy:
        return []
    if settings.bind_address.strip("[]") in LOOPBACK_HOSTS:
        return []
    return [
        f"BIND_ADDRESS: the web listens in the open on {settings.bind_address}. Whoever sends "
        "requests slowly holds its threads, and callers wait in vain. Put a TLS proxy that buffers "
        "requests before it, let nobody pass it by, and set BEHIND_PROXY=1"
    ]


def weak_operations(settings: Settings) -> list[str]:
    """The same for the operators' process alone."""
    bind = settings.operations_bind
    if not bind or split_url(f"http://{bind}").hostname in LOOPBACK_HOSTS:
        return []
    return [f"OPERATIONS_BIND: whoever reaches {bind} sees how the hotline stands"]


def _weak(settings: Settings) -> Iterator[str]:
    if is_in_clear(settings.public_base_url):
        yield (
            "PUBLIC_BASE_URL: without TLS in front of us, the digits of ID numbers cross the "
            "network in clear"
        )
    if split_url(settings.public_base_url).hostname not in LOOPBACK_HOSTS:
        for number, token in enumerate(settings.twilio_auth_token, 1):
            if not A_TOKEN_OF_TWILIO.fullmatch(token.get_secret_value()):
                yield (
                    f"TWILIO_AUTH_TOKEN: token {number} is not the 32 hex digits that Twilio "
                    "gives: whoever guesses it can file reports"
                )
    if settings.replicas and settings.journal_dir is None:
        yield (
            "JOURNAL_DIR: with replicas and no journal on this machine's own disk, reports that "
            "were told are lost when the network splits"
        )
    yield from (f"REDIS_URL: {exposure}" for exposure in exposures(settings.redis_location))
