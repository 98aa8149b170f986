"""The ciphers behind the vault, and what each is made of: nobody else names one.

`aes`: AES-256-GCM, and references by keyed BLAKE2b (RFC 7693). `gm`: China's own, SM4-GCM (GB/T
32907, RFC 8998) and HMAC-SM3 (GB/T 32905). Both seal 12 + 16 bytes longer than what is sealed.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from cryptography.exceptions import InternalError, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SuiteName = Literal["aes", "gm"]
Reference = Callable[[bytes], bytes]  # what is named -> 16 bytes

NONCE_BYTES: Final = 12  # chance: NIST SP 800-38D allows 2^32 values under one key
_TAG_BYTES: Final = 16
_REF_BYTES: Final = 16
_SM4_KEY_BYTES: Final = 16
_SM4_LABEL: Final = b"hotline: the SM4 key of a data key"


class Sealing(Protocol):
    """Authenticated encryption under one key. What is sealed is bound to a text that is not."""

    def encrypt(self, nonce: bytes, content: bytes, bound_to: bytes, /) -> bytes:
        """The sealed content, its tag of 16 bytes at the end."""

    def decrypt(self, nonce: bytes, sealed: bytes, bound_to: bytes, /) -> bytes:
        """Raises: InvalidTag when key, nonce, content or text is another."""


class Sm4Gcm:
    """SM4-GCM, shaped as `cryptography` shapes AESGCM. key: 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, content: bytes, bound_to: bytes, /) -> bytes:
        """As `Sealing` says."""
        sealing = Cipher(self._key, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(bound_to)
        return sealing.update(content) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, sealed: bytes, bound_to: bytes, /) -> bytes:
        """As `Sealing` says; nothing is handed out before the tag is checked."""
        content, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        if len(tag) < _TAG_BYTES:
            raise InvalidTag
        opening = Cipher(self._key, modes.GCM(nonce, tag)).decryptor()
        opening.authenticate_additional_data(bound_to)
        return opening.update(content) + opening.finalize()


def sm4_key(master: bytes) -> bytes:
    """The 16 bytes that SM4 takes, from the 32 of a data key: HKDF-Expand (RFC 5869) by SM3."""
    return HKDFExpand(SM3(), _SM4_KEY_BYTES, _SM4_LABEL).derive(master)


def _blake2b(key: bytes) -> Reference:
    return lambda named: hashlib.blake2b(named, key=key, digest_size=_REF_BYTES).digest()


def _hmac_sm3(key: bytes) -> Reference:
    return partial(_named_by, HMAC(key, SM3()))


def _named_by(fresh: HMAC, named: bytes) -> bytes:
    mac = fresh.copy()
    mac.update(named)
    return mac.finalize()[:_REF_BYTES]


@dataclass(frozen=True)
class Suite:
    """What one value of CRYPTO stands for.

    mark: the byte that says of a sealed value by which suite it was sealed.
    key: the cipher's own key, from one of DATA_KEYS.
    references: how a data set that begins under it makes its references; see REFERENCES.
    """

    mark: bytes
    key: Callable[[bytes], bytes]
    cipher: Callable[[bytes], Sealing]
    references: str

    def seals_under(self, master: bytes) -> Sealing:
        """The cipher under one of DATA_KEYS."""
        return self.cipher(self.key(master))

    def is_offered(self) -> bool:
        """Whether this machine's OpenSSL has all that it takes."""
        try:
            self.seals_under(bytes(32)).encrypt(bytes(NONCE_BYTES), b"", b"")
            REFERENCES[self.references](bytes(32))
        except (UnsupportedAlgorithm, InternalError):  # AES-GCM says the latter
            return False
        return True


# What stands before the reference key, sealed with it, says how references are made under it:
# nothing means BLAKE2b, for so it was written when there was no other.
REFERENCES: Final[Mapping[str, Callable[[bytes], Reference]]] = {
    "": _blake2b,
    "hmac-sm3:": _hmac_sm3,
}
SUITES: Final[Mapping[SuiteName, Suite]] = {
    "aes": Suite(b"\x02", bytes, AESGCM, ""),
    "gm": Suite(b"\x03", sm4_key, Sm4Gcm, "hmac-sm3:"),
}
