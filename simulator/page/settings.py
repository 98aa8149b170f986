"""The page's settings: options win over the environment, all problems are told at once."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from simulator.engine.signature import signing_token
from simulator.same_machine import is_loopback
from simulator.stack.embedded import url_of

CHECKOUT = Path(__file__).resolve().parents[2]


class PageSettingsError(Exception):
    """The page cannot be served like this; the text says why, a line each."""


@dataclass(frozen=True)
class PageSettings:
    """Where to listen, whom to call, and where to look.

    `via` is where requests really go when `public_base_url` names another machine.
    `away_seconds`: a call whose tab has gone is hung up after this long.
    """

    host: str
    port: int
    public_base_url: str
    via: str
    account_sid: str
    auth_token: str = field(repr=False)
    number: str
    redis_url: str = field(repr=False)
    bank_url: str
    data_dir: Path
    cardholders: Path
    sms_path: str
    away_seconds: float


def read_page_settings(
    arguments: list[str], environ: Mapping[str, str] = os.environ
) -> PageSettings:
    """Options win over the environment. Raises PageSettingsError."""
    options = _parser(environ).parse_args(arguments)
    problems = [problem for problem in (_not_loopback(options.host),) if problem]
    wanted = ("PUBLIC_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER")
    problems += [f"{name} is not set." for name in wanted if not environ.get(name)]
    if problems:
        raise PageSettingsError("\n".join(problems))
    public = environ["PUBLIC_BASE_URL"].rstrip("/")
    data_dir = Path(environ.get("DATA_DIR") or CHECKOUT / "var")
    return PageSettings(
        host=options.host,
        port=options.port,
        public_base_url=public,
        via="" if is_loopback(urlsplit(public).hostname or "") else options.hotline_url,
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=signing_token(environ["TWILIO_AUTH_TOKEN"]),
        number=environ["TWILIO_FROM_NUMBER"],
        redis_url=environ.get("REDIS_URL") or url_of(data_dir),
        bank_url=options.bank_url,
        data_dir=data_dir,
        cardholders=options.cardholders,
        sms_path=options.sms_path,
        away_seconds=options.away_seconds,
    )


def _not_loopback(host: str) -> str:
    if is_loopback(host):
        return ""
    return f"--host {host} is not loopback: whoever reaches this page may unblock accounts."


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m simulator.page", description="A phone to click on.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="loopback only")
    add("--port", type=int, default=int(environ.get("SIMULATOR_PORT") or 8001))
    bank_url = f"http://127.0.0.1:{environ.get('BANK_PORT') or 8002}"
    add("--bank-url", default=bank_url, help="the sandbox bank (BANK_PORT)")
    hotline_url = f"http://127.0.0.1:{environ.get('PORT') or 8000}"
    add("--hotline-url", default=hotline_url, help="when PUBLIC_BASE_URL is elsewhere (PORT)")
    cardholders = CHECKOUT / "simulator" / "demo_cardholders.csv"
    add("--cardholders", type=Path, default=cardholders, help="made-up people to choose from")
    sms_path = environ.get("SMS_PATH") or "/sms"
    add("--sms-path", default=sms_path, help="where inbound texts go (SMS_PATH)")
    add("--away-seconds", type=float, default=60.0, help="a call without its tab is hung up")
    return parser
