"""The picture shows what the table says, and the page in docs/ is the present one."""

import re
from pathlib import Path

from redis import Redis

from ivr.dialogue.diagram import branches, chart, page
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import ONLY_PERSON, PERSON
from ivr.web.commands.flow import flow, flow_page
from tests.builders import an_app, settings
from tests.dialogue.a_flow import SMALL
from tests.redis_server import RedisServer

PAGE = Path(__file__).parents[2] / "docs" / "call-flow.md"
COMMAND = "flask --app app flow draw"


def arrows(picture: str) -> set[tuple[str, str, str]]:
    """(from, label, to) of every arrow."""
    found = re.findall(r'^  (\w+) -->(?:\|"([^"]*)"\|)? (\w+)$', picture, re.MULTILINE)
    return {(start, label, end) for start, label, end in found}


def test_the_page_in_docs_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == flow_page(), f"docs are old: run `{COMMAND}`"


def test_the_command_writes_the_page(
    redis_server: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    assert redis.ping()
    runner = an_app(settings(redis_server.url)).test_cli_runner()
    done = runner.invoke(flow, ["draw", str(tmp_path / "page.md")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == flow_page()


def test_a_small_flow_drawn_whole() -> None:
    assert arrows(chart(SMALL)) == {
        ("language", "1, 2, silence", "main_menu"),
        ("main_menu", "1", "number"),
        ("main_menu", "2", "list"),
        ("number", "number", "look"),
        ("number", "old", "told"),
        ("number", "3 tries", "only_person"),
        ("look", "none", "main_menu"),
        ("look", "several", "list"),
        ("look", "one", "sure"),
        ("list", "1 to 8", "sure"),
        ("sure", "1", "told"),
        ("sure", "9", "number"),
        ("sure", "3 tries", "goodbye"),
        ("told", "", "goodbye"),
        ("person", "answered", "goodbye"),
        ("person", "unanswered", "main_menu"),
        ("only_person", "answered, unanswered", "goodbye"),
    }


def test_steps_stand_with_the_nearest_branch_of_the_main_menu() -> None:
    assert branches(SMALL) == {
        "Start": ["language", "main_menu"],
        "1 · number": ["number", "look", "told", "only_person"],
        "2 · list": ["list", "sure"],
        "0 · a person": ["person", "goodbye"],
    }


def test_every_step_is_drawn_once_and_listed_once() -> None:
    assert sorted(name for names in branches(FLOW).values() for name in names) == sorted(FLOW)
    picture = chart(FLOW)
    for name in FLOW:
        assert len(re.findall(rf'^    {name}\W.*"', picture, re.MULTILINE)) == 1
        assert flow_page().count(f"\n| `{name}` |") == 1


def test_universal_keys_are_told_once_and_not_drawn() -> None:
    to_a_person = {start for start, _, end in arrows(chart(FLOW)) if end == PERSON}
    assert to_a_person == {"not_confirmed", "not_confirmed_again", "not_confirmed_all"}
    to_nothing_else = {start for start, _, end in arrows(chart(FLOW)) if end == ONLY_PERSON}
    assert to_nothing_else == {
        "report_id", "status_id", "find_holder", "status_holder", "not_by_phone", "under_16",
        "phone_closed", "not_renewed",
        "report_prove", "report_tail", "report_code", "report_proof",
        "status_prove", "status_tail", "status_code", "status_proof",
        "id_needs_person", "nobody_there", "nobody_answers", "callback_calling",
    }  # fmt: skip
    assert not [arrow for arrow in arrows(chart(FLOW)) if "*" in arrow[1]]
    assert flow_page().count("**0** is a person, **9** repeats") == 1


def test_words_cannot_break_the_list() -> None:
    rows = page(SMALL, lambda _prompt: ("一|二", "1|2")).splitlines()
    assert "| `told` | 一\\|二<br>1\\|2 | → `goodbye` |" in rows
