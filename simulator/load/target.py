"""Which hotline is called: the one of `make run`, or one that options and environment name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from simulator.engine import PhoneLine
from simulator.engine.signature import signing_token
from simulator.load.options import Options
from simulator.stack.data_dir import DataDir
from simulator.stack.launcher import CHECKOUT
from simulator.stack.problem import StartError


@dataclass(frozen=True)
class Target:
    """Where calls go. `bank_url` or `redis_url` empty: that side cannot be looked at.

    `environ` is what the hotline's own commands are run with.
    """

    line: PhoneLine
    via: str
    bank_url: str
    redis_url: str
    environ: Mapping[str, str]


def find_target(options: Options, given: Mapping[str, str]) -> Target:
    """Options win over the environment, the environment over a launch. Raises StartError."""
    environ = dict(given)
    bank_url, via = options.bank_url, options.via
    if not (options.base_url or given.get("PUBLIC_BASE_URL")):
        data_dir = DataDir(Path(given.get("DATA_DIR") or CHECKOUT / "var").resolve())
        launch = data_dir.launch()
        if not launch:
            raise StartError(
                f"No `make run` is going in {data_dir.path}. Start one, or name a hotline with "
                "PUBLIC_BASE_URL, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and REDIS_URL."
            )
        environ |= data_dir.environment_of(launch)
        bank_url = bank_url or launch.bank_url
        if not is_loopback(environ["PUBLIC_BASE_URL"]):
            via = via or launch.hotline_url
    base_url = options.base_url or environ["PUBLIC_BASE_URL"]
    redis_url = options.redis_url or environ.get("REDIS_URL", "")
    _refuse_others({"the hotline": via or base_url, "the bank": bank_url, "Redis": redis_url})
    return Target(_line(base_url, environ), via, bank_url, redis_url, {**os.environ, **environ})


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine; a unix socket is."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _refuse_others(places: Mapping[str, str]) -> None:
    for name, url in places.items():
        if url and not is_loopback(url):
            host = urlsplit(url).hostname
            raise StartError(f"{name} is at {host}: a load goes to this machine only.")


def _line(base_url: str, environ: Mapping[str, str]) -> PhoneLine:
    """The number as it would be configured at Twilio."""
    try:
        account_sid, token = environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"]
    except KeyError as missing:
        raise StartError(f"{missing.args[0]} is not set: calls could not be signed.") from None
    base = base_url.rstrip("/")
    return PhoneLine(
        voice_url=f"{base}/voice",
        status_callback_url=f"{base}/voice/status",
        fallback_url=f"{base}/voice/fallback",
        number=environ.get("TWILIO_FROM_NUMBER") or "+8612333",
        account_sid=account_sid,
        auth_token=signing_token(token),
    )
