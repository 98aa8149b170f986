"""The settings: read from the environment once, checked together, then passed around frozen.

No secret has a default. `make run` (simulator/) supplies development values from outside.
"""

import base64
import binascii
import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from ivr.agent_hours import AgentHours

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
SENTINEL_SCHEME = "redis+sentinel://"
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix Standard Webhooks gives every secret)


class SettingsError(Exception):
    """The environment cannot be used; `problems` has one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Settings that need mending:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = problems


def _https_or_loopback(url: str) -> str:
    """Secrets and personal data go over https; over http they stay on this machine."""
    parts = _split_url(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("http is for loopback only; use https")
    return url


def _split_url(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an absolute https:// URL")
    if parts.port == 0:  # reading it raises ValueError when it is no port at all
        raise ValueError("must not have port 0")
    return parts


ProtectedUrl = Annotated[str, AfterValidator(_https_or_loopback)]


class BankName(BaseModel):
    """How the bank is called in each language."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Bank(BaseModel):
    """One cooperative bank, as BANKS_FILE describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    name: BankName
    phone: str = Field(pattern=r"^\+?[0-9]{3,20}$", description="the bank's own service line")
    notice_url: ProtectedUrl = Field(repr=False)  # a URL may hold a password
    secrets_env: str = Field(description="the environment variable with the whsec_… list")
    secrets: tuple[SecretStr, ...] = Field(description="newest first; the first one signs")
    timeout_seconds: float = Field(default=5, gt=0, le=15)
    max_in_flight: int = Field(default=8, ge=1, le=64)
    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None

    @field_validator("secrets")
    @classmethod
    def _real_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not secrets:
            raise ValueError("no secret is set in the environment variable of secrets_env")
        for secret in secrets:
            _check_webhook_secret(secret.get_secret_value())
        return secrets

    @field_validator("ca_file", "client_cert_file", "client_key_file")
    @classmethod
    def _file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path


def _check_webhook_secret(secret: str) -> None:
    """Standard Webhooks 1.0: `whsec_` + base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(WEBHOOK_SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a secret must be whsec_ and the base64 of 24 to 64 random bytes")


class Settings(BaseModel):
    """Everything the environment decides. Names are the environment variables' names."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    public_base_url: str = Field(repr=False, description="where Twilio and banks reach us")
    twilio_account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    twilio_auth_token: SecretStr
    twilio_from_number: str = Field(pattern=r"^\+?[0-9]{3,15}$", description="sender of texts")
    twilio_api_base: ProtectedUrl = "https://api.twilio.com"
    banks_file: Path
    data_keys: tuple[SecretStr, ...] = Field(description="newest first")
    agent_number: str = Field(pattern=r"^\+?[0-9]{3,15}$")
    agent_hours: AgentHours
    data_dir: Path = Path("var")
    redis_url: str = Field(default="", repr=False, description="unset: the embedded server")
    wait_for_replicas: int | None = Field(
        default=None, ge=0, le=10, description="unset: 1 with Sentinel, otherwise 0"
    )
    port: int = Field(default=8000, ge=1, le=65535)
    loss_report_days: int = Field(default=7, ge=1, le=30, description="domain.md section 1")
    report_retention_days: int = Field(default=1095, ge=30)
    journal_retention_days: int = Field(default=365, ge=30)
    development: bool = Field(default=False, description="only `make run` sets this")
    banks: dict[str, Bank] = Field(default_factory=dict, exclude=True)

    @field_validator("public_base_url")
    @classmethod
    def _absolute_without_query(cls, url: str) -> str:
        parts = _split_url(url)
        if parts.query or parts.fragment:
            raise ValueError("must have no query and no fragment")
        return url.rstrip("/")

    @field_validator("twilio_auth_token")
    @classmethod
    def _token_is_set(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().strip():
            raise ValueError("must not be empty: with it Twilio proves who is calling")
        return token

    @field_validator("data_keys", mode="before")
    @classmethod
    def _split_keys(cls, keys: Any) -> Any:
        return tuple(k.strip() for k in keys.split(",")) if isinstance(keys, str) else keys

    @field_validator("data_keys")
    @classmethod
    def _keys_of_32_bytes(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, 1):
            if not _is_32_byte_key(key.get_secret_value()):
                raise ValueError(f"key {number} is not the url-safe base64 of 32 bytes")
        if not keys:
            raise ValueError("needs at least one key")
        return keys

    @field_validator("agent_hours", mode="before")
    @classmethod
    def _parse_hours(cls, hours: Any) -> Any:
        return AgentHours.parse(hours) if isinstance(hours, str) else hours

    @property
    def loss_report_seconds(self) -> int:
        """How long the social security function stays suspended (604 800 s for 7 days)."""
        return self.loss_report_days * 24 * 3600

    @property
    def replicas(self) -> int:
        """How many replicas must have a report before a caller hears of it."""
        if self.wait_for_replicas is not None:
            return self.wait_for_replicas
        return 1 if self.redis_url.startswith(SENTINEL_SCHEME) else 0

    @property
    def redis_location(self) -> str:
        """`REDIS_URL`, or the embedded server's socket."""
        return self.redis_url or f"unix://{embedded_socket(self.data_dir)}"


def embedded_socket(data_dir: Path) -> Path:
    """Where the embedded server of a data directory listens.

    A socket's path holds 107 bytes at most (unix(7)), so a deep directory gets a short stand-in.
    """
    path = (data_dir / "redis" / "redis.sock").resolve()
    if len(os.fsencode(path)) <= 107:
        return path
    short = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{short}" / "redis.sock"


def _is_32_byte_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == 32
    except (binascii.Error, ValueError):
        return False


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks the whole environment.

    Raises:
        SettingsError: naming every problem at once, never a secret's value.
    """
    environ = os.environ if environ is None else environ
    known = {n: environ[n.upper()] for n in Settings.model_fields if environ.get(n.upper())}
    problems: list[str] = []
    banks: dict[str, Bank] = {}
    if "banks_file" in known:
        banks, problems = _read_banks(Path(known["banks_file"]), environ)
    try:
        settings = Settings.model_validate(known | {"banks": banks})
    except ValidationError as error:
        raise SettingsError(_lines(error) + problems) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _read_banks(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, Bank], list[str]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("banks", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"BANKS_FILE {path}: {error}"]
    if not isinstance(tables, dict) or not tables:
        return {}, [f"BANKS_FILE {path}: has no [banks.<name>] table"]
    banks: dict[str, Bank] = {}
    problems: list[str] = []
    for bank_id, table in tables.items():
        try:
            banks[bank_id] = _read_bank(bank_id, table, environ)
        except ValidationError as error:
            problems += _lines(error, f"BANKS_FILE [banks.{bank_id}] ")
    return banks, problems


def _read_bank(bank_id: str, table: Any, environ: Mapping[str, str]) -> Bank:
    if not isinstance(table, dict):
        table = {}
    listed = environ.get(str(table.get("secrets_env", "")), "")
    secrets = tuple(s.strip() for s in listed.split(",") if s.strip())
    return Bank.model_validate(table | {"id": bank_id, "secrets": secrets})


def _lines(error: ValidationError, where: str = "") -> list[str]:
    """One line for each problem; pydantic's own text would repeat the secret values."""
    return [
        f"{where}{'.'.join(str(p) if where else str(p).upper() for p in e['loc'])}: "
        f"{'is not set' if e['type'] == 'missing' else e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False, include_url=False)
    ]
