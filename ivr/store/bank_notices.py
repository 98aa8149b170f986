"""A bank's notices, page by page, for the bank's own developers: of the card its last 4 places.

Whose card a notice is about is read for this, so each page is a look and stands in the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from redis import Redis

from ivr.cards.notice import Attempt, Notice, NoticeKind
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.journal import Journal
from ivr.store.looks import Look, looked_up
from ivr.store.outbox import NOTICE_ID, Outbox, bank_queue
from ivr.store.unreadable import naming, passing_over

PAGE: Final = 20
Which = Literal["all", "open", "stuck"]


@dataclass(frozen=True)
class ShownNotice:
    """One notice with its attempts, oldest first.

    type: what the bank was told; of a test the type it tries. card_last4: empty where no card is.
    """

    notice: Notice
    type: str
    attempts: Sequence[Attempt]
    card_last4: str


@dataclass(frozen=True)
class NoticePage:
    """One page, and the cursor of the next one (None at the end)."""

    notices: list[ShownNotice]
    next: str | None


class BankNotices:
    """Reads the notices to one bank, newest first, and nobody else's."""

    def __init__(self, redis: Redis, outbox: Outbox, journal: Journal) -> None:
        self._redis = redis
        self._outbox = outbox
        self._journal = journal

    def page(self, bank: str, which: Which, cursor: str) -> NoticePage:
        """Up to 20 after the cursor, a notice's id; from the beginning where it is none of these.

        Raises:
            redis.RedisError: this look could not be written down, or Redis is away.
        """
        place = _place(bank, which)
        with naming(self._redis, place):
            rank: Any = self._redis.zrevrank(place, cursor)
            first = 0 if rank is None else rank + 1
            ids = [plain(i) for i in self._redis.zrevrange(place, first, first + PAGE)]
        shown = self._shown(bank, ids[:PAGE])
        return NoticePage(shown, ids[PAGE - 1] if len(ids) > PAGE else None)

    def find(self, bank: str, notice_id: str) -> Notice | None:
        """A notice, if it is one to this bank. What is no notice's id is not looked for."""
        if not NOTICE_ID.fullmatch(notice_id):
            return None
        with naming(self._redis, keys.notice(notice_id)):
            found = self._outbox.find(notice_id)
        return found if found is not None and found.queue == bank_queue(bank) else None

    def may_test(self, bank: str) -> bool:
        """Whether the bank may be sent tests now; if so, not again for 10 s."""
        return bool(self._redis.set(keys.tested(bank), "1", nx=True, ex=keys.TESTED_SECONDS))

    def _shown(self, bank: str, ids: list[str]) -> list[ShownNotice]:
        notices = [n for n in self._outbox.find_all(ids) if n.queue == bank_queue(bank)]
        attempts = self._outbox.attempts_of(notice.id for notice in notices)
        self._look(bank, notices)
        return [self._open(notice, attempts[notice.id]) for notice in notices]

    def _look(self, bank: str, notices: list[Notice]) -> None:
        """Before anything is shown, in the journal or not at all."""
        cards = " ".join({notice.card_ref: "" for notice in notices if notice.card_ref})
        if cards:
            look = Look("bank", bank, "page")
            self._journal.note(looked_up(look, holder="", cards=cards, found=True))

    def _open(self, notice: Notice, attempts: Sequence[Attempt]) -> ShownNotice:
        kind, last4 = str(notice.kind), ""
        with passing_over(self._redis, keys.notice(notice.id)):
            body = self._outbox.body(notice)
            last4 = body["data"].get("card", {}).get("number", "")[-4:]
            kind = body["type"] if notice.kind is NoticeKind.TEST else kind
        return ShownNotice(notice, kind, attempts, last4)


def _place(bank: str, which: Which) -> str:
    """A sorted set of notice ids in which no other bank's stand."""
    queue = bank_queue(bank)
    places = {"all": keys.notices_to(bank), "open": keys.owed(queue), "stuck": keys.stuck(queue)}
    return places[which]
