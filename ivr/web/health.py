"""The operators' doors: alive, ready, and the counters as Prometheus reads them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import accumulate
from typing import Final

from flask import Blueprint, Response, jsonify
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.utils import floatToGoString
from redis.exceptions import RedisError

from ivr.cards.notice import TEXTS, subscriber_in
from ivr.cards.notice_bodies import iso
from ivr.store.block_times import BOUNDS, Histogram
from ivr.store.condition import Condition, Standing, named
from ivr.store.connection import UnsafeRedisError, why_not
from ivr.store.vault import WrongDataKeysError

OWED_TOO_LONG: Final = 600  # seconds; when all is well a notice is delivered within one
RESUME: Final = ".venv/bin/rq resume --url $REDIS_URL"  # it would ask localhost without


def alive_routes() -> Blueprint:
    """/healthz, the only one that is public."""
    routes = Blueprint("alive", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    return routes


def health_routes(condition: Condition) -> Blueprint:
    """/readyz and /metrics, for the operators' listener: without any personal value."""
    routes = Blueprint("health", __name__)

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
        registry.register(_Counters(condition))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


def what_is_missing(condition: Condition) -> list[str]:
    """Why calls should not come here now; empty when all is well."""
    try:
        condition.check()
        doubts = condition.doubts()
        unattended = condition.queues_without_a_worker()
        is_swept, is_suspended = condition.is_swept(), condition.is_suspended()
    except (UnsafeRedisError, WrongDataKeysError) as error:
        return [str(error)]
    except RedisError as error:
        return [why_not(error)]
    problems = doubts + [f"no worker listens for {whom}" for whom in unattended.values()]
    if is_suspended:
        problems.append(f"RQ is suspended, nothing is delivered (`{RESUME}` ends it)")
    return problems if is_swept else [*problems, "no sweep is running (Procfile: clock)"]


def what_to_look_at(condition: Condition) -> list[str]:
    """What a person should correct while calls go on."""
    try:
        left, refused = condition.banks_left_behind(), condition.texts_refused()
        figures = condition.figures()
        failures, unreadable = condition.sweep_failures(), condition.unreadable()
        unmoved = condition.unmoved_since()
    except RedisError as error:
        return [why_not(error)]
    standings, disputed = figures.standings, figures.reports_disputed
    texts = [_refused_texts(refused)]
    breaker = [
        f"the breaker is open for {figures.breaker_seconds} s more: callers are asked for a second "
        "factor, except from the holder's own phone (flask limits show)"
    ]
    return [
        *(texts if refused else []),
        *([f"objections to decide on: {disputed} (flask reports disputed)"] if disputed else []),
        *(breaker if figures.breaker_seconds else []),
        *(
            f"{named(bank)} is not in {file_of(bank)}, but {count} blocks and open notices name it"
            for bank, count in left.items()
        ),
        *(line for name, seen in standings.items() for line in _troubles(name, seen, left)),
        *([f"Redis has the journal since {iso(unmoved)}: ARCHIVE_DIR"] if unmoved else []),
        *(f"sweep: {failure}" for failure in failures),
        *(f"{key} cannot be read" for key in unreadable),
    ]


def _refused_texts(why: str) -> str:
    if why.startswith("gateway"):
        return (
            f"the gateway refuses our texts ({why.partition(', ')[2]}): GATEWAY_KEY_ID, "
            "GATEWAY_SECRET, TEXT_SIGNATURE or "
            "TEMPLATES_FILE is wrong, or the account may not send them; the texts wait"
        )
    return (
        f"Twilio refuses our texts ({why}): TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN or "
        "TWILIO_FROM_NUMBER is wrong, or the account may not send them; the texts wait"
    )


def _troubles(name: str, seen: Standing, left: Collection[str]) -> Iterator[str]:
    """What is wrong with the notices to one bank or subscriber, or with the texts."""
    who, fails = named(name), "fail" if name == TEXTS else "fails"
    owed = f"{_counted(seen.owed, 'is', 'are')} owed"
    if seen.owed_since is not None:
        owed += f", the oldest since {iso(seen.owed_since)}"
    if seen.health.is_failing:
        failures, since = seen.health.failures, iso(seen.health.since)
        yield f"{who} {fails}: {failures} attempts in a row since {since}; {owed}"
    elif seen.owed_seconds > OWED_TOO_LONG and name not in left:
        yield f"{who}: {owed}"
    if seen.stuck:
        command = f"flask notices list --stuck --bank {name}"
        yield f"{who}: {_counted(seen.stuck, 'needs', 'need')} a person ({command})"


def file_of(who: str) -> str:
    """The setting whose file names a bank or subscriber."""
    return "SUBSCRIBERS_FILE with a notice_url" if subscriber_in(who) else "BANKS_FILE"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} notice {one}" if count == 1 else f"{count} notices {many}"


LEFT_BEHIND: Final = "blocks and open notices of a bank that is not in BANKS_FILE"
BY_BANK: Final[tuple[tuple[str, str, Callable[[Standing], float]], ...]] = (
    ("hotline_notices_open", "notices still owed", lambda s: s.owed),
    ("hotline_notices_stuck", "a person must look", lambda s: s.stuck),
    ("hotline_notice_oldest_seconds", "since the oldest was owed", lambda s: s.owed_seconds),
    ("hotline_bank_failing", "1 while it fails", lambda s: s.health.is_failing),
    ("hotline_bank_paused", "1 while only probes go out", lambda s: s.health.is_paused),
)


class _Counters:
    """What Redis has counted, rendered when asked: true over every process and restart."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

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
            ("hotline_blocks_unconfirmed", "received only", seen.unconfirmed),
            ("hotline_reports_active", "running 7-day reports", seen.reports_active),
            ("hotline_reports_disputed", "the holder objects: decide", seen.reports_disputed),
            ("hotline_callbacks_waiting", "to be called back", seen.callbacks_waiting),
            ("hotline_callback_oldest_seconds", "the longest wait", seen.callback_seconds),
            ("hotline_breaker_open", "1 while it is open", bool(seen.breaker_seconds)),
        ):
            yield GaugeMetricFamily(name, what, value=value)
        for name, what, of in BY_BANK:
            yield _by_bank(name, what, {b: of(s) for b, s in seen.standings.items()})
        yield _by_bank("hotline_bank_left_behind", LEFT_BEHIND, left)
        yield _times_to_block(seen.block_times)
        counters = seen.counters
        yield _family("hotline_steps", "turns by the step they ended at", "step", counters)
        yield _family("hotline_events", "journal entries by event", "event", counters)
        yield _family("hotline_lookups", "look-ups within the limits", "lookup", counters)
        yield _family("hotline_limits_met", "turns that met a limit", "limit", counters)
        ended = counters.get("calls_ended", 0)
        yield CounterMetricFamily("hotline_calls_ended", "calls that ended", value=ended)


def _by_bank(name: str, what: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=["bank"])
    for bank, value in values.items():
        family.add_metric([bank], value)
    return family


def _times_to_block(times: Mapping[str, Histogram]) -> Metric:
    what = 'from a report to the bank\'s word "blocked"'
    family = HistogramMetricFamily("hotline_time_to_block_seconds", what, labels=["bank"])
    for bank, histogram in times.items():
        bounds = (*map(floatToGoString, BOUNDS), "+Inf")
        reached = accumulate(histogram.counts)
        family.add_metric([bank], list(zip(bounds, reached, strict=True)), histogram.seconds)
    return family


def _family(name: str, help_text: str, label: str, counters: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for counter, value in sorted(counters.items()):
        kind, _, what = counter.partition(":")
        if kind == label:
            family.add_metric([what], value)
    return family
