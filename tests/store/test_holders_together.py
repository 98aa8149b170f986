"""The cardholders' records while others write and servers die; on a real server."""

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
from ivr.store.cardholders_csv import CardLine
from ivr.store.connection import connect
from ivr.store.holders import BATCH, Holders
from ivr.store.vault import Vault
from tests.redis_server import RedisServer
from tests.store.records import BANKS, check_whole, held, lines, people

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


def test_two_imports_at_once_lose_nothing(
    redis: Redis, redis_server: RedisServer, rng: Random
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


def test_kill_9_in_the_middle_leaves_only_whole_holders(own_server: RedisServer) -> None:
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
