"""The operators' doors: alive, ready, and the counters as Prometheus reads them."""

import time
from collections.abc import Iterator

from flask import Blueprint, Response, jsonify
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from rq import Worker
from rq.utils import utcparse

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.connection import UnsafeRedisError
from ivr.store.hotline import Hotline
from ivr.store.notices import TEXTS_QUEUE, bank_queue
from ivr.store.vault import WrongDataKeysError

WORKER_SILENT_SECONDS = 40  # workers wait at most 5 s between two signs of life


def health_routes(hotline: Hotline) -> Blueprint:
    """/healthz, /readyz and /metrics: open, and without any personal value."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    @routes.get("/readyz")
    def ready() -> tuple[Response, int]:
        problems = what_is_missing(hotline)
        if problems:
            return jsonify(status="not ready", problems=problems), 503
        warnings = what_to_look_at(hotline)
        return jsonify(status="ready", **({"warnings": warnings} if warnings else {})), 200

    @routes.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Counters(hotline))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


def what_is_missing(hotline: Hotline) -> list[str]:
    """Why calls should not come here now; empty when all is well."""
    try:
        hotline.durability.check()
        hotline.check_vault()
        listening = _queues_with_a_worker(hotline)
        swept = hotline.redis.exists(keys.SWEEP_ALIVE)
    except (UnsafeRedisError, WrongDataKeysError) as error:
        return [str(error)]
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})"]
    needed = {bank_queue(bank): f"bank {bank}" for bank in hotline.settings.banks}
    needed[TEXTS_QUEUE] = "texts to holders"
    problems = [
        f"no worker listens for {whom}" for queue, whom in needed.items() if queue not in listening
    ]
    return problems if swept else [*problems, "no sweep is running (Procfile: clock)"]


def what_to_look_at(hotline: Hotline) -> list[str]:
    """What a person should mend while calls go on."""
    try:
        left = hotline.banks_left_behind()
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})"]
    return [
        f"bank {bank} is not in BANKS_FILE, but {count} blocks and open notices name it"
        for bank, count in left.items()
    ]


def _queues_with_a_worker(hotline: Hotline) -> set[str]:
    """The queues whose workers gave a sign of life lately: RQ lists the killed ones for a while."""
    with hotline.redis.pipeline(transaction=False) as pipe:
        for key in Worker.all_keys(connection=hotline.redis):
            pipe.hmget(key, "queues", "last_heartbeat", "death")
        workers = pipe.execute()
    return {
        plain(queue)
        for queue, beat, death in workers
        if queue and beat and not death and _is_recent(plain(beat))
    }


def _is_recent(beat: str) -> bool:
    return time.time() - utcparse(beat).timestamp() < WORKER_SILENT_SECONDS


class _Counters:
    """What Redis has counted, rendered when asked: true over every process and restart."""

    def __init__(self, hotline: Hotline) -> None:
        self._hotline = hotline

    def collect(self) -> Iterator[Metric]:
        redis = self._hotline.redis
        up = GaugeMetricFamily("hotline_redis_up", "1 when Redis answers")
        try:
            counters = {plain(k): int(v) for k, v in redis.hgetall(keys.COUNTERS).items()}
            still_open, reports = redis.zcard(keys.NOTICES_OPEN), redis.zcard(keys.DEADLINES)
            stuck = redis.zcard(keys.NOTICES_STUCK)
            awaiting = redis.zcard(keys.AWAITING)
            oldest = redis.zrange(keys.NOTICES_OPEN, 0, 0, withscores=True)
            left = self._hotline.banks_left_behind()
            late = max(0.0, self._hotline.outbox.now() - float(oldest[0][1])) if oldest else 0.0
        except RedisError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield GaugeMetricFamily("hotline_notices_open", "notices still owed", value=still_open)
        yield GaugeMetricFamily("hotline_notices_stuck", "a person must look", value=stuck)
        yield GaugeMetricFamily("hotline_blocks_unconfirmed", "received only", value=awaiting)
        yield GaugeMetricFamily("hotline_notice_overdue_seconds", "the most overdue", value=late)
        yield GaugeMetricFamily("hotline_reports_active", "running 7-day reports", value=reports)
        yield _paused(self._hotline)
        yield _left_behind(left)
        yield _family("hotline_steps", "turns by the step they ended at", "step", counters)
        yield _family("hotline_events", "journal entries by event", "event", counters)
        ended = counters.get("calls_ended", 0)
        yield CounterMetricFamily("hotline_calls_ended", "calls that ended", value=ended)


def _paused(hotline: Hotline) -> Metric:
    family = GaugeMetricFamily("hotline_bank_paused", "1 while only probes go out", labels=["bank"])
    for bank in hotline.settings.banks:
        family.add_metric([bank], int(hotline.bank_health.is_paused(bank)))
    return family


def _left_behind(left: dict[str, int]) -> Metric:
    what = "blocks and open notices of a bank that is not in BANKS_FILE"
    family = GaugeMetricFamily("hotline_bank_left_behind", what, labels=["bank"])
    for bank, count in left.items():
        family.add_metric([bank], count)
    return family


def _family(name: str, help_text: str, label: str, counters: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for counter, value in sorted(counters.items()):
        kind, _, what = counter.partition(":")
        if kind == label:
            family.add_metric([what], value)
    return family
