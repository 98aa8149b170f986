"""The vault: sealed values, keyed references, and new keys without losing old records."""

import base64
import hashlib
import re
from collections.abc import Callable

import msgspec
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from ivr.ciphers import SUITES, SuiteName
from ivr.store import keys
from ivr.store.vault import IN_CLEAR, Vault, WrongDataKeysError, in_clear

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
ID_NUMBER = "11010519491231002X"
PLACE = "holder:1"
PER_TEST = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)


@pytest.fixture
def vault(redis: Redis, crypto: SuiteName) -> Vault:
    return Vault(redis, [OLD], crypto)


@PER_TEST
@given(value=st.recursive(st.none() | st.text() | st.integers(-(2**63), 2**64 - 1), st.lists))
def test_what_is_sealed_is_unsealed(vault: Vault, value: object) -> None:
    assert vault.unseal(vault.seal(value, PLACE), PLACE) == value


def test_nothing_shows_through_the_seal(vault: Vault) -> None:
    sealed = [vault.seal({"id": ID_NUMBER, "name": "张三"}, PLACE) for _ in range(2)]

    assert sealed[0] != sealed[1], "equal values do not look equal"
    assert ID_NUMBER.encode() not in sealed[0]
    assert ID_NUMBER not in repr(vault)


def test_a_reference_is_always_the_same_and_says_nothing(redis: Redis, vault: Vault) -> None:
    ref = vault.ref("id", ID_NUMBER)

    assert Vault(redis, [OLD]).ref("id", ID_NUMBER) == ref
    assert re.fullmatch("[A-Za-z0-9_-]{22}", ref), "one printable word of a key"
    assert vault.ref("card", ID_NUMBER) != ref
    assert vault.ref("id", ID_NUMBER[:-1] + "0") != ref


def test_another_deployment_has_other_references(
    redis: Redis, vault: Vault, crypto: SuiteName
) -> None:
    ref = vault.ref("id", ID_NUMBER)
    redis.flushall()

    assert Vault(redis, [OLD], crypto).ref("id", ID_NUMBER) != ref


@pytest.mark.parametrize("other", SUITES)
def test_two_processes_that_start_at_once_agree(
    redis: Redis, crypto: SuiteName, other: SuiteName
) -> None:
    """Even while CRYPTO is being changed."""
    first, second = Vault(redis, [OLD], crypto), Vault(redis, [OLD], other)
    assert first.ref("id", ID_NUMBER) == second.ref("id", ID_NUMBER)
    assert redis.ttl(keys.VAULT) == -1


@pytest.mark.parametrize("later", SUITES)
def test_keys_are_rotated_without_losing_a_record(
    redis: Redis, vault: Vault, later: SuiteName
) -> None:
    """New key first, old records still open; everything resealed; the old key taken away."""
    record, ref = vault.seal({"name": "张三"}, PLACE), vault.ref("id", ID_NUMBER)
    redis.set(PLACE, record)

    both = Vault(redis, [NEW, OLD], later)
    assert both.unseal(record, PLACE) == {"name": "张三"}
    assert both.ref("id", ID_NUMBER) == ref
    both.reseal_all(lambda _looked_at: None)

    new = Vault(redis, [NEW], later)
    resealed = redis.get(PLACE) or b""
    assert new.unseal(resealed, PLACE) == {"name": "张三"}
    assert new.reseal(resealed, PLACE) is resealed, "once is enough"
    assert new.ref("id", ID_NUMBER) == ref
    with pytest.raises(WrongDataKeysError):
        new.unseal(record, PLACE)


def test_another_suite_seals_from_now_on_and_names_nobody_otherwise(redis: Redis) -> None:
    """One key, and a setting that is changed and changed back."""
    by_aes, by_gm = (Vault(redis, [OLD], crypto) for crypto in SUITES)
    record, ref = by_aes.close(b"name", PLACE, "AbC"), by_aes.ref("id", ID_NUMBER)

    assert (by_gm.open(record, PLACE), by_gm.ref("id", ID_NUMBER)) == (b"name", ref)
    by_sm4 = by_gm.reseal(record, PLACE)
    assert by_sm4 != record
    assert len(by_sm4) == len(record)
    assert (in_clear(by_sm4), by_aes.open(by_sm4, PLACE)) == ("AbC", b"name")
    assert by_aes.fingerprints != by_gm.fingerprints, "so that nobody rotates while both seal"


def test_one_suites_seal_does_not_pass_for_the_others(redis: Redis) -> None:
    for by, mark in ((Vault(redis, [OLD], "aes"), b"\x03"), (Vault(redis, [OLD], "gm"), b"\x02")):
        sealed = by.close(b"name", PLACE, "AbC")
        with pytest.raises(WrongDataKeysError):
            by.open(sealed[:3] + mark + sealed[4:], PLACE)


def test_an_empty_redis_makes_its_references_by_the_suite_it_began_with(redis: Redis) -> None:
    Vault(redis, [OLD], "gm").ref("id", ID_NUMBER)
    made: str = Vault(redis, [OLD]).unseal(redis.get(keys.VAULT) or b"", keys.VAULT)
    prefix, _, key = made.partition(":")
    mac = HMAC(bytes.fromhex(key), SM3())
    mac.update(f"id:{ID_NUMBER}".encode())
    expected = base64.urlsafe_b64encode(mac.finalize()[:16]).decode().rstrip("=")
    assert (prefix, Vault(redis, [OLD]).ref("id", ID_NUMBER)) == ("hmac-sm3", expected)


def test_a_data_set_from_before_there_were_two_suites_opens(redis: Redis) -> None:
    """As it stands on the disks of every deployment: key, reference, record."""
    old, ref_key, nonce = base64.urlsafe_b64decode(OLD), "07" * 32, bytes(12)
    text = msgspec.msgpack.encode(ref_key)
    redis.set(keys.VAULT, b"\x02" + nonce + AESGCM(old).encrypt(nonce, text, b"vault\x02"))
    record = b"AbC\x02" + nonce + AESGCM(old).encrypt(nonce, b"name", b"holder:1\x02AbC")
    named = hashlib.blake2b(b"id:1", key=bytes.fromhex(ref_key), digest_size=16).digest()
    for crypto in SUITES:
        vault = Vault(redis, [OLD], crypto)
        assert vault.open(record, PLACE) == b"name"
        assert vault.ref("id", "1") == base64.urlsafe_b64encode(named).decode().rstrip("=")


def test_what_is_sealed_meanwhile_has_the_new_key(redis: Redis, crypto: SuiteName) -> None:
    sealed = Vault(redis, [NEW, OLD], crypto).seal("now", PLACE)

    assert Vault(redis, [NEW]).unseal(sealed, PLACE) == "now"
    with pytest.raises(WrongDataKeysError):
        Vault(redis, [OLD]).unseal(sealed, PLACE)


def test_wrong_keys_say_what_to_do(redis: Redis, vault: Vault) -> None:
    sealed = vault.seal(ID_NUMBER, PLACE)
    vault.ref("id", ID_NUMBER)
    wrong = Vault(redis, [OTHER])

    for attempt in (
        lambda: wrong.unseal(sealed, PLACE),
        lambda: wrong.ref("id", ID_NUMBER),
        lambda: wrong.reseal(sealed, PLACE),
        lambda: wrong.reseal_all(lambda _looked_at: None),
    ):
        with pytest.raises(WrongDataKeysError, match="add the old key back") as raised:
            attempt()
        assert OTHER not in str(raised.value)
        assert ID_NUMBER not in str(raised.value)
    assert Vault(redis, [OLD]).unseal(sealed, PLACE) == ID_NUMBER, "nothing was spoilt"


@pytest.mark.parametrize(
    "tampered",
    [b"", b"x", b"\xff", *(mark * n for mark in (b"\x02", b"\x03") for n in (1, 13, 20, 40))],
)
def test_what_is_not_sealed_does_not_open(vault: Vault, tampered: bytes) -> None:
    with pytest.raises(WrongDataKeysError):
        vault.unseal(tampered, PLACE)


def test_no_byte_of_a_sealed_value_can_be_changed(vault: Vault) -> None:
    sealed = vault.seal(ID_NUMBER, PLACE)
    for place in range(len(sealed)):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        with pytest.raises(WrongDataKeysError):
            vault.unseal(changed, PLACE)


@pytest.mark.parametrize("elsewhere", ["holder:2", "notice:1", keys.VAULT, ""])
def test_what_is_moved_elsewhere_does_not_open(vault: Vault, elsewhere: str) -> None:
    sealed = vault.seal(ID_NUMBER, PLACE)
    with pytest.raises(WrongDataKeysError) as raised:
        vault.unseal(sealed, elsewhere)
    assert raised.value.key == elsewhere
    with pytest.raises(WrongDataKeysError):
        vault.reseal(sealed, elsewhere)


@pytest.mark.parametrize("clear", ["", "AbC-_123", "one two"])
def test_what_stands_in_clear_is_read_by_anybody_and_changed_by_nobody(
    redis: Redis, vault: Vault, clear: str
) -> None:
    sealed = vault.close(ID_NUMBER.encode(), PLACE, clear)
    assert in_clear(sealed) == clear
    assert redis.eval(f"return string.match(ARGV[1], '{IN_CLEAR}')", 0, sealed) == clear.encode()
    assert vault.open(sealed, PLACE) == ID_NUMBER.encode()
    resealed = Vault(redis, [NEW, OLD]).reseal(sealed, PLACE)
    assert in_clear(resealed) == clear
    assert Vault(redis, [NEW]).open(resealed, PLACE) == ID_NUMBER.encode()
    for changed in (b"x" + sealed, sealed[len(clear) :] if clear else b" " + sealed):
        with pytest.raises(WrongDataKeysError):
            vault.open(changed, PLACE)
    with pytest.raises(WrongDataKeysError):  # a place does not run into what is in clear
        vault.open(b"1" + vault.seal(ID_NUMBER, PLACE), PLACE.removesuffix("1"))


def by_fernet(text: bytes) -> bytes:
    """The first format, which knew no places."""
    return Fernet(OLD).encrypt(text)


def before_values_were_packed(text: bytes) -> bytes:
    """AES-GCM too, of a JSON text, after the byte 1."""
    nonce, cipher = bytes(12), AESGCM(base64.urlsafe_b64decode(OLD))
    return b"\x01" + nonce + cipher.encrypt(nonce, text, keys.VAULT.encode())


@pytest.mark.parametrize("sealed_then", [by_fernet, before_values_were_packed])
def test_records_of_an_earlier_version_say_what_to_do(
    redis: Redis, sealed_then: Callable[[bytes], bytes]
) -> None:
    """What `make run` of an earlier version left in var/."""
    redis.set(keys.VAULT, sealed_then(b'"' + b"0" * 64 + b'"'))
    with pytest.raises(WrongDataKeysError, match=r"an earlier version.* var/.* import"):
        Vault(redis, [OLD]).check()


def test_a_lost_reference_key_is_never_replaced_while_anybody_is_on_record(redis: Redis) -> None:
    """Under a new one every caller would hear that nobody knows the number."""
    ref = Vault(redis, [OLD]).ref("id", ID_NUMBER)
    redis.set(keys.holder(ref), "sealed")
    kept = redis.get(keys.VAULT) or b""
    redis.delete(keys.VAULT)
    for attempt in (Vault(redis, [OLD]).check, lambda: Vault(redis, [OLD]).ref("id", ID_NUMBER)):
        with pytest.raises(WrongDataKeysError, match="from a backup"):
            attempt()
    assert not redis.exists(keys.VAULT)
    redis.set(keys.VAULT, kept)
    assert Vault(redis, [OLD]).ref("id", ID_NUMBER) == ref
