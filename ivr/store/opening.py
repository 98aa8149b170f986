"""Opens the whole store, once per process, from the settings.

Only the start of a process (app.py, a worker's `main`) uses this. It passes each part to the code
that needs it. No other code gets the whole store.
"""

from dataclasses import dataclass

from redis import Redis

from ivr.settings import Settings
from ivr.store import keys
from ivr.store.announcements import Announcements
from ivr.store.archive import LOOKS, REPORTS, Archive
from ivr.store.assurance import Assurance
from ivr.store.bank_health import BankHealth
from ivr.store.bank_notices import BankNotices
from ivr.store.block_times import BlockTimes
from ivr.store.callbacks import Callbacks
from ivr.store.calls import Calls
from ivr.store.card_checks import CardChecks
from ivr.store.cases import Cases
from ivr.store.claims import Claiming
from ivr.store.condition import Condition
from ivr.store.connection import DurabilityGuard, connect
from ivr.store.deadlines import Deadlines
from ivr.store.export import Export
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.known_banks import KnownBanks
from ivr.store.limits import Limiting
from ivr.store.local_journal import LocalJournal
from ivr.store.moved import Moved
from ivr.store.mover import Mover
from ivr.store.outbox import Outbox
from ivr.store.phones import Phones
from ivr.store.places import Places
from ivr.store.plans import Plans
from ivr.store.reconciliation import Reconciliation
from ivr.store.removal import Removal
from ivr.store.roster import Roster
from ivr.store.signature_faults import SignatureFaults
from ivr.store.spoken_languages import SpokenLanguages
from ivr.store.suspensions import Suspensions
from ivr.store.text_line import TextLine
from ivr.store.texting import TextExchanges
from ivr.store.vault import Vault, open_vault
from ivr.store.visits import Visits


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
    card_checks: CardChecks
    suspensions: Suspensions
    bank_health: BankHealth
    bank_notices: BankNotices
    block_times: BlockTimes
    text_line: TextLine
    journal: Journal
    archive: Archive | None
    mover: Mover
    moved: Moved
    roster: Roster
    removal: Removal
    export: Export
    condition: Condition
    known_banks: KnownBanks
    plans: Plans
    signature_faults: SignatureFaults
    phones: Phones
    text_exchanges: TextExchanges
    spoken_languages: SpokenLanguages
    limiting: Limiting
    announcements: Announcements
    places: Places
    visits: Visits
    callbacks: Callbacks


def open_store(settings: Settings, redis: Redis | None = None) -> Store:
    """Opens the records; does not talk to Redis yet, so it works while Redis is down."""
    redis = connect(settings.redis_location) if redis is None else redis
    vault = open_vault(redis, settings)
    holders = Holders(redis, vault)
    place = settings.archive_place
    archive = None if place is None else Archive(place)
    journal = Journal(redis, settings.journal_retention_days * keys.DAY, archive)
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
    removal = Removal(redis, vault, journal)
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
        reconciliation=Reconciliation(redis, holders, journal),
        card_checks=CardChecks(redis, vault),
        suspensions=Suspensions(redis, holders, journal),
        bank_health=health,
        bank_notices=BankNotices(redis, outbox, journal),
        block_times=BlockTimes(redis),
        text_line=text_line,
        journal=journal,
        archive=archive,
        mover=Mover(
            journal,
            Moved(redis),
            archive,
            in_redis_seconds=settings.journal_in_redis_days * keys.DAY,
            lives={
                LOOKS: settings.journal_retention_days * keys.DAY,
                REPORTS: settings.report_retention_days * keys.DAY,
            },
        ),
        moved=Moved(redis),
        roster=Roster(redis, vault),
        removal=removal,
        export=Export(vault, holders, removal, outbox, journal),
        condition=Condition(
            redis,
            vault,
            outbox,
            durability,
            settings.told,
            text_line,
            local_journal,
            settings.replicas,
            journal,
            settings.journal_in_redis_days,
        ),
        known_banks=KnownBanks(redis),
        plans=Plans(redis),
        signature_faults=SignatureFaults(redis),
        phones=Phones(redis, vault),
        text_exchanges=TextExchanges(redis),
        spoken_languages=SpokenLanguages(redis),
        limiting=limiting,
        announcements=Announcements(redis),
        places=Places(redis),
        visits=Visits(redis, vault, holders, limiting),
        callbacks=Callbacks(redis, vault, journal),
    )
