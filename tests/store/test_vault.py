"""The vault: sealed values, keyed references, and new keys without losing old records."""

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from ivr.store import keys
from ivr.store.vault import Vault, WrongDataKeysError

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
ID_NUMBER = "11010519491231002X"
PER_TEST = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)


@pytest.fixture
def vault(redis: Redis) -> Vault:
    return Vault(redis, [OLD])


@PER_TEST
@given(value=st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_what_is_sealed_is_unsealed(vault: Vault, value: object) -> None:
    assert vault.unseal(vault.seal(value)) == value
    assert vault.unseal(vault.seal(value).encode()) == value


def test_nothing_shows_through_the_seal(vault: Vault) -> None:
    sealed = [vault.seal({"id": ID_NUMBER, "name": "张三"}) for _ in range(2)]

    assert sealed[0] != sealed[1], "equal values do not look equal"
    assert ID_NUMBER not in sealed[0]
    assert ID_NUMBER not in repr(vault)


def test_a_reference_is_always_the_same_and_says_nothing(redis: Redis, vault: Vault) -> None:
    ref = vault.ref("id", ID_NUMBER)

    assert Vault(redis, [OLD]).ref("id", ID_NUMBER) == ref
    assert len(ref) == 32
    assert vault.ref("card", ID_NUMBER) != ref
    assert vault.ref("id", ID_NUMBER[:-1] + "0") != ref


def test_another_deployment_has_other_references(redis: Redis, vault: Vault) -> None:
    ref = vault.ref("id", ID_NUMBER)
    redis.flushall()

    assert Vault(redis, [OLD]).ref("id", ID_NUMBER) != ref


def test_two_processes_that_start_at_once_agree(redis: Redis) -> None:
    first, second = Vault(redis, [OLD]), Vault(redis, [OLD])
    assert first.ref("id", ID_NUMBER) == second.ref("id", ID_NUMBER)
    assert redis.ttl(keys.VAULT) == -1


def test_keys_are_rotated_without_losing_a_record(redis: Redis, vault: Vault) -> None:
    """New key first, old records still open; everything resealed; the old key taken away."""
    record, ref = vault.seal({"name": "张三"}), vault.ref("id", ID_NUMBER)

    both = Vault(redis, [NEW, OLD])
    assert both.unseal(record) == {"name": "张三"}
    assert both.ref("id", ID_NUMBER) == ref
    resealed = both.reseal(record)
    both.reseal_ref_key()

    new = Vault(redis, [NEW])
    assert new.unseal(resealed) == {"name": "张三"}
    assert new.ref("id", ID_NUMBER) == ref
    with pytest.raises(WrongDataKeysError):
        new.unseal(record)


def test_what_is_sealed_meanwhile_has_the_new_key(redis: Redis) -> None:
    sealed = Vault(redis, [NEW, OLD]).seal("now")

    assert Vault(redis, [NEW]).unseal(sealed) == "now"
    with pytest.raises(WrongDataKeysError):
        Vault(redis, [OLD]).unseal(sealed)


def test_wrong_keys_say_what_to_do(redis: Redis, vault: Vault) -> None:
    sealed = vault.seal(ID_NUMBER)
    vault.ref("id", ID_NUMBER)
    wrong = Vault(redis, [OTHER])

    for attempt in (lambda: wrong.unseal(sealed), lambda: wrong.ref("id", ID_NUMBER),
                    lambda: wrong.reseal(sealed), wrong.reseal_ref_key):  # fmt: skip
        with pytest.raises(WrongDataKeysError, match="add the old key back") as raised:
            attempt()
        assert OTHER not in str(raised.value)
        assert ID_NUMBER not in str(raised.value)
    assert Vault(redis, [OLD]).unseal(sealed) == ID_NUMBER, "nothing was spoilt"


@pytest.mark.parametrize("tampered", ["", "x", "gAAAA", b"\xff", b""])
def test_what_is_not_sealed_does_not_open(vault: Vault, tampered: str | bytes) -> None:
    with pytest.raises(WrongDataKeysError):
        vault.unseal(tampered)
