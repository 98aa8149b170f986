"""The sandbox bank's settings: options win over the environment, all problems are told at once."""

import argparse
import base64
import binascii
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from simulator.bank.behaviour import BehaviourError, Mix, read_mix
from simulator.bank.card_centre import SECRETS_ENV
from simulator.same_machine import is_loopback

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix Standard Webhooks gives every secret)


class SandboxSettingsError(Exception):
    """The bank cannot start; `problems` has one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "The sandbox bank cannot start:\n" + "\n".join(f"  - {p}" for p in problems)
        )
        self.problems = problems


class BankName(BaseModel):
    """How the bank is called in each language."""

    model_config = ConfigDict(frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Bank(BaseModel):
    """One bank of BANKS_FILE, without what only the hotline needs of it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    name: BankName
    phone: str = Field(min_length=3)
    secrets: tuple[SecretStr, ...] = Field(description="newest first; the first one signs")

    @field_validator("secrets")
    @classmethod
    def _real_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not secrets:
            raise ValueError("no secret is set in the environment variable named by secrets_env")
        for secret in secrets:
            check_secret(secret.get_secret_value())
        return secrets

    def all_secrets(self) -> tuple[str, ...]:
        """Every valid secret, newest first: more than one while they are being rotated."""
        return tuple(secret.get_secret_value() for secret in self.secrets)


@dataclass(frozen=True)
class SandboxSettings:
    """Everything the process needs; `hotline_url` is where the banks' events go. `centre_secrets`:
    what the card centre shares with the hotline; none: there is no card centre.
    """

    host: str
    port: int
    hotline_url: str
    data_dir: Path
    banks: dict[str, Bank]
    mixes: dict[str, Mix]
    accounts_file: Path | None
    event_retry_seconds: float
    centre_secrets: tuple[str, ...] = ()


def read_sandbox_settings(
    arguments: Sequence[str], environ: Mapping[str, str] = os.environ
) -> SandboxSettings:
    """The settings of this process. Raises SandboxSettingsError with every problem found."""
    options = _parser(environ).parse_args(arguments)
    problems: list[str] = []
    banks = _read_banks(options.banks_file, environ, problems)
    settings = SandboxSettings(
        host=_loopback_host(options.host, problems),
        port=_port(options.port, problems),
        hotline_url=_hotline_url(options.hotline_url, problems),
        data_dir=Path(options.data_dir),
        banks=banks,
        mixes=_read_mixes(options.behaviours, options.behaviour, banks, problems),
        accounts_file=_accounts_file(options.accounts, problems),
        event_retry_seconds=_positive(options.event_retry_seconds, problems),
        centre_secrets=_centre_secrets(environ.get(SECRETS_ENV, ""), problems),
    )
    if problems:
        raise SandboxSettingsError(problems)
    return settings


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m simulator.bank", description="A sandbox bank.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="loopback only")
    add("--port", default=environ.get("BANK_PORT", "8002"), help="0 takes a free one and says it")
    add("--banks-file", default=environ.get("BANKS_FILE", ""), help="BANKS_FILE, TOML")
    add("--hotline-url", default=environ.get("PUBLIC_BASE_URL", ""), help="PUBLIC_BASE_URL")
    add("--data-dir", default=environ.get("DATA_DIR", "var"), help="DATA_DIR; ledger in bank/")
    add("--accounts", default="", help="a cardholders CSV whose accounts are opened at start")
    add(
        "--behaviour",
        action="append",
        default=[],
        metavar="BANK=JSON",
        help='how a bank behaves from the start, e.g. icbc={"kind":"slow","seconds":3}',
    )
    add(
        "--behaviours",
        default=environ.get("BANK_BEHAVIOURS", ""),
        help="BANK_BEHAVIOURS: the same for many banks, one JSON object by bank",
    )
    add(
        "--event-retry-seconds",
        default=environ.get("EVENT_RETRY_SECONDS", "1"),
        help="EVENT_RETRY_SECONDS: the first delay; it doubles up to 5 minutes",
    )
    return parser


def _loopback_host(host: str, problems: list[str]) -> str:
    if not is_loopback(host):
        problems.append(
            f"host {host}: the testers' screens are open to whoever reaches them, "
            "so this bank listens on loopback only"
        )
    return host


def _port(text: str, problems: list[str]) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        problems.append("port: must be a number from 0 to 65535")
        return 0
    return int(text)


def _hotline_url(url: str, problems: list[str]) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append("PUBLIC_BASE_URL: must be the hotline's http(s) address")
    elif parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        problems.append("PUBLIC_BASE_URL: http is for loopback only; use https")
    return url.rstrip("/")


def _accounts_file(name: str, problems: list[str]) -> Path | None:
    if name and not Path(name).is_file():
        problems.append(f"accounts: there is no file {name}")
    return Path(name) if name else None


def _positive(text: str, problems: list[str]) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 300:
        problems.append("EVENT_RETRY_SECONDS: must be more than 0 and at most 300")
    return seconds


def _read_banks(name: str, environ: Mapping[str, str], problems: list[str]) -> dict[str, Bank]:
    if not name or not Path(name).is_file():
        problems.append("BANKS_FILE: must name a TOML file" + (f"; no file {name}" if name else ""))
        return {}
    try:
        entries = tomllib.loads(Path(name).read_text(encoding="utf-8")).get("banks")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"BANKS_FILE: not TOML ({error})")
        return {}
    if not isinstance(entries, dict) or not entries:
        problems.append("BANKS_FILE: has no [banks.<id>] table")
        return {}
    banks = (_read_bank(bank_id, entry, environ, problems) for bank_id, entry in entries.items())
    return {bank.id: bank for bank in banks if bank}


def _read_bank(
    bank_id: str, entry: Any, environ: Mapping[str, str], problems: list[str]
) -> Bank | None:
    table = entry if isinstance(entry, dict) else {}
    listed = environ.get(str(table.get("secrets_env", "")), "")
    secrets = [part.strip() for part in listed.split(",") if part.strip()]
    try:
        return Bank.model_validate({**table, "id": bank_id, "secrets": secrets})
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            where = ".".join(map(str, fault["loc"]))
            problems.append(f"bank {bank_id}: {where}: {fault['msg']}")
        return None


def _centre_secrets(listed: str, problems: list[str]) -> tuple[str, ...]:
    found = tuple(part.strip() for part in listed.split(",") if part.strip())
    for secret in found:
        try:
            check_secret(secret)
        except ValueError as error:
            problems.append(f"{SECRETS_ENV}: {error}")
    return found


def check_secret(secret: str) -> None:
    """Standard Webhooks 1.0: `whsec_` + base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a secret must be whsec_ and the base64 of 24 to 64 random bytes")


def _read_mixes(
    together: str, single: list[str], banks: Mapping[str, Bank], problems: list[str]
) -> dict[str, Mix]:
    try:
        wanted = dict(json.loads(together or "{}").items())
        for bank_id, _, text in (option.partition("=") for option in single):
            wanted[bank_id] = json.loads(text)
    except (ValueError, AttributeError):  # not JSON; JSON, but no object
        problems.append("behaviour: must be BANK=JSON; BANK_BEHAVIOURS a JSON object by bank")
        return {}
    return _checked_mixes(wanted, banks, problems)


def _checked_mixes(
    wanted: dict[str, Any], banks: Mapping[str, Bank], problems: list[str]
) -> dict[str, Mix]:
    mixes: dict[str, Mix] = {}
    for bank_id, told in wanted.items():
        if bank_id not in banks:
            problems.append(f"behaviour: there is no bank {bank_id}")
        try:
            mixes[bank_id] = read_mix(told)
        except BehaviourError as error:
            problems += [f"behaviour of {bank_id}: {fault}" for fault in error.faults]
    return mixes
