"""Twilio's routes for texts: what comes in, and what became of what went out."""

import re
from typing import Final

import structlog
from flask import Blueprint, Response, abort, request
from redis.exceptions import RedisError
from twilio.twiml.messaging_response import MessagingResponse

from ivr.cards.notice import Arrival, Receipt
from ivr.logs import fault
from ivr.service import CardService
from ivr.store.unreadable import UnreadableRecordError
from ivr.texting import Incoming, Texting
from ivr.web.twilio import TwilioDoor

log = structlog.get_logger()

TEXT_ID: Final = re.compile(r"[ -~]{1,128}")  # opaque, as a call's
NOTICE_ID: Final = re.compile(r"ntc-[A-Za-z0-9_-]{1,64}")
ERROR_CODE: Final = re.compile(r"[0-9]{1,6}")


def text_routes(texting: Texting, service: CardService, door: TwilioDoor) -> Blueprint:
    """The routes under /sms, behind Twilio's signature."""
    routes = Blueprint("texts", __name__)

    @routes.before_request
    def only_twilio() -> None:
        if not door.admits(request):
            abort(403)

    @routes.post("/sms")
    def incoming_text() -> Response:
        form = request.form
        text_id = form.get("MessageSid", "")
        if not TEXT_ID.fullmatch(text_id):
            abort(400)
        # OptOutType: the account answers STOP, START and HELP in its own words.
        is_answered = form.get("OptOutType", "") != ""
        text = Incoming(text_id, form.get("From", ""), form.get("Body", ""), is_answered)
        response = MessagingResponse()
        for words in texting.answer(text):
            response.message(words)
        return Response(str(response), mimetype="text/xml")

    @routes.post("/sms/status")
    def text_arrived() -> tuple[str, int]:
        """Twilio does not ask again, whatever it is answered."""
        notice_id = request.args.get("notice", "")
        receipt = _receipt(request.form.get("MessageStatus", ""), request.form.get("ErrorCode", ""))
        if receipt is not None and NOTICE_ID.fullmatch(notice_id):
            service.note_receipt(notice_id, receipt)
        return "", 204

    @routes.errorhandler(RedisError)
    @routes.errorhandler(UnreadableRecordError)
    def not_noted(error: Exception) -> tuple[str, int]:
        """Of a receipt: a text's own errors are answered in words."""
        log.error("receipt_not_noted", **fault(error))
        return "", 503

    return routes


def _receipt(status: str, code: str) -> Receipt | None:
    """None for what is not the end of it: queued, sent."""
    if status not in set(Arrival):
        return None
    return Receipt(Arrival(status), code if ERROR_CODE.fullmatch(code) else "")
