"""Withdrawals of many reports that wait for a second operator's word."""

import secrets
from dataclasses import dataclass

from redis import Redis

from ivr.store import keys
from ivr.store.codec import dump
from ivr.store.unreadable import naming, read


@dataclass(frozen=True)
class Plan:
    """What the first operator wants: these reports withdrawn, and why. Nothing personal."""

    numbers: tuple[str, ...]
    by: str
    reason: str


class Plans:
    """Keeps each for an hour."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def keep(self, plan: Plan) -> str:
        """The name under which the plan is found."""
        name = secrets.token_hex(4)
        self._redis.set(keys.plan(name), dump(plan), ex=keys.PLAN_SECONDS)
        return name

    def find(self, name: str) -> Plan | None:
        """The plan, or None when there is none of this name, or not any more."""
        with naming(self._redis, keys.plan(name)):
            text = self._redis.get(keys.plan(name))
            return None if text is None else read(Plan, keys.plan(name), text)

    def forget(self, name: str) -> None:
        """It was carried out."""
        self._redis.delete(keys.plan(name))
