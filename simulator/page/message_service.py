"""Twilio's Messages resource as the official client meets it: accepts, refuses, remembers.

Statuses and error codes are Twilio's ("Error and Warning Dictionary"): 20003 credentials, 20404
another account, 21602 no body, 21603 no From, 21604 no To, 21211 To is no number, 21617 too long,
21610 its holder has sent STOP, 21609 a StatusCallback that is no address.
"""

import hmac
import re
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.engine.phone_line import new_sid
from simulator.page.messages import Message, MessageStore
from simulator.page.network import STOPPED, TextNetwork

LONGEST_BODY = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ONE_BYTE = re.compile(r"[\x20-\x7e\n\r£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¡ÄÖÑÜ§¿äöñüà€]*")


class RefusedError(Exception):
    """Twilio's refusal: HTTP status, error code, words."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code


def message_service(
    messages: MessageStore, network: TextNetwork, account_sid: str, auth_token: str
) -> Blueprint:
    """POST /2010-04-01/Accounts/<sid>/Messages.json and GET /messages."""
    routes = Blueprint("message_service", __name__)

    @routes.post("/2010-04-01/Accounts/<sid>/Messages.json")
    def send(sid: str) -> tuple[Response, int]:
        _check_credentials(sid, account_sid, auth_token)
        message = _read_form(request.form)
        callback = request.form.get("StatusCallback", "").strip()
        if callback and not callback.startswith(("http://", "https://")):
            raise RefusedError(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
        if network.has_stopped(message.receiver):
            raise RefusedError(400, STOPPED, "Attempt to send to unsubscribed recipient")
        messages.add(message)
        network.carry(message, callback)
        return jsonify(_resource(message, account_sid)), 201

    @routes.get("/messages")
    def list_messages() -> Response:
        told = messages.sent(request.args.get("to", ""), request.args.get("after", 0, int))
        return jsonify(messages=[message.as_json() for message in told])

    @routes.errorhandler(RefusedError)
    def refused(error: RefusedError) -> tuple[Response, int]:
        more = f"https://www.twilio.com/docs/errors/{error.code}"
        told = {"code": error.code, "message": str(error), "more_info": more}
        return jsonify(told | {"status": error.status}), error.status

    return routes


def _check_credentials(sid: str, account_sid: str, auth_token: str) -> None:
    given = request.authorization
    user, password = (given.username or "", given.password or "") if given else ("", "")
    if not (_same(user, account_sid) and _same(password, auth_token)):
        raise RefusedError(401, 20003, "Authenticate")
    if sid != account_sid:
        raise RefusedError(404, 20404, f"The requested resource {request.path} was not found")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _read_form(form: Any) -> Message:
    sender, receiver, body = (form.get(name, "").strip() for name in ("From", "To", "Body"))
    if not receiver:
        raise RefusedError(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(receiver):
        raise RefusedError(400, 21211, f"Invalid 'To' Phone Number: {receiver[:-4]}XXXX")
    if not sender:
        raise RefusedError(400, 21603, "A 'From' phone number is required.")
    if not body:
        raise RefusedError(400, 21602, "Message body is required.")
    if len(body) > LONGEST_BODY:
        raise RefusedError(
            400, 21617, "The concatenated message body exceeds the 1600 character limit."
        )
    return Message(new_sid("SM"), "outbound-api", sender, receiver, body, "queued", at=time.time())


def _resource(message: Message, account_sid: str) -> dict[str, Any]:
    """The Message resource of Twilio's API, just queued."""
    uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{message.sid}"
    created = format_datetime(datetime.fromtimestamp(message.at, UTC))
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": created,
        "date_sent": None,
        "date_updated": created,
        "direction": message.direction,
        "error_code": None,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(segments(message.body)),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.receiver,
        "uri": f"{uri}.json",
    }


def segments(body: str) -> int:
    """How many texts it takes: 160 characters of the GSM alphabet or 70 others; a longer one is
    joined from pieces of 153 or 67 (3GPP TS 23.038 and 23.040).
    """
    alone, joined = (160, 153) if _ONE_BYTE.fullmatch(body) else (70, 67)
    length = len(body.encode("utf-16-be")) // 2
    return 1 if length <= alone else -(-length // joined)
