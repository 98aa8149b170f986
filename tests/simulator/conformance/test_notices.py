"""What the kit sends is what the hotline sends, about people who do not exist."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ivr.cards.notice import NoticeKind
from ivr.store.cardholders_csv import CardLine, read_cardholders
from simulator.conformance.notices import (
    KINDS,
    PEOPLE,
    REPORTED,
    as_sent,
    made_up_people,
    made_up_reports,
    new_webhook_id,
    people_as_csv,
)
from simulator.conformance.rules import RULES
from workers.deliver import as_json

DOCS = Path(__file__).resolve().parents[3] / "docs"
DESCRIBED: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))


def test_every_notice_a_bank_gets_is_sent() -> None:
    assert set(KINDS) == set(NoticeKind) - {NoticeKind.TEXT, NoticeKind.TEST}
    assert set(KINDS) == set(DESCRIBED["webhooks"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_as_described(kind: str) -> None:
    content = DESCRIBED["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": DESCRIBED["components"]}
    body = next(made_up_reports()).body(kind)
    check = jsonschema_rs.validator_for(schema, validate_formats=True)
    check.validate(json.loads(as_sent(body)))
    assert ("action" in body["data"]) == (kind == REPORTED)


def test_each_is_written_as_the_hotline_writes_it() -> None:
    body = next(made_up_reports()).body()
    assert as_sent(body) == as_json(body)


def test_people_are_always_the_same_and_reports_never() -> None:
    first, second = (list(zip(range(PEOPLE), made_up_reports(), strict=False)) for _ in "ab")
    assert [r.holder for _, r in first] == [r.holder for _, r in second]
    assert first[0][1].holder == first[PEOPLE - 1][1].holder
    numbers = {report.loss.number for _, report in first + second}
    assert len(numbers) > PEOPLE
    assert new_webhook_id() != new_webhook_id()


def test_a_report_shows_nobody() -> None:
    report = next(made_up_reports())
    assert report.holder.id_number not in repr(report)
    assert report.holder.name not in repr(report)


def test_the_accounts_to_open_are_a_good_list_of_cardholders() -> None:
    lines = list(read_cardholders(people_as_csv().splitlines(True), ["bank"], date(2026, 11, 26)))
    assert all(isinstance(line, CardLine) for line in lines)
    assert [line.holder.id_number for line in lines if isinstance(line, CardLine)] == [
        holder.id_number for holder in made_up_people()
    ]


def test_every_rule_names_a_section_of_the_bank_api() -> None:
    headings = {
        line.lstrip("# ")
        for line in (DOCS / "bank-api.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }
    assert {rule.section for rule in RULES} <= headings
