"""Banks, settings and notices for the workers' tests."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from redis import Redis

from ivr.banks_file import Bank
from ivr.cards.change import Change, Owed
from ivr.cards.notice import Attempt, Notice, NoticeKind
from ivr.settings import Settings, read_settings
from ivr.store.claims import Queue
from ivr.store.outbox import bank_queue, new_notice_id
from tests.hotline import Hotline, open_hotline
from tests.workers.loop import wait_for
from workers.archiving import Archiving
from workers.delivery import Client, Delivery
from workers.restoring import Restoring
from workers.sweep import Sweep

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one of the specification's examples
OLD_SECRET = "whsec_" + base64.b64encode(b"an old secret of 24 bytes").decode()
LEASE = 30
DATA_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


def a_bank(url: str, **changes: Any) -> Bank:
    details: dict[str, Any] = {
        "id": "icbc",
        "name": {"zh": "工商银行", "en": "ICBC"},
        "phone": "95588",
        "notice_url": f"{url}/notices?from=12333",
        "secrets_env": "ICBC_SECRETS",
        "secrets": (SECRET,),
        "timeout_seconds": 5,
    }
    return Bank.model_validate(details | changes)


def an_environment(
    directory: Path, redis_url: str, *banks: Bank, twilio: str = "http://127.0.0.1:9", **more: str
) -> dict[str, str]:
    """Everything a worker reads, with a BANKS_FILE in `directory`."""
    banks_file = directory / "banks.toml"
    banks_file.write_text("\n".join(_table(bank) for bank in banks), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "PUBLIC_BASE_URL": "https://hotline.example",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "a-token",
        "TWILIO_FROM_NUMBER": "+8612333",
        "TWILIO_API_BASE": twilio,
        "BANKS_FILE": str(banks_file),
        "DATA_KEYS": DATA_KEY,
        "AGENT_NUMBER": "+861012333",
        "AGENT_HOURS": "00:00-24:00",
        "DATA_DIR": str(directory / "var"),
        "REDIS_URL": redis_url,
        "ICBC_SECRETS": SECRET,
        "CCB_SECRETS": OLD_SECRET,
        **more,
    }


def _table(bank: Bank) -> str:
    names = ", ".join(f'{language} = "{name}"' for language, name in bank.name.items())
    lines = [
        f"[banks.{bank.id}]",
        f"name = {{ {names} }}",
        f'phone = "{bank.phone}"',
        f'notice_url = "{bank.notice_url}"',
        f'secrets_env = "{bank.secrets_env}"',
        f"timeout_seconds = {bank.timeout_seconds}",
        f"max_in_flight = {bank.max_in_flight}",
    ]
    files = {name: getattr(bank, name) for name in ("client_cert_file", "client_key_file")}
    return "\n".join(lines + [f'{name} = "{path}"' for name, path in files.items() if path])


def some_settings(directory: Path, redis_url: str, *banks: Bank, **more: str) -> Settings:
    return read_settings(an_environment(directory, redis_url, *banks, **more))


def a_hotline(directory: Path, redis: "Redis", *banks: Bank) -> Hotline:
    return open_hotline(some_settings(directory, "unix:///unused", *banks), redis)


def owe(hotline: Hotline, *, queue: str = bank_queue("icbc"), age_seconds: int = 0) -> Notice:
    """A notice to a bank, with its doorbell rung."""
    reading = hotline.cases.of_notice("")
    body = {"type": "ping", "data": {"word": "叮"}}
    bank, notice_id = queue.removeprefix(bank_queue("")), new_notice_id()
    owed = Owed(NoticeKind.PING, bank, reading.now - age_seconds, body, id=notice_id)
    assert hotline.cases.commit(Change(owes=(owed,)), reading)
    notice = hotline.outbox.find(notice_id)
    assert notice is not None
    return notice


def a_delivery(hotline: Hotline, queue: str, client: Client, write: Callable[..., str]) -> Delivery:
    """Delivers a queue's notices, never paused, the same way every time."""
    served = Queue(queue, queue.removeprefix(bank_queue("")), 8, LEASE, pauses=False)
    return Delivery(
        served, client, write, hotline.claiming, hotline.outbox, hotline.service, Random(1)
    )


class Nobody:
    """The other side, where it must hear nothing."""

    longest_seconds = 1.0

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:
        raise AssertionError(notice_id, body, at)

    async def close(self) -> None: ...


def deliver(hotline: Hotline, delivery: Delivery, bell: str = "") -> None:
    """Attempts all that is due in a queue once, as a delivering process does."""
    taken = delivery.claim(bell)
    posted = [wait_for(delivery.post(posting)) for posting in taken.postings]
    hotline.service.settle_all([*taken.made, *filter(None, posted)])


def sweep_of(hotline: Hotline) -> Sweep:
    """The clock's rounds."""
    return Sweep(
        hotline.service,
        hotline.outbox,
        hotline.bank_health,
        hotline.condition,
        hotline.journal,
        hotline.roster,
        Restoring(hotline.local_journal, hotline.cases, hotline.service),
        Archiving(hotline.mover, hotline.outbox.now),
        hotline.limiting,
        hotline.settings.banks,
    )
