"""One card from its first loss to its replacement: every call, notice, text, check and line of the
journal, in one transcript. What is owed is delivered by the workers' own code, over HTTP, to a
bank, a card centre and a text service, which keep what they get.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest
from redis import Redis
from standardwebhooks import Webhook
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card
from ivr.settings import Settings
from ivr.store import keys
from ivr.store.opening import open_store
from simulator.kit import Retold
from simulator.kit_pytest import KeepsJourney
from tests.bank_side import BankSide, listening, new_id, reissued, signed
from tests.builders import SUBSCRIBERS, a_card, a_holder, an_app, settings
from tests.journeys.by_name import by_name
from tests.journeys.town import Person, Town, bank_values
from tests.redis_server import RedisServer
from tests.workers.loop import wait_for
from workers.bank_client import BankClient
from workers.deliver import bank_delivery, text_delivery
from workers.delivery import Delivery

TRANSCRIPT: Final = "lost, found, lost again and replaced"
RULES: Final = "decoupling_ends_suspension = true\n"
CARD: Final = a_card("5678", "icbc")
NEW_CARD: Final = reissued(CARD, "B99990002")
HOLDER: Final = a_holder(CARD)
ANSWERS: Final = {"card.loss_reported": "blocked"}  # what this bank says to which notice


class _Receiver:
    """Takes notices or texts, and keeps what each says."""

    def __init__(self, secret: str = "") -> None:
        self.webhook = Webhook(secret) if secret else None
        self.taken: list[Any] = []
        self._taking = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data()
        if self.webhook is None:
            told: Any = dict(parse_qsl(body.decode()))
        else:
            told = self.webhook.verify(body, dict(request.headers))
        with self._taking:
            self.taken.append(told)
        return _answer(told)(environ, start_response)


def _answer(told: Any) -> Response:
    kind = told.get("type", "")
    said = {"sid": "SM0"} if "Body" in told else {"status": ANSWERS.get(kind, "noted")}
    return Response(json.dumps(said), 201 if "Body" in told else 200, mimetype="application/json")


@dataclass
class Story:
    """The town, who is told, and what has been told so far."""

    town: Town
    deliveries: list[Delivery]
    receivers: dict[str, _Receiver]
    secrets: dict[str, str]
    lines: list[str] = field(default_factory=list)
    chapter: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    last_entry: str = "-"

    @property
    def bank(self) -> BankSide:
        return BankSide(self.town.app, "icbc")

    @property
    def now(self) -> int:
        return int(self.town.hotline.outbox.now())

    def happens(self, title: str) -> None:
        """Begins a chapter."""
        self.lines += ["", title]
        self.chapter = len(self.lines)

    def calls(self, person: Person) -> None:
        """A call that has ended, with its prompts by name; before what followed from it."""
        told = person.journey("a call", self.town.steady(person), by_name(person.language))
        self.lines[self.chapter : self.chapter] = [f"    {line}" for line in told.splitlines()[1:]]

    def answers(self, response: TestResponse) -> None:
        """What the hotline answers to an event of the bank."""
        assert response.status_code == 200
        self.lines.append(f"    the hotline answers  {json.dumps(response.get_json())}")

    def checks(self, card: Card) -> None:
        """A clinic asks about a card."""
        body = json.dumps({"type": "card.check", "timestamp": iso(datetime.now(UTC).timestamp()),
                           "data": {"card_number": card.number}}).encode()  # fmt: skip
        headers = signed(self.secrets["clinic"], body, new_id())
        answer = Client(self.town.app).post("/subscribers/clinic/check", data=body, headers=headers)
        assert answer.status_code == 200
        whose = "the new card" if card is NEW_CARD else "the card"
        self.lines.append(f"    a clinic asks about {whose}  {json.dumps(answer.get_json())}")
        self._journal()

    def delivers(self) -> None:
        """All that is owed goes out, and what follows from it; then the journal since."""
        while sum(self._delivered(delivery) for delivery in self.deliveries):
            pass
        for name, receiver in self.receivers.items():
            first, self.seen[name] = self.seen.get(name, 0), len(receiver.taken)
            told = sorted(map(_told, receiver.taken[first:]))  # at once: in any order
            self.lines += [f"    {name} is told  {each}" for each in told]
        assert self.town.hotline.redis.zcard(keys.NOTICES_OPEN) == 0
        self._journal()

    def _delivered(self, delivery: Delivery) -> int:
        taken = delivery.claim()
        posted = [wait_for(delivery.post(posting)) for posting in taken.postings]
        made = [*taken.made, *filter(None, posted)]
        self.town.hotline.service.settle_all(made)
        return len(made)

    def _journal(self) -> None:
        start = "-" if self.last_entry == "-" else f"({self.last_entry}"
        found: Any = self.town.hotline.redis.xrange(keys.JOURNAL, start)
        told: list[str] = []
        for entry_id, fields in found:
            self.last_entry = entry_id.decode()
            words = {name.decode(): value.decode() for name, value in fields.items()}
            told.append(" ".join([words.pop("event"), *(f"{n}={v}" for n, v in words.items())]))
        for _, alike in groupby(told, key=lambda line: line.split()[0]):  # at once: in any order
            self.lines += [f"    journal  {line}" for line in sorted(alike)]

    def journey(self, title: str, steady: dict[str, str] | None, retold: Retold) -> str:
        """The story, without what differs from day to day; its calls are `retold` already."""
        assert not steady
        assert retold is list
        return self._steady("\n".join([f"# {title}", *self.lines, ""]))

    def _steady(self, text: str) -> str:
        hotline = self.town.hotline
        names = {
            hotline.holders.card_ref(CARD.number): "{card}",
            hotline.holders.card_ref(NEW_CARD.number): "{new card}",
            hotline.holders.ref(HOLDER.id_number): "{holder}",
        }
        reports = sorted(self.town.reports(), key=lambda r: (r.reported_at, r.state != "released"))
        names |= {report.number: f"{{report {n}}}" for n, report in enumerate(reports, 1)}
        for value, name in names.items():
            text = text.replace(value, name)
        for pattern, name in _VARIES.items():
            text = re.sub(pattern, name, text)
        return text


_VARIES: Final = {
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z": "{moment}",
    r"\bntc-[0-9a-f]{32}": "{notice}",
    r"\bid=[A-Za-z0-9_-]{22}\b": "id={event}",
    r"\bCA[0-9a-f]{32}": "{call}",
    r"\bby=[A-Za-z0-9_-]{22}\b": "by={caller}",
    r"\d+月\d+日星期.(凌晨|上午|中午|下午|晚上).{1,2}点(半|\d\d分)?": "{deadline or moment}",
}


def _told(told: Any) -> str:
    """A notice or a text, in one line."""
    if "Body" in told:
        return f"{told['To']}: {told['Body']}"
    return f"{told['type']} {json.dumps(told['data'], ensure_ascii=False)}"


@pytest.fixture
def story(redis_server: RedisServer, redis: Redis) -> Iterator[Story]:
    assert redis.dbsize() == 0
    with ExitStack() as stack:
        texts, centre, icbc = _Receiver(), _Receiver(), _Receiver()
        urls = [stack.enter_context(listening(receiver)) for receiver in (texts, centre, icbc)]
        told = SUBSCRIBERS.replace("http://127.0.0.1:9/cards", urls[1], 1)
        known = settings(redis_server.url, rules=RULES, subscribers=told, twilio_api_base=urls[0])
        begun = _begun(known, texts, centre, icbc, urls[2])
        yield begun
        for delivery in begun.deliveries:
            wait_for(delivery.close())


def _begun(
    known: Settings, texts: _Receiver, centre: _Receiver, icbc: _Receiver, bank_url: str
) -> Story:
    town = Town(an_app(known, HOLDER))
    partners = [known.banks["icbc"].model_copy(update={"notice_url": bank_url}),
                known.subscribers["centre"]]  # fmt: skip
    for receiver, partner in zip((icbc, centre), partners, strict=True):
        receiver.webhook = Webhook(partner.secrets[0].get_secret_value())
    store = open_store(known)
    deliveries = [bank_delivery(known, store, p, BankClient(p)) for p in partners]
    names = {"the bank": icbc, "the card centre": centre, "the holder": texts}
    secrets = {"clinic": known.subscribers["clinic"].secrets[0].get_secret_value()}
    return Story(town, [*deliveries, text_delivery(known, store)], names, secrets)


def test_a_card_is_lost_found_lost_again_and_replaced(story: Story, journey: KeepsJourney) -> None:
    town, bank = story.town, story.bank
    story.happens("She reports the card by phone; the bank blocks it while the number is read out")
    person = town.someone().calls().asks_to_report(HOLDER.id_number)
    person.confirms_while(story.delivers).hears_prompt("bank_blocked", **bank_values("icbc", "zh"))
    story.calls(person.hears_to_the_end())
    story.checks(CARD)

    story.happens("She finds it and goes to an outlet; the city's rules end the suspension too")
    story.answers(bank.unblocked(CARD, story.now))
    story.delivers()
    story.checks(CARD)

    story.happens("She loses it again")
    person = town.someone().calls().asks_to_report(HOLDER.id_number)
    person.confirms_while(story.delivers)
    story.calls(person.hears_to_the_end())
    story.checks(CARD)

    story.happens("She reports it formally at an outlet")
    story.answers(bank.formally_lost(CARD, story.now))
    story.delivers()
    story.checks(CARD)

    story.happens("She gets a new card")
    story.answers(bank.replaced(CARD, NEW_CARD, story.now))
    story.delivers()
    story.checks(CARD)
    story.checks(NEW_CARD)

    story.happens("She calls to make sure")
    story.calls(town.someone().calls().asks_for_status(HOLDER.id_number).hangs_up())
    story.delivers()
    journey(story, TRANSCRIPT)
