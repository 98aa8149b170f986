"""Everything that is remembered, opened once per process from the settings."""

from dataclasses import dataclass

from redis import Redis

from ivr.settings import Settings
from ivr.store import keys
from ivr.store.bank_health import BankHealth
from ivr.store.blocks import BlockBook
from ivr.store.calls import CallBook
from ivr.store.connection import connect
from ivr.store.holders import HolderBook
from ivr.store.journal import Journal
from ivr.store.notices import Outbox
from ivr.store.reconciliation import Reconciliation
from ivr.store.releases import Releases
from ivr.store.reminders import Reminders
from ivr.store.reports import ReportBook
from ivr.store.vault import Vault


@dataclass(frozen=True)
class Hotline:
    """The books of one deployment, all on one Redis."""

    settings: Settings
    redis: "Redis"
    vault: Vault
    holders: HolderBook
    calls: CallBook
    reports: ReportBook
    releases: Releases
    reminders: Reminders
    blocks: BlockBook
    reconciliation: Reconciliation
    outbox: Outbox
    bank_health: BankHealth
    journal: Journal


def open_hotline(settings: Settings, redis: "Redis | None" = None) -> Hotline:
    """Opens the books; does not talk to Redis yet, so it works while Redis is down."""
    redis = connect(settings.redis_location) if redis is None else redis
    vault = Vault(redis, [key.get_secret_value() for key in settings.data_keys])
    holders = HolderBook(redis, vault)
    outbox = Outbox(redis, vault)
    health = BankHealth(redis)
    journal = Journal(redis, settings.journal_retention_days * keys.DAY)
    reports = ReportBook(
        redis,
        vault,
        outbox,
        journal,
        suspension_seconds=settings.loss_report_seconds,
        retention_seconds=settings.report_retention_days * keys.DAY,
        replicas=settings.replicas,
    )
    blocks = BlockBook(
        redis,
        vault,
        outbox,
        journal,
        health,
        retention_seconds=settings.report_retention_days * keys.DAY,
    )
    return Hotline(
        settings=settings,
        redis=redis,
        vault=vault,
        holders=holders,
        calls=CallBook(redis, holders),
        reports=reports,
        releases=Releases(redis, outbox, journal),
        reminders=Reminders(redis, outbox, journal),
        blocks=blocks,
        reconciliation=Reconciliation(redis, holders),
        outbox=outbox,
        bank_health=health,
        journal=journal,
    )
