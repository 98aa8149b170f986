"""The cardholders' records: reading, importing and merging; on a real server."""

from dataclasses import replace
from random import Random

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from ivr.cards.records import Holder
from ivr.ciphers import SuiteName
from ivr.made_up import made_up_card, made_up_holder
from ivr.store import keys
from ivr.store.cardholders_csv import BadLine
from ivr.store.holders import BATCH, Holders, ImportResult
from ivr.store.vault import Vault, WrongDataKeysError
from tests.store.records import (
    BANKS,
    check_whole,
    everything,
    held,
    lines,
    people,
    text,
    whole_content,
)

OLD_KEY, NEW_KEY = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def rng() -> Random:
    return Random(12333)


@pytest.fixture
def vault(redis: Redis, crypto: SuiteName) -> Vault:
    return Vault(redis, [OLD_KEY], crypto)


@pytest.fixture
def holders(redis: Redis, vault: Vault) -> Holders:
    return Holders(redis, vault)


class TestReading:
    def test_a_holder_comes_back_as_imported(
        self, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        holder = made_up_holder(rng, BANKS)
        holders.put_all(lines(holder))
        assert held(holders, vault.ref("id", holder.id_number)) == holder

    def test_nobody_is_nobody(self, holders: Holders, vault: Vault) -> None:
        assert held(holders, vault.ref("id", "11010519491231002X")) is None

    def test_a_record_read_elsewhere_can_be_unpacked(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        holder = made_up_holder(rng, BANKS)
        holders.put_all(lines(holder))
        sealed = redis.get(keys.holder(vault.ref("id", holder.id_number)))
        assert holders.unpack(vault.ref("id", holder.id_number), sealed or b"") == holder

    def test_a_record_copied_to_another_holder_does_not_open(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        """Whoever can write to Redis cannot give one holder another one's cards."""
        one, other = people(rng, 2)
        holders.put_all(lines(one, other))
        place = keys.holder(vault.ref("id", other.id_number))
        record = redis.get(keys.holder(vault.ref("id", one.id_number))) or b""
        redis.set(place, record)
        with pytest.raises(WrongDataKeysError):
            held(holders, vault.ref("id", other.id_number))

    def test_a_holder_is_given_no_other_cards(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        """The references that stand in clear are not anybody's to change."""
        one, other = people(rng, 2)
        holders.put_all(lines(one, other))
        ref = vault.ref("id", one.id_number)
        own, stolen = (vault.ref("card", person.cards[0].number) for person in (one, other))
        record = redis.get(keys.holder(ref))
        assert isinstance(record, bytes)
        redis.set(keys.holder(ref), record.replace(own.encode(), stolen.encode()))
        with pytest.raises(WrongDataKeysError):
            holders.known(ref)

    def test_wrong_keys_are_told_apart_from_nobody(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        holder = made_up_holder(rng, BANKS)
        holders.put_all(lines(holder))
        stranger = Holders(redis, Vault(redis, [NEW_KEY]))
        with pytest.raises(WrongDataKeysError):
            held(stranger, vault.ref("id", holder.id_number))


class TestImporting:
    def test_several_cards_of_one_holder_in_one_file(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        cards = tuple(made_up_card(rng, bank) for bank in ("icbc", "ccb", "icbc"))
        holder = replace(made_up_holder(rng, BANKS), cards=cards)
        assert holders.put_all(lines(holder)) == ImportResult(written=3)
        assert held(holders, vault.ref("id", holder.id_number)) == holder
        assert check_whole(redis, holders, vault) == 1

    def test_eight_cards_of_one_holder_in_eight_files(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        cards = tuple(made_up_card(rng, bank) for bank in BANKS * 4)
        holder = replace(made_up_holder(rng, BANKS), cards=cards)
        for line in lines(holder):
            assert holders.put_all([line]) == ImportResult(written=1)
        ref = vault.ref("id", holder.id_number)
        known = holders.known(ref)
        assert known is not None
        assert known.holder == held(holders, ref) == holder
        assert known.cards == {vault.ref("card", card.number): card for card in cards}
        assert check_whole(redis, holders, vault) == 1

    def test_a_later_line_adds_a_card_and_renews_name_and_phone(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        holder = made_up_holder(rng, BANKS)
        holders.put_all(lines(holder))
        second = made_up_card(rng, "ccb")
        holders.put_all(
            lines(replace(holder, name="新名", phone="+8615400000000", cards=(second,)))
        )
        assert held(holders, vault.ref("id", holder.id_number)) == Holder(
            holder.id_number, "新名", "+8615400000000", (*holder.cards, second)
        )
        assert check_whole(redis, holders, vault) == 1

    def test_a_later_line_replaces_that_one_card(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        first, second = (made_up_card(rng, "icbc") for _ in range(2))
        holder = replace(made_up_holder(rng, BANKS), cards=(first, second))
        holders.put_all(lines(holder))
        moved = replace(first, bank="ccb", bank_account="62" + "1" * 17)
        holders.put_all(lines(replace(holder, cards=(moved,))))
        assert held(holders, vault.ref("id", holder.id_number)) == replace(
            holder, cards=(moved, second)
        )
        assert check_whole(redis, holders, vault) == 1

    def test_again_changes_nothing_at_all(
        self, redis: Redis, holders: Holders, rng: Random
    ) -> None:
        file = lines(*people(rng, BATCH + 20))
        holders.put_all(file)
        before = everything(redis)
        assert holders.put_all(file) == ImportResult(unchanged=BATCH + 20)
        assert everything(redis) == before

    def test_only_what_changed_is_written(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        same, renamed = people(rng, 2)
        holders.put_all(lines(same, renamed))
        before = everything(redis)
        result = holders.put_all(lines(same, replace(renamed, name="新名")))
        assert result == ImportResult(written=1, unchanged=1)
        after = everything(redis)
        changed = {key.decode() for key in after if after[key] != before.get(key)}
        assert changed == {keys.holder(vault.ref("id", renamed.id_number))}

    def test_more_than_one_batch(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random
    ) -> None:
        steps: list[int] = []
        result = holders.put_all(lines(*people(rng, 2 * BATCH + 1)), progress=steps.append)
        assert result == ImportResult(written=2 * BATCH + 1)
        assert steps == [BATCH, BATCH, 1]
        assert check_whole(redis, holders, vault) == 2 * BATCH + 1

    @pytest.mark.parametrize("in_two_files", [True, False])
    def test_a_card_of_another_holder_is_a_bad_line(
        self, redis: Redis, holders: Holders, vault: Vault, rng: Random, in_two_files: bool
    ) -> None:
        owner, thief, third = people(rng, 3)
        file = lines(owner, replace(thief, cards=owner.cards), third)
        bad: list[BadLine] = []
        for part in [file[:1], file[1:]] if in_two_files else [file]:
            result = holders.put_all(part, on_bad=bad.append)
        assert result.bad == 1
        assert bad == [BadLine(3, "card_number belongs to another holder")]
        assert held(holders, vault.ref("id", owner.id_number)) == owner
        assert held(holders, vault.ref("id", thief.id_number)) is None
        assert held(holders, vault.ref("id", third.id_number)) == third
        assert check_whole(redis, holders, vault) == 2

    def test_nothing_readable_is_stored(self, redis: Redis, holders: Holders, rng: Random) -> None:
        holder = made_up_holder(rng, BANKS)
        card = holder.cards[0]
        holders.put_all(lines(holder))
        stored = b" ".join(whole_content(redis))
        for secret in (holder.id_number, holder.name, holder.phone, card.number, card.bank_account):
            assert secret.encode() not in stored


def test_a_card_record_of_before_it_had_the_city_gets_it_with_the_next_import(
    holders: Holders, redis: Redis, rng: Random
) -> None:
    (holder,) = people(rng, 1)
    holder = replace(holder, cards=holder.cards[:1])
    ref = holders.card_ref(holder.cards[0].number)
    holders.put_all(lines(holder))
    redis.set(keys.card(ref), text(redis.get(keys.card(ref)))[:-3])
    assert (owner := holders.owner_of(ref)) is not None
    assert owner.city == ""

    assert holders.put_all(lines(holder)).written == 1
    assert (owner := holders.owner_of(ref)) is not None
    assert owner.city == holder.cards[0].city_code[:4]
    assert holders.put_all(lines(holder)).unchanged == 1
