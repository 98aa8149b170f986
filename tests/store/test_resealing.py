"""Everything sealed goes under a new key and into another suite, while calls go on; on a real
server.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle
from random import Random
from threading import Event
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from ivr.cards.acts.report import ReportRequest
from ivr.cards.records import CardState, Holder
from ivr.ciphers import SUITES, SuiteName
from ivr.store import keys
from ivr.store.callbacks import Callback
from ivr.store.codec import plain
from ivr.store.connection import connect
from ivr.store.holders import Holders
from ivr.store.vault import RESEALED_AT_ONCE, AnotherServerError, Vault, WrongDataKeysError
from tests.builders import a_holder, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.store.records import check_whole, everything, lines, people

OLD_KEY, NEW_KEY = (Fernet.generate_key().decode() for _ in range(2))
BOTH = [NEW_KEY, OLD_KEY]

# Runs until it has looked at the first keys, and is killed as `kill -9` does.
KILLED = """
import os, signal, sys
from ivr.store.connection import connect
from ivr.store.vault import Vault
url, crypto, *data_keys = sys.argv[1:]
vault = Vault(connect(url), data_keys, crypto)
vault.reseal_all(lambda _looked_at: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.fixture
def rng() -> Random:
    return Random(12333)


@pytest.fixture
def everyone(redis: Redis, rng: Random) -> list[Holder]:
    """On record, sealed under the old key by AES."""
    found = [
        replace(holder, cards=tuple(replace(c, state=CardState.NORMAL) for c in holder.cards))
        for holder in people(rng, 2 * RESEALED_AT_ONCE)
    ]
    Holders(redis, Vault(redis, [OLD_KEY])).put_all(lines(*found))
    return found


def reseal_and_die(server: RedisServer, crypto: SuiteName) -> None:
    words = [sys.executable, "-c", KILLED, server.url, crypto, *BOTH]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL


def openable(redis: Redis, vault: Vault) -> set[str]:
    """The names of all that this vault opens, wherever it stands."""
    found = set()
    for key in map(plain, redis.scan_iter()):
        for value in values_in(redis, key):
            try:
                vault.unseal(value, key)
            except WrongDataKeysError:
                continue
            found.add(key)
    return found


def values_in(redis: Any, key: str) -> Iterator[bytes]:
    match redis.type(key):
        case b"string":
            yield redis.get(key) or b""
        case b"hash":
            yield from redis.hgetall(key).values()
        case b"list":
            yield from redis.lrange(key, 0, -1)
        case b"set":
            yield from redis.smembers(key)
        case b"zset":
            yield from redis.zrange(key, 0, -1)
        case b"stream":
            for _, fields in redis.xrange(key):
                yield from fields.values()


def report_card_of(hotline: Hotline, holder: Holder) -> str:
    """As a call does: looks somebody up and reports the first card; answers the number."""
    ref = hotline.holders.ref(holder.id_number)
    assert hotline.holders.known(ref) is not None
    card_ref = hotline.holders.card_ref(holder.cards[0].number)
    request = ReportRequest(ref, card_ref, "phone", f"CA{ref}", "zh")
    filing = hotline.service.report_loss(request)
    assert filing.refusal is None
    return filing.report_number


@pytest.mark.parametrize("later", SUITES)
def test_killed_in_the_middle_and_run_again_while_calls_go_on(
    redis: Redis, redis_server: RedisServer, everyone: list[Holder], later: SuiteName
) -> None:
    """Afterwards the new key alone opens every cardholder and every notice."""
    reseal_and_die(redis_server, later)
    new = Vault(redis, [NEW_KEY], later)
    moved, left = openable(redis, new), openable(redis, Vault(redis, [OLD_KEY]))
    assert moved
    assert len(left) > RESEALED_AT_ONCE / 2, "it was killed in the middle"

    hotline = open_hotline(settings(redis_server.url, data_keys=",".join(BOTH), crypto=later))
    resealed, told = Event(), list[str]()

    def call() -> None:
        for holder in everyone:
            told.append(report_card_of(hotline, holder))
            if resealed.is_set() and len(told) > 100:
                break

    def rename() -> None:
        batches = cycle(everyone[n : n + 50] for n in range(0, len(everyone), 50))
        for batch in batches:
            renamed = [replace(holder, name="新名") for holder in batch]
            hotline.holders.put_all(lines(*renamed))
            if resealed.is_set():
                break

    with ThreadPoolExecutor(2) as others:
        working = [others.submit(call), others.submit(rename)]
        try:
            done = Vault(redis, BOTH, later).reseal_all(lambda _looked_at: None)
        finally:
            resealed.set()
        for work in working:
            work.result()
    assert done.shut == []
    assert done.there["holder"] >= len([name for name in moved if name.startswith("holder:")])

    assert openable(redis, Vault(redis, [OLD_KEY])) == set()
    alone = open_hotline(settings(redis_server.url, data_keys=NEW_KEY, crypto=later), redis)
    assert check_whole(redis, alone.holders, alone.vault) == len(everyone)
    reports = [alone.cases.find_report(number) for number in told]
    notices = alone.outbox.find_all(report.notice_id for report in reports if report)
    assert len(notices) == len(told) > 100
    assert {alone.outbox.body(notice)["data"]["report_number"] for notice in notices} == {*told}


def test_all_that_is_sealed_is_on_the_list(redis: Redis, redis_server: RedisServer) -> None:
    """A kind that is missing there would stay under the old key, and be lost with it."""
    hotline = open_hotline(settings(redis_server.url, data_keys=OLD_KEY), redis)
    enrol(hotline, a_holder())
    report_card_of(hotline, a_holder())
    hotline.callbacks.leave(Callback("ref", "+8613800138000", "zh", "", "", "", 1))
    sealed = openable(redis, Vault(redis, [OLD_KEY]))
    assert {name.partition(":")[0] for name in sealed} == keys.SEALED.keys()


def test_a_second_run_writes_nothing(redis: Redis, everyone: list[Holder]) -> None:
    steps: list[int] = []
    vault = Vault(redis, BOTH, "gm")
    first = vault.reseal_all(steps.append)
    assert (sum(steps), vault.keys_there()) == (redis.dbsize(), redis.dbsize())
    assert (first.moved["holder"], first.moved["vault"], first.shut) == (len(everyone), 1, [])

    before = everything(redis)
    second = vault.reseal_all(steps.append)
    assert (second.moved.total(), second.there) == (0, first.moved)
    assert everything(redis) == before


@pytest.mark.usefixtures("everyone")
def test_a_missing_old_key_is_told(redis: Redis) -> None:
    before = everything(redis)
    with pytest.raises(WrongDataKeysError):
        Vault(redis, [NEW_KEY]).reseal_all(lambda _looked_at: None)
    assert everything(redis) == before


class Disturbed(Vault):
    """Somebody else writes each of the first records after it was read, before it is resealed."""

    disturbances: tuple[Callable[[str], object], ...] = ()

    def reseal(self, sealed: bytes | str, place: str) -> bytes | str:
        if place.startswith("holder:") and self.disturbances:
            disturb, *left = self.disturbances
            self.disturbances = tuple(left)
            disturb(place)
        return super().reseal(sealed, place)


def test_what_changes_in_between_is_taken_again_and_what_is_gone_stays_gone(
    redis: Redis, everyone: list[Holder]
) -> None:
    old, disturbed = Vault(redis, [OLD_KEY]), Disturbed(redis, BOTH, "gm")
    touched = list[str]()

    def remove(place: str) -> None:
        touched.append(place)
        redis.delete(place)

    def make_a_list(place: str) -> None:
        remove(place)
        redis.rpush(place, "x")

    def write(place: str) -> None:
        touched.append(place)
        redis.set(place, old.seal("news", place))

    disturbed.disturbances = (remove, make_a_list, write)
    done = disturbed.reseal_all(lambda _looked_at: None)
    gone, listed, written = touched
    assert not redis.exists(gone)
    assert (redis.type(listed), done.shut) == (b"list", [listed])
    assert Vault(redis, [NEW_KEY]).unseal(redis.get(written) or b"", written) == "news"
    assert done.moved["holder"] == len(everyone) - 2


def test_a_server_that_began_anew_lists_otherwise(own_server: RedisServer, rng: Random) -> None:
    """What was looked at there says nothing of what is left here."""
    with connect(own_server.url) as redis:
        Holders(redis, Vault(redis, [OLD_KEY])).put_all(lines(*people(rng, RESEALED_AT_ONCE)))
        vault = Vault(redis, BOTH)

        def begin_anew(_looked_at: int) -> None:
            own_server.restart()
            redis.close()

        with pytest.raises(AnotherServerError):
            vault.reseal_all(begin_anew)
        assert vault.reseal_all(lambda _looked_at: None).shut == []
        assert openable(redis, Vault(redis, [OLD_KEY])) == set()
