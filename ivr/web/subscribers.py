"""The subscribers' routes: is this card suspended, and all that are, of a subscriber's cities.

Every request is signed; no answer tells whether there is such a card, nor anything of a person.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ivr.cards.loss import Suspension
from ivr.cards.notice_bodies import iso
from ivr.logs import fault
from ivr.store.card_checks import PURPOSE, CardChecks, TooManyChecksError
from ivr.store.reconciliation import UnknownCursorError
from ivr.store.suspensions import Suspensions
from ivr.store.unreadable import UnreadableRecordError
from ivr.subscribers_file import Subscriber
from ivr.web.bank_events import EventReader, OneCard
from ivr.web.problems import Problem, as_problem
from ivr.web.webhook_door import WebhookDoor
from ivr.web.wsgi import body_within_limit, raw_target

RETRY_SECONDS = 5

log = structlog.get_logger()


def subscriber_routes(
    checks: CardChecks,
    suspensions: Suspensions,
    subscribers: Mapping[str, Subscriber],
    door: WebhookDoor,
    public_base_url: str,
) -> Blueprint:
    """The routes under /subscribers/<id>."""
    routes = Blueprint("subscribers", __name__, url_prefix="/subscribers")
    prefix = urlsplit(public_base_url).path  # a proxy removes it
    questions = EventReader({PURPOSE: OneCard})

    @routes.post("/<name>/check")
    def check(name: str) -> Response:
        body = body_within_limit(request)
        door.require_signature(subscribers.get(name), body, "check")
        asked = questions.parsed(body).data
        found = checks.check(subscribers[name], asked.card_number.upper())
        _tell_limited(name, is_last=found.is_last)
        return jsonify(_answer(found.suspension))

    @routes.get("/<name>/suspensions")
    def listed(name: str) -> Response:
        target = f"{prefix}{raw_target(request)}"
        door.require_signature(subscribers.get(name), target.encode("latin-1"), "suspensions")
        page = suspensions.page(subscribers[name], request.args.get("after", ""))
        _tell_limited(name, is_last=page.is_last)
        return jsonify(suspensions=page.suspensions, left_out=page.left_out, next=page.next)

    @routes.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @routes.errorhandler(TooManyChecksError)
    def too_many(error: TooManyChecksError) -> Response:
        return Problem(
            429, "Too many checks in one minute: ask again later.", error.seconds
        ).response()

    @routes.errorhandler(UnknownCursorError)
    def unknown_cursor(_error: UnknownCursorError) -> Response:
        detail = "after: must be the `next` of a page before; leave it out to begin."
        return Problem(422, detail).response()

    @routes.errorhandler(RedisError)
    @routes.errorhandler(UnreadableRecordError)
    def records_unavailable(error: RedisError | UnreadableRecordError) -> Response:
        log.error("subscriber_request_failed", error=type(error).__name__)
        return Problem(503, "Please send this again in a moment.", RETRY_SECONDS).response()

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return as_problem(error).response()
        log.error("subscriber_request_failed", **fault(error))
        return Problem(500, "This has been noted; please send it again later.").response()

    return routes


def _tell_limited(name: str, *, is_last: bool) -> None:
    if is_last:
        log.warning("subscriber_checks_limited", subscriber=name)


def _answer(suspension: Suspension | None) -> dict[str, bool | str | None]:
    if suspension is None:
        return {"suspended": False}
    until = suspension.release_at
    return {"suspended": True, "until": None if until is None else iso(until)}
