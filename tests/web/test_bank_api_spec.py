"""The API's description against the code: schemathesis sends what it allows and what it forbids.

Every generated request is signed as a bank would sign it, over real HTTP, unless the test is about
requests that are not.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import requests
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from redis import Redis
from requests.auth import AuthBase

from ivr.cards.acts.withdraw import Decision
from ivr.cards.bank_event import MEANS
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import iso
from tests.bank_side import BankSide, Records, listening, signed
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of
from tests.builders import settings as some_settings
from tests.redis_server import RedisServer

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PEOPLE: Final = [
    a_holder(a_card(f"{n:04}"), id_number=an_id_number(serial=f"{n:03}")) for n in range(1, 4)
]
# Of the examples, in their order: one card is blocked and its block lapses, one is unblocked and
# lost again, one is formally lost, found and replaced.
WHOSE: Final = {
    "unblocked": PEOPLE[1],
    "formal_loss": PEOPLE[2],
    "temporary_loss": PEOPLE[1],
    "block_lapsed": PEOPLE[0],
    "formal_loss_withdrawn": PEOPLE[2],
    "replaced": PEOPLE[2],
}
HEADERS: Final = {"webhook-id", "webhook-timestamp", "webhook-signature"}
EXAMPLES: Final = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class Signature(AuthBase):
    """Signs exactly the bytes that go out.

    A header that a test case leaves out stays out, and a timestamp that could not be one stays as
    it is: those are what the case is about.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        headers = prepared.headers
        if not HEADERS.issubset(name.lower() for name in headers):
            return prepared
        if not str(headers["webhook-timestamp"]).isdecimal():
            return prepared
        content = prepared.body if prepared.method == "POST" else prepared.path_url
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        with suppress(UnicodeDecodeError):  # nobody can sign a body that is not text
            headers.update(signed(self._secret, raw, _text(headers["webhook-id"])))
        return prepared


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    rules = "formal_loss_may_be_withdrawn = true"
    return an_app(some_settings(redis_server.url, rules=rules), *PEOPLE)


@pytest.fixture
def bank(app: Flask) -> BankSide:
    return BankSide(app, "icbc")


@pytest.fixture
def described(bank: BankSide) -> dict[str, Any]:
    """The description as it is served."""
    described: dict[str, Any] = bank.client.get("/banks/openapi.json").get_json()
    return described


def about_icbc() -> dict[str, Any]:
    """The description, told what no schema can say: which bank is asking, which cards there are
    (PEOPLE's), that there is one page only, and what is past.
    """
    described: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    shown = _event_content(described)["examples"]
    for name, person in WHOSE.items():
        shown[name]["value"]["data"]["card_number"] = person.cards[0].number
    cards = [person.cards[0].number for person in PEOPLE]
    described["components"]["schemas"]["CardNumber"]["examples"] = cards
    described["components"]["parameters"]["Bank"]["schema"] = {"const": "icbc"}
    moment = described["components"]["schemas"]["EventMoment"]
    moment["pattern"] = moment["pattern"].replace("20[0-9]{2}", "20[01][0-9]")
    for shown_event in shown.values():
        told = shown_event["value"]
        told["timestamp"] = "2019-11-25T02:10:05Z"
        told["data"] |= {"at": told["timestamp"]} if "at" in told["data"] else {}
    after = next(p for p in _parameters_of_blocks(described) if p.get("name") == "after")
    after["schema"] = {"const": ""}
    return described


def _parameters_of_blocks(described: dict[str, Any]) -> Any:
    return described["paths"]["/banks/{bank}/blocks"]["get"]["parameters"]


def _event_content(described: dict[str, Any]) -> Any:
    body = described["paths"]["/banks/{bank}/events"]["post"]["requestBody"]
    return body["content"]["application/json"]


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """A hotline that listens; everybody has reported their card."""
    for person in PEOPLE:
        Records(hotline_of(app)).reports_lost(person)
    with listening(app) as url:
        yield url


Case = schemathesis.Case[Any]
requests_of_icbc = schemathesis.openapi.from_dict(about_icbc())


@requests_of_icbc.parametrize()
@EXAMPLES
def test_the_code_does_what_the_description_says(case: Case, url: str, bank: BankSide) -> None:
    """Every check schemathesis has: statuses, types, schemas, headers, forbidden data, methods."""
    case.call_and_validate(base_url=url, auth=Signature(bank.secret), timeout=10)


@requests_of_icbc.parametrize()
@EXAMPLES
def test_nothing_is_done_for_whoever_does_not_sign(case: Case, url: str) -> None:
    answer = case.call(base_url=url, timeout=10)
    if case.method == "OPTIONS":
        assert (answer.status_code, answer.content) == (200, b"")
        return
    assert answer.status_code in (401, 405), answer.status_code
    assert answer.headers["content-type"] == ["application/problem+json"]


def test_the_examples_of_the_description_are_applied(app: Flask, bank: BankSide) -> None:
    described = about_icbc()
    reports = [Records(hotline_of(app)).reports_lost(person) for person in PEOPLE]
    examples = _event_content(described)["examples"]
    examples["blocked"]["value"]["data"]["report_number"] = reports[0].number
    for shown in examples.values():
        event = shown["value"] | {"timestamp": iso(time.time() + 1)}  # after the report
        if "at" in event["data"]:
            event["data"]["at"] = event["timestamp"]
        answer = bank.sends(json.dumps(event).encode())
        assert answer.get_json() == {"status": "applied"}


def test_it_describes_every_event_and_every_notice(described: dict[str, Any]) -> None:
    mapping = described["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    assert list(mapping) == list(MEANS)
    assert set(described["webhooks"]) == {kind.value for kind in NoticeKind} - {"text", "test"}


def test_every_error_is_a_problem_document(described: dict[str, Any]) -> None:
    for response in described["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("kind", [k for k in NoticeKind if k.startswith("card.")])
def test_notices_are_as_described(app: Flask, described: dict[str, Any], kind: NoticeKind) -> None:
    records = Records(hotline_of(app))
    records.seven_days_pass(records.reports_lost(PEOPLE[0]))
    prank = records.reports_lost(PEOPLE[1]).number
    assert records.hotline.service.dispute(prank, "phone") == "recorded"
    assert records.hotline.service.withdraw(prank, Decision("Li", "a prank")) == "withdrawn"
    assert records.notices(kind)
    for notice in records.notices(kind):
        jsonschema_rs.validator_for(_webhook_schema(described, kind)).validate(
            records.hotline.outbox.body(notice)
        )


def _webhook_schema(described: dict[str, Any], kind: str) -> dict[str, Any]:
    content = described["webhooks"][kind]["post"]["requestBody"]["content"]
    return {**content["application/json"]["schema"], "components": described["components"]}


def test_the_examples_are_as_described(bank: BankSide) -> None:
    described = bank.client.get("/banks/openapi.json").get_json()
    count = 0
    for content in _contents(described):
        schema = {**content["schema"], "components": described["components"]}
        check = jsonschema_rs.validator_for(schema, validate_formats=True)
        for shown in content.get("examples", {}).values():
            check.validate(shown["value"])
            count += 1
    assert count >= 12


def _contents(part: Any) -> Iterator[dict[str, Any]]:
    """Every media type with a schema, wherever it stands."""
    if isinstance(part, list):
        part = dict(enumerate(part))
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "content" and isinstance(value, dict):
                yield from value.values()
            yield from _contents(value)
