"""The tester's look into Redis: what the hotline keeps of one card. Can shorten its 7 days."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from simulator import hotline_records as records
from simulator.hotline_records import Json

REMEMBERED_REPORTS = 2_000
JOURNAL_AT_ONCE = 5_000
OPEN_AT_ONCE = 200
JOURNAL_SECONDS = 8 * 24 * 3600  # how far back it is read: longer than a suspension lasts


class RecordsUnavailableError(Exception):
    """Redis does not answer."""


class Records:
    """Reads only, but for `seven_days_later`. Usable from any thread."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(
            redis_url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )
        self._notices = _NoticesByReport(self._redis)

    def card_of_call(self, call_sid: str) -> str:
        """The card a call is about by now; empty before one was found."""
        asked = partial(self._redis.hget, records.call_key(call_sid), records.CALL_FACTS)
        return records.read_card_of_call(self._said(asked))

    def card_of_report(self, number: str) -> str:
        """The card of a report; empty for a number nobody knows."""
        return str(self._report(number).get("card_ref") or "")

    def case(self, card_ref: str) -> Json:
        """{card_ref, key, now, ttl_ms, loss, block, report, notices: [NOTICE]}.

        `ttl_ms` as PTTL tells it: -2 no key, -1 no end. NOTICE: the record without its sealed
        body, `due` (unix seconds, null when closed) and `attempts`, oldest first. Raises
        RecordsUnavailableError.
        """
        try:
            return self._case(card_ref)
        except RedisError as error:
            raise RecordsUnavailableError from error

    def seven_days_later(self, card_ref: str) -> bool:
        """The loss key ends in a second, as it would by itself; False if it has no end.

        Only the key's life is shortened: what follows is the hotline's own work.
        """
        try:
            return bool(self._redis.expire(records.loss_key(card_ref), 1, xx=True, lt=True))
        except RedisError as error:
            raise RecordsUnavailableError from error

    def close(self) -> None:
        """Ends the connections it keeps open."""
        self._redis.close()

    def _case(self, card_ref: str) -> Json:
        key = records.loss_key(card_ref)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(key)
            pipe.pttl(key)
            pipe.get(records.block_key(card_ref))
            (seconds, micros), loss_text, ttl_ms, block_text = pipe.execute()
        loss = records.read_record(loss_text, records.LOSS)
        block = records.read_record(block_text, records.BLOCK)
        number = str((block or loss).get("report_number") or "")
        return {
            "card_ref": card_ref,
            "key": key,
            "now": seconds + micros / 1e6,
            "ttl_ms": ttl_ms,
            "loss": loss or None,
            "block": block or None,
            "report": (self._report(number) or None) if number else None,
            "notices": self._notices_of(number, block) if number else [],
        }

    def _notices_of(self, number: str, block: Json) -> list[Json]:
        """The block's own notice is always among them; a long backlog might hide it."""
        own = [block["notice_id"]] if block.get("notice_id") else []
        ids = list(dict.fromkeys(own + self._notices.of(number)))
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hmget(records.notice_key(notice_id), *records.NOTICE)
                pipe.zscore(records.OPEN_NOTICES, notice_id)
                pipe.lrange(records.attempts_key(notice_id), 0, -1)
            told = pipe.execute()
        found = zip(told[::3], told[1::3], told[2::3], strict=True)
        notices = [_notice(*parts) for parts in found if parts[0][0]]
        return sorted(notices, key=lambda notice: (notice["created_at"], notice["kind"]))

    def _report(self, number: str) -> Json:
        asked = partial(self._redis.get, records.report_key(number))
        return records.read_record(self._said(asked), records.REPORT)

    def _said(self, asked: Callable[[], Any]) -> str | None:
        try:
            text = asked()
        except RedisError as error:
            raise RecordsUnavailableError from error
        return text if text is None else str(text)


def _notice(values: list[str | None], due: float | None, attempts: list[str]) -> Json:
    return {**records.read_notice(values), "due": due, "attempts": records.read_attempts(attempts)}


class _NoticesByReport:
    """Which notices belong to which report. The journal names those that were attempted; the
    others are still open. The journal is read on from where it was left: each entry once.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, None]] = defaultdict(dict)
        self._order: deque[str] = deque()
        self._read_to = ""

    def of(self, number: str) -> list[str]:
        """Notice ids of a report, in the order they were seen."""
        with self._lock:
            self._follow_journal()
            self._look_at_open()
            return list(self._known.get(number, ()))

    def _follow_journal(self) -> None:
        if not self._read_to:
            seconds, _ = self._redis.time()
            self._read_to = f"{(seconds - JOURNAL_SECONDS) * 1000}-0"
        while True:
            entries: Any = self._redis.xrange(
                records.JOURNAL, f"({self._read_to}", "+", JOURNAL_AT_ONCE
            )
            for entry_id, fields in entries:
                self._read_to = entry_id
                number = fields.get(records.JOURNAL_REPORT, "")
                self._note(number, fields.get(records.JOURNAL_NOTICE, ""))
            if len(entries) < JOURNAL_AT_ONCE:
                return

    def _look_at_open(self) -> None:
        """Only those due soonest: what was tried and has to wait is in the journal."""
        ids: Any = self._redis.zrange(records.OPEN_NOTICES, 0, OPEN_AT_ONCE - 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hmget(records.notice_key(notice_id), *records.NOTICE)
            for notice in map(records.read_notice, pipe.execute()):
                self._note(notice.get("report_number") or "", notice.get("id") or "")

    def _note(self, number: str, notice_id: str) -> None:
        if not (number and notice_id):
            return
        if number not in self._known:
            self._order.append(number)
        self._known[number][notice_id] = None
        if len(self._order) > REMEMBERED_REPORTS:
            del self._known[self._order.popleft()]
