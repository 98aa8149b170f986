"""A subscriber's side of the contract: signs and asks as a clinic's computer would."""

import json
import time
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from ivr.cards.notice import subscriber
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card
from tests.bank_side import Json, new_id, signed
from tests.builders import hotline_of


class SubscriberSide:
    """One subscriber's computer."""

    def __init__(self, app: Flask, name: str) -> None:
        self.client = Client(app, use_cookies=False)
        self.name = name
        self.hotline = hotline_of(app)
        self.secret = self.hotline.settings.subscribers[name].secrets[0].get_secret_value()

    def asks(self, card: Card | str, **more: Any) -> TestResponse:
        """Whether this card is suspended."""
        number = card if isinstance(card, str) else card.number
        return self.sends(question(number), **more)

    def sends(
        self, body: bytes, *, secret: str = "", name: str = "", at: float | None = None
    ) -> TestResponse:
        headers = signed(secret or self.secret, body, new_id(), at)
        return self.client.post(
            f"/subscribers/{name or self.name}/check", data=body, headers=headers
        )

    def hears(self, card: Card | str) -> Json:
        answer = self.asks(card)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        told: Json = answer.get_json()
        return told

    def lists(self, query: str = "", secret: str = "") -> TestResponse:
        """A page of what is suspended; the target stands in the body's place."""
        target = f"/subscribers/{self.name}/suspensions{query}"
        return self.client.get(
            target, headers=signed(secret or self.secret, target.encode(), new_id())
        )

    def every_suspension(self) -> list[Json]:
        """All pages."""
        found: list[Json] = []
        query = ""
        while True:
            page = self.lists(query).get_json()
            found += page["suspensions"]
            if page["next"] is None:
                return found
            query = f"?after={page['next']}"

    def owed(self) -> list[Json]:
        """All that this subscriber was ever told or is to be, in the order it was owed."""
        outbox = self.hotline.outbox
        notices = outbox.find_all(sorted(outbox.every_id()))
        mine = [notice for notice in notices if notice.bank == subscriber(self.name)]
        return [outbox.body(notice) for notice in sorted(mine, key=lambda n: n.created_at)]


def question(number: str) -> bytes:
    body = {"type": "card.check", "timestamp": iso(time.time()), "data": {"card_number": number}}
    return json.dumps(body).encode()
