"""Sealed records and keyed references: what keeps ID numbers unreadable at rest.

One district and birthday have at most 999 ID numbers, so anybody could undo a plain hash by trying
them all. So references are keyed hashes under a key, which is itself sealed in Redis: when
DATA_KEYS are rotated or CRYPTO is changed, no reference changes.
"""

import base64
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from redis import Redis
from redis.client import Pipeline

from ivr.ciphers import NONCE_BYTES, REFERENCES, SUITES, Reference, Sealing, SuiteName
from ivr.errors import HotlineError
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import CALLS, UnreadableRecordError, answers

# A sealed value: the text that is in clear, the byte of the suite that sealed it, the nonce, and
# what the cipher makes of the value, tag at the end.
_MARKS: Final = b"".join(suite.mark for suite in SUITES.values())
_MARK: Final = re.compile(b"([" + _MARKS + b"])")
_OLD_FORMATS: Final = (b"gAAAA", b"\x01")  # Fernet, which knew no places; JSON
# A Lua pattern: what of a sealed value is in clear.
IN_CLEAR: Final = "^[^" + "".join(f"\\{mark}" for mark in _MARKS) + "]*"
_HEX_DIGITS: Final = 64  # of a reference key

# A record that somebody wrote meanwhile stays as it is; one that is gone does not come back.
# ARGV: what it says, what it is to say, and the field (none where the record is one text).
_REPLACE: Final = f"""{CALLS}
local key, sealed, resealed, field = KEYS[1], unpack(ARGV)
local found
if field then found = try('HGET', key, field) else found = try('GET', key) end
if found ~= sealed then return 0 end
if field then call('HSET', key, field, resealed) else call('SET', key, resealed) end
return 1
"""
RESEALED_AT_ONCE: Final = 500


class WrongDataKeysError(UnreadableRecordError):
    """Sealed records cannot be opened; the text says what to do."""


class AnotherServerError(HotlineError):
    """Another server took over, or it began anew, and lists its keys in another order."""

    def __init__(self) -> None:
        super().__init__("Redis began anew meanwhile, so some records may have been passed over")


@dataclass
class Resealed:
    """What became of all that is sealed, by kind (`holder`).

    moved: now under the newest of DATA_KEYS, by today's suite; there: already was. A record that
    Redis lists twice counts twice. shut: the names of records that cannot be opened.
    """

    moved: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    shut: list[str] = field(default_factory=list)


class Vault:
    """Seals values of JSON's kinds, and names records by keyed hash; see ciphers.py.

    A value is sealed for its place, the name of its key in Redis: moved elsewhere it does not open.
    Nor does it when what stands in clear with it was changed. It opens whichever suite sealed it.
    """

    def __init__(self, redis: Redis, data_keys: Sequence[str], crypto: SuiteName = "aes") -> None:
        """crypto: the suite that seals from now on, and makes the references of a Redis that is
        still empty.
        """
        self._redis = redis
        self._suite = SUITES[crypto]
        raw_keys = [base64.urlsafe_b64decode(key) for key in data_keys]
        self._ciphers = {
            suite.mark: [suite.seals_under(key) for key in raw_keys]
            for suite in SUITES.values()
            if suite.is_offered()
        }
        self._newest = self._ciphers[self._suite.mark][0]
        self.fingerprints = [_fingerprint(self._suite.key(key)) for key in raw_keys]
        self._replace = redis.register_script(_REPLACE)
        self._reference: Reference | None = None

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

    def reseal(self, sealed: bytes | str, place: str) -> bytes | str:
        """The same value under the newest of DATA_KEYS, by today's suite; just what was given when
        it is so already. Raises as `unseal` does.
        """
        clear, packed, cipher = self._open(sealed, place)
        return sealed if cipher is self._newest else self._close(packed, place, clear)

    def ref(self, kind: str, value: str) -> str:
        """The reference of an ID number or card number, always the same: 22 letters, digits, - or
        _ (16 bytes in the base64 of URLs).
        """
        found = self._load_reference()(f"{kind}:{value}".encode())
        return base64.urlsafe_b64encode(found)[:-2].decode()

    def check(self) -> None:
        """Raises: WrongDataKeysError when DATA_KEYS do not open this Redis' records, or the key
        to their references is lost: everybody would be told that nobody knows them.
        """
        sealed = self._redis.get(keys.VAULT)
        if sealed is None:
            self._make_sure_it_is_new()
        else:
            self.unseal(sealed, keys.VAULT)

    def keys_there(self) -> int:
        """How many keys Redis has, sealed or not: so many `reseal_all` looks at."""
        return int(self._redis.dbsize())

    def reseal_all(self, progress: Callable[[int], object]) -> Resealed:
        """Puts all that is sealed under the newest of DATA_KEYS, by today's suite.

        Safe while calls and imports go on: a record that changes meanwhile is taken again. One that
        is there already is only read, so a run that was killed is simply run again.

        progress: told how many more of Redis' keys were looked at.

        Raises:
            WrongDataKeysError: not even the reference key can be opened; nothing was changed.
            AnotherServerError: run it again.
        """
        self.load_ref_key()
        server, done = self._server(), Resealed()
        names = map(plain, self._redis.scan_iter(count=RESEALED_AT_ONCE))
        while batch := list(islice(names, RESEALED_AT_ONCE)):
            left = [name for name in batch if _kind(name) in keys.SEALED]
            while left:
                left = self._reseal_batch(left, done)
            progress(len(batch))
        if self._server() != server:
            raise AnotherServerError
        return done

    def _server(self) -> str:
        """Which server answers; another name each time it is started."""
        return str(self._redis.info("server")["run_id"])

    def _reseal_batch(self, places: list[str], done: Resealed) -> list[str]:
        """Answers which records have changed in between."""
        with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                inside = keys.SEALED[_kind(place)]
                pipe.hget(place, inside) if inside else pipe.get(place)
            found = list(zip(places, answers(pipe), strict=True))
        with self._redis.pipeline(transaction=False) as pipe:
            tried = [place for place, sealed in found if self._queue(pipe, place, sealed, done)]
            replaced = dict(zip(tried, pipe.execute(), strict=True))
        done.moved.update(_kind(place) for place in tried if replaced[place])
        return [place for place in tried if not replaced[place]]

    def _queue(self, pipe: Pipeline, place: str, sealed: Any, done: Resealed) -> bool:
        """Queues that one record is resealed; False where nothing is to be done, or can be."""
        if sealed is None:
            return False
        try:
            resealed = self.reseal(sealed, place)
        except (WrongDataKeysError, TypeError, AttributeError):
            done.shut.append(place)
            return False
        if resealed == sealed:
            done.there[_kind(place)] += 1
            return False
        inside = keys.SEALED[_kind(place)]
        args = [sealed, resealed, inside] if inside else [sealed, resealed]
        self._replace(keys=[place], args=args, client=pipe)
        return True

    def _close(self, content: bytes, place: str, clear: bytes) -> bytes:
        nonce, mark = secrets.token_bytes(NONCE_BYTES), self._suite.mark
        box = self._newest.encrypt(nonce, content, _bound_to(place, mark, clear))
        return clear + mark + nonce + box

    def _open(self, sealed: bytes | str, place: str) -> tuple[bytes, bytes, Sealing]:
        """What was in clear, what was sealed, and the cipher that opened it."""
        sealed = sealed.encode() if isinstance(sealed, str) else sealed
        clear, mark, nonce, box = _parts(sealed)
        for cipher in self._ciphers.get(mark, ()) if len(nonce) == NONCE_BYTES else ():
            with suppress(InvalidTag):
                return clear, cipher.decrypt(nonce, box, _bound_to(place, mark, clear)), cipher
        raise WrongDataKeysError(place, self._why_it_stays_shut(sealed, mark))

    def _why_it_stays_shut(self, sealed: bytes, mark: bytes) -> str:
        if sealed.startswith(_OLD_FORMATS):
            return (
                "was sealed by an earlier version of this program, which this one does not open: "
                "begin with an empty Redis (after `make run`: delete its DATA_DIR, by default "
                "var/) and import the cardholders again"
            )
        if mark and mark not in self._ciphers:
            return "was sealed with ciphers that this machine's OpenSSL does not offer (CRYPTO=gm)"
        return "is opened by none of DATA_KEYS: add the old key back"

    def load_ref_key(self) -> None:
        """Reads the key to the references, or makes it where nobody is on record; once per process:
        it never changes while the data lives.

        Raises:
            WrongDataKeysError: it cannot be opened, or is lost.
        """
        self._load_reference()

    def _load_reference(self) -> Reference:
        if self._reference is None:
            if not self._redis.exists(keys.VAULT):
                self._make_sure_it_is_new()
                fresh = self._suite.references + secrets.token_hex(_HEX_DIGITS // 2)
                self._redis.set(keys.VAULT, self.seal(fresh, keys.VAULT), nx=True)
            known: str = self.unseal(self._sealed_ref_key(), keys.VAULT)
            made, key = known[:-_HEX_DIGITS], bytes.fromhex(known[-_HEX_DIGITS:])
            self._reference = REFERENCES[made](key)
        return self._reference

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


def open_vault(redis: Redis, settings: Settings) -> Vault:
    """The vault of these settings; does not talk to Redis yet."""
    data_keys = [key.get_secret_value() for key in settings.data_keys]
    return Vault(redis, data_keys, settings.crypto)


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """The text in clear, the mark, the nonce and the rest; no mark where nothing was sealed."""
    clear, *marked = _MARK.split(sealed, maxsplit=1)
    mark, box = marked or (b"", b"")
    return clear, mark, box[:NONCE_BYTES], box[NONCE_BYTES:]


def _bound_to(place: str, mark: bytes, clear: bytes) -> bytes:
    """What a value is bound to; neither can run into the other."""
    return place.encode() + mark + clear


def in_clear(sealed: bytes | str) -> str:
    """What of a sealed value can be read without a key."""
    sealed = sealed.encode() if isinstance(sealed, str) else sealed
    return plain(_parts(sealed)[0])


def _fingerprint(key: bytes) -> str:
    """Tells two keys apart and says nothing of either: they are random bytes."""
    return hashlib.sha256(b"fingerprint of a data key:" + key).hexdigest()[:16]
