"""Sealed records and keyed references: what keeps ID numbers unreadable at rest.

One district and birthday have at most 999 ID numbers, so anybody could undo a plain hash by trying
them all. So references are keyed hashes under a key, which is itself sealed in Redis: when
DATA_KEYS are rotated, no reference changes.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis import Redis
from redis.client import Pipeline

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import UnreadableRecordError, answers

# A sealed value: the text that is in clear, this byte, the nonce, and what AES-GCM makes of the
# value, tag at the end.
_FORMAT: Final = b"\x02"
_NONCE_BYTES: Final = 12  # chance: NIST SP 800-38D allows 2^32 values under one key
_OLD_FORMATS: Final = (b"gAAAA", b"\x01")  # Fernet, which knew no places; JSON
IN_CLEAR: Final = r"^[^\2]*"  # a Lua pattern: what of a sealed value is in clear
_REF_BYTES: Final = 16

# A record that somebody wrote meanwhile stays as it is; one that is gone does not come back.
# ARGV: what it says, what it is to say, and the field (none where the record is one text).
_REPLACE: Final = """
local key, sealed, resealed, field = KEYS[1], unpack(ARGV)
local found
if field then found = redis.call('HGET', key, field) else found = redis.call('GET', key) end
if found ~= sealed then return 0 end
if field then redis.call('HSET', key, field, resealed) else redis.call('SET', key, resealed) end
return 1
"""
RESEALED_AT_ONCE: Final = 500


class WrongDataKeysError(UnreadableRecordError):
    """Sealed records cannot be opened; the text says what to do."""


class Vault:
    """Seals values of JSON's kinds (AES-256-GCM) and names records by keyed hash (BLAKE2b).

    A value is sealed for its place, the name of its key in Redis: moved elsewhere it does not open.
    Nor does it when what stands in clear with it was changed.
    """

    def __init__(self, redis: Redis, data_keys: Sequence[str]) -> None:
        self._redis = redis
        raw_keys = [base64.urlsafe_b64decode(key) for key in data_keys]
        self._ciphers = [AESGCM(key) for key in raw_keys]
        self.fingerprints = [_fingerprint(key) for key in raw_keys]
        self._replace = redis.register_script(_REPLACE)
        self._ref_key: bytes | None = None

    def seal(self, value: Any, place: str) -> bytes:
        """Value -> bytes only DATA_KEYS can open, and only in this place."""
        return self.close(msgspec.msgpack.encode(value), place)

    def unseal(self, sealed: bytes | str, place: str) -> Any:
        """The opposite of `seal`.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return msgspec.msgpack.decode(self.open(sealed, place))

    def close(self, packed: bytes, place: str, clear: str = "") -> bytes:
        """Seals what is packed already.

        clear: printable text that anybody may read with it (`in_clear`, in Lua IN_CLEAR).
        """
        return self._close(packed, place, clear.encode())

    def open(self, sealed: bytes | str, place: str) -> bytes:
        """The opposite of `close`. Raises as `unseal` does."""
        return self._open(sealed, place)[1]

    def reseal(self, sealed: bytes | str, place: str) -> bytes:
        """The same value under the newest of DATA_KEYS. Raises as `unseal` does."""
        clear, packed = self._open(sealed, place)
        return self._close(packed, place, clear)

    def ref(self, kind: str, value: str) -> str:
        """The reference of an ID number or card number, always the same: 22 letters, digits, - or
        _ (16 bytes in the base64 of URLs).
        """
        named = f"{kind}:{value}".encode()
        found = hashlib.blake2b(named, key=self.load_ref_key(), digest_size=_REF_BYTES)
        return base64.urlsafe_b64encode(found.digest())[:-2].decode()

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
        self.load_ref_key()
        self._redis.set(keys.VAULT, self.reseal(self._sealed_ref_key(), keys.VAULT))

    def reseal_all(
        self, kind: str, field: str | None, progress: Callable[[int], object]
    ) -> tuple[int, list[str]]:
        """Puts all records of a kind (`holder:*`) under the newest of DATA_KEYS: this field of
        each, or (None) the one text that it is.

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

    def _reseal_batch(self, places: list[str], field: str | None, shut: list[str]) -> list[str]:
        """Answers which records have changed in between."""
        with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hget(place, field) if field else pipe.get(place)
            found = list(zip(places, answers(pipe), strict=True))
        with self._redis.pipeline(transaction=False) as pipe:
            tried = [
                place for place, sealed in found if self._queue(pipe, place, field, sealed, shut)
            ]
            return [p for p, done in zip(tried, pipe.execute(), strict=True) if not done]

    def _queue(
        self, pipe: Pipeline, place: str, field: str | None, sealed: Any, shut: list[str]
    ) -> bool:
        """Queues that one record is resealed; False for one that is gone or cannot be opened."""
        if sealed is None:
            return False
        try:
            resealed = self.reseal(sealed, place)
        except (WrongDataKeysError, TypeError, AttributeError):
            shut.append(place)
            return False
        args = [sealed, resealed, field] if field else [sealed, resealed]
        self._replace(keys=[place], args=args, client=pipe)
        return True

    def _close(self, content: bytes, place: str, clear: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = self._ciphers[0].encrypt(nonce, content, _place_and_clear(place, clear))
        return clear + _FORMAT + nonce + box

    def _open(self, sealed: bytes | str, place: str) -> tuple[bytes, bytes]:
        """What was in clear, and what was sealed."""
        sealed = sealed.encode() if isinstance(sealed, str) else sealed
        clear, _, box = sealed.partition(_FORMAT)
        nonce, content = box[:_NONCE_BYTES], box[_NONCE_BYTES:]
        if len(nonce) == _NONCE_BYTES:
            for cipher in self._ciphers:
                with suppress(InvalidTag):
                    return clear, cipher.decrypt(nonce, content, _place_and_clear(place, clear))
        raise WrongDataKeysError(place, _why_it_stays_shut(sealed))

    def load_ref_key(self) -> bytes:
        """The key to the references, read once per process: it never changes while the data lives.

        Raises:
            WrongDataKeysError: it cannot be opened, or is lost.
        """
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


def _place_and_clear(place: str, clear: bytes) -> bytes:
    """What a value is bound to; neither can run into the other."""
    return place.encode() + _FORMAT + clear


def in_clear(sealed: bytes | str) -> str:
    """What of a sealed value can be read without a key."""
    return plain(sealed).partition(_FORMAT.decode())[0]


def _fingerprint(key: bytes) -> str:
    """Tells two keys apart and says nothing of either: they are 32 random bytes."""
    return hashlib.sha256(b"fingerprint of a data key:" + key).hexdigest()[:16]


def _why_it_stays_shut(sealed: bytes) -> str:
    if sealed.startswith(_OLD_FORMATS):
        return (
            "was sealed by an earlier version of this program, which this one does not open: "
            "begin with an empty Redis (after `make run`: delete its DATA_DIR, by default var/) "
            "and import the cardholders again"
        )
    return "is opened by none of DATA_KEYS: add the old key back"
