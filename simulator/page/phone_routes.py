"""Routes for what a tab may do with its phone: read, act, answer."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from simulator.engine import KEYS
from simulator.page.network import FATES
from simulator.page.phone import AGENTS, LONGEST_PRESS, BusyError, Phone
from simulator.page.state import PageState
from simulator.page.stream import Stream

LONGEST_TEXT = 1600
LONGEST_SPEECH = 200


def phone_routes(state: PageState) -> Blueprint:
    """The routes under /simulator/phones."""
    routes = Blueprint("phones", __name__, url_prefix="/simulator/phones")

    @routes.post("")
    def take_phone() -> Response:
        earlier = str(_told().get("id", ""))
        phone = state.phone(earlier) or state.new_phone()
        people = [person.as_json() for person in state.people]
        return jsonify(id=phone.id, people=people, line=state.settings.number)

    @routes.get("/<phone_id>/live")
    def live(phone_id: str) -> Response:
        stream = Stream(state, _phone(phone_id))
        return Response(iter(stream), mimetype="text/event-stream")

    @routes.post("/<phone_id>/call")
    def dial(phone_id: str) -> Response:
        phone = _phone(phone_id)
        try:
            phone.dial()
        except BusyError:
            abort(409, "This phone is in a call.")
        return _done()

    @routes.post("/<phone_id>/keys")
    def press(phone_id: str) -> Response:
        keys = _text("keys", LONGEST_PRESS)
        if not KEYS.issuperset(keys):
            abort(422, "A telephone has the keys 0-9 * # only.")
        _phone(phone_id).press(keys)
        return _done()

    @routes.post("/<phone_id>/speech")
    def speak(phone_id: str) -> Response:
        sureness = _told().get("confidence")
        is_known = sureness is None or (type(sureness) in (int, float) and 0 <= sureness <= 1)
        if not is_known:
            abort(422, "confidence: a number from 0 to 1, or null.")
        _phone(phone_id).speak(_text("text", LONGEST_SPEECH), sureness)
        return _done()

    @routes.post("/<phone_id>/agent")
    def set_agent(phone_id: str) -> Response:
        name = _text("agent", LONGEST_PRESS)
        if name not in AGENTS:
            abort(422, "No person does that.")
        _phone(phone_id).set_agent(name)
        return _done()

    @routes.post("/<phone_id>/hang-up")
    def hang_up(phone_id: str) -> Response:
        _phone(phone_id).hang_up()
        return _done()

    @routes.post("/<phone_id>/pace")
    def set_fast(phone_id: str) -> Response:
        _phone(phone_id).set_fast(_told().get("fast") is True)
        return _done()

    @routes.post("/<phone_id>/owner")
    def set_owner(phone_id: str) -> Response:
        place = _told().get("person")
        if not isinstance(place, int) or not 0 <= place < len(state.people):
            abort(422, "There is no such person.")
        _phone(phone_id).set_owner(state.people[place])
        return _done()

    @routes.post("/<phone_id>/look-at")
    def look_at(phone_id: str) -> Response:
        if not _phone(phone_id).look_at(_text("report", 8)):
            abort(404, "There is no such report.")
        return _done()

    @routes.post("/<phone_id>/seven-days-later")
    def pass_seven_days(phone_id: str) -> Response:
        card_ref = _phone(phone_id).card_ref()
        if not card_ref or not state.records.seven_days_later(card_ref):
            abort(409, "Nothing here ends by itself.")
        return _done()

    @routes.post("/<phone_id>/texts")
    def send_text(phone_id: str) -> Response:
        phone = _phone(phone_id)
        sent = state.texting.send(phone.number, _text("text", LONGEST_TEXT))
        phone.notify()
        return jsonify(status=sent.status, failure=sent.failure)

    @routes.post("/<phone_id>/fate")
    def set_fate(phone_id: str) -> Response:
        phone, fate = _phone(phone_id), _text("fate", LONGEST_TEXT)
        if fate not in FATES:
            abort(422, f"fate: one of {', '.join(FATES)} was expected.")
        state.network.set_fate(phone.number, fate)
        phone.notify()
        return _done()

    @routes.post("/<phone_id>/here")
    def note_presence(phone_id: str) -> Response:
        _phone(phone_id)
        return _done()

    def _phone(phone_id: str) -> Phone:
        return state.phone(phone_id) or abort(404, "There is no such phone.")

    return routes


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
