"""docs/subscriber-api.md tells the truth: its types, fields, numbers and examples."""

import json
import re
import time
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis

from ivr.cards.notice import TO_SUBSCRIBERS
from ivr.store.suspensions import PAGE
from ivr.subscribers_file import Subscriber
from tests.bank_side import BankSide, Records, reissued
from tests.builders import SUBSCRIBERS, a_holder, an_app, hotline_of, settings
from tests.redis_server import RedisServer
from tests.subscriber_side import SubscriberSide

TEXT: Final = (Path(__file__).parents[2] / "docs" / "subscriber-api.md").read_text("utf-8")
EXAMPLES: Final = [json.loads(t) for t in re.findall(r"^```json\n(.*?)^```$", TEXT, re.M | re.S)]
ZHANG: Final = a_holder()
(CARD,) = ZHANG.cards


@pytest.fixture
def centre(redis: Redis, redis_server: RedisServer) -> SubscriberSide:
    """The card was reported, formally lost and replaced."""
    assert redis.dbsize() == 0
    app = an_app(settings(redis_server.url, subscribers=SUBSCRIBERS), ZHANG)
    Records(hotline_of(app)).reports_lost(ZHANG)
    BankSide(app, "icbc").formally_lost(CARD, time.time() + 1)
    return SubscriberSide(app, "centre")


def rows(heading: str) -> dict[str, list[str]]:
    """The first table under a heading, by its first column."""
    lines = TEXT.partition(f"## {heading}\n")[2].splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("|")) + 2
    found: dict[str, list[str]] = {}
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        found[first.strip("`")] = others
    return found


def test_every_type_is_there() -> None:
    assert set(rows("Notices: what we tell you")) == set(TO_SUBSCRIBERS)


def test_the_fields_of_each_type(centre: SubscriberSide) -> None:
    app = centre.client.application
    BankSide(app, "icbc").replaced(CARD, reissued(CARD), time.time() + 2)  # type: ignore[arg-type]
    told = {body["type"]: body["data"] for body in centre.owed()}
    assert set(told) == {"card.suspended", "card.formal_loss", "card.replaced"}
    for kind, (_, besides) in rows("Notices: what we tell you").items():
        if kind in told:
            said = set(re.findall("`([a-z_]+)`", besides))
            assert told[kind].keys() == {"card_number", "at"} | said
    assert told["card.formal_loss"]["until"] is None


def test_the_examples_are_as_it_is(centre: SubscriberSide) -> None:
    notice, question, page = EXAMPLES
    (suspended,) = [body for body in centre.owed() if body["type"] == "card.suspended"]
    assert shape(suspended) == shape(notice)
    assert centre.sends(json.dumps({**question, "timestamp": suspended["timestamp"]}).encode(),
                        ).status_code == 200  # fmt: skip
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


def test_the_numbers() -> None:
    most = Subscriber.model_fields["checks_per_minute"].default
    assert f"more than {most} questions in one minute" in TEXT
    assert f"up to {PAGE} a page" in TEXT
