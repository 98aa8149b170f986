"""The banks' routes: what they tell us, and the list they compare with theirs.

Every request is signed; every error is a problem document that says nothing of other banks.
"""

from typing import Literal

import structlog
from flask import Blueprint, Request, Response, jsonify, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ivr.cards.bank_event import BankEvent
from ivr.cards.errors import NotThisBanksError, UnlawfulTransitionError
from ivr.settings import Bank
from ivr.store.hotline import Hotline
from ivr.web.bank_signature import is_signed
from ivr.web.problems import Problem, as_problem
from ivr.web.twilio import raw_target

log = structlog.get_logger()

LONGEST_EVENT_ID = 256
RETRY_SECONDS = 5


class _BlockedData(BaseModel):
    model_config = ConfigDict(strict=True)
    report_number: str = Field(pattern=r"^[0-9]{8}$")


class _CardData(BaseModel):
    model_config = ConfigDict(strict=True)
    card_number: str = Field(pattern=r"^[0-9A-Za-z]{1,64}$")
    at: AwareDatetime = Field(strict=False)
    outlet: str = Field(max_length=200)


class _Blocked(BaseModel):
    type: Literal["financial_function.blocked"]
    timestamp: AwareDatetime
    data: _BlockedData


class _AboutCard(BaseModel):
    type: Literal["financial_function.unblocked", "formal_loss.reported"]
    timestamp: AwareDatetime
    data: _CardData


_EVENT: TypeAdapter[_Blocked | _AboutCard] = TypeAdapter(_Blocked | _AboutCard)


def bank_routes(hotline: Hotline) -> Blueprint:
    """The routes under /banks/<bank>."""
    routes = Blueprint("banks", __name__, url_prefix="/banks")

    @routes.post("/<bank>/events")
    def event(bank: str) -> Response:
        body = request.get_data()
        _require_signature(hotline.settings.banks.get(bank), body)
        told = read_event(bank, request.headers["webhook-id"], body)
        return jsonify(status=hotline.blocks.apply(told))

    @routes.get("/<bank>/blocks")
    def blocks(bank: str) -> Response:
        _require_signature(hotline.settings.banks.get(bank), raw_target(request).encode("latin-1"))
        page = hotline.reconciliation.page(bank, request.args.get("after", ""))
        return jsonify(blocks=page.blocks, next=page.next)

    @routes.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @routes.errorhandler(NotThisBanksError)
    def unknown(_error: NotThisBanksError) -> Response:
        return Problem(404, "There is no such card or report of this bank.").response()

    @routes.errorhandler(UnlawfulTransitionError)
    def unlawful(error: UnlawfulTransitionError) -> Response:
        return Problem(409, f"{error}.").response()

    @routes.errorhandler(RedisError)
    def records_unavailable(error: RedisError) -> Response:
        log.error("bank_request_failed", error=type(error).__name__)
        return Problem(503, "Please send this again in a moment.", RETRY_SECONDS).response()

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return as_problem(error).response()
        log.exception("bank_request_failed")
        return Problem(500, "This has been noted; please send it again later.").response()

    return routes


def read_event(bank: str, event_id: str, body: bytes) -> BankEvent:
    """The event in a signed request.

    Raises:
        Problem: 422, naming the fields that are wrong but never their values.
    """
    if len(event_id) > LONGEST_EVENT_ID:
        raise Problem(422, f"webhook-id is longer than {LONGEST_EVENT_ID} characters.")
    try:
        told = _EVENT.validate_json(body)
    except ValidationError as error:
        raise Problem(422, _what_is_wrong(error)) from None
    if isinstance(told, _Blocked):
        at = int(told.timestamp.timestamp())
        return BankEvent(event_id, bank, told.type, at, report_number=told.data.report_number)
    at = int(told.data.at.timestamp())
    return BankEvent(
        event_id, bank, told.type, at, card_number=told.data.card_number, outlet=told.data.outlet
    )


def _require_signature(bank: Bank | None, content: bytes) -> None:
    """An unknown bank gets the same answer as a wrong signature: nobody learns our banks here."""
    secrets = [s.get_secret_value() for s in bank.secrets] if bank else []
    if not is_signed(secrets, content, _webhook_headers(request)):
        raise Problem(401, "The signature is missing or wrong, or not from the last 5 minutes.")


def _webhook_headers(incoming: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in incoming.headers.items()}


def _what_is_wrong(error: ValidationError) -> str:
    """Field names and rules. Union members repeat themselves, so each line is said once."""
    lines = dict.fromkeys(
        f"{'.'.join(str(p) for p in e['loc'][1:]) or 'body'}: {e['msg']}"
        for e in error.errors(include_input=False, include_url=False, include_context=False)
    )
    return "; ".join(lines)
