"""The sandbox's card centre: a subscriber that is told of suspended cards, and asks about one.

It keeps in memory what it was told, for testers. Of two notices about one card the newer `at`
counts.
"""

import json
import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import requests
from flask import Blueprint, Response, abort, jsonify, request

from simulator.bank.intake import problem
from simulator.bank.signatures import is_genuine, signed_headers

NAME: Final = "card-centre"  # in SUBSCRIBERS_FILE
SECRETS_ENV: Final = "CARD_CENTRE_SECRETS"
RECEIVES: Final = "card_centre.receive"  # the route that the hotline asks
PATIENCE: Final = (2.0, 5.0)  # seconds to connect, seconds to answer


class CardCentre:
    """What it was told, each notice once. Many threads ask."""

    def __init__(self) -> None:
        self._notices: dict[str, Any] = {}
        self._lock = threading.Lock()

    def hears(self, webhook_id: str, notice: Any) -> None:
        with self._lock:
            self._notices.setdefault(webhook_id, notice)

    def notices(self) -> list[Any]:
        """All it was told, in the order it came."""
        with self._lock:
            return list(self._notices.values())

    def cards(self) -> dict[str, str]:
        """Card number -> the type of its latest news."""
        latest: dict[str, Any] = {}
        for notice in self.notices():
            number = notice["data"].get("card_number")
            known = latest.get(number)
            if number and (known is None or notice["data"]["at"] >= known["data"]["at"]):
                latest[number] = notice
        return {number: notice["type"] for number, notice in latest.items()}


def card_centre_routes(shared: Sequence[str], hotline_url: str) -> Blueprint:
    """Its routes. `shared`: the whsec_… secrets, newest first."""
    routes, centre = Blueprint("card_centre", __name__, url_prefix=f"/{NAME}"), CardCentre()

    @routes.post("/notices")
    def receive() -> Response:
        body = request.get_data()
        if not is_genuine(shared, dict(request.headers), body):
            return problem(401, "not signed by the hotline")
        centre.hears(request.headers["webhook-id"], json.loads(body))
        return jsonify(status="noted")

    @routes.get("/notices")
    def show() -> Response:
        """All it was told, and how each card stands by that."""
        return jsonify(notices=centre.notices(), cards=centre.cards())

    @routes.post("/check")
    def check() -> tuple[Response, int]:
        """Asks the hotline about a card; the answer as it came."""
        told = request.get_json()
        number = told.get("card_number") if isinstance(told, dict) else None
        if not isinstance(number, str):
            abort(problem(422, "card_number must be a text"))
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        question = {"type": "card.check", "timestamp": moment, "data": {"card_number": number}}
        return _asked(f"{hotline_url}/subscribers/{NAME}/check", shared[0], json.dumps(question))

    return routes


def _asked(url: str, secret: str, body: str) -> tuple[Response, int]:
    headers = signed_headers(secret, f"ask_{secrets.token_hex(8)}", body)
    headers["content-type"] = "application/json"
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, data=body.encode(), headers=headers, timeout=PATIENCE)
    except requests.RequestException as error:
        return problem(502, type(error).__name__), 502
    return Response(answer.content, mimetype=answer.headers["content-type"]), answer.status_code
