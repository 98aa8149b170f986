"""The settings: read from the environment once, checked together, then passed around frozen.

No secret has a default. `make run` (simulator/) supplies development values from outside.
"""

import base64
import binascii
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from ivr.agent_hours import AgentHours
from ivr.banks_file import Bank, read_banks
from ivr.cards.limits import Limits, SecondFactor
from ivr.ciphers import SUITES, SuiteName
from ivr.days_file import read_days
from ivr.environment import all_visible, cleaned, listed
from ivr.errors import HotlineError
from ivr.hosts import address_in, host_in
from ivr.partner import Partner, ProtectedUrl, is_random, problem_lines, shared_secrets, split_url
from ivr.redis_url import SENTINEL_SCHEME, check_redis_url
from ivr.rules_file import SEEDS, CityRules, read_rules
from ivr.subscribers_file import Subscriber, read_subscribers

PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@-]+")
TOKEN = re.compile(r"(?![\"'])[ -~]+(?<![\"'])")  # for a header; half a pair of quotes is a slip
SIGN_NAME = re.compile(r"(?=.*[一-鿿])[^\s【】\[\]]{2,16}")
KEPT_AFTER_RELEASE_DAYS = 30  # the release must find the report, even after a long outage
LONGEST_DAYS = 36_500  # 100 years; far beyond that Redis refuses to write what shall end then
MOST_LIMIT = 1000  # one caller's measures; more would be no measure, and fill Redis
EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104


def _registered_name(name: str) -> str:
    """Gateways refuse others: digits alone, none of them Chinese, brackets of one's own."""
    if name and not SIGN_NAME.fullmatch(name):
        raise ValueError("must be 2 to 16 characters, Chinese among them, without brackets")
    return name


class SettingsError(HotlineError):
    """The environment cannot be used; `problems` has one line for each thing to correct."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Settings to correct:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = problems


class Settings(BaseModel):
    """Everything the environment decides. Names are the environment variables' names."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    public_base_url: str = Field(repr=False, description="where Twilio and banks reach us")
    twilio_account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    twilio_auth_token: tuple[SecretStr, ...] = Field(
        description="any admits Twilio; the first is the one we send texts with"
    )
    twilio_from_number: str = Field(pattern=r"^\+?[0-9]{3,15}$", description="sender of texts")
    twilio_api_base: ProtectedUrl = "https://api.twilio.com"
    sms_sender: Literal["twilio", "gateway"] = Field(
        default="twilio", description="who sends the texts"
    )
    gateway_url: ProtectedUrl = Field(default="", repr=False, description="of a domestic gateway")
    gateway_key_id: str = Field(default="", description="names GATEWAY_SECRET")
    gateway_secret: SecretStr = Field(default=SecretStr(""), description="signs what we send there")
    text_signature: Annotated[str, AfterValidator(_registered_name)] = Field(
        default="", description="the registered name before every text"
    )
    templates_file: Path | None = Field(
        default=None, description="the gateway's ids of our texts; unset: their names"
    )
    text_replies: bool = Field(default=True, description="whether holders can answer our texts")
    banks_file: Path
    rules_file: Path | None = Field(default=None, description="unset: the domain's own rules")
    subscribers_file: Path | None = Field(default=None, description="unset: nobody else is told")
    data_keys: tuple[SecretStr, ...] = Field(description="newest first")
    crypto: SuiteName = Field(
        default="aes", validate_default=True, description="the ciphers that seal; see ciphers.py"
    )
    agent_number: str = Field(pattern=r"^\+?[0-9]{3,15}$")
    agent_hours: AgentHours
    days_file: Path | None = Field(
        default=None, description="days kept otherwise than the State Council's calendar says"
    )
    data_dir: Path = Path("var")
    redis_url: str = Field(default="", repr=False, description="unset: the embedded server")
    wait_for_replicas: int | None = Field(
        default=None, ge=0, le=10, description="unset: 1 with Sentinel, otherwise 0"
    )
    journal_dir: Path | None = Field(
        default=None, description="where this machine keeps every report it told of"
    )
    archive_dir: Path | None = Field(
        default=None,
        description="where one machine keeps the older journal; unset: DATA_DIR/archive beside the "
        "embedded server, none beside any other",
    )
    audio_dir: Path | None = Field(default=None, description="recorded voices; see recordings.py")
    voice: Literal["synthesis", "recorded"] = Field(
        default="synthesis", description="recorded: a call is recordings only, or nothing starts"
    )
    port: int = Field(default=8000, ge=1, le=65535)
    bind_address: str = Field(default="0.0.0.0", description="where the web listens")  # noqa: S104
    behind_proxy: bool = Field(default=False, description="a proxy before us buffers requests")
    trusted_proxies: int = Field(
        default=0, ge=0, le=9, description="that add to X-Forwarded-For before us, in a row"
    )
    operations_bind: str = Field(default="", description="unset: 127.0.0.1 and PORT + 3")
    worker_processes: int | None = Field(
        default=None,
        ge=1,
        description="that deliver to banks; unset: one less than there are cores",
    )
    loss_report_days: int = Field(default=7, ge=1, le=30, description="domain.md section 1")
    report_retention_days: int = Field(default=1095, le=LONGEST_DAYS)
    journal_retention_days: int = Field(default=365, ge=30, le=LONGEST_DAYS)
    journal_in_redis_days: int = Field(
        default=30, ge=1, le=LONGEST_DAYS, description="older days are moved to ARCHIVE_DIR"
    )
    bank_events_per_minute: int = Field(default=600, ge=1, description="of one bank; then 429")
    speech: bool = Field(default=False, description="menus listen to words beside keys")
    second_factor: SecondFactor = SecondFactor.NONE
    id_numbers_per_caller: int = Field(default=3, ge=0, le=MOST_LIMIT, description="in 24 h")
    id_numbers_per_hidden_call: int = Field(default=1, ge=0, le=MOST_LIMIT)
    id_numbers_per_address: int = Field(
        default=60, ge=0, le=MOST_LIMIT, description="of a network address on the website, in 24 h"
    )
    misses_per_hour: int = Field(default=3, ge=0, le=MOST_LIMIT, description="of a calling number")
    misses_per_day: int = Field(default=6, ge=0, le=MOST_LIMIT, description="of a calling number")
    lookups_per_id_number: int = Field(default=6, ge=0, le=MOST_LIMIT, description="in 24 h")
    holders_reported_per_caller: int = Field(default=2, ge=0, le=MOST_LIMIT, description="in 24 h")
    breaker_lookups: int = Field(default=50, ge=0, description="in 15 minutes, at least")
    breaker_reports: int = Field(default=30, ge=0, description="in this hour, at least")
    hotline_development: bool = Field(default=False, description="only `make run` sets this")
    banks: dict[str, Bank] = Field(default_factory=dict, exclude=True)
    subscribers: dict[str, Subscriber] = Field(default_factory=dict, exclude=True)
    rules: CityRules = Field(default=SEEDS, exclude=True)

    @field_validator("public_base_url")
    @classmethod
    def _absolute_without_query(cls, url: str) -> str:
        parts = split_url(url)
        if parts.query or parts.fragment:
            raise ValueError("must have no query and no fragment")
        return url.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _can_be_opened(cls, url: str) -> str:
        return check_redis_url(url)

    @field_validator("journal_dir", "archive_dir")
    @classmethod
    def _can_be_written(cls, place: Path | None) -> Path | None:
        if place is not None and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
            raise ValueError("must be a directory that this user can write: mkdir -m 700 makes it")
        return place

    @field_validator("bind_address")
    @classmethod
    def _host_alone(cls, bind: str) -> str:
        if host_in(bind) is None:
            raise ValueError("must be a host without a port: 127.0.0.1 or [::1]; PORT is the port")
        return bind

    @field_validator("operations_bind")
    @classmethod
    def _host_and_port(cls, bind: str) -> str:
        if bind and address_in(bind) is None:
            raise ValueError("must be a host and a port: 127.0.0.1:8003 or [::1]:8003")
        return bind

    @field_validator("twilio_auth_token", "data_keys", mode="before")
    @classmethod
    def _split(cls, values: Any) -> Any:
        return listed(values) if isinstance(values, str) else values

    @field_validator("twilio_auth_token")
    @classmethod
    def _sendable_tokens(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, token in enumerate(tokens, 1):
            if not TOKEN.fullmatch(token.get_secret_value()):
                raise ValueError(f"token {number} is empty, or holds what no token of Twilio does")
        return tokens

    @field_validator("data_keys")
    @classmethod
    def _keys_of_32_bytes(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, 1):
            if not _is_32_byte_key(key.get_secret_value()):
                raise ValueError(f"key {number} is not the url-safe base64 of 32 random bytes")
        if not keys:
            raise ValueError("needs at least one key")
        return keys

    @field_validator("crypto")
    @classmethod
    def _offered_here(cls, name: SuiteName) -> SuiteName:
        if not SUITES[name].is_offered():
            raise ValueError(f"{name} needs ciphers that this machine's OpenSSL does not offer")
        return name

    @field_validator("report_retention_days")
    @classmethod
    def _longer_than_a_suspension(cls, days: int, known: ValidationInfo) -> int:
        least = known.data.get("loss_report_days", 0) + KEPT_AFTER_RELEASE_DAYS
        if days < least:
            raise ValueError(f"must be at least {least}: LOSS_REPORT_DAYS and 30 more")
        return days

    @field_validator("journal_in_redis_days")
    @classmethod
    def _not_beyond_its_life(cls, days: int, known: ValidationInfo) -> int:
        if days > known.data.get("journal_retention_days", days):
            raise ValueError("must not be more than JOURNAL_RETENTION_DAYS")
        return days

    @field_validator("agent_hours", mode="before")
    @classmethod
    def _parse_hours(cls, hours: Any) -> Any:
        return AgentHours.parse(hours) if isinstance(hours, str) else hours

    @field_validator("*", mode="before")
    @classmethod
    def _visible(cls, value: Any) -> Any:
        """Stands last, for of these pydantic runs the last one first."""
        return all_visible(value)

    @property
    def loss_report_seconds(self) -> int:
        """How long the social security function stays suspended (604 800 s for 7 days)."""
        return self.loss_report_days * 24 * 3600

    @property
    def told(self) -> dict[str, Partner]:
        """All banks and subscribers that get notices, by the names they have there."""
        partners = [*self.banks.values(), *self.subscribers.values()]
        return {each.who: each for each in partners if each.notice_url}

    @property
    def limits(self) -> Limits:
        """How much one caller may ask; each off with 0."""
        names = [each.name for each in fields(Limits) if each.name in type(self).model_fields]
        are_codes_texted = self.second_factor is SecondFactor.TEXT_CODE
        values = {name: getattr(self, name) for name in names}
        return Limits(**values, are_codes_texted=are_codes_texted)

    @property
    def texts_are_answered(self) -> bool:
        """Whether our texts may ask for an answer by text."""
        return self.text_replies and self.sms_sender == "twilio"

    @property
    def replicas(self) -> int:
        """How many replicas must have a report before a caller hears of it."""
        if self.wait_for_replicas is not None:
            return self.wait_for_replicas
        return 1 if self.redis_url.startswith(SENTINEL_SCHEME) else 0

    @property
    def archive_place(self) -> Path | None:
        """Where this machine keeps the older journal, if it does. Beside a Redis of many machines
        nobody can know which of them is to do that, so it must be said.
        """
        is_embedded = self.redis_location == _embedded_url(self.data_dir)
        return self.archive_dir or (self.data_dir / "archive" if is_embedded else None)

    @property
    def redis_location(self) -> str:
        """`REDIS_URL`, or the embedded server's socket."""
        return self.redis_url or _embedded_url(self.data_dir)


def _embedded_url(data_dir: Path) -> str:
    return f"unix://{embedded_socket(data_dir)}"


def embedded_socket(data_dir: Path) -> Path:
    """Where the embedded server of a data directory listens.

    A socket's path holds 107 bytes at most (unix(7)), so a longer path is replaced by a short one.
    So is a path with a space or the like, because redis-py cannot read it in CLIENT INFO.
    """
    path = (data_dir / "redis" / "redis.sock").resolve()
    if len(os.fsencode(path)) <= 107 and PLAIN_PATH.fullmatch(str(path)):
        return path
    short = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{short}" / "redis.sock"


def _is_32_byte_key(text: str) -> bool:
    try:
        key = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        return False
    return len(key) == 32 and is_random(key)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks the whole environment.

    Raises:
        SettingsError: naming every problem at once, never a secret's value.
    """
    environ = cleaned(os.environ if environ is None else environ)
    known = {n: environ[n.upper()] for n in Settings.model_fields if environ.get(n.upper())}
    banks, subscribers, problems = _partners(known, environ)
    rules, faults = _rules(known)
    problems += faults
    files = {"banks": banks, "subscribers": subscribers, "rules": rules}
    try:
        settings = Settings.model_validate(known | files)
    except ValidationError as error:
        raise SettingsError(problem_lines(error) + problems) from None
    problems += [*_collision(settings, environ), *_gateway_lacks(settings)]
    if settings.days_file is not None:
        days, faults = read_days(settings.days_file)
        hours = replace(settings.agent_hours, other_days=days)
        settings, problems = settings.model_copy(update={"agent_hours": hours}), problems + faults
    if problems:
        raise SettingsError(problems)
    return settings


def _partners(
    known: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[dict[str, Bank], dict[str, Subscriber], list[str]]:
    """Who stands in the two files, and all that is wrong. An id names one of them, or none."""
    banks: dict[str, Bank] = {}
    subscribers: dict[str, Subscriber] = {}
    problems: list[str] = []
    if "banks_file" in known:
        banks, problems = read_banks(Path(known["banks_file"]), environ)
    if "subscribers_file" in known:
        subscribers, faults = read_subscribers(Path(known["subscribers_file"]), environ)
        problems += faults
    places: dict[str, Partner] = {f"BANKS_FILE [banks.{name}]": banks[name] for name in banks}
    for name, each in subscribers.items():
        place = f"SUBSCRIBERS_FILE [subscribers.{name}]"
        places[place] = each
        if name in banks:
            problems.append(f"{place}: a bank is called so; choose another name")
    return banks, subscribers, problems + shared_secrets(places)


def _rules(known: dict[str, str]) -> tuple[CityRules, list[str]]:
    """The rules of RULES_FILE, and all that is wrong; their days stand for LOSS_REPORT_DAYS."""
    if "rules_file" not in known:
        return SEEDS, []
    rules, problems = read_rules(Path(known["rules_file"]))
    if rules.suspension_days is not None:
        if "loss_report_days" in known:
            problems.append(
                "RULES_FILE suspension_days: LOSS_REPORT_DAYS is set too; leave one out"
            )
        known["loss_report_days"] = str(rules.suspension_days)
    return rules, problems


def _gateway_lacks(settings: Settings) -> list[str]:
    """What SMS_SENDER=gateway needs besides."""
    if settings.sms_sender != "gateway":
        return []
    needed = {
        "GATEWAY_URL": settings.gateway_url,
        "GATEWAY_KEY_ID": settings.gateway_key_id,
        "GATEWAY_SECRET": settings.gateway_secret.get_secret_value(),
        "TEXT_SIGNATURE": settings.text_signature,
    }
    return [f"{name}: is not set, and SMS_SENDER is gateway" for name in needed if not needed[name]]


def _collision(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """The web and the operations would want one port. honcho gives each program another PORT, so
    there it can be judged by the web alone.
    """
    operations = address_in(settings.operations_bind)
    is_the_webs = environ.get("HONCHO_PROCESS_NAME", "web").startswith("web")
    if operations is None or not is_the_webs or operations[1] != settings.port:
        return []
    hosts = {operations[0], host_in(settings.bind_address)}
    if len(hosts) > 1 and not hosts & EVERY_ADDRESS:
        return []
    return ["OPERATIONS_BIND: the web listens there (BIND_ADDRESS and PORT); choose another port"]
