"""What the main call must leave: a number heard, a key in Redis, the bank's receipt."""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from simulator import hotline_records as records
from simulator.engine import Event

_SPOKEN_DIGITS = str.maketrans("零幺一二三四五六七八九", "01123456789")


class MissingError(Exception):
    """Something that a report must leave behind is not there; the text says what."""


@dataclass(frozen=True)
class LossKey:
    """The suspension in Redis, and the seconds it still has."""

    name: str
    ttl: int


def heard_report_number(events: Iterable[Event]) -> str:
    """The 8 digits that the line spoke twice in a row. Raises MissingError."""
    said = "".join(event.text for event in events if event.kind == "said")
    found = re.search(r"(\d{8})\D.{,30}?\1", re.sub(r"\s", "", said.translate(_SPOKEN_DIGITS)))
    if not found:
        raise MissingError("the caller heard no report number")
    return found[1]


def wait_until_settled(redis_url: str, notice_id: str, seconds: float) -> bool:
    """Waits until the hotline has noted the bank's answer; False if that takes longer."""
    until = time.monotonic() + seconds
    with _asked(redis_url) as redis:
        while redis.zscore(records.OPEN_NOTICES, notice_id) is not None:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
    return True


def find_loss_key(redis_url: str, report_number: str) -> LossKey:
    """Found through the report's record. Raises MissingError."""
    with _asked(redis_url) as redis:
        report = records.read_record(redis.get(records.report_key(report_number)), records.REPORT)
        name = records.loss_key(report.get("card_ref") or "")
        ttl = redis.ttl(name)
    if not 0 < ttl <= records.LONGEST_SUSPENSION:
        raise MissingError(f"report {report_number}: {name} has no life of 7 days (TTL {ttl})")
    return LossKey(name, ttl)


@contextmanager
def _asked(redis_url: str) -> Iterator["Redis"]:
    """A Redis to look into, as a tester would; not one behind Sentinel."""
    try:
        with Redis.from_url(redis_url, decode_responses=True) as redis:
            yield redis
    except (RedisError, ValueError) as error:
        raise MissingError(f"Redis cannot be asked: {error}") from error


def milliseconds_to(receipt: dict[str, Any], confirmed_at: float) -> float:
    """From the confirming key (unix seconds) to the arrival that the bank wrote down."""
    return (datetime.fromisoformat(receipt["received_at"]).timestamp() - confirmed_at) * 1000
