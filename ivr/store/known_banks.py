"""Every bank BANKS_FILE ever named: a card's bank is called by its name even after it has left."""

import json
from collections.abc import Iterable

from redis import Redis

from ivr.banks_file import Bank, BankName
from ivr.store import keys


class KnownBanks:
    """The last name and phone number we knew of each bank."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def remember(self, banks: Iterable[Bank]) -> None:
        """Called at boot; one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for bank in banks:
                known = json.dumps([bank.name, bank.phone], ensure_ascii=False)
                pipe.hset(keys.BANKS_KNOWN, bank.id, known)
            pipe.execute()

    def find(self, bank: str) -> tuple[BankName, str] | None:
        """(name by language, phone), or None for a bank that was never known."""
        text = self._redis.hget(keys.BANKS_KNOWN, bank)
        if text is None:
            return None
        name, phone = json.loads(text)
        return name, phone
