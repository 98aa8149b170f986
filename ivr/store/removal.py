"""Takes one cardholder off the records, with all that is personal and that nobody needs any more.

What runs goes on: a suspension ends by itself, and a notice a bank is still owed is delivered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Final

from redis import Redis

from ivr.cards.change import Entry
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeState
from ivr.store import keys
from ivr.store.callbacks import Callbacks
from ivr.store.codec import dump, plain
from ivr.store.journal import Journal
from ivr.store.looks import Look, looked_up
from ivr.store.packed_holder import phone_in
from ivr.store.phones import CHANGE, Registered, changing
from ivr.store.unreadable import answers, passing_over, read_all
from ivr.store.vault import Vault, in_clear

AT_ONCE: Final = 500

# A report that somebody changed meanwhile stays as it is, and is taken again.
_REPLACE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


@dataclass(frozen=True)
class Removed:
    """How much of a holder was on record and is not any more; notices_kept: still needed."""

    holders: int
    cards: int
    reports: int
    notices: int
    notices_kept: int


class Removal:
    """Finds all records of one holder: rarely, so it looks through all there are."""

    def __init__(self, redis: Redis, vault: Vault, journal: Journal) -> None:
        self._redis = redis
        self._vault = vault
        self._journal = journal
        self._callbacks = Callbacks(redis, vault, journal)
        self._replace = redis.register_script(_REPLACE)

    def remove(self, ref: str, look: Look) -> Removed:
        """The holder of this reference; safe to run again, after a crash too. `look`: who does it;
        that is journalled, also when there is nobody.
        """
        reports = list(self.reports_of(ref))
        notices, kept = self._remove_notices({report.number: report for report in reports})
        for report in reports:
            self._unlink(report)
        self._callbacks.remove_holder(ref, self._phone(ref), look.by)
        holders, cards = self._remove_holder(ref, len(reports), look)
        return Removed(holders, cards, len(reports), notices, kept)

    def reports_of(self, ref: str) -> Iterator[LossReport]:
        """All reports of the holder of this reference."""
        for batch in self._batches(keys.report("*")):
            found = zip(batch, self._redis.mget(batch), strict=True)
            for report in read_all(self._redis, LossReport, found):
                if report.holder_ref == ref:
                    yield report

    def _remove_notices(self, reports: dict[str, LossReport]) -> tuple[int, int]:
        """Those that are closed, of reports that are over, and that the bank has answered."""
        removed = kept = 0
        for batch in self._batches(keys.notice("*")) if reports else ():
            gone, needed = self._sorted_out(batch, reports)
            removed, kept = removed + len(gone), kept + needed
            self._delete_notices(gone)
        return removed, kept

    def _sorted_out(
        self, batch: list[str], reports: dict[str, LossReport]
    ) -> tuple[list[str], int]:
        """The ids of a batch's notices that may go, and how many are still needed."""
        ids = [key.removeprefix(keys.notice("")) for key in batch]
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hmget(keys.notice(notice_id), "report_number", "state")
                pipe.zscore(keys.AWAITING, notice_id)
            found = answers(pipe)
        gone, needed = [], 0
        for notice_id, fields, awaited in zip(ids, found[::2], found[1::2], strict=True):
            report = reports.get(_text(fields, 0))
            is_over = report is not None and report.state is not ReportState.ACTIVE
            if is_over and _text(fields, 1) != NoticeState.OPEN and awaited is None:
                gone.append(notice_id)
            else:
                needed += report is not None
        return gone, needed

    def _delete_notices(self, ids: list[str]) -> None:
        with self._redis.pipeline() as pipe:
            for notice_id in ids:
                pipe.delete(keys.notice(notice_id), keys.attempts(notice_id))
                pipe.zrem(keys.NOTICES_STUCK, notice_id)
            pipe.execute()

    def _unlink(self, report: LossReport) -> None:
        """The report stays for audit, and says nothing any more of whose it was."""
        key = keys.report(report.number)
        while (text := self._redis.get(key)) is not None:
            for now in read_all(self._redis, LossReport, [(key, text)]):
                nobodys = replace(now, holder_ref="", holder_last4="", card_last4="")
                if self._replace(keys=[key], args=[text, dump(nobodys)]):
                    return

    def _remove_holder(self, ref: str, reports: int, look: Look) -> tuple[int, int]:
        """The record, its cards' keys and the journal's entries, all or nothing."""
        record = self._redis.get(keys.holder(ref))
        card_refs, found = in_clear(record or ""), record is not None or reports > 0
        entries = [looked_up(look, holder=ref, cards=card_refs, found=found)]
        if found:
            entries.append(Entry("cardholder_removed", {"holder": ref, "by": look.by}))
        with self._redis.pipeline() as pipe:
            pipe.delete(keys.holder(ref))
            pipe.delete(keys.holder(ref), *map(keys.card, card_refs.split()))
            if gone := self._off_the_index(ref):
                pipe.eval(CHANGE, 0, *gone)
            for words in chain.from_iterable(map(self._journal.write, entries)):
                pipe.execute_command(*words)
            pipe.delete(keys.speaks(ref))
            holders, deleted, *_ = pipe.execute()
        return int(holders), int(deleted)

    def _phone(self, ref: str) -> str:
        """The registered one; empty for nobody, and of a record that nobody can open."""
        place = keys.holder(ref)
        with passing_over(self._redis, place):
            if (record := self._redis.get(place)) is not None:
                return phone_in(self._vault.open(record, place))
        return ""

    def _off_the_index(self, ref: str) -> list[str | bytes]:
        """What the index of phones loses. Of a record that nobody can open the phone is not known:
        its entry then leads nowhere.
        """
        phone = self._phone(ref)
        return changing(self._vault, [Registered(phone, ref)], []) if phone else []

    def _batches(self, pattern: str) -> Iterator[list[str]]:
        found = map(plain, self._redis.scan_iter(match=pattern, count=AT_ONCE))
        while batch := list(islice(found, AT_ONCE)):
            yield batch


def _text(fields: Any, place: int) -> str:
    """One answer of HMGET; empty for a record of another kind."""
    return plain(fields[place] or "") if isinstance(fields, list) else ""
