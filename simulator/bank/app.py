"""The bank's doors: for the hotline, for the teller, for the testers' screens."""

import time
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from simulator.bank import accounts, intake, outbox, receipts
from simulator.bank.behaviour import BehaviourError, Down, read_mix
from simulator.bank.house import House, Room
from simulator.bank.ledger import now_text
from simulator.bank.receipts import Arrival
from simulator.bank.signatures import is_genuine

BODY_AT_MOST = 64 * 1024
doors = Blueprint("bank", __name__)


def create_app(house: House) -> Flask:
    """The WSGI application over an open house (ledger, tempers, couriers)."""
    app = Flask("simulator.bank")
    app.config["MAX_CONTENT_LENGTH"] = BODY_AT_MOST
    app.extensions["house"] = house
    app.register_blueprint(doors)
    app.register_error_handler(HTTPException, _problem)
    return app


@doors.post("/<bank>/notices")
def receives_notice(bank: str) -> Response:
    """The hotline's notice: verified, carried out, answered as the bank behaves just now."""
    room = _room(bank)
    received_at = now_text()
    body = request.get_data()
    behaviour = room.temper.next()
    if isinstance(behaviour, Down):
        return behaviour.answer(Response())
    genuine = is_genuine(room.bank.all_secrets(), dict(request.headers), body)
    webhook_id = request.headers.get("webhook-id", "")[:200]
    arrival = Arrival(bank, webhook_id, received_at, genuine, behaviour.kind)
    if not genuine:
        return intake.notes(
            room.ledger, arrival, "refused", intake.problem(401, "not signed by the hotline")
        )
    time.sleep(behaviour.seconds_before())
    answer = intake.takes(room.ledger, arrival, body, behaviour)
    room.courier.rings()
    time.sleep(behaviour.seconds_after())
    return answer


@doors.route("/<bank>/elsewhere", methods=["GET", "POST"])
def misleads(bank: str) -> Response:
    """Where `redirect` points: says "blocked" and blocks nothing."""
    _room(bank)
    return jsonify(status="blocked")


@doors.post("/<bank>/teller/unblock")
def decouples(bank: str) -> Response:
    """The holder came with ID: the financial function is unblocked, the hotline is told."""
    return _at_the_counter(bank, accounts.unblocks, "financial_function.unblocked")


@doors.post("/<bank>/teller/formal-loss")
def loses_formally(bank: str) -> Response:
    """The holder came with certificates: a formal loss report, the hotline is told."""
    return _at_the_counter(bank, accounts.loses_formally, "formal_loss.reported")


@doors.get("/<bank>/behaviour")
def behaves(bank: str) -> Response:
    """The present mix; empty = normal."""
    return jsonify(bank=bank, behaviour=_room(bank).temper.as_json())


@doors.put("/<bank>/behaviour")
def learns_behaviour(bank: str) -> Response:
    """A behaviour or a list of them, from the next notice on."""
    room = _room(bank)
    try:
        room.temper.becomes(read_mix(request.get_json()))
    except BehaviourError as error:
        faults = [{"where": "behaviour", "why": fault} for fault in error.faults]
        return intake.problem(422, "not a behaviour", faults)
    return behaves(bank)


@doors.get("/<bank>/accounts")
def shows_accounts(bank: str) -> Response:
    """Every account of the bank."""
    return jsonify(bank=bank, accounts=accounts.listed(_room(bank).ledger, bank))


@doors.get("/<bank>/receipts")
def shows_receipts(bank: str) -> Response:
    """Attempts after a running number, newest last, of one report if told."""
    told = request.args
    after, limit = told.get("after", 0, int), told.get("limit", 1000, int)
    rows = receipts.listed(_room(bank).ledger, bank, after, limit, told.get("report"))
    return jsonify(bank=bank, receipts=rows)


@doors.get("/<bank>/receipts/<webhook_id>")
def shows_receipt(bank: str, webhook_id: str) -> Response:
    """One webhook-id with all its attempts."""
    receipt = receipts.found(_room(bank).ledger, bank, webhook_id)
    return jsonify(bank=bank, **receipt) if receipt else abort(404)


@doors.get("/<bank>/effects")
def shows_effects(bank: str) -> Response:
    """How often each report blocked an account: more than once is a double effect."""
    return jsonify(bank=bank, effects=receipts.block_effects(_room(bank).ledger, bank))


@doors.get("/<bank>/events")
def shows_events(bank: str) -> Response:
    """What the bank told the hotline, or still owes it."""
    return jsonify(bank=bank, events=outbox.listed(_room(bank).ledger, bank))


@doors.get("/banks")
def shows_banks() -> Response:
    """Every bank of this sandbox, with counts."""
    return jsonify(banks=[room.as_json() for room in _house().rooms.values()])


@doors.get("/")
def explains() -> Response:
    """What this is, as text."""
    return Response(f"{_house().about()}\n", mimetype="text/plain")


def _at_the_counter(bank: str, act: accounts.Visit, kind: str) -> Response:
    room = _room(bank)
    told = request.get_json()
    card_number = told.get("card_number") if isinstance(told, dict) else None
    outlet = told.get("outlet", "sandbox outlet") if isinstance(told, dict) else None
    if not isinstance(card_number, str) or not isinstance(outlet, str):
        return intake.problem(422, "card_number and outlet must be texts")
    try:
        with room.ledger.transaction() as transaction:
            at = act(transaction, bank, card_number)
            event = {"card_number": card_number, "at": at, "outlet": outlet}
            event_id = outbox.owes(transaction, bank, kind, event)
            account = accounts.found(transaction, bank, card_number)
    except accounts.UnknownAccountError:
        return intake.problem(404, "no account behind this card")
    except accounts.FormallyLostError:
        return intake.problem(409, "the card is formally lost: it waits for replacement")
    room.courier.rings()
    return jsonify(account=account, event_id=event_id)


def _house() -> House:
    house: House = current_app.extensions["house"]
    return house


def _room(bank: str) -> Room:
    return _house().rooms.get(bank) or abort(404)


def _problem(error: HTTPException) -> Response | Any:
    return intake.problem(error.code or 500, error.name)
