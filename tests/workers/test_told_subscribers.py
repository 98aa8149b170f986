"""Subscribers are told by the same processes as the banks: signed, again after a killed worker, and
whatever a bank does meanwhile.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from flask import Flask
from redis import Redis
from standardwebhooks import Webhook

from app import create_app
from ivr.cards.notice import Notice, NoticeState, subscriber
from ivr.cards.records import Holder
from ivr.settings import Settings, read_settings
from ivr.store import keys
from ivr.store.doorbell import ring
from tests.bank_side import Records
from tests.builders import a_holder, enrol
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer
from tests.workers.builders import OLD_SECRET, SECRET, a_bank, an_environment
from tests.workers.programs import Program, program, wait_for_workers
from tests.workers.servers import Server, answers, running, wait_until

pytestmark = pytest.mark.faults
QUEUE: Final = "subscriber-centre"
ZHANG: Final[Holder] = a_holder()
FILE: Final = """
[subscribers.centre]
name = "The card centre"
cities = ["1101"]
notice_url = "{url}/cards"
secrets_env = "CENTRE_SECRETS"

[subscribers.clinic]
name = "A clinic"
cities = ["1101"]
secrets_env = "CLINIC_SECRETS"
"""


@pytest.fixture
def centre() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def bank() -> Iterator[Server]:
    with running() as server:
        yield server


class Deployment:
    """A city with one bank, a card centre that is told, and a clinic that asks."""

    def __init__(self, folder: Path, redis_url: str, bank: Server, centre: Server) -> None:
        file = folder / "subscribers.toml"
        file.write_text(FILE.format(url=centre.url), encoding="utf-8")
        other = SECRET.replace("MfKQ", "NfKQ")
        more = {"SUBSCRIBERS_FILE": str(file), "CENTRE_SECRETS": OLD_SECRET,
                "CLINIC_SECRETS": other, "WORKER_PROCESSES": "2"}  # fmt: skip
        self.environ = an_environment(folder, redis_url, a_bank(bank.url), **more)
        self.settings: Settings = read_settings(self.environ)
        self.hotline: Hotline = open_hotline(self.settings)
        self.log = folder / "deliver.log"
        enrol(self.hotline, ZHANG)

    @contextmanager
    def delivering(self) -> Iterator[Program]:
        with program("workers.deliver", self.environ, self.log) as started:
            yield started

    def the_notice(self) -> Notice:
        outbox = self.hotline.outbox
        found = outbox.find_all(list(outbox.every_id()))
        (notice,) = [each for each in found if each.bank == subscriber("centre")]
        return notice


@pytest.fixture
def city(
    redis: Redis, redis_server: RedisServer, tmp_path: Path, bank: Server, centre: Server
) -> Deployment:
    redis.ping()
    return Deployment(tmp_path, redis_server.url, bank, centre)


def test_it_comes_signed_as_to_a_bank(city: Deployment, bank: Server, centre: Server) -> None:
    """While the bank hangs."""
    bank.reacts(lambda _sock: bank.over.wait())
    with city.delivering():
        wait_for_workers(city.hotline.redis, QUEUE, 2)
        Records(city.hotline).reports_lost(ZHANG)
        wait_until(lambda: city.the_notice().state is NoticeState.DELIVERED)
    (request,) = centre.requests
    told = Webhook(OLD_SECRET).verify(request.body, dict(request.headers))
    assert told == json.loads(request.body)
    assert told["type"] == "card.suspended"
    assert set(told["data"]) == {"card_number", "at", "until"}
    for private in (ZHANG.id_number, ZHANG.name, "icbc"):
        assert private not in request.body.decode()


def test_after_a_killed_worker_it_comes_again_under_the_same_id(
    city: Deployment, centre: Server
) -> None:
    redis = city.hotline.redis
    centre.reacts(lambda _sock: centre.over.wait())
    with city.delivering():
        pids = wait_for_workers(redis, QUEUE, 2)
        Records(city.hotline).reports_lost(ZHANG)
        wait_until(lambda: centre.requests)
        centre.reacts(answers(200))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pids & wait_for_workers(redis, QUEUE, 2))
        notice = city.the_notice()
        the_lease_ends(city.hotline, notice)
        wait_until(lambda: city.the_notice().state is NoticeState.DELIVERED)
    assert {request.headers["webhook-id"] for request in centre.requests} == {notice.id}


def the_lease_ends(hotline: Hotline, notice: Notice) -> None:
    """What time does by itself; the sweep then rings."""
    for place in (keys.NOTICES_OPEN, keys.open_in(notice.queue), keys.in_flight(notice.queue)):
        hotline.redis.zadd(place, {notice.id: 0})
    for words in ring(notice.id, notice.queue):
        hotline.redis.execute_command(*words)


def types(app: Flask, line: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=line.split())
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_an_operator_pings_and_lists_them(city: Deployment, centre: Server) -> None:
    app = create_app(city.settings)
    with city.delivering():
        wait_for_workers(city.hotline.redis, QUEUE, 2)
        status, said = types(app, "subscribers ping centre")
        assert (status, said.startswith("subscriber:centre: received (HTTP 200)")) == (0, True)
        assert json.loads(centre.requests[0].body)["type"] == "ping"
        centre.reacts(answers(403))
        assert types(app, "subscribers ping centre")[0] == 1
    status, said = types(app, "subscribers ping clinic")
    assert (status, said) == (1, "Error: clinic has no notice_url: it only asks.\n")
    status, said = types(app, "subscribers ping nobody")
    assert (status, said) == (
        1,
        "Error: There is no subscriber nobody; there are centre, clinic.\n",
    )
    Records(city.hotline).reports_lost(ZHANG)
    _, listed = types(app, "subscribers list")
    rows = [line.split() for line in listed.splitlines()]
    assert rows[0][0] == "subscriber"
    assert (rows[1][:3], rows[1][-1]) == (["centre", "well", "1"], "1101")
    assert rows[2] == ["clinic", "only", "asks", "-", "-", "-", "1101"]
    _, listed = types(app, "notices list --bank subscriber:centre --state open")
    assert "card.suspended" in listed
