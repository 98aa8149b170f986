"""The end of the 7 days: Redis ends the suspension, this room tells of it, exactly once."""

from dataclasses import replace
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from ivr.cards.loss import LossReport, ReportState, Suspension
from ivr.cards.notice import NoticeKind
from ivr.store import keys
from ivr.store.codec import dump, iso, load, plain
from ivr.store.journal import Journal
from ivr.store.notice_bodies import core
from ivr.store.notices import Outbox, bank_queue
from ivr.store.reports import owe_text
from ivr.store.vault import WrongDataKeysError

EARLIEST: Final = 200  # deadlines looked at in every round
STRETCH: Final = 300  # of all the others, so many more in each round, in turn


class Releases:
    """Follows up on suspensions that are over: journal, bank and holder."""

    def __init__(self, redis: "Redis", outbox: Outbox, journal: Journal) -> None:
        self._redis = redis
        self._outbox = outbox
        self._journal = journal
        self._looked_at = 0

    def release_due(self) -> int:
        """Tells of every suspension found over, once each, however many sweeps there are.

        The `loss:` key is the truth, not the deadline: one that is gone early counts too, so
        besides the earliest deadlines every call looks at the next stretch of all the others.
        Returns how many were released.
        """
        return sum(self._release(report) for report in self._ended())

    def _ended(self) -> list[LossReport]:
        """Of the reports looked at this time, those whose suspension is over: two round trips."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.DEADLINES, 0, EARLIEST - 1)
            pipe.zrange(keys.DEADLINES, self._looked_at, self._looked_at + STRETCH - 1)
            earliest, stretch = pipe.execute()
        self._looked_at = self._looked_at + STRETCH if len(stretch) == STRETCH else 0
        numbers = [plain(n) for n in dict.fromkeys([*earliest, *stretch])]
        if not numbers:
            return []
        texts = self._redis.mget([keys.report(n) for n in numbers])
        reports = [load(LossReport, text) for text in texts if text is not None]
        if gone := [n for n, text in zip(numbers, texts, strict=True) if text is None]:
            self._redis.zrem(keys.DEADLINES, *gone)  # its retention is over: nothing to tell
        losses = self._redis.mget([keys.loss(r.card_ref) for r in reports]) if reports else []
        return [r for r, loss in zip(reports, losses, strict=True) if not _holds(loss, r.number)]

    def _release(self, report: LossReport) -> bool:
        """One release in one transaction: of several sweeps only one finds the report active."""
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(keys.report(report.number), keys.loss(report.card_ref))
                text = pipe.get(keys.report(report.number))
                if text is None or load(LossReport, text).state is not ReportState.ACTIVE:
                    return False
                is_suspended_again = bool(pipe.exists(keys.loss(report.card_ref)))
                now, _ = pipe.time()
                pipe.multi()
                pipe.zrem(keys.DEADLINES, report.number)
                self._write_release(pipe, report, now)
                if not is_suspended_again:  # else "active again" would not be so
                    owe_text(pipe, self._outbox, report, "text_released", now)
                pipe.execute()
            except WatchError:
                return False  # another sweep was faster, or a formal report superseded it
        return True

    def _write_release(self, pipe: "Pipeline", report: LossReport, now: int) -> None:
        released = replace(report, state=ReportState.RELEASED)
        pipe.set(keys.report(report.number), dump(released), keepttl=True)
        notice = self._outbox.new_notice(
            NoticeKind.LOSS_RELEASED,
            bank_queue(report.bank),
            self._released_body(report, now),
            at=now,
            bank=report.bank,
            report_number=report.number,
            card_ref=report.card_ref,
        )
        self._outbox.owe(pipe, notice)
        self._journal.write(
            pipe, "loss_released", report=report.number, card=report.card_ref, bank=report.bank
        )

    def _released_body(self, report: LossReport, now: int) -> dict[str, Any]:
        """What the first notice said, without its action: the bank finds the account the same
        way, and has nothing to do (least of all to block it again).
        """
        data = self._first_told(report)
        told = {name: value for name, value in data.items() if name != "action"}
        return {"type": NoticeKind.LOSS_RELEASED, "timestamp": iso(now), "data": told}

    def _first_told(self, report: LossReport) -> dict[str, Any]:
        """The first notice's data; without it (retention over, its data key dropped) the core:
        one notice that cannot be opened must not keep all the others from being released.
        """
        reported = self._outbox.find(report.notice_id)
        try:
            data: dict[str, Any] = self._outbox.body(reported)["data"] if reported else core(report)
        except WrongDataKeysError:
            return core(report)
        return data


def _holds(loss: bytes | str | None, number: str) -> bool:
    """Whether a card's suspension is the one of this report, and not of a later one."""
    return loss is not None and load(Suspension, loss).report_number == number
