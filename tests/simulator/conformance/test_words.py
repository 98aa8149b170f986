"""What the page of a result says in Chinese: all of it, and the same values."""

import ast
import re
from pathlib import Path

import pytest

from simulator.bank.running import new_secret
from simulator.conformance import words
from simulator.conformance.__main__ import main
from simulator.conformance.receiver import Receiver
from simulator.conformance.result import as_page, examine
from simulator.conformance.rules import RULES
from simulator.conformance.session import Session, Verdict
from simulator.conformance.words import chinese, each, said
from tests.simulator.conformance.a_receiver import a_receiver
from tests.web.bank_papers import TEXTS

ROOM = Path(words.__file__).parent
PAGE = (ROOM / "templates" / "result.html").read_text(encoding="utf-8")
ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}")  # two words


def constants() -> set[str]:
    """Every text of the package's code."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in ROOM.glob("*.py")]
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def told() -> set[str]:
    """What `said` is called with, as far as it stands there."""
    found = set[str]()
    for file in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "said":
                (first, *_) = node.args
                found |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    return found


def shown() -> set[str]:
    """What the page says itself, what the rules ask for, and the verdicts."""
    found = set(re.findall(r'say\("([^"]+)"', PAGE))
    found |= set(re.findall(r'"([^"]+)"', PAGE.split("for heading in (")[1].split(")")[0]))
    return found | {text for rule in RULES for text in (rule.should, rule.section)} | set(Verdict)


def test_all_of_it_is_there_and_nothing_else() -> None:
    needed = {text for text in told() | shown() if re.search("[a-z]", text)}
    assert needed - set(chinese()) == set()
    assert set(chinese()) - needed - constants() == set()


@pytest.mark.parametrize("english", chinese())
def test_each_has_the_same_values(english: str) -> None:
    assert chinese()[english].count("{}") == english.count("{}")


def test_the_sections_are_those_of_the_papers() -> None:
    for section in {rule.section for rule in RULES}:
        for language, text in TEXTS.items():
            assert re.search(rf"^##+ {said(section).in_language(language)}$", text, re.M), section


def test_what_comes_from_a_receiver_is_no_template() -> None:
    strange = said("{} changed", "{0.__class__}")
    assert strange.in_language("zh") == "{0.__class__} 被改动"
    assert str(each([strange, strange, said("first")])) == "{0.__class__} changed; first"


@pytest.mark.parametrize("fault", ["", "forgets ids", "answers in HTML", "never answers"])
def test_a_page_in_chinese_has_no_english_sentence(fault: str) -> None:
    secrets = (new_secret(), new_secret())
    with a_receiver(secrets, fault) as receiver:
        wire = Receiver(receiver.url, 0.5 if fault == "never answers" else 5, quiet=0.1)
        result = examine(Session(wire, *secrets, pause=0.02))
    page = as_page(result, "zh")
    assert '<html lang="zh-CN">' in page
    for rule, finding in result.rows:
        assert not ENGLISH.search(finding.did.in_language("zh")), rule.name
        assert said(rule.should).in_language("zh")[:8] in page
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)
    names = "|".join(re.escape(rule.name) for rule in RULES)
    assert not ENGLISH.search(re.sub(names, "", text))


def test_the_command_writes_it(tmp_path: Path) -> None:
    secret, page = new_secret(), tmp_path / "result.html"
    with a_receiver((secret,)) as receiver:
        asked = [receiver.url, "--secret", secret, "--page", str(page), "--lang", "zh"]
        assert main(asked) == 0
    assert "银行通知接收端符合性检测" in page.read_text(encoding="utf-8")
