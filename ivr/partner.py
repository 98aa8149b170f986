"""Partners: banks and subscribers, how they are reached, which secrets they share with us."""

import base64
import binascii
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from ivr.environment import all_visible, listed
from ivr.hosts import check_host

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix Standard Webhooks gives every secret)


def _https_or_loopback(url: str) -> str:
    """Secrets and personal data go over https; over http they stay on this machine."""
    if is_in_clear(url):
        raise ValueError("http is for loopback only; use https")
    return url


def is_in_clear(url: str) -> bool:
    """Whether others on the network could read what is sent there. Raises as `split_url`."""
    parts = split_url(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS


def split_url(url: str) -> SplitResult:
    """An absolute http or https URL in its parts.

    Raises:
        ValueError: it is not one.
    """
    parts = urlsplit(url)  # which passes over the end of a line in the middle
    if any(map(str.isspace, url)):
        raise ValueError("must have no blanks")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an absolute https:// URL")
    check_host(parts.hostname)
    _ = parts.port  # reading it raises ValueError when it is no port
    return parts


ProtectedUrl = Annotated[str, AfterValidator(_https_or_loopback)]


VisibleText = Annotated[
    str,
    BeforeValidator(all_visible),
    StringConstraints(strip_whitespace=True, min_length=1),
]


class Partner(BaseModel):
    """Who signs to us, and whom we sign to: what is the same of a bank and of a subscriber."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    notice_url: ProtectedUrl = Field(repr=False)  # a URL may hold a password
    secrets_env: str = Field(description="the environment variable with the whsec_… list")
    secrets: tuple[SecretStr, ...] = Field(description="newest first; the first one signs")
    timeout_seconds: float = Field(default=5, gt=0, le=15)
    max_in_flight: int = Field(default=8, ge=1, le=64)
    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None

    @property
    def who(self) -> str:
        """The name under which its notices, its queue and its health are kept."""
        return self.id

    @property
    def place(self) -> str:
        """Where it is described, for who has to correct something there."""
        return f"BANKS_FILE [banks.{self.id}]"

    @field_validator("secrets")
    @classmethod
    def _real_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not secrets:
            raise ValueError("no secret is set in the environment variable of secrets_env")
        for secret in secrets:
            _check_webhook_secret(secret.get_secret_value())
        return secrets

    @field_validator("*", mode="before")
    @classmethod
    def _visible(cls, value: Any) -> Any:
        return all_visible(value)

    @field_validator("ca_file", "client_cert_file", "client_key_file")
    @classmethod
    def _file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path


AnyPartner = TypeVar("AnyPartner", bound=Partner)


def _check_webhook_secret(secret: str) -> None:
    """Standard Webhooks 1.0: `whsec_` + base64 of 24 to 64 bytes."""
    try:
        key = webhook_key(secret)
    except binascii.Error:
        key = b""
    prefixed = secret.startswith(WEBHOOK_SECRET_PREFIX)
    if not prefixed or not 24 <= len(key) <= 64 or not is_random(key):
        raise ValueError("a secret must be whsec_ and the base64 of 24 to 64 random bytes")


def webhook_key(secret: str) -> bytes:
    """The key a secret stands for. Raises: binascii.Error when it is no base64."""
    return base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)


def is_random(key: bytes) -> bool:
    """Whether a key could be random: one byte repeated (all zeros) is a placeholder."""
    return len(set(key)) > 1


def read_partners(
    kind: type[AnyPartner], setting: str, section: str, path: Path, environ: Mapping[str, str]
) -> tuple[dict[str, AnyPartner], list[str]]:
    """The partners of a file with their secrets from the environment, and all that is wrong.

    `setting` names the file; `section`: where its tables stand, "banks" for `[banks.<id>]`.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get(section, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{setting} {path}: {error}"]
    if not isinstance(tables, dict) or not tables:
        return {}, [f"{setting} {path}: has no [{section}.<name>] table"]
    partners: dict[str, AnyPartner] = {}
    problems: list[str] = []
    for partner_id, table in tables.items():
        try:
            partners[partner_id] = _read_partner(kind, partner_id, table, environ)
        except ValidationError as error:
            problems += problem_lines(error, f"{setting} [{section}.{partner_id}] ")
    return partners, problems


def _read_partner(
    kind: type[AnyPartner], partner_id: str, table: Any, environ: Mapping[str, str]
) -> AnyPartner:
    table = table if isinstance(table, dict) else {}
    secrets = tuple(filter(None, listed(environ.get(str(table.get("secrets_env", "")), ""))))
    return kind.model_validate(table | {"id": partner_id, "secrets": secrets})


def shared_secrets(places: Mapping[str, Partner]) -> list[str]:
    """Two partners must not share a secret, because each could sign in the other's name.

    `places`: where each stands, "BANKS_FILE [banks.icbc]".
    """
    problems: list[str] = []
    owners: dict[bytes, str] = {}
    for place, partner in places.items():
        found = {webhook_key(secret.get_secret_value()) for secret in partner.secrets}
        others = dict.fromkeys(owners[key] for key in found if key in owners)
        problems += [f"{place} secrets: one of them is a secret of {other} too" for other in others]
        owners |= dict.fromkeys(found - owners.keys(), partner.id)
    return problems


def problem_lines(error: ValidationError, where: str = "") -> list[str]:
    """One line for each problem; pydantic's own text would repeat the secret values."""
    return [
        f"{where}{'.'.join(str(p) if where else str(p).upper() for p in e['loc'])}: "
        f"{'is not set' if e['type'] == 'missing' else e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False, include_url=False)
    ]
