"""docs/subscriber-api.md and docs/subscriber-api.zh.md: of one source, alike, and true in every
type, field, number and message.
"""

import base64
import hmac
import json
import re
import time
from typing import Any, Final

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.notice import TO_SUBSCRIBERS
from ivr.store.suspensions import PAGE
from ivr.subscribers_file import Subscriber
from ivr.web.bank_docs.messages import SECRET
from ivr.web.bank_docs.paper import DOCS, SUBSCRIBER_PAPERS, SUBSCRIBER_TABLES, tables, written
from ivr.web.bank_events import EventReader, OneCard
from ivr.web.problems import Problem
from tests.bank_side import BankSide, Records, reissued
from tests.builders import SUBSCRIBERS, a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.subscriber_side import SubscriberSide
from tests.web.bank_papers import alphabet, bodies, limits, paths, skeleton

TEXTS: Final = {code: (DOCS / name).read_text("utf-8") for code, name in SUBSCRIBER_PAPERS.items()}
TEXT: Final = TEXTS["en"]
MESSAGES: Final = ("told", "check", "suspensions")
ZHANG: Final = a_holder()
(CARD,) = ZHANG.cards


def table(name: str, language: str = "en") -> dict[str, list[str]]:
    """The rows of a table by their first cell, without backticks."""
    rows = tables(SUBSCRIBER_TABLES)[name]["rows"]
    whole = [row.get("cells", []) + row.get(language, []) for row in rows]
    return {first.strip("`"): others for first, *others in whole}


def message(name: str, which: str = "request") -> tuple[list[str], str]:
    """The lines of a message's head, and its body."""
    found = re.search(rf"^```http {name}.{which}.http\n(.*?)\n```$", TEXT, re.M | re.S)
    assert found is not None, name
    head, _, body = found[1].partition("\n\n")
    return head.strip().split("\n"), body


def headers(lines: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url, subscribers=SUBSCRIBERS), ZHANG)


@pytest.fixture
def centre(app: Flask) -> SubscriberSide:
    """The card was reported, and formally lost."""
    Records(hotline_of(app)).reports_lost(ZHANG)
    BankSide(app, "icbc").formally_lost(CARD, time.time() + 1)
    return SubscriberSide(app, "centre")


class TestBoth:
    @pytest.mark.parametrize("language", SUBSCRIBER_PAPERS)
    def test_are_as_the_command_writes_them(self, language: str) -> None:
        known = written(language, SUBSCRIBER_PAPERS)
        assert TEXTS[language] == known, "type `flask banks paper`"

    def test_have_the_same_sections_parts_and_lists(self) -> None:
        assert skeleton(TEXTS["en"]) == skeleton(TEXTS["zh"])

    def test_have_the_same_listings(self) -> None:
        found = [re.findall(r"^```.*?^```$", text, re.M | re.S) for text in TEXTS.values()]
        assert found[0] == found[1]

    def test_no_line_of_chinese_is_broken(self) -> None:
        assert re.findall(r"[^\x00-\xff]\n *[^\x00-\xff\s#|]", TEXTS["zh"]) == []

    @pytest.mark.parametrize("name", tables(SUBSCRIBER_TABLES))
    def test_have_every_table_and_every_row_whole(self, name: str) -> None:
        found = tables(SUBSCRIBER_TABLES)[name]
        for language, text in TEXTS.items():
            assert text.count(f"<!-- begin table {name} -->") == 1
            for row in found["rows"]:
                assert set(row) <= {"cells", *SUBSCRIBER_PAPERS}
                cells = row.get("cells", []) + row.get(language, [])
                assert len(cells) == len(found[language])

    @pytest.mark.parametrize("name", tables(SUBSCRIBER_TABLES))
    def test_say_the_same_words_and_numbers(self, name: str) -> None:
        rows = tables(SUBSCRIBER_TABLES)[name]["rows"]
        for row in rows:
            for pattern in (r"`[^`]+`", r"[0-9]+"):
                told = [set(re.findall(pattern, " ".join(row.get(code, [])))) for code in TEXTS]
                assert told[0] == told[1], row


# --- whole messages ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MESSAGES)
def test_its_signature_verifies(name: str) -> None:
    lines, body = message(name)
    known = headers(lines)
    content = lines[0].split()[1] if name == "suspensions" else body
    signed = f"{known['webhook-id']}.{known['webhook-timestamp']}.{content}".encode()
    sum_ = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), signed, "sha256")
    assert known["webhook-signature"] == f"v1,{base64.b64encode(sum_).decode()}"
    assert all(SECRET in text for text in TEXTS.values())


def test_the_answers_are_what_we_say(centre: SubscriberSide) -> None:
    """Status, type and the order of names; whose cards they are differs."""
    for name, answer in {"check": centre.asks(CARD), "suspensions": centre.lists()}.items():
        lines, body = message(name, "answer")
        assert lines[0] == "HTTP/1.1 200 OK"
        assert answer.status_code == 200
        assert headers(lines)["content-type"] == answer.content_type
        assert headers(lines)["content-length"] == str(len(body) + 1)
        assert list(json.loads(answer.data)) == list(json.loads(body))


def test_the_samples_are_as_it_is(centre: SubscriberSide) -> None:
    notice, page = bodies(TEXT)
    (suspended,) = [body for body in centre.owed() if body["type"] == "card.suspended"]
    assert shape(suspended) == shape(notice) == shape(json.loads(message("told")[1]))
    question = {**json.loads(message("check")[1]), "timestamp": suspended["timestamp"]}
    assert centre.sends(json.dumps(question).encode()).status_code == 200
    shown = centre.lists().get_json()
    assert shown.keys() == page.keys()
    assert shown["suspensions"][0].keys() == page["suspensions"][0].keys()
    after = page["next"].replace("3301", "1101")
    assert centre.lists(f"?after={after}").status_code == 200


def shape(told: Any) -> Any:
    return (
        {name: shape(value) for name, value in told.items()}
        if isinstance(told, dict)
        else type(told)
    )


# --- types, fields and numbers -------------------------------------------------------------------


def test_every_type_is_there() -> None:
    assert set(table("card_news")) == set(TO_SUBSCRIBERS)


@pytest.mark.parametrize("language", TEXTS)
def test_every_field_has_a_row_that_says_when_it_is_there(
    app: Flask, centre: SubscriberSide, language: str
) -> None:
    """Of what is told of a report, a formal loss and a new card."""
    BankSide(app, "icbc").replaced(CARD, reissued(CARD), time.time() + 2)
    told = {body["type"]: body for body in centre.owed()}
    assert set(told) == {"card.suspended", "card.formal_loss", "card.replaced"}
    assert told["card.formal_loss"]["data"]["until"] is None
    rows = table("card_news_fields", language)
    assert set(rows) == {path[1:] for body in told.values() for path in paths(body)}
    for name in ("until", "new_card_number"):
        has_it = {kind for kind, body in told.items() if name in body["data"]}
        assert set(re.findall(r"`(card\.[a-z_]+)`", rows[f"data.{name}"][4])) == has_it
    listed = {path[1:] for path in paths(centre.lists().get_json())}
    assert set(table("suspension_fields")) <= listed | {
        "suspensions[].card_number", "suspensions[].until",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["card_news_fields", "suspension_fields"])
def test_an_example_is_as_its_row_says(name: str) -> None:
    for path, (kind, length, characters, shown, *_) in table(name).items():
        if kind == "string":
            low, high = limits(length)
            assert low <= len(shown.strip("`")) <= high, path
        if characters.startswith("`"):
            assert set(shown.strip("`")) <= alphabet(characters), path


def test_the_numbers() -> None:
    most = Subscriber.model_fields["checks_per_minute"].default
    assert f"more than {most} questions in one minute" in TEXT
    assert f"up to {PAGE} a page" in TEXT
    assert f"每页最多{PAGE}张" in TEXTS["zh"]


def test_a_card_number_is_read_within_the_limits_and_not_beyond() -> None:
    assert all("64" in re.split(r"data\.card_number` ?", text)[-1][:40] for text in TEXTS.values())
    reader = EventReader({"card.check": OneCard})
    question = json.loads(message("check")[1])
    for number in ("a", "Z" * 64):
        asked = question | {"data": {"card_number": number}}
        assert reader.parsed(json.dumps(asked).encode()).data.card_number == number
    for number in ("", "Z" * 65, "A-1"):
        asked = question | {"data": {"card_number": number}}
        with pytest.raises(Problem):
            reader.parsed(json.dumps(asked).encode())
