"""Sealed records and keyed references: what keeps ID numbers unreadable at rest.

One district and birthday have at most 999 ID numbers, so anybody could undo a plain hash by trying
them all. So references are HMACs under a key, which is itself sealed in Redis: when DATA_KEYS are
rotated, no reference changes.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis import Redis
from redis.client import Pipeline

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import UnreadableRecordError, answers

_FORMAT: Final = b"\x01"  # then the nonce, then what AES-GCM makes of the value, tag at the end
_NONCE_BYTES: Final = 12  # chance: NIST SP 800-38D allows 2^32 values under one key
_OLD_FORMAT: Final = b"gAAAA"  # Fernet, which knew no places


# A record that somebody wrote meanwhile stays as it is; one that is gone does not come back.
_REPLACE: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
RESEALED_AT_ONCE: Final = 500


class WrongDataKeysError(UnreadableRecordError):
    """Sealed records cannot be opened; the text says what to do."""


class Vault:
    """Seals JSON values (AES-256-GCM) and names records by keyed hash.

    A value is sealed for its place, the name of its key in Redis: moved elsewhere it does not open.
    """

    def __init__(self, redis: Redis, data_keys: Sequence[str]) -> None:
        self._redis = redis
        raw_keys = [base64.urlsafe_b64decode(key) for key in data_keys]
        self._ciphers = [AESGCM(key) for key in raw_keys]
        self.fingerprints = [_fingerprint(key) for key in raw_keys]
        self._replace = redis.register_script(_REPLACE)
        self._ref_key: bytes | None = None

    def seal(self, value: Any, place: str) -> bytes:
        """JSON value -> bytes only DATA_KEYS can open, and only in this place."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return self._seal(text.encode(), place)

    def unseal(self, sealed: bytes | str, place: str) -> Any:
        """The opposite of `seal`.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return json.loads(self._open(sealed, place))

    def reseal(self, sealed: bytes | str, place: str) -> bytes:
        """The same value under the newest of DATA_KEYS.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return self._seal(self._open(sealed, place), place)

    def ref(self, kind: str, value: str) -> str:
        """The reference of an ID number or card number: 32 hex digits, always the same."""
        digest = hmac.new(self._load_ref_key(), f"{kind}:{value}".encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def check(self) -> None:
        """Raises: WrongDataKeysError when DATA_KEYS do not open this Redis' records, or the key
        to their references is lost: everybody would be told that nobody knows them.
        """
        sealed = self._redis.get(keys.VAULT)
        if sealed is None:
            self._make_sure_it_is_new()
        else:
            self.unseal(sealed, keys.VAULT)

    def reseal_ref_key(self) -> None:
        """Puts the reference key under the newest of DATA_KEYS."""
        self._load_ref_key()
        self._redis.set(keys.VAULT, self.reseal(self._sealed_ref_key(), keys.VAULT))

    def reseal_all(
        self, kind: str, field: str, progress: Callable[[int], object]
    ) -> tuple[int, list[str]]:
        """Puts a field of all records of a kind (`holder:*`) under the newest of DATA_KEYS.

        Safe while calls and imports go on: a record that changes meanwhile is taken again.
        Answers how many were resealed, and the names of those that could not be opened.
        """
        count = 0
        shut: list[str] = []
        found = map(plain, self._redis.scan_iter(match=kind, count=RESEALED_AT_ONCE))
        while batch := list(islice(found, RESEALED_AT_ONCE)):
            left = batch
            while left:
                left = self._reseal_batch(left, field, shut)
            count += len(batch)
            progress(len(batch))
        return count - len(shut), shut

    def _reseal_batch(self, places: list[str], field: str, shut: list[str]) -> list[str]:
        """Answers which records have changed in between."""
        with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hget(place, field)
            found = list(zip(places, answers(pipe), strict=True))
        with self._redis.pipeline(transaction=False) as pipe:
            tried = [
                place for place, sealed in found if self._queue(pipe, place, field, sealed, shut)
            ]
            return [p for p, done in zip(tried, pipe.execute(), strict=True) if not done]

    def _queue(self, pipe: Pipeline, place: str, field: str, sealed: Any, shut: list[str]) -> bool:
        """Queues that one record is resealed; False for one that is gone or cannot be opened."""
        if sealed is None:
            return False
        try:
            resealed = self.reseal(sealed, place)
        except (WrongDataKeysError, TypeError, AttributeError):
            shut.append(place)
            return False
        self._replace(keys=[place], args=[field, sealed, resealed], client=pipe)
        return True

    def _seal(self, content: bytes, place: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._ciphers[0].encrypt(nonce, content, place.encode())

    def _open(self, sealed: bytes | str, place: str) -> bytes:
        sealed = sealed.encode() if isinstance(sealed, str) else sealed
        start = len(_FORMAT) + _NONCE_BYTES
        nonce, content = sealed[len(_FORMAT) : start], sealed[start:]
        if sealed.startswith(_FORMAT) and len(nonce) == _NONCE_BYTES:
            for cipher in self._ciphers:
                with suppress(InvalidTag):
                    return cipher.decrypt(nonce, content, place.encode())
        raise WrongDataKeysError(place, _why_it_stays_shut(sealed))

    def _load_ref_key(self) -> bytes:
        """Read once per process: it never changes while the data lives."""
        if self._ref_key is None:
            if not self._redis.exists(keys.VAULT):
                self._make_sure_it_is_new()
                fresh = self.seal(secrets.token_hex(32), keys.VAULT)
                self._redis.set(keys.VAULT, fresh, nx=True)
            self._ref_key = bytes.fromhex(self.unseal(self._sealed_ref_key(), keys.VAULT))
        return self._ref_key

    def _make_sure_it_is_new(self) -> None:
        """Whoever is on record was named under the reference key, and is found under no other."""
        if any(True for _ in self._redis.scan_iter(match=keys.holder("*"), count=1000)):
            raise WrongDataKeysError(
                keys.VAULT,
                "is gone, the key to the references of all records in this Redis: bring this one "
                "key back from a backup of this Redis; nobody on record can be found without it",
            )

    def _sealed_ref_key(self) -> bytes | str:
        sealed = self._redis.get(keys.VAULT)
        if sealed is None:
            raise WrongDataKeysError(keys.VAULT, "has just been deleted")
        return sealed


def _fingerprint(key: bytes) -> str:
    """Tells two keys apart and says nothing of either: they are 32 random bytes."""
    return hashlib.sha256(b"fingerprint of a data key:" + key).hexdigest()[:16]


def _why_it_stays_shut(sealed: bytes) -> str:
    if sealed.startswith(_OLD_FORMAT):
        return (
            "was sealed by an earlier version of this program, which this one does not open: "
            "begin with an empty Redis (after `make run`: delete its DATA_DIR, by default var/) "
            "and import the cardholders again"
        )
    return "is opened by none of DATA_KEYS: add the old key back"
