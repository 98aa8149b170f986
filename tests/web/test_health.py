"""The operators' doors: what is alive, what is missing, what was counted."""

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs
from werkzeug.test import Client

from app import create_app, create_operations
from ivr.cards.acts.withdraw import Decision
from ivr.cards.notice import NoticeKind, Outcome
from ivr.cards.notice_bodies import iso
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.codec import plain
from tests.bank_side import Records
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.hotline import Hotline
from tests.redis_server import RedisServer
from tests.web.conftest import ID_KEYS, PhoneCall, Twilio
from tests.workers.builders import sweep_of


@pytest.fixture
def browser(app: Flask) -> Client:
    """An operator's, at the operators' own listener."""
    return operator_of(app)


def operator_of(app: Flask) -> Client:
    return Client(create_operations(hotline_of(app).settings))


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


def test_a_journal_that_nobody_moves_to_files(app: Flask, browser: Client, redis: Redis) -> None:
    """It would fill Redis for a year."""
    all_is_well(redis)
    now = hotline_of(app).outbox.now()
    redis.delete(keys.JOURNAL)
    redis.xadd(keys.JOURNAL, {"event": "other"}, f"{int(now - 31 * keys.DAY)}000-0")
    assert browser.get("/readyz").get_json() == {"status": "ready"}
    redis.delete(keys.JOURNAL)
    at = int(now - 33 * keys.DAY)
    redis.xadd(keys.JOURNAL, {"event": "other"}, f"{at}000-0")
    warnings = browser.get("/readyz").get_json()["warnings"]
    assert warnings == [f"Redis has the journal since {iso(at)}: ARCHIVE_DIR"]


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
    client = operator_of(an_app(settings(own_server.url)))
    own_server.kill()

    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["problems"] == ["Redis does not answer (ConnectionError)"]
    assert metrics(client) == {"hotline_redis_up": 0.0}


def test_not_ready_when_the_data_keys_do_not_open_this_redis(own_server: RedisServer) -> None:
    app = an_app(settings(own_server.url), a_holder())
    other = Client(create_operations(settings(own_server.url)))

    for client, opens in ((operator_of(app), True), (other, False)):
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
    create_app(left)
    client = Client(create_operations(left))

    assert "bank_left_behind" in logged()
    said = client.get("/readyz")
    assert (said.status_code, said.get_json()) == (200, {
        "status": "ready",
        "warnings": ["bank icbc is not in BANKS_FILE, but 2 blocks and open notices name it"],
    })  # fmt: skip
    assert metrics(client)["hotline_bank_left_behind/icbc"] == 2


def test_a_bank_that_left_with_nothing_owed(reported: Settings, redis: Redis) -> None:
    lists = keys.NOTICES_OPEN, keys.owed("bank-icbc"), keys.open_in("bank-icbc")
    redis.delete(keys.blocks("icbc"), *lists)
    all_is_well(redis)
    client = Client(create_operations(reported.model_copy(update={"banks": {}})))

    assert client.get("/readyz").get_json() == {"status": "ready"}
    assert "hotline_bank_left_behind/icbc" not in metrics(client)


def test_a_part_of_the_sweep_that_fails(app: Flask, redis: Redis) -> None:
    all_is_well(redis)
    browser, sweep = operator_of(app), sweep_of(hotline_of(app))
    redis.set(keys.DEADLINES, "not a sorted set")
    for _ in range(2):
        sweep.round()
    said = browser.get("/readyz")
    assert said.status_code == 200, "calls go on"
    assert "sweep: release fails (WrongKindError)" in said.get_json()["warnings"]
    redis.delete(keys.DEADLINES)
    for _ in range(2):
        sweep.round()
    assert "sweep" not in browser.get("/readyz").get_data(as_text=True)


def test_an_answer_that_is_an_error_is_no_silence(app: Flask, redis: Redis) -> None:
    redis.set("rq:workers", "not a set")
    said = operator_of(app).get("/readyz").get_json()
    assert said["problems"] == ["Redis answers with an error (ResponseError)"]


def test_texts_that_twilio_refuses_for_our_own_fault(app: Flask, redis: Redis) -> None:
    all_is_well(redis)
    browser, text_line = operator_of(app), hotline_of(app).text_line
    text_line.fails("401, code 20003")
    said = browser.get("/readyz")
    assert said.status_code == 200, "calls go on"
    (warning,) = said.get_json()["warnings"]
    assert "Twilio refuses our texts (401, code 20003): TWILIO_ACCOUNT_SID, TWILIO_A" in warning

    text_line.works()
    assert browser.get("/readyz").get_json() == {"status": "ready"}


def test_objections_are_seen_until_somebody_decides(app: Flask, redis: Redis) -> None:
    all_is_well(redis)
    report, browser = Records(hotline_of(app)).reports_lost(a_holder()), operator_of(app)
    service = hotline_of(app).service
    with capture_logs() as logged:
        assert service.dispute(report.number, "phone") == "recorded"
        assert service.dispute(report.number, "phone") == "known"
    line = {"event": "report_disputed", "log_level": "warning", "report": report.number}
    assert logged == [line]
    told = "objections to decide on: 1 (flask reports disputed)"
    assert told in browser.get("/readyz").get_json()["warnings"]
    assert metrics(browser)["hotline_reports_disputed"] == 1
    service.withdraw(report.number, Decision("Li", "a prank"))
    assert "warnings" not in browser.get("/readyz").get_json()
    assert metrics(browser)["hotline_reports_disputed"] == 0


def test_the_public_learns_nothing_but_that_we_live(app: Flask, browser: Client) -> None:
    for path, public, operators in (
        ("/healthz", 200, 404), ("/readyz", 404, 503), ("/metrics", 404, 200),
    ):  # fmt: skip
        assert Client(app).get(path).status_code == public, path
        assert browser.get(path).status_code == operators, path


def test_operations_start_on_a_redis_that_web_refuses(own_server: RedisServer) -> None:
    """Else nobody could read why."""
    with own_server.client() as redis:
        redis.config_set("appendfsync", "everysec")
    said = Client(create_operations(settings(own_server.url))).get("/readyz")
    assert said.status_code == 503
    assert "appendfsync everysec" in said.get_json()["problems"][0]


def test_calls_and_reports_are_counted(app: Flask, browser: Client) -> None:
    PhoneCall(Twilio(app)).to_report()
    Twilio(app).posts("/voice/status")

    found = metrics(browser)
    assert found["hotline_redis_up"] == 1
    assert found["hotline_notices_open/icbc"] == found["hotline_notices_open/texts"] == 1
    assert found["hotline_reports_active"] == 1
    assert found["hotline_steps_total/filed"] == 1
    assert found["hotline_steps_total/main_menu"] == 1
    assert found["hotline_events_total/loss_reported"] == 1
    assert found["hotline_calls_ended_total"] == 1
    assert found["hotline_notice_oldest_seconds/icbc"] >= 0


def test_the_time_to_block_is_a_histogram(browser: Client, redis: Redis) -> None:
    for field, value in {"30000": 3, "45000": 1, "more": 2, "sum": 654_321}.items():
        redis.hset(keys.block_times("icbc"), field, str(value))
    found = metrics(browser)
    name = "hotline_time_to_block_seconds"
    assert found[f"{name}_bucket/icbc/20.0"] == 0
    assert found[f"{name}_bucket/icbc/30.0"] == 3
    assert found[f"{name}_bucket/icbc/259200.0"] == 4
    assert found[f"{name}_bucket/icbc/+Inf"] == found[f"{name}_count/icbc"] == 6
    assert found[f"{name}_sum/icbc"] == 654.321
    assert f"{name}_count/ccb" not in found


def test_the_open_doors_say_nothing_personal(app: Flask, browser: Client) -> None:
    PhoneCall(Twilio(app)).to_report()
    holder = a_holder()
    said = "".join(browser.get(path).get_data(as_text=True) for path in ("/metrics", "/readyz"))
    for secret in (holder.id_number, ID_KEYS[:-1], holder.cards[0].number, holder.name):
        assert secret not in said
    assert "CA1111" not in said


class TestTroubles:
    """Row 18: a bank down, texts refused, 29 failed attempts, one refused notice."""

    @pytest.fixture
    def records(self, app: Flask, redis: Redis) -> Iterator[Records]:
        workers = all_is_well(redis)
        yield Records(hotline_of(app))
        assert len(workers) == len(QUEUES)

    def swept(self, records: Records) -> Hotline:
        sweep_of(records.hotline).round()
        return records.hotline

    def ages(self, records: Records, queue: str, seconds: int) -> None:
        """All that is owed to somebody has been so for longer."""
        redis = records.hotline.redis
        for notice_id in map(plain, redis.zrange(keys.owed(queue), 0, -1)):
            redis.zincrby(keys.owed(queue), -seconds, notice_id)

    def test_a_bank_that_fails(self, records: Records, browser: Client) -> None:
        report = records.reports_lost(a_holder())
        for _ in range(29):
            notice = records.notice(report.notice_id)
            records.settles(notice, Outcome.FAILED, again_in=3600)
        records.hotline.redis.hset(keys.bank_health("icbc"), "since", "1700000000")
        self.ages(records, "bank-icbc", 7200)
        self.swept(records)

        found = metrics(browser)
        assert found["hotline_notices_open/icbc"] == 1
        assert found["hotline_notices_open/texts"] == 1
        assert found["hotline_notices_open/ccb"] == 0
        assert found["hotline_notice_oldest_seconds/icbc"] >= 7200, "not since it was last due"
        assert found["hotline_notice_oldest_seconds/texts"] < 7200
        assert found["hotline_notice_oldest_seconds/ccb"] == 0
        assert found["hotline_bank_failing/icbc"] == 1
        assert found["hotline_bank_failing/ccb"] == 0
        assert found["hotline_bank_paused/icbc"] == 1
        said = browser.get("/readyz").get_json()
        assert said["status"] == "ready", "calls go on"
        (warning,) = said["warnings"]
        assert warning.startswith(
            "bank icbc fails: 29 attempts in a row since 2023-11-14T22:13:20Z; "
            "1 notice is owed, the oldest since "
        )

    def test_texts_that_fail(self, records: Records, browser: Client) -> None:
        records.reports_lost(a_holder())
        (text,) = records.notices(NoticeKind.TEXT)
        for _ in range(29):
            records.settles(text, Outcome.FAILED, again_in=3600)
        records.hotline.redis.hset(keys.bank_health("texts"), "since", "1700000000")

        assert metrics(browser)["hotline_bank_failing/texts"] == 1
        (warning,) = browser.get("/readyz").get_json()["warnings"]
        assert warning.startswith("texts to holders fail: 29 attempts in a row since 2023-")

    def test_refused(self, records: Records, browser: Client) -> None:
        records.bank_answers(records.reports_lost(a_holder()), Outcome.REFUSED)
        for text in records.notices(NoticeKind.TEXT):
            records.settles(text, Outcome.REFUSED)
        self.swept(records)

        found = metrics(browser)
        assert (found["hotline_notices_stuck/icbc"], found["hotline_notices_stuck/texts"]) == (1, 2)
        assert browser.get("/readyz").get_json()["warnings"] == [
            "bank icbc: 1 notice needs a person (flask notices list --stuck --bank icbc)",
            "texts to holders: 2 notices need a person (flask notices list --stuck --bank texts)",
        ]

    def test_old_though_nobody_fails(self, records: Records, browser: Client) -> None:
        records.reports_lost(a_holder())
        assert browser.get("/readyz").get_json() == {"status": "ready"}
        self.ages(records, "bank-icbc", 7200)
        (warning,) = browser.get("/readyz").get_json()["warnings"]
        assert re.fullmatch(r"bank icbc: 1 notice is owed, the oldest since \S+Z", warning)

    def test_all_of_it_ends(self, records: Records, browser: Client) -> None:
        report = records.reports_lost(a_holder())
        records.bank_answers(report, Outcome.REFUSED)
        self.swept(records)
        assert records.hotline.service.send_again(report.notice_id)
        records.bank_answers(report, Outcome.BLOCKED)
        for text in records.notices(NoticeKind.TEXT):
            records.settles(text, Outcome.RECEIVED)
        self.swept(records)

        assert browser.get("/readyz").get_json() == {"status": "ready"}
        found = metrics(browser)
        assert {v for name, v in found.items() if "notices" in name or "oldest" in name} == {0}
        assert list(records.hotline.redis.scan_iter("owed:*")) == []

    def test_asked_again_counts_from_then(self, records: Records, browser: Client) -> None:
        """A bank that took the notice was owed nothing meanwhile."""
        report = records.reports_lost(a_holder())
        records.bank_answers(report, Outcome.RECEIVED)
        records.hotline.redis.zadd(keys.AWAITING, {report.notice_id: 1})
        assert metrics(browser)["hotline_notices_open/icbc"] == 0
        assert records.hotline.service.remind_due() == 1

        found = metrics(browser)
        assert found["hotline_notices_open/icbc"] == 1
        assert found["hotline_notice_oldest_seconds/icbc"] < 60

    def test_a_notice_that_was_lost_is_not_owed(self, records: Records, browser: Client) -> None:
        report = records.reports_lost(a_holder())
        records.hotline.redis.delete(keys.notice(report.notice_id))
        self.swept(records)
        assert metrics(browser)["hotline_notices_open/icbc"] == 0
