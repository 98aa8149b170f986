"""The cardholders' records while others write, servers die, and keys change; on a real server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ivr.made_up import made_up_card
from ivr.store import keys
from ivr.store.cardholders_csv import CardLine
from ivr.store.connection import connect
from ivr.store.holders import BATCH, Holders
from ivr.store.vault import Vault, WrongDataKeysError
from tests.redis_server import RedisServer
from tests.store.records import BANKS, check_whole, everything, held, lines, people

OLD_KEY, NEW_KEY = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def rng() -> Random:
    return Random(12333)


@pytest.fixture
def vault(redis: Redis) -> Vault:
    return Vault(redis, [OLD_KEY])


@pytest.fixture
def holders(redis: Redis, vault: Vault) -> Holders:
    return Holders(redis, vault)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server that may be killed."""
    with TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.stop()


def import_alone(server: RedisServer, file: list[CardLine]) -> None:
    """An import as another process would run it: with a connection and keys of its own."""
    with connect(server.url) as redis:
        Holders(redis, Vault(redis, [NEW_KEY, OLD_KEY])).put_all(file)


def kill_when_holding(server: RedisServer, count: int) -> None:
    with connect(server.url) as redis:
        while redis.dbsize() < count:
            pass
    server.kill()


def run_all(*work: Callable[[], object]) -> None:
    """Runs everything at the same time; what fails there fails here."""
    with ThreadPoolExecutor(len(work)) as pool:
        for running in [pool.submit(each) for each in work]:
            running.result()


class TestImporting:
    def test_two_imports_at_once_lose_nothing(
        self, redis: Redis, redis_server: RedisServer, rng: Random
    ) -> None:
        """Both add a card to each of the same holders: every holder must end up with both."""
        anyone = people(rng, BATCH)
        files = [
            lines(*(replace(holder, cards=(made_up_card(rng, bank),)) for holder in anyone))
            for bank in BANKS
        ]
        run_all(*(partial(import_alone, redis_server, file) for file in files))
        vault = Vault(redis, [NEW_KEY, OLD_KEY])
        holders = Holders(redis, vault)
        assert check_whole(redis, holders, vault) == BATCH
        for holder in anyone:
            stored = held(holders, vault.ref("id", holder.id_number))
            assert stored is not None
            assert {card.bank for card in stored.cards} == set(BANKS)

    def test_kill_9_in_the_middle_leaves_only_whole_holders(self, own_server: RedisServer) -> None:
        redis = connect(own_server.url)
        vault = Vault(redis, [OLD_KEY])
        holders = Holders(redis, vault)
        rng = Random(9)
        two_cards_each = [
            replace(holder, cards=tuple(made_up_card(rng, bank) for bank in BANKS))
            for holder in people(rng, 4 * BATCH)
        ]
        file = lines(*two_cards_each)
        killer = Thread(target=kill_when_holding, args=(own_server, 3 * BATCH))
        killer.start()
        with pytest.raises(RedisConnectionError):
            holders.put_all(cycle(file))  # without end, so that the kill always finds it at work
        killer.join()
        own_server.start()
        assert check_whole(redis, holders, vault) >= BATCH
        holders.put_all(file)
        assert check_whole(redis, holders, vault) == 4 * BATCH


class TestResealing:
    def test_every_record_opens_with_the_new_key_alone(
        self, redis: Redis, holders: Holders, rng: Random
    ) -> None:
        everyone = people(rng, BATCH + 3)
        holders.put_all(lines(*everyone))
        both = Vault(redis, [NEW_KEY, OLD_KEY])
        steps: list[int] = []
        both.reseal_ref_key()
        found = both.reseal_all(keys.holder("*"), None, steps.append)
        assert found == (sum(steps), []) == (BATCH + 3, [])
        alone = Vault(redis, [NEW_KEY])
        later = Holders(redis, alone)
        assert all(held(later, alone.ref("id", h.id_number)) == h for h in everyone)
        assert check_whole(redis, later, alone) == BATCH + 3

    def test_an_import_meanwhile_is_not_undone(
        self, redis: Redis, redis_server: RedisServer, vault: Vault, holders: Holders, rng: Random
    ) -> None:
        everyone = people(rng, 3 * BATCH)
        holders.put_all(lines(*everyone))
        renamed = [replace(holder, name="新名") for holder in everyone]
        both = Vault(redis, [NEW_KEY, OLD_KEY])
        rotated = Holders(redis, both)
        resealing = partial(both.reseal_all, keys.holder("*"), None, lambda _count: None)
        run_all(partial(import_alone, redis_server, lines(*renamed)), resealing)
        assert all(held(rotated, vault.ref("id", h.id_number)) == h for h in renamed)

    def test_a_missing_old_key_is_told(self, redis: Redis, holders: Holders, rng: Random) -> None:
        holders.put_all(lines(*people(rng, 2)))
        before = everything(redis)
        stranger = Vault(redis, [NEW_KEY])
        resealed, shut = stranger.reseal_all(keys.holder("*"), None, lambda _count: None)
        assert (resealed, len(shut)) == (0, 2)
        with pytest.raises(WrongDataKeysError):
            stranger.reseal_ref_key()
        assert everything(redis) == before
