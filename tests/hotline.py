"""All of one deployment at once, for tests: the service, every part of the store, and Redis."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from redis import Redis
from redis.exceptions import ResponseError

from ivr.cards.notice import Notice
from ivr.service import CardService, open_service
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.announcements import Announcements
from ivr.store.archive import Archive
from ivr.store.assurance import Assurance
from ivr.store.bank_health import BankHealth
from ivr.store.bank_notices import BankNotices
from ivr.store.block_times import BlockTimes
from ivr.store.callbacks import Callbacks
from ivr.store.calls import Calls
from ivr.store.card_checks import CardChecks
from ivr.store.cases import Cases
from ivr.store.claims import Claim, Claiming, Queue
from ivr.store.codec import plain
from ivr.store.condition import Condition
from ivr.store.connection import connect
from ivr.store.deadlines import Deadlines
from ivr.store.export import Export
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.known_banks import KnownBanks
from ivr.store.limits import Limiting
from ivr.store.local_journal import LocalJournal
from ivr.store.moved import Moved
from ivr.store.mover import Mover
from ivr.store.opening import open_store
from ivr.store.outbox import TEXTS_QUEUE, Outbox, bank_queue
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
from ivr.store.vault import Vault
from ivr.store.visits import Visits
from workers.delivery import MOST_AT_ONCE


@dataclass(frozen=True)
class Hotline:
    """What the program hands out part by part."""

    settings: Settings
    redis: Redis
    service: CardService
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

    @classmethod
    def open(cls, settings: Settings, redis: Redis | None = None) -> Self:
        redis = connect(settings.redis_location) if redis is None else redis
        store = open_store(settings, redis)
        return cls(settings, redis, open_service(store, settings), **vars(store))


def open_hotline(settings: Settings, redis: Redis | None = None) -> Hotline:
    """Does not talk to Redis yet."""
    return Hotline.open(settings, redis)


def is_paused(hotline: Hotline, bank: str) -> bool:
    """Whether the bank gets no more than a probe."""
    return hotline.condition.figures().standings[bank].health.is_paused


def ringing(hotline: Hotline, queue: str) -> list[str]:
    """The notice ids whose job waits in a queue."""
    jobs = hotline.redis.lrange(keys.rung(queue), 0, -1)
    return [plain(job).partition("_")[0] for job in jobs]


def leased(hotline: Hotline, notice_id: str, seconds: float) -> Notice | None:
    """The notice as if somebody attempted it for so long from now; None when it is not due."""
    now, due = hotline.outbox.now(), hotline.redis.zscore(keys.NOTICES_OPEN, notice_id)
    found = hotline.outbox.find(notice_id)
    if due is None or due > now or found is None:
        return None
    for place in (keys.NOTICES_OPEN, keys.open_in(found.queue)):
        with suppress(ResponseError):
            hotline.redis.zadd(place, {notice_id: now + seconds})
    return found


def claimed(
    hotline: Hotline, queue: str = "bank-icbc", *, most: int = 8, lease: float = 30
) -> tuple[Claim, ...]:
    """What somebody who heard the bell takes out of a queue."""
    who = queue.removeprefix(bank_queue(""))
    served = Queue(queue, who, most, lease, pauses=queue != TEXTS_QUEUE)
    return hotline.claiming.claim(served, MOST_AT_ONCE).taken
