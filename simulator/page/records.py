"""The tester's look into Redis: what the hotline keeps of one card, and the shortened week.

Key names and shapes are the hotline's (docs/ and ivr/store/keys.py); nothing sealed is opened.
"""

import json
import threading
from collections import defaultdict, deque
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

Json = dict[str, Any]
NOTICE_FIELDS = ("id", "kind", "bank", "created_at", "state", "attempts_made")
REMEMBERED_REPORTS = 2_000
JOURNAL_AT_ONCE = 5_000
OPEN_AT_ONCE = 200
REPORT_SECONDS_AGO = 8 * 24 * 3600  # the journal is read from here: all that may be active


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
        return str(self._json(f"call:{call_sid}").get("facts", {}).get("card_ref", ""))

    def card_of_report(self, number: str) -> str:
        """The card of a report; empty for a number nobody knows."""
        return str(self._json(f"report:{number}").get("card_ref", ""))

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
            return bool(self._redis.expire(f"loss:{card_ref}", 1, xx=True, lt=True))
        except RedisError as error:
            raise RecordsUnavailableError from error

    def close(self) -> None:
        """Ends the connections it keeps open."""
        self._redis.close()

    def _case(self, card_ref: str) -> Json:
        key = f"loss:{card_ref}"
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(key)
            pipe.pttl(key)
            pipe.get(f"block:{card_ref}")
            (seconds, micros), loss_text, ttl_ms, block_text = pipe.execute()
        loss, block = (json.loads(text) if text else None for text in (loss_text, block_text))
        number = str((block or loss or {}).get("report_number", ""))
        return {
            "card_ref": card_ref,
            "key": key,
            "now": seconds + micros / 1e6,
            "ttl_ms": ttl_ms,
            "loss": loss,
            "block": block,
            "report": (self._json(f"report:{number}") or None) if number else None,
            "notices": self._notices_of(number, block or {}) if number else [],
        }

    def _notices_of(self, number: str, block: Json) -> list[Json]:
        """The block names its own notice, which a long backlog might hide otherwise."""
        own = [block["notice_id"]] if block.get("notice_id") else []
        ids = list(dict.fromkeys(own + self._notices.of(number)))
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hmget(f"notice:{notice_id}", *NOTICE_FIELDS)
                pipe.zscore("notices:open", notice_id)
                pipe.lrange(f"attempts:{notice_id}", 0, -1)
            told = pipe.execute()
        found = zip(told[::3], told[1::3], told[2::3], strict=True)
        notices = [_notice(*parts) for parts in found if parts[0][0]]
        return sorted(notices, key=lambda notice: (notice["created_at"], notice["kind"]))

    def _json(self, key: str) -> Json:
        try:
            text = self._redis.get(key)
        except RedisError as error:
            raise RecordsUnavailableError from error
        return dict(json.loads(str(text))) if text else {}


def _notice(fields: list[str], due: float | None, attempts: list[str]) -> Json:
    told: Json = dict(zip(NOTICE_FIELDS, fields, strict=True))
    told["created_at"] = int(told["created_at"])
    told["attempts_made"] = int(told["attempts_made"] or 0)
    return {**told, "due": due, "attempts": [json.loads(text) for text in attempts]}


class _NoticesByReport:
    """Which notices belong to which report: attempted ones are in the journal, the others open.

    The journal is followed like a log file, so each of its entries is read once.
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
            self._read_to = f"{(seconds - REPORT_SECONDS_AGO) * 1000}-0"
        while True:
            entries: Any = self._redis.xrange("journal", f"({self._read_to}", "+", JOURNAL_AT_ONCE)
            for entry_id, fields in entries:
                self._read_to = entry_id
                self._note(fields.get("report", ""), fields.get("notice", ""))
            if len(entries) < JOURNAL_AT_ONCE:
                return

    def _look_at_open(self) -> None:
        """Those due soonest; what was tried and waits for later is in the journal."""
        ids: Any = self._redis.zrange("notices:open", 0, OPEN_AT_ONCE - 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for notice_id in ids:
                pipe.hget(f"notice:{notice_id}", "report_number")
            for notice_id, number in zip(ids, pipe.execute(), strict=True):
                self._note(number or "", notice_id)

    def _note(self, number: str, notice_id: str) -> None:
        if not (number and notice_id):
            return
        if number not in self._known:
            self._order.append(number)
        self._known[number][notice_id] = None
        if len(self._order) > REMEMBERED_REPORTS:
            del self._known[self._order.popleft()]
