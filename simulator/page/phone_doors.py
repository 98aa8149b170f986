"""What a tab may do with its phone, as routes: read, act, answer."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from simulator.engine import KEYS
from simulator.page.phone import LONGEST_PRESS, BusyError, Phone
from simulator.page.stream import Stream
from simulator.page.switchboard import Switchboard

LONGEST_TEXT = 1600


def phone_doors(switchboard: Switchboard) -> Blueprint:
    """The routes under /simulator/phones."""
    doors = Blueprint("phones", __name__, url_prefix="/simulator/phones")

    @doors.post("")
    def takes_a_phone() -> Response:
        earlier = str(_told().get("id", ""))
        phone = switchboard.phone(earlier) or switchboard.new_phone()
        people = [person.as_json() for person in switchboard.people]
        return jsonify(id=phone.id, people=people, line=switchboard.settings.number)

    @doors.get("/<phone_id>/live")
    def live(phone_id: str) -> Response:
        stream = Stream(switchboard, _phone(phone_id))
        return Response(iter(stream), mimetype="text/event-stream")

    @doors.post("/<phone_id>/call")
    def dials(phone_id: str) -> Response:
        phone = _phone(phone_id)
        try:
            phone.dials()
        except BusyError:
            abort(409, "This phone is in a call.")
        return _done()

    @doors.post("/<phone_id>/keys")
    def presses(phone_id: str) -> Response:
        keys = _text("keys", LONGEST_PRESS)
        if not KEYS.issuperset(keys):
            abort(422, "A telephone has the keys 0-9 * # only.")
        _phone(phone_id).presses(keys)
        return _done()

    @doors.post("/<phone_id>/hang-up")
    def hangs_up(phone_id: str) -> Response:
        _phone(phone_id).hangs_up()
        return _done()

    @doors.post("/<phone_id>/pace")
    def hurries(phone_id: str) -> Response:
        _phone(phone_id).hurries(_told().get("fast") is True)
        return _done()

    @doors.post("/<phone_id>/owner")
    def belongs_to(phone_id: str) -> Response:
        place = _told().get("person")
        if not isinstance(place, int) or not 0 <= place < len(switchboard.people):
            abort(422, "There is no such person.")
        _phone(phone_id).belongs_to(switchboard.people[place])
        return _done()

    @doors.post("/<phone_id>/look-at")
    def looks_at(phone_id: str) -> Response:
        if not _phone(phone_id).looks_at(_text("report", 8)):
            abort(404, "There is no such report.")
        return _done()

    @doors.post("/<phone_id>/seven-days-later")
    def seven_days_later(phone_id: str) -> Response:
        card_ref = _phone(phone_id).card_ref()
        if not card_ref or not switchboard.records.seven_days_later(card_ref):
            abort(409, "Nothing here ends by itself.")
        return _done()

    @doors.post("/<phone_id>/texts")
    def texts(phone_id: str) -> Response:
        phone = _phone(phone_id)
        sent = switchboard.texting.send(phone.number, _text("text", LONGEST_TEXT))
        phone.tells()
        return jsonify(status=sent.status, failure=sent.failure)

    @doors.post("/<phone_id>/here")
    def is_here(phone_id: str) -> Response:
        _phone(phone_id)
        return _done()

    def _phone(phone_id: str) -> Phone:
        return switchboard.phone(phone_id) or abort(404, "There is no such phone.")

    return doors


def _told() -> dict[str, Any]:
    told = request.get_json()
    return told if isinstance(told, dict) else abort(422, "An object was expected.")


def _text(name: str, longest: int) -> str:
    value = _told().get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        abort(422, f"{name}: 1 to {longest} characters were expected.")
    return value


def _done() -> Response:
    return Response(status=204)
