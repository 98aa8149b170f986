"""The ciphers: what the standards publish, and what happens where OpenSSL lacks them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC

from ivr.ciphers import REFERENCES, SUITES, Sm4Gcm, SuiteName, sm4_key
from tests.test_settings import environ

__all__ = ["environ"]  # a fixture

KEY, NONCE, PLACE = bytes(range(32)), bytes(range(12)), b"holder:1\x03"

# RFC 8998, A.1.
RFC_8998_KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
RFC_8998_NONCE = bytes.fromhex("00001234567800000000ABCD")
RFC_8998_BOUND_TO = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
RFC_8998_CLEAR = b"".join(bytes([byte]) * 8 for byte in bytes.fromhex("AABBCCDDEEFFEEAA"))
RFC_8998_SEALED = bytes.fromhex(
    "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    "83DE3541E4C2B58177E065A9BF7B62EC"
)


def test_sm4_gcm_seals_what_rfc_8998_says() -> None:
    cipher = Sm4Gcm(RFC_8998_KEY)
    assert cipher.encrypt(RFC_8998_NONCE, RFC_8998_CLEAR, RFC_8998_BOUND_TO) == RFC_8998_SEALED
    assert cipher.decrypt(RFC_8998_NONCE, RFC_8998_SEALED, RFC_8998_BOUND_TO) == RFC_8998_CLEAR


def test_sm3_is_that_of_the_standard() -> None:
    """GB/T 32905-2016, A.1."""
    digest = Hash(SM3())
    digest.update(b"abc")
    published = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest.finalize().hex() == published


def test_references_by_sm3_are_the_start_of_the_standards_hmac() -> None:
    """GM/T 0042-2015, D.3."""
    key, named = (
        bytes(range(1, 33)),
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
    )
    published = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"
    by_sm3 = REFERENCES[SUITES["gm"].references](key)
    assert by_sm3(named).hex() == published[:32]
    assert by_sm3(named).hex() == published[:32], "and again: nothing of the first is left"


def test_references_by_blake2b_stay_what_they_were() -> None:
    """They name the records of every data set there is."""
    by_blake2b = REFERENCES[SUITES["aes"].references](KEY)
    assert by_blake2b(b"id:11010519491231002X").hex() == "bdc7c5881e3cbc59fc015c2c25d52433"


def test_the_key_of_sm4_is_derived_as_documented() -> None:
    """HKDF-Expand of one block is HMAC(key, label, 1)."""
    mac = HMAC(KEY, SM3())
    mac.update(b"hotline: the SM4 key of a data key\x01")
    assert sm4_key(KEY) == mac.finalize()[:16]


@pytest.mark.parametrize("name", SUITES)
def test_both_seal_to_the_same_length_and_open_nothing_that_was_changed(name: SuiteName) -> None:
    cipher = SUITES[name].seals_under(KEY)
    sealed = cipher.encrypt(NONCE, b"Zhang San", PLACE)
    assert len(sealed) == len(b"Zhang San") + 16
    assert cipher.decrypt(NONCE, sealed, PLACE) == b"Zhang San"
    for changed in (
        sealed[:-1],
        sealed[:15],
        b"",
        sealed + b"x",
        bytes([sealed[0] ^ 1]) + sealed[1:],
    ):
        with pytest.raises(InvalidTag):
            cipher.decrypt(NONCE, changed, PLACE)
    with pytest.raises(InvalidTag):
        cipher.decrypt(NONCE, sealed, b"holder:2\x03")
    with pytest.raises(InvalidTag):
        SUITES[name].seals_under(bytes(32)).decrypt(NONCE, sealed, PLACE)


# An OpenSSL that may only use what has been validated, and has nothing that was.
WITHOUT_CIPHERS = """
openssl_conf = all
[all]
alg_section = properties
[properties]
default_properties = fips=yes
"""


@pytest.mark.parametrize("crypto", SUITES)
@pytest.mark.parametrize("lacking", [True, False])
def test_boot_says_when_openssl_lacks_the_ciphers(
    environ: dict[str, str], tmp_path: Path, lacking: bool, crypto: SuiteName
) -> None:
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(WITHOUT_CIPHERS if lacking else "", encoding="utf-8")
    surroundings = {"PATH": os.environ["PATH"], "OPENSSL_CONF": str(configuration)}
    ended = subprocess.run(
        [sys.executable, "-c", "from ivr.settings import read_settings; read_settings()"],
        env=environ | surroundings | {"CRYPTO": crypto},
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"CRYPTO: {crypto} needs ciphers that this machine's OpenSSL does not offer"
    assert (ended.returncode == 1, said in ended.stderr) == (lacking, lacking)
