"""Everything that is remembered, opened once per process from the settings."""

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Final

from redis import Redis
from rq import Queue

from ivr.settings import Settings
from ivr.store import keys
from ivr.store.bank_health import BankHealth
from ivr.store.blocks import BlockBook
from ivr.store.calls import CallBook
from ivr.store.codec import plain
from ivr.store.connection import DurabilityGuard, connect
from ivr.store.holders import HolderBook
from ivr.store.journal import Journal
from ivr.store.notices import TEXTS_QUEUE, Outbox, bank_queue
from ivr.store.reconciliation import Reconciliation
from ivr.store.releases import Releases
from ivr.store.reminders import Reminders
from ivr.store.reports import ReportBook
from ivr.store.vault import Vault

MOST_COUNTED: Final = 10_000  # open notices, when a bank has left


@dataclass(frozen=True)
class Hotline:
    """The books of one deployment, all on one Redis."""

    settings: Settings
    redis: "Redis"
    durability: DurabilityGuard
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

    def check_vault(self) -> None:
        """Asks now, and writes nothing.

        Raises:
            WrongDataKeysError: DATA_KEYS do not open this Redis's reference key.
        """
        sealed = self.redis.get(keys.VAULT)
        if sealed is not None:
            self.vault.unseal(sealed)

    def banks_left_behind(self) -> dict[str, int]:
        """Banks that are not in BANKS_FILE any more -> how many blocks and open notices name them.

        A bank is known by the queue its first notice made. One round trip when none has left.
        """
        queues = {plain(key) for key in self.redis.smembers(Queue.redis_queues_keys)}
        known = {bank_queue(bank) for bank in self.settings.banks}
        prefix = Queue.redis_queue_namespace_prefix
        gone = {key.removeprefix(prefix) for key in queues} - known - {TEXTS_QUEUE}
        owed = Counter(queue for _, queue in self.outbox.due(inf, MOST_COUNTED)) if gone else {}
        found = {}
        for queue in sorted(gone):
            bank = queue.removeprefix(bank_queue(""))
            found[bank] = self.redis.zcard(keys.blocks(bank)) + owed.get(queue, 0)
        return {bank: count for bank, count in found.items() if count}


def open_hotline(settings: Settings, redis: "Redis | None" = None) -> Hotline:
    """Opens the books; does not talk to Redis yet, so it works while Redis is down."""
    redis = connect(settings.redis_location) if redis is None else redis
    vault = Vault(redis, [key.get_secret_value() for key in settings.data_keys])
    holders = HolderBook(redis, vault)
    outbox = Outbox(redis, vault)
    health = BankHealth(redis)
    durability = DurabilityGuard(redis, development=settings.hotline_development)
    journal = Journal(redis, settings.journal_retention_days * keys.DAY)
    reports = ReportBook(
        redis,
        vault,
        outbox,
        journal,
        durability,
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
        durability=durability,
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
