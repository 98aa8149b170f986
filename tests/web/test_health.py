"""The operators' doors: what is alive, what is missing, what was counted."""

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from werkzeug.test import Client

from ivr.store import keys
from tests.builders import a_holder, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, PhoneCall, Twilio


@pytest.fixture
def browser(app: Flask) -> Client:
    return Client(app)


def listens(redis: Redis, bank: str) -> Worker:
    """A worker that has just signed on for a bank."""
    queue = Queue(f"bank-{bank}", connection=redis, serializer=JSONSerializer)
    worker = Worker([queue], connection=redis, serializer=JSONSerializer)
    worker.register_birth()
    return worker


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


def test_ready_when_somebody_listens_for_every_bank(browser: Client, redis: Redis) -> None:
    redis.set(keys.SWEEP_ALIVE, "1", ex=15)
    workers = [listens(redis, bank) for bank in ("icbc", "ccb")]

    response = browser.get("/readyz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    assert len(workers) == 2


def test_not_ready_says_all_that_is_missing(browser: Client, redis: Redis) -> None:
    listens(redis, "icbc")

    response = browser.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["problems"] == [
        "no worker listens for bank ccb",
        "no sweep is running (Procfile: clock)",
    ]


@pytest.mark.parametrize("why", ["signed off", "silent"])
def test_a_worker_that_is_gone_does_not_listen(browser: Client, redis: Redis, why: str) -> None:
    redis.set(keys.SWEEP_ALIVE, "1", ex=15)
    listens(redis, "icbc")
    gone = listens(redis, "ccb")
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
