"""The banks' routes: what they tell us, and the list they compare with theirs.

Every request is signed; every error is a problem document that says nothing of other banks.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ivr.banks_file import Bank
from ivr.cards.errors import (
    FormalLossStaysError,
    NotThisBanksError,
    ReportNotThereYetError,
    ReusedEventIdError,
    TooManyEventsError,
    UnlawfulTransitionError,
)
from ivr.logs import fault
from ivr.service import CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.keys import HEARD_LATELY_SECONDS
from ivr.store.reconciliation import Reconciliation, UnknownCursorError
from ivr.web.bank_events import EventReader
from ivr.web.problems import Problem, as_problem
from ivr.web.webhook_door import WebhookDoor
from ivr.web.wsgi import raw_target, whole_body

log = structlog.get_logger()

RETRY_SECONDS = 5
NOT_YET_SECONDS = 30  # until another primary is there and has what was told


def bank_routes(
    service: CardService,
    reconciliation: Reconciliation,
    banks: Mapping[str, Bank],
    door: WebhookDoor,
    public_base_url: str,
) -> Blueprint:
    """The routes under /banks/<bank>."""
    routes = Blueprint("banks", __name__, url_prefix="/banks")
    prefix = urlsplit(public_base_url).path  # a proxy removes it
    events = EventReader()

    @routes.post("/<bank>/events")
    def event(bank: str) -> Response:
        body = _whole_body()
        door.require_signature(banks.get(bank), body, "events")
        told = events.read(bank, request.headers["webhook-id"], body)
        return jsonify(status=service.hear(told))

    @routes.get("/<bank>/blocks")
    def blocks(bank: str) -> Response:
        target = f"{prefix}{raw_target(request)}"
        door.require_signature(banks.get(bank), target.encode("latin-1"), "blocks")
        page = reconciliation.page(bank, request.args.get("after", ""))
        numbers = [block["report_number"] or "" for block in page.blocks]
        service.make_sure(*numbers, may_be_gone=True)
        return jsonify(blocks=page.blocks, next=page.next)

    @routes.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @routes.errorhandler(NotThisBanksError)
    def unknown(_error: NotThisBanksError) -> Response:
        return Problem(404, "There is no such card or report of this bank.").response()

    @routes.errorhandler(ReportNotThereYetError)
    def not_yet(_error: ReportNotThereYetError) -> Response:
        detail = "There is no such report yet: send this again in a moment."
        return Problem(409, detail, NOT_YET_SECONDS).response()

    @routes.errorhandler(ReusedEventIdError)
    def reused(_error: ReusedEventIdError) -> Response:
        detail = "This webhook-id was another event's. Send this one under an id of its own."
        return Problem(409, detail).response()

    @routes.errorhandler(TooManyEventsError)
    def too_many(_error: TooManyEventsError) -> Response:
        detail = "Too many events in one minute: send this again later."
        return Problem(429, detail, HEARD_LATELY_SECONDS).response()

    @routes.errorhandler(UnknownCursorError)
    def unknown_cursor(_error: UnknownCursorError) -> Response:
        detail = "after: must be the `next` of a page before; leave it out to begin."
        return Problem(422, detail).response()

    @routes.errorhandler(UnlawfulTransitionError)
    def unlawful(error: UnlawfulTransitionError) -> Response:
        return Problem(409, f"{error}.").response()

    @routes.errorhandler(FormalLossStaysError)
    def formal_loss_stays(_error: FormalLossStaysError) -> Response:
        return Problem(409, "In this city a formal loss is not withdrawn.").response()

    @routes.errorhandler(RedisError)
    @routes.errorhandler(OutcomeUnknownError)
    def records_unavailable(error: RedisError | OutcomeUnknownError) -> Response:
        log.error("bank_request_failed", error=type(error).__name__)
        return Problem(503, "Please send this again in a moment.", RETRY_SECONDS).response()

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return as_problem(error).response()
        log.error("bank_request_failed", **fault(error))
        return Problem(500, "This has been noted; please send it again later.").response()

    return routes


def _whole_body() -> bytes:
    """A body without a Content-Length that reaches the limit is refused: Werkzeug cuts it off."""
    body = whole_body(request)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge
    return body
