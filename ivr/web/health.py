"""The operators' doors: alive, ready, and the counters as Prometheus reads them."""

from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, jsonify
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError

from ivr.banks_file import Bank
from ivr.store.bank_health import BankHealth
from ivr.store.condition import Condition
from ivr.store.connection import UnsafeRedisError
from ivr.store.vault import WrongDataKeysError


def health_routes(
    condition: Condition, bank_health: BankHealth, banks: Mapping[str, Bank]
) -> Blueprint:
    """/healthz, /readyz and /metrics: open, and without any personal value."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    @routes.get("/readyz")
    def ready() -> tuple[Response, int]:
        problems = what_is_missing(condition)
        if problems:
            return jsonify(status="not ready", problems=problems), 503
        warnings = what_to_look_at(condition)
        return jsonify(status="ready", **({"warnings": warnings} if warnings else {})), 200

    @routes.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Counters(condition, bank_health, banks))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


def what_is_missing(condition: Condition) -> list[str]:
    """Why calls should not come here now; empty when all is well."""
    try:
        condition.check()
        unattended = condition.queues_without_a_worker()
        is_swept, is_suspended = condition.is_swept(), condition.is_suspended()
    except (UnsafeRedisError, WrongDataKeysError) as error:
        return [str(error)]
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})"]
    problems = [f"no worker listens for {whom}" for whom in unattended.values()]
    if is_suspended:
        problems.append("RQ is suspended, nothing is delivered (`rq resume` ends it)")
    return problems if is_swept else [*problems, "no sweep is running (Procfile: clock)"]


def what_to_look_at(condition: Condition) -> list[str]:
    """What a person should mend while calls go on."""
    try:
        left, unreadable = condition.banks_left_behind(), condition.unreadable()
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})"]
    return [
        *(
            f"bank {bank} is not in BANKS_FILE, but {count} blocks and open notices name it"
            for bank, count in left.items()
        ),
        *(f"{key} cannot be read" for key in unreadable),
    ]


class _Counters:
    """What Redis has counted, rendered when asked: true over every process and restart."""

    def __init__(
        self, condition: Condition, bank_health: BankHealth, banks: Mapping[str, Bank]
    ) -> None:
        self._condition = condition
        self._bank_health = bank_health
        self._banks = banks

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("hotline_redis_up", "1 when Redis answers")
        try:
            seen, left = self._condition.figures(), self._condition.banks_left_behind()
        except RedisError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        for name, what, value in (
            ("hotline_notices_open", "notices still owed", seen.notices_open),
            ("hotline_notices_stuck", "a person must look", seen.notices_stuck),
            ("hotline_blocks_unconfirmed", "received only", seen.unconfirmed),
            ("hotline_notice_overdue_seconds", "the most overdue", seen.overdue_seconds),
            ("hotline_reports_active", "running 7-day reports", seen.reports_active),
        ):
            yield GaugeMetricFamily(name, what, value=value)
        yield self._paused()
        yield _left_behind(left)
        counters = seen.counters
        yield _family("hotline_steps", "turns by the step they ended at", "step", counters)
        yield _family("hotline_events", "journal entries by event", "event", counters)
        ended = counters.get("calls_ended", 0)
        yield CounterMetricFamily("hotline_calls_ended", "calls that ended", value=ended)

    def _paused(self) -> Metric:
        what = "1 while only probes go out"
        family = GaugeMetricFamily("hotline_bank_paused", what, labels=["bank"])
        for bank in self._banks:
            family.add_metric([bank], int(self._bank_health.is_paused(bank)))
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
