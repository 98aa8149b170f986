"""Opens the whole store, once per process, from the settings.

Only the start of a process (app.py, a worker's `main`) uses this. It passes each part to the code
that needs it. No other code gets the whole store.
"""

from dataclasses import dataclass

from redis import Redis

from ivr.settings import Settings
from ivr.store import keys
from ivr.store.assurance import Assurance
from ivr.store.bank_health import BankHealth
from ivr.store.calls import Calls
from ivr.store.cases import Cases
from ivr.store.claims import Claiming
from ivr.store.condition import Condition
from ivr.store.connection import DurabilityGuard, connect
from ivr.store.deadlines import Deadlines
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.known_banks import KnownBanks
from ivr.store.limits import Limiting
from ivr.store.local_journal import LocalJournal
from ivr.store.outbox import Outbox
from ivr.store.reconciliation import Reconciliation
from ivr.store.removal import Removal
from ivr.store.roster import Roster
from ivr.store.text_line import TextLine
from ivr.store.vault import Vault


@dataclass(frozen=True)
class Store:
    """The parts of one deployment's records, all on one Redis."""

    vault: Vault
    holders: Holders
    calls: Calls
    cases: Cases
    local_journal: LocalJournal
    assurance: Assurance
    outbox: Outbox
    claiming: Claiming
    deadlines: Deadlines
    reconciliation: Reconciliation
    bank_health: BankHealth
    text_line: TextLine
    journal: Journal
    roster: Roster
    removal: Removal
    condition: Condition
    known_banks: KnownBanks
    limiting: Limiting


def open_store(settings: Settings, redis: Redis | None = None) -> Store:
    """Opens the records; does not talk to Redis yet, so it works while Redis is down."""
    redis = connect(settings.redis_location) if redis is None else redis
    vault = Vault(redis, [key.get_secret_value() for key in settings.data_keys])
    holders = Holders(redis, vault)
    journal = Journal(redis, settings.journal_retention_days * keys.DAY)
    outbox = Outbox(redis, vault, journal)
    health = BankHealth(redis)
    text_line = TextLine(redis)
    durability = DurabilityGuard(redis, development=settings.hotline_development)
    cases = Cases(
        redis,
        vault,
        outbox,
        journal,
        health,
        durability,
        retention_seconds=settings.report_retention_days * keys.DAY,
    )
    limiting = Limiting(redis, vault, journal, settings.limits)
    local_journal = LocalJournal(settings.journal_dir, settings.loss_report_days)
    return Store(
        vault=vault,
        holders=holders,
        calls=Calls(redis, holders, limiting),
        cases=cases,
        local_journal=local_journal,
        assurance=Assurance(redis, settings.replicas, local_journal),
        outbox=outbox,
        claiming=Claiming(redis, outbox),
        deadlines=Deadlines(redis),
        reconciliation=Reconciliation(redis, holders),
        bank_health=health,
        text_line=text_line,
        journal=journal,
        roster=Roster(redis, vault),
        removal=Removal(redis, journal),
        condition=Condition(
            redis,
            vault,
            outbox,
            durability,
            settings.banks,
            text_line,
            local_journal,
            settings.replicas,
        ),
        known_banks=KnownBanks(redis),
        limiting=limiting,
    )
