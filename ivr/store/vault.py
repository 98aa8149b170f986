"""Sealed records and keyed references: what keeps ID numbers unreadable at rest.

One district and birthday have at most 999 ID numbers, so anybody could undo a plain hash by trying
them all. So references are HMACs under a key, which is itself sealed in Redis: when DATA_KEYS are
rotated, no reference changes.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from redis import Redis

from ivr.errors import HotlineError
from ivr.store import keys


class WrongDataKeysError(HotlineError):
    """None of DATA_KEYS opens this Redis's records."""

    def __init__(self) -> None:
        super().__init__("none of DATA_KEYS opens the records in this Redis: add the old key back")


class Vault:
    """Seals JSON values (Fernet: AES-128-CBC + HMAC-SHA256) and names records by keyed hash."""

    def __init__(self, redis: Redis, data_keys: Sequence[str]) -> None:
        self._redis = redis
        self._fernet = MultiFernet([Fernet(key) for key in data_keys])
        self._ref_key: bytes | None = None

    def seal(self, value: Any) -> str:
        """JSON value -> text only DATA_KEYS can open."""
        return self._fernet.encrypt(json.dumps(value, ensure_ascii=False).encode()).decode()

    def unseal(self, sealed: str | bytes) -> Any:
        """The opposite of `seal`.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS.
        """
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise WrongDataKeysError from None

    def reseal(self, sealed: str | bytes) -> str:
        """The same value under the newest of DATA_KEYS.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS.
        """
        try:
            return self._fernet.rotate(sealed).decode()
        except InvalidToken:
            raise WrongDataKeysError from None

    def ref(self, kind: str, value: str) -> str:
        """The reference of an ID number or card number: 32 hex digits, always the same."""
        digest = hmac.new(self._load_ref_key(), f"{kind}:{value}".encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def reseal_ref_key(self) -> None:
        """Puts the reference key under the newest of DATA_KEYS."""
        self._load_ref_key()
        self._redis.set(keys.VAULT, self.reseal(self._sealed_ref_key()))

    def _load_ref_key(self) -> bytes:
        """Read once per process: it never changes while the data lives."""
        if self._ref_key is None:
            self._redis.set(keys.VAULT, self.seal(secrets.token_hex(32)), nx=True)
            self._ref_key = bytes.fromhex(self.unseal(self._sealed_ref_key()))
        return self._ref_key

    def _sealed_ref_key(self) -> bytes | str:
        sealed = self._redis.get(keys.VAULT)
        if sealed is None:
            raise WrongDataKeysError
        return sealed
