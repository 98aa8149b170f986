"""The banks' routes: what they tell us, and the list they compare with theirs.

Every request is signed; every error is a problem document that says nothing of other banks.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Request, Response, jsonify, request
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ivr.banks_file import Bank
from ivr.cards.bank_event import MEANS, BankEvent
from ivr.cards.errors import NotThisBanksError, UnlawfulTransitionError
from ivr.logs import fault
from ivr.service import CardService
from ivr.store.reconciliation import Reconciliation
from ivr.web.bank_signature import is_signed
from ivr.web.problems import Problem, as_problem
from ivr.web.wsgi import raw_target

log = structlog.get_logger()

LONGEST_EVENT_ID = 256
RETRY_SECONDS = 5
RFC_3339: Final = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _written_out(value: Any) -> Any:
    """pydantic would take "1795334400" and "2026-11-22" as well."""
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise PydanticCustomError("moment", "must be like 2026-11-22T08:30:00Z (RFC 3339)")
    return value


_Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]


class _Strict(BaseModel):
    """Exact types, unknown fields ignored: the contract may grow."""

    model_config = ConfigDict(strict=True)


class _BlockedData(_Strict):
    report_number: str = Field(pattern=r"^[0-9]{8}$")


class _CardData(_Strict):
    card_number: str = Field(pattern=r"^[0-9A-Za-z]{1,64}$")
    at: _Moment
    outlet: str = Field(max_length=200)


class _Blocked(_Strict):
    type: Literal["financial_function.blocked"]
    timestamp: _Moment
    data: _BlockedData


class _AboutCard(_Strict):
    type: Literal["financial_function.unblocked", "formal_loss.reported"]
    timestamp: _Moment
    data: _CardData


_EVENT: TypeAdapter[_Blocked | _AboutCard] = TypeAdapter(
    Annotated[_Blocked | _AboutCard, Field(discriminator="type")]
)


def bank_routes(
    service: CardService,
    reconciliation: Reconciliation,
    banks: Mapping[str, Bank],
    public_base_url: str,
) -> Blueprint:
    """The routes under /banks/<bank>."""
    routes = Blueprint("banks", __name__, url_prefix="/banks")
    prefix = urlsplit(public_base_url).path  # a proxy keeps it to itself

    @routes.post("/<bank>/events")
    def event(bank: str) -> Response:
        body = _whole_body()
        _require_signature(banks.get(bank), body)
        told = read_event(bank, request.headers["webhook-id"], body)
        return jsonify(status=service.hear(told))

    @routes.get("/<bank>/blocks")
    def blocks(bank: str) -> Response:
        target = f"{prefix}{raw_target(request)}"
        _require_signature(banks.get(bank), target.encode("latin-1"))
        page = reconciliation.page(bank, request.args.get("after", ""))
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
        log.error("bank_request_failed", **fault(error))
        return Problem(500, "This has been noted; please send it again later.").response()

    return routes


def _whole_body() -> bytes:
    """Werkzeug cuts a body without a Content-Length off at the limit; it is refused here."""
    body = request.get_data()
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge
    return body


def read_event(bank: str, event_id: str, body: bytes) -> BankEvent:
    """The event in a signed request.

    Raises:
        Problem: 422, naming the fields that are wrong but never their values.
    """
    try:
        told = _EVENT.validate_json(body)
    except ValidationError as error:
        raise Problem(422, _what_is_wrong(error)) from None
    if isinstance(told, _Blocked):
        at = int(told.timestamp.timestamp())
        return BankEvent(event_id, bank, told.type, at, report_number=told.data.report_number)
    at = int(told.data.at.timestamp())
    card_number = told.data.card_number.upper()  # as the directory keeps it
    return BankEvent(
        event_id, bank, told.type, at, card_number=card_number, outlet=told.data.outlet
    )


def _require_signature(bank: Bank | None, content: bytes) -> None:
    """An unknown bank gets the same answer as a wrong signature: nobody learns our banks here."""
    secrets = [s.get_secret_value() for s in bank.secrets] if bank else []
    is_its_own_target = raw_target(request) is not None
    if not is_its_own_target or not is_signed(secrets, content, _webhook_headers(request)):
        raise Problem(401, "The signature is missing or wrong, or not from the last 5 minutes.")
    if len(request.headers["webhook-id"]) > LONGEST_EVENT_ID:
        raise Problem(422, f"webhook-id is longer than {LONGEST_EVENT_ID} characters.")


def _webhook_headers(incoming: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in incoming.headers.items()}


def _what_is_wrong(error: ValidationError) -> str:
    """Field names and rules, one for each fault."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(_fault(e["loc"], e["type"], e["msg"]) for e in found)


def _fault(place: tuple[int | str, ...], kind: str, rule: str) -> str:
    """The first part of a place is the event's type."""
    if kind in ("union_tag_invalid", "union_tag_not_found"):  # pydantic would repeat what was sent
        return f"type: must be one of {', '.join(MEANS)}"
    return f"{'.'.join(str(part) for part in place[1:]) or 'body'}: {rule}"
