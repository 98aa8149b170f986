"""The sandbox's card centre: believes what is signed, the newest of each card, and asks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, jsonify, request
from werkzeug.test import Client, TestResponse

from simulator.bank.card_centre import card_centre_routes
from tests.bank_side import listening, new_id, signed
from tests.builders import a_secret

SECRET = a_secret()


@pytest.fixture
def hotline() -> Iterator[str]:
    """Answers a question that is signed."""
    app = Flask("hotline")

    @app.post("/subscribers/card-centre/check")
    def check() -> Any:
        told = request.get_json()
        assert told["type"] == "card.check"
        assert request.headers["webhook-signature"].startswith("v1,")
        return jsonify(suspended=told["data"]["card_number"] == "A12345678")

    with listening(app) as url:
        yield url


@pytest.fixture
def centre(hotline: str) -> Client:
    app = Flask("centre")
    app.register_blueprint(card_centre_routes([SECRET], hotline))
    return Client(app)


def tells(
    centre: Client, kind: str, at: str, webhook_id: str = "", secret: str = SECRET
) -> TestResponse:
    data = {"card_number": "A12345678", "at": at}
    body = json.dumps({"type": kind, "timestamp": at, "data": data}).encode()
    headers = signed(secret, body, webhook_id or new_id())
    return centre.post("/card-centre/notices", data=body, headers=headers)


def test_the_newest_counts_and_each_notice_once(centre: Client) -> None:
    for _ in range(2):
        tells(centre, "card.released", "2026-11-26T08:30:01Z", "ntc-2")
    assert tells(centre, "card.suspended", "2026-11-26T08:30:00Z").get_json() == {"status": "noted"}
    shown = centre.get("/card-centre/notices").get_json()
    assert [notice["type"] for notice in shown["notices"]] == ["card.released", "card.suspended"]
    assert shown["cards"] == {"A12345678": "card.released"}


def test_what_is_not_signed_is_not_believed(centre: Client) -> None:
    assert (
        tells(centre, "card.released", "2026-11-26T08:30:01Z", secret=a_secret()).status_code == 401
    )
    assert centre.get("/card-centre/notices").get_json()["notices"] == []


def test_it_asks(centre: Client) -> None:
    for number, suspended in (("A12345678", True), ("B12345678", False)):
        answer = centre.post("/card-centre/check", json={"card_number": number})
        assert answer.get_json() == {"suspended": suspended}
    assert centre.post("/card-centre/check", json={}).status_code == 422
