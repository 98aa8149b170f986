"""The bank's routes: for the hotline, for the teller, for the testers' screens."""

import secrets
import time
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from simulator.bank import accounts, intake, outbox, receipts
from simulator.bank.behaviour import BehaviourError, Down, read_mix
from simulator.bank.card_centre import RECEIVES, card_centre_routes
from simulator.bank.ledger import now_text
from simulator.bank.receipts import Arrival
from simulator.bank.sandbox import HostedBank, Sandbox
from simulator.bank.signatures import is_genuine
from simulator.same_machine import is_asked_by_a_loopback_name, is_of_its_own_origin

BODY_AT_MOST = 64 * 1024
ID_AT_MOST = 256
routes = Blueprint("bank", __name__)


def create_app(sandbox: Sandbox) -> Flask:
    """The WSGI application over an open sandbox."""
    app = Flask("simulator.bank")
    app.config["MAX_CONTENT_LENGTH"] = BODY_AT_MOST
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(routes)
    if sandbox.centre_secrets:
        app.register_blueprint(card_centre_routes(sandbox.centre_secrets, sandbox.hotline_url))
    app.before_request(_only_this_machine)
    app.register_error_handler(HTTPException, _problem)
    return app


@routes.post("/<bank>/notices")
def receive_notice(bank: str) -> Response:
    """The hotline's notice: verified, carried out, answered as the bank behaves just now."""
    hosted = _hosted(bank)
    received_at = now_text()
    body = request.get_data()
    behaviour = hosted.mix.next()
    if isinstance(behaviour, Down):
        return behaviour.answer(Response())
    genuine = is_genuine(hosted.bank.all_secrets(), dict(request.headers), body)
    webhook_id = request.headers.get("webhook-id", "")[:ID_AT_MOST]
    arrival = Arrival(bank, webhook_id, received_at, genuine, behaviour.kind)
    if not genuine:
        return intake.note(
            hosted.ledger, arrival, "refused", intake.problem(401, "not signed by the hotline")
        )
    time.sleep(behaviour.seconds_before())
    answer = intake.take(hosted.ledger, arrival, body, behaviour)
    hosted.sender.wake()
    time.sleep(behaviour.seconds_after())
    return answer


@routes.route("/<bank>/elsewhere", methods=["GET", "POST"])
def mislead(bank: str) -> Response:
    """Where `redirect` points: says "blocked" and blocks nothing."""
    _hosted(bank)
    return jsonify(status="blocked")


# What may happen to an account at the bank: the act, the event that tells the hotline of it, and
# whether it names an outlet.
VISITS: Final[Mapping[str, tuple[accounts.Visit, str, bool]]] = {
    "unblock": (accounts.unblock, "financial_function.unblocked", True),
    "formal-loss": (accounts.report_formal_loss, "formal_loss.reported", True),
    "withdraw-formal-loss": (accounts.withdraw_formal_loss, "formal_loss.withdrawn", True),
    "take-report": (accounts.take_report, "temporary_loss.reported", False),
    "lapse": (accounts.let_lapse, "financial_function.block_lapsed", False),
}


@routes.post("/<bank>/teller/<visit>")
def visit(bank: str, visit: str) -> Response:
    """Something happens to an account, and the hotline is told."""
    act, kind, is_at_an_outlet = VISITS.get(visit) or abort(404)
    told = _told(card_number="", outlet="sandbox outlet")
    more = {"outlet": told["outlet"]} if is_at_an_outlet else {}
    return _happens(_hosted(bank), told["card_number"], told["card_number"], kind, act, more)


@routes.post("/<bank>/teller/replace")
def replace(bank: str) -> Response:
    """The holder gets a new card, the hotline is told."""
    made_up = secrets.token_hex(8).upper(), str(secrets.randbelow(10**12) + 10**15)
    told = _told(card_number="", new_card_number=made_up[0], new_bank_account=made_up[1])
    new, account = told["new_card_number"], told["new_bank_account"]
    more = {"new_card_number": new, "new_bank_account": account}

    def act(ledger: Connection, bank: str, card_number: str) -> str:
        return accounts.replace(ledger, bank, card_number, new, account)

    return _happens(_hosted(bank), told["card_number"], new, "card.replaced", act, more)


@routes.get("/<bank>/behaviour")
def show_behaviour(bank: str) -> Response:
    """The present mix; empty = normal."""
    return jsonify(bank=bank, behaviour=_hosted(bank).mix.as_json())


@routes.put("/<bank>/behaviour")
def change_behaviour(bank: str) -> Response:
    """A behaviour or a list of them, from the next notice on."""
    hosted = _hosted(bank)
    try:
        hosted.mix.replace(read_mix(request.get_json()))
    except BehaviourError as error:
        faults = [{"where": "behaviour", "why": fault} for fault in error.faults]
        return intake.problem(422, "not a behaviour", faults)
    return show_behaviour(bank)


@routes.get("/<bank>/accounts")
def show_accounts(bank: str) -> Response:
    """Every account of the bank."""
    return jsonify(bank=bank, accounts=accounts.list_all(_hosted(bank).ledger, bank))


@routes.get("/<bank>/receipts")
def show_receipts(bank: str) -> Response:
    """Attempts after a running number, newest last, of one report if told."""
    told = request.args
    after, limit = told.get("after", 0, int), told.get("limit", 1000, int)
    rows = receipts.list_all(_hosted(bank).ledger, bank, after, limit, told.get("report"))
    return jsonify(bank=bank, receipts=rows)


@routes.get("/<bank>/receipts/<webhook_id>")
def show_receipt(bank: str, webhook_id: str) -> Response:
    """One webhook-id with all its attempts."""
    receipt = receipts.find(_hosted(bank).ledger, bank, webhook_id)
    return jsonify(bank=bank, **receipt) if receipt else abort(404)


@routes.get("/<bank>/effects")
def show_effects(bank: str) -> Response:
    """How often each report blocked an account: more than once is a double effect."""
    return jsonify(bank=bank, effects=receipts.block_effects(_hosted(bank).ledger, bank))


@routes.get("/<bank>/events")
def show_events(bank: str) -> Response:
    """What the bank told the hotline, or still owes it."""
    return jsonify(bank=bank, events=outbox.list_all(_hosted(bank).ledger, bank))


@routes.get("/banks")
def show_banks() -> Response:
    """Every bank of this sandbox, with counts."""
    return jsonify(banks=[hosted.as_json() for hosted in _sandbox().banks.values()])


@routes.get("/")
def show_front_page() -> Response:
    """What this is, as text."""
    return Response(f"{_sandbox().about()}\n", mimetype="text/plain")


def _told(**texts: str) -> dict[str, str]:
    """The texts of the request's body; those left out as they are here. The first is needed."""
    body = request.get_json()
    told = {name: body.get(name, text) for name, text in texts.items()} if body else {}
    if not told.get("card_number") or not all(isinstance(text, str) for text in told.values()):
        detail = " and ".join(texts)
        abort(intake.problem(422, f"{detail} must be texts"))
    return told


def _happens(
    hosted: HostedBank,
    card_number: str,
    card_afterwards: str,
    kind: str,
    act: accounts.Visit,
    more: dict[str, str],
) -> Response:
    bank = hosted.bank.id
    try:
        with hosted.ledger.transaction() as transaction:
            at = act(transaction, bank, card_number)
            event = {"card_number": card_number, "at": at, **more}
            event_id = outbox.owe(transaction, bank, kind, event)
            account = accounts.find(transaction, bank, card_afterwards)
    except accounts.UnknownAccountError:
        return intake.problem(404, "no account behind this card")
    except accounts.FormallyLostError:
        return intake.problem(409, "the card is formally lost: it waits for replacement")
    except accounts.NotFormallyLostError:
        return intake.problem(409, "the card is not formally lost")
    except accounts.CardNumberTakenError:
        return intake.problem(409, "there is another account behind the new card's number")
    hosted.sender.wake()
    return jsonify(account=account, event_id=event_id)


def _only_this_machine() -> Response | None:
    """What is signed is open to whoever can sign, under any name; all else is the testers'."""
    if request.endpoint in ("bank.receive_notice", RECEIVES):
        return None
    if not is_asked_by_a_loopback_name(request) or not is_of_its_own_origin(request):
        return intake.problem(403, "for this machine's own pages and programs, by a loopback name")
    return None


def _sandbox() -> Sandbox:
    sandbox: Sandbox = current_app.extensions["sandbox"]
    return sandbox


def _hosted(bank: str) -> HostedBank:
    return _sandbox().banks.get(bank) or abort(404)


def _problem(error: HTTPException) -> Response | Any:
    return intake.problem(error.code or 500, error.name)
