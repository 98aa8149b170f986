"""docs/patterns.md is followed: what it names is there, and what it asks for is not forgotten."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import Client

from app import create_operations
from ivr.cards.bank_event import MEANS, UNBLOCKED
from ivr.cards.block import BlockState
from ivr.dialogue.call import Call
from ivr.dialogue.checks import check_flow
from ivr.dialogue.flow import ACTIONS, FLOW, START
from ivr.dialogue.steps import Menu, Tell
from ivr.dialogue.turn import take_turn
from ivr.settings import Settings
from ivr.web.bank_events import SHAPES, AtAnOutlet, EventReader
from tests.bank_side import Records
from tests.builders import a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer

ROOT = Path(__file__).parent.parent
PATTERNS = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
# No settings of an operator's.
FIXED_BY_RUNNING = {"banks", "subscribers", "rules", "hotline_development"}


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`([a-z_]+/[a-z_/.-]+)`", PATTERNS))))
def test_every_place_it_names_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_every_name_stands_where_it_says() -> None:
    named = re.findall(r"`([A-Za-z]+)` \(`([a-z_/.]+)`\)", PATTERNS)
    assert len(named) > 5
    for name, place in named:
        text = (ROOT / place).read_text(encoding="utf-8")
        assert re.search(rf"^(class )?{name}\b", text, re.M), f"{name} is not in {place}"


def test_every_pattern_has_five_lines() -> None:
    sections = PATTERNS.split("\n## ")[1:]
    assert len(sections) == 7
    for section in sections:
        assert re.findall(r"^(\d)\.", section, re.M) == list("12345"), section.partition("\n")[0]


def test_a_step_is_a_row() -> None:
    """A thank-you between the choice of a language and the menu."""
    menu = FLOW[START]
    assert isinstance(menu, Menu)
    flow = {
        **FLOW,
        START: replace(menu, choices={"1": "thanks", "2": "main_menu"}),
        "thanks": Tell(says=("goodbye",), then="main_menu"),
    }
    check_flow(flow, START, ACTIONS)
    told = take_turn(flow, Call("CA1", START), "1", {})
    assert (told.step, [line.prompt for line in told.said]) == ("thanks", ["goodbye"])
    assert take_turn(flow, told, None, {}).step == "main_menu"


def test_a_bank_event_is_rows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "card.found": the holder has shown the card at an outlet, which unblocks it."""
    records = Records(hotline_of(app))
    (card,) = a_holder().cards
    report = records.reports_lost(a_holder())
    monkeypatch.setitem(MEANS, "card.found", MEANS[UNBLOCKED])
    reader = EventReader({**SHAPES, "card.found": AtAnOutlet})
    at = datetime.fromtimestamp(report.reported_at + 1, UTC).isoformat()
    data = {"card_number": card.number, "at": at, "outlet": "7"}
    body = json.dumps({"type": "card.found", "timestamp": at, "data": data}).encode()

    assert hotline_of(app).service.hear(reader.read("icbc", "evt_1", body)) == "applied"
    assert records.state(card) is BlockState.UNBLOCKED


def test_every_event_has_a_meaning_and_a_shape() -> None:
    assert list(MEANS) == list(SHAPES)


def test_every_setting_is_documented() -> None:
    rows = "".join(re.findall(r"^\| (`[A-Z_`, ]+) \|", OPERATIONS, re.M))
    named = {name.upper() for name in Settings.model_fields.keys() - FIXED_BY_RUNNING}
    assert named - set(re.findall(r"`([A-Z_]+)`", rows)) == set()


def test_every_metric_is_documented(app: Flask) -> None:
    operators = Client(create_operations(hotline_of(app).settings))
    text = operators.get("/metrics").get_data(as_text=True)
    shown = {name.removesuffix("_total") for name in re.findall(r"^# TYPE (\S+)", text, re.M)}
    documented = set(re.findall(r"^\| `(hotline_[a-z_]+)", OPERATIONS, re.M))
    assert shown == documented
