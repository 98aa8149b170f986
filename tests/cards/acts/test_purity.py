"""Acts are pure: no clock, no chance, no Redis; the same question has the same answer, and
nothing that was asked about is changed. So all of them are tested without a server.
"""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from ivr.cards import change, notice
from ivr.cards.acts.dispute import dismiss, dispute
from ivr.cards.acts.drop import drop
from ivr.cards.acts.hear import hear
from ivr.cards.acts.release import release
from ivr.cards.acts.remind import remind
from ivr.cards.acts.report import Fresh, ReportRequest, refusal, report
from ivr.cards.acts.send_again import send_again
from ivr.cards.acts.settle import settle
from ivr.cards.acts.withdraw import Decision, withdraw
from ivr.cards.records import Card, Holder
from ivr.cards.rules import Rules
from ivr.cards.status import status_of
from tests.cards.acts.builders import (
    NOW,
    a_block,
    a_case,
    a_notice,
    a_report,
    a_suspension,
    an_attempt,
    an_event,
)

ROOT: Final = Path(__file__).parents[3]
STARTS_AT: Final = ("case", "change", "words", "status", "rules", "acts")
# All they may stand on besides each other: types, tables, and arithmetic on what they are given.
OUTSIDE: Final = {
    "collections.abc", "dataclasses", "datetime", "enum", "hashlib", "itertools", "json",
    "operator", "re", "stdnum.iso7064", "typing", "unicodedata", "zoneinfo",
}  # fmt: skip
IVR: Final = {"ivr.beijing", "ivr.errors"}  # of ivr outside the cards' own room
ASKS_THE_WORLD: Final = {"now", "today", "utcnow", "open", "input", "print", "__import__", "eval",
                         "exec"}  # fmt: skip


# --- what they stand on --------------------------------------------------------------------------


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Every module this one imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                is_module = path_of(f"{node.module}.{alias.name}") is not None
                yield f"{node.module}.{alias.name}" if is_module else str(node.module)


def calls_in(tree: ast.Module) -> set[str]:
    """The last name of everything that is called: `now` of `datetime.now()`."""
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {ast.unparse(what).rpartition(".")[2] for what in called}


def path_of(module: str) -> Path | None:
    """The file of a module of the hotline; None for any other."""
    if not module.startswith("ivr."):
        return None
    path = ROOT.joinpath(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()), None)


def impurities(tree: ast.Module) -> set[str]:
    """What a pure module must not import or call."""
    imported = {m for m in imports_of(tree) if not m.startswith("ivr.cards.")}
    return (imported - OUTSIDE - IVR) | (calls_in(tree) & ASKS_THE_WORLD)


def closure() -> dict[str, ast.Module]:
    """The modules of acts, cases and changes, and all of the hotline that they import."""
    cards = ROOT / "ivr" / "cards"
    acts = [f"ivr.cards.acts.{path.stem}" for path in sorted((cards / "acts").glob("*.py"))]
    ahead = [f"ivr.cards.{name}" for name in STARTS_AT] + acts
    found: dict[str, ast.Module] = {}
    while ahead:
        module = ahead.pop()
        path = path_of(module)
        if path is not None and module not in found:
            found[module] = ast.parse(path.read_text(encoding="utf-8"))
            ahead += imports_of(found[module])
    return found


CLOSURE: Final = closure()


@pytest.mark.parametrize("module", sorted(CLOSURE))
def test_no_act_stands_on_a_clock_on_chance_or_on_redis(module: str) -> None:
    assert impurities(CLOSURE[module]) == set()


def test_all_acts_and_what_they_stand_on_are_looked_at() -> None:
    acts = {"drop", "hear", "release", "remind", "report", "send_again", "settle", "step",
            "withdraw", "dispute", "take", "replace_card"}  # fmt: skip
    assert {f"ivr.cards.acts.{act}" for act in acts} < CLOSURE.keys()
    assert {"ivr.cards.block", "ivr.cards.notice_bodies", "ivr.beijing"} < CLOSURE.keys()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", "time"),
        ("from random import Random", "random"),
        ("import secrets", "secrets"),
        ("import redis.client", "redis.client"),
        ("from redis import Redis", "redis"),
        ("import structlog", "structlog"),
        ("from ivr.store import keys", "ivr.store.keys"),
        ("from ivr.store.cases import Cases", "ivr.store.cases"),
        ("def f() -> None:\n    import time", "time"),
        ("from datetime import UTC, datetime\ndatetime.now(UTC)", "now"),
        ("import datetime\ndatetime.date.today()", "today"),
        ("open('/dev/null')", "open"),
    ],
)
def test_the_look_sees_what_it_is_for(source: str, found: str) -> None:
    assert impurities(ast.parse(source)) == {found}


# --- the same answer, and nothing changed --------------------------------------------------------

CARD: Final = Card("A12345678", "icbc", "6222021234565678", "110100")
ZHANG: Final = Holder("11010519491231002X", "张三", "+8613800138001", (CARD,))
REQUEST: Final = ReportRequest("holder-1", "card-1", "phone", "CA1", "zh")
LI: Final = Decision("Li", "a prank")
TOLD: Final = {"report_number": "12345670", "action": "block_financial_function", "card": {}}


def asked() -> dict[str, tuple[Callable[..., Any], list[Any], dict[str, Any]]]:
    """An act that changes something, what it is asked with, of each act."""
    rules, new = Rules(["icbc"], 604_800), a_case("none")
    received = a_case("received", block=a_block("received", changed_at=NOW - 600))
    refused = an_attempt("refused")
    earlier = [an_attempt("failed"), an_attempt("failed", status=503)]
    over = a_case("blocked", suspension=None)
    return {
        "report": (report, [new, ZHANG, CARD, REQUEST, Fresh("12345670", "ntc-1"), rules, NOW], {}),
        "refusal": (refusal, [new, ZHANG, CARD, rules, NOW], {}),
        "status": (status_of, [a_case(), CARD], {}),
        "hear": (hear, [a_case(), a_notice(), an_event("formal loss"), rules, NOW],
                 {"heard_before": False}),
        "settle": (settle, [a_case(), a_notice(), earlier, refused, None, NOW], {}),
        "send_again": (send_again, [a_case("refused"), a_notice("refused"), NOW], {}),
        "drop": (drop, [a_notice()], {}),
        "release": (release, [over, a_report(), deepcopy(TOLD), NOW], {}),
        "withdraw": (withdraw, [a_case(), a_report(), a_notice(), deepcopy(TOLD), LI, NOW], {}),
        "dispute": (dispute, [a_case(), a_report(), deepcopy(TOLD), "phone", NOW], {}),
        "dismiss": (dismiss, [a_report(disputed_at=NOW), LI], {}),
        "remind": (remind, [received, a_notice("delivered"), "ntc-1", NOW], {}),
    }  # fmt: skip


@pytest.mark.parametrize("act", asked())
def test_asked_twice_it_answers_the_same_and_changes_nothing_it_was_asked_with(act: str) -> None:
    function, given, named = asked()[act]
    before = deepcopy(given)
    once, again = function(*given, **named), function(*deepcopy(given), **named)
    assert once == again
    assert function(*given, **named) == once
    assert given == before


def test_what_acts_are_asked_with_and_answer_cannot_be_changed() -> None:
    things = [LI, a_case(), a_block(), a_report(), a_suspension(), a_notice(), an_attempt(),
              an_event(), REQUEST, CARD, ZHANG, change.NOTHING]  # fmt: skip
    kinds = [type(thing) for thing in things]
    kinds += [kind for module in (change, notice) for kind in vars(module).values()
              if isinstance(kind, type) and is_dataclass(kind)]  # fmt: skip
    thawed = [kind.__name__ for kind in kinds if not kind.__dataclass_params__.frozen]  # type: ignore[attr-defined]
    assert thawed == []
