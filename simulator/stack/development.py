"""Development values for every setting that the environment does not give.

Secrets are made once and kept in DATA_DIR/development.env, so that the next `make run` can read
what the last one wrote. They are no defaults of the product: the product has none.
"""

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from simulator.bank.card_centre import NAME as CARD_CENTRE
from simulator.bank.card_centre import SECRETS_ENV
from simulator.stack.demo_cardholders import demo_cardholders, demo_cities
from simulator.stack.ports import LOOPBACK, Ports
from simulator.stack.problem import StartError

ENV_FILE = "development.env"


@dataclass(frozen=True)
class DemoBank:
    """One of the four banks that the sandbox plays."""

    id: str
    zh: str
    en: str
    phone: str

    @property
    def secrets_env(self) -> str:
        return f"{self.id.upper()}_SECRETS"


DEMO_BANKS = (
    DemoBank("icbc", "工商银行", "ICBC", "95588"),
    DemoBank("ccb", "建设银行", "China Construction Bank", "95533"),
    DemoBank("abc", "农业银行", "Agricultural Bank of China", "95599"),
    DemoBank("boc", "中国银行", "Bank of China", "95566"),
)


def environment(
    given: Mapping[str, str], data_dir: Path, ports: Ports, redis_url: str
) -> dict[str, str]:
    """The whole environment of the programs: given values win, an empty one counts as not given.

    Writes development.env, banks.toml, subscribers.toml and demo_cardholders.csv into DATA_DIR.
    Raises StartError.
    """
    values = _made_once(data_dir / ENV_FILE) | _values(data_dir, ports)
    values["REDIS_URL"] = redis_url
    _write_private(data_dir / ENV_FILE, _as_env_file(values))
    _write_private(data_dir / "banks.toml", _banks_toml(ports))
    _write_private(data_dir / "subscribers.toml", _subscribers_toml(ports))
    told = values | {name: value for name, value in given.items() if value or name not in values}
    people = demo_cardholders(Path(told["BANKS_FILE"]))
    _write_private(data_dir / "demo_cardholders.csv", people)
    return told


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines as this module writes them (`flask` commands read them too)."""
    words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words)


def _made_once(path: Path) -> dict[str, str]:
    """The secrets of the last run; those it did not have yet are made up now."""
    try:
        known = read_env_file(path) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read ({error}). Mend it or move it away.") from error
    made: dict[str, str] = {
        "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "DATA_KEYS": Fernet.generate_key().decode(),
        **{bank.secrets_env: _webhook_secret() for bank in DEMO_BANKS},
        SECRETS_ENV: _webhook_secret(),
    }
    return {name: known.get(name) or value for name, value in made.items()}


def _values(data_dir: Path, ports: Ports) -> dict[str, str]:
    return {
        "HOTLINE_DEVELOPMENT": "1",
        "DATA_DIR": str(data_dir),
        "PORT": str(ports.web),
        "SIMULATOR_PORT": str(ports.simulator),
        "BANK_PORT": str(ports.bank),
        "BIND_ADDRESS": LOOPBACK,
        "OPERATIONS_BIND": f"{LOOPBACK}:{ports.operations}",
        "PUBLIC_BASE_URL": f"http://{LOOPBACK}:{ports.web}",
        "TWILIO_API_BASE": f"http://{LOOPBACK}:{ports.simulator}",
        "TWILIO_FROM_NUMBER": "+8612333",
        "AGENT_NUMBER": "+8615400012333",  # 154: a range that no operator has been given
        "AGENT_HOURS": "mon-fri 08:30-17:30",
        "BANKS_FILE": str(data_dir / "banks.toml"),
        "SUBSCRIBERS_FILE": str(data_dir / "subscribers.toml"),
        "DEMO_CARDHOLDERS": str(data_dir / "demo_cardholders.csv"),
        # A few made-up people are looked up all day, from a few phones.
        "LOOKUPS_PER_ID_NUMBER": "0",
        "ID_NUMBERS_PER_CALLER": "0",
        "ID_NUMBERS_PER_ADDRESS": "0",
        "HOLDERS_REPORTED_PER_CALLER": "0",
    }


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _banks_toml(ports: Ports) -> str:
    tables = [
        f"[banks.{bank.id}]\n"
        f'name = {{ zh = "{bank.zh}", en = "{bank.en}" }}\n'
        f'phone = "{bank.phone}"\n'
        f'notice_url = "http://{LOOPBACK}:{ports.bank}/{bank.id}/notices"\n'
        f'secrets_env = "{bank.secrets_env}"\n'
        "max_in_flight = 2\n"
        for bank in DEMO_BANKS
    ]
    return "\n".join(
        ["# Written anew at every `make run`. For banks of your own: BANKS_FILE", *tables]
    )


def _subscribers_toml(ports: Ports) -> str:
    """The card centre of all cities that made-up people have cards of."""
    return (
        "# Written anew at every `make run`. For subscribers of your own: SUBSCRIBERS_FILE\n"
        f"[subscribers.{CARD_CENTRE}]\n"
        'name = "Sandbox card centre"\n'
        f"cities = {json.dumps(demo_cities())}\n"
        f'notice_url = "http://{LOOPBACK}:{ports.bank}/{CARD_CENTRE}/notices"\n'
        f'secrets_env = "{SECRETS_ENV}"\n'
    )


def _as_env_file(values: Mapping[str, str]) -> str:
    lines = [f"{name}={shlex.quote(value)}" for name, value in sorted(values.items())]
    return "\n".join(["# Development only: made by `make run`. The environment wins.", *lines, ""])


def _write_private(path: Path, text: str) -> None:
    """Complete or not at all, and for this user only."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(opened, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
