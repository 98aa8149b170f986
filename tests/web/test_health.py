"""The operators' doors: what is alive, what is missing, what was counted."""

import logging
from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from werkzeug.test import Client

from app import create_app
from ivr.settings import Settings
from ivr.store import keys
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, PhoneCall, Twilio


@pytest.fixture
def browser(app: Flask) -> Client:
    return Client(app)


@pytest.fixture
def logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], str]:
    """All that was logged, whatever way it took."""
    caplog.set_level(logging.INFO)
    return lambda: "".join([*capfd.readouterr(), caplog.text])


QUEUES = ("bank-icbc", "bank-ccb", "texts")


def listens(redis: Redis, name: str) -> Worker:
    """A worker that has just signed on for a queue."""
    queue = Queue(name, connection=redis, serializer=JSONSerializer)
    worker = Worker([queue], connection=redis, serializer=JSONSerializer)
    worker.register_birth()
    return worker


def all_is_well(redis: Redis) -> list[Worker]:
    """A sweep runs, and there is a worker for every queue."""
    redis.set(keys.SWEEP_ALIVE, "1", ex=15)
    return [listens(redis, name) for name in QUEUES]


def metrics(client: Client) -> dict[str, float]:
    """Name and labels -> value."""
    text = client.get("/metrics").get_data(as_text=True)
    return {
        sample.name + "".join(f"/{label}" for label in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_alive_whatever_happens(own_server: RedisServer) -> None:
    app = an_app(settings(own_server.url))
    own_server.kill()
    response = Client(app).get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "alive"})


def test_ready_when_somebody_listens_everywhere(browser: Client, redis: Redis) -> None:
    workers = all_is_well(redis)

    response = browser.get("/readyz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    assert len(workers) == len(QUEUES)


def test_not_ready_says_all_that_is_missing(browser: Client, redis: Redis) -> None:
    listens(redis, "bank-icbc")

    response = browser.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["problems"] == [
        "no worker listens for bank ccb",
        "no worker listens for texts to holders",
        "no sweep is running (Procfile: clock)",
    ]


@pytest.mark.parametrize("why", ["signed off", "silent"])
def test_a_worker_that_is_gone_does_not_listen(browser: Client, redis: Redis, why: str) -> None:
    _, gone, _ = all_is_well(redis)
    if why == "signed off":
        gone.register_death()
    else:
        redis.hset(gone.key, "last_heartbeat", "2026-01-01T00:00:00.000000Z")

    assert browser.get("/readyz").get_json()["problems"] == ["no worker listens for bank ccb"]


def test_not_ready_without_redis(own_server: RedisServer) -> None:
    client = Client(an_app(settings(own_server.url)))
    own_server.kill()

    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["problems"] == ["Redis does not answer (ConnectionError)"]
    assert metrics(client) == {"hotline_redis_up": 0.0}


def test_not_ready_when_the_data_keys_do_not_open_this_redis(own_server: RedisServer) -> None:
    app = an_app(settings(own_server.url), a_holder())
    own_server.kill()
    other = Client(create_app(settings(own_server.url)))
    own_server.start()

    for client, opens in ((Client(app), True), (other, False)):
        said = client.get("/readyz")
        assert said.status_code == 503, "nobody listens"
        assert any("DATA_KEYS" in line for line in said.get_json()["problems"]) is not opens


@pytest.fixture
def reported(app: Flask) -> Settings:
    """Settings of a hotline that owes ICBC a notice."""
    PhoneCall(Twilio(app)).to_report()
    return hotline_of(app).settings


def test_a_bank_that_left_while_its_name_is_still_on_blocks(
    reported: Settings, redis: Redis, logged: Callable[[], str]
) -> None:
    """A warning only: the calls of the other banks go on."""
    all_is_well(redis)
    left = reported.model_copy(update={"banks": {"ccb": reported.banks["ccb"]}})
    client = Client(create_app(left))

    assert "bank_left_behind" in logged()
    said = client.get("/readyz")
    assert (said.status_code, said.get_json()) == (200, {
        "status": "ready",
        "warnings": ["bank icbc is not in BANKS_FILE, but 2 blocks and open notices name it"],
    })  # fmt: skip
    assert metrics(client)["hotline_bank_left_behind/icbc"] == 2


def test_a_bank_that_left_with_nothing_owed(reported: Settings, redis: Redis) -> None:
    redis.delete(keys.blocks("icbc"), keys.NOTICES_OPEN, keys.open_in("bank-icbc"))
    all_is_well(redis)
    client = Client(create_app(reported.model_copy(update={"banks": {}})))

    assert client.get("/readyz").get_json() == {"status": "ready"}
    assert "hotline_bank_left_behind/icbc" not in metrics(client)


def test_calls_and_reports_are_counted(app: Flask, browser: Client) -> None:
    PhoneCall(Twilio(app)).to_report()
    Twilio(app).posts("/voice/status")

    found = metrics(browser)
    assert found["hotline_redis_up"] == 1
    assert found["hotline_notices_open"] == 2
    assert found["hotline_reports_active"] == 1
    assert found["hotline_steps_total/filed"] == 1
    assert found["hotline_steps_total/main_menu"] == 1
    assert found["hotline_events_total/loss_reported"] == 1
    assert found["hotline_calls_ended_total"] == 1
    assert found["hotline_notice_overdue_seconds"] >= 0


def test_the_open_doors_say_nothing_personal(app: Flask, browser: Client) -> None:
    PhoneCall(Twilio(app)).to_report()
    holder = a_holder()
    said = "".join(
        browser.get(path).get_data(as_text=True) for path in ("/metrics", "/readyz", "/healthz")
    )
    for secret in (holder.id_number, ID_KEYS[:-1], holder.cards[0].number, holder.name):
        assert secret not in said
    assert "CA1111" not in said
