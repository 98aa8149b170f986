"""RULES_FILE: each rule's default, and what is wrong with a file, all of it at once."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.every_language import load_words
from ivr.prompts.catalogue import EVERYWHERE, Placeholder, load_catalogue
from ivr.rules_file import SEEDS, CityRules, LineNamed
from ivr.service import open_service
from ivr.settings import SettingsError
from ivr.store.opening import open_store
from tests.builders import settings

OPERATIONS = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
NOWHERE = "unix:///nowhere.sock"

Writes = Callable[[str], str]


@pytest.fixture
def writes(tmp_path: Path) -> Writes:
    """Writes a file of rules -> where it is."""

    def write(text: str) -> str:
        (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "rules.toml")

    return write


def problems(path: str, **more: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(NOWHERE, rules_file=path, **more)
    return caught.value.problems


def test_unset_it_is_as_the_domain_has_it() -> None:
    found = settings(NOWHERE)
    assert (found.rules, found.loss_report_seconds) == (SEEDS, 604_800)


def test_the_documented_file_says_what_holds_without_it(writes: Writes) -> None:
    text = re.search(r"```toml\n# RULES_FILE\n(.*?)```", OPERATIONS, re.S)
    assert text is not None
    found = settings(NOWHERE, rules_file=writes(text[1]))
    assert found.loss_report_seconds == settings(NOWHERE).loss_report_seconds
    named, unnamed = load_words(found.rules.line_itself), load_words()
    for prompt in unnamed.prompts:
        assert named.shown(prompt, "zh") == unnamed.shown(prompt, "zh")
    assert named.text("welcome", {}, "zh") == unnamed.text("welcome", {}, "zh")
    values = {name: getattr(SEEDS, name) for name in CityRules.model_fields}
    told = tomllib.loads(text[1])
    assert {name: told[name] for name in told if isinstance(told[name], bool)} == {
        name: value for name, value in values.items() if isinstance(value, bool)
    }


def test_every_key_is_documented() -> None:
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", OPERATIONS, re.M))
    own = set(CityRules.model_fields) - {"line"}
    assert own | {f"line.{name}" for name in LineNamed.model_fields} <= rows


def test_its_days_stand_for_the_setting(writes: Writes) -> None:
    path = writes("suspension_days = 3")
    assert settings(NOWHERE, rules_file=path).loss_report_seconds == 3 * 86_400
    assert problems(path, loss_report_days="7") == [
        "RULES_FILE suspension_days: LOSS_REPORT_DAYS is set too; leave one out"
    ]


def test_the_setting_holds_where_the_file_says_nothing_of_days(writes: Writes) -> None:
    found = settings(NOWHERE, rules_file=writes(""), loss_report_days="5")
    assert found.loss_report_days == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("suspension_days = 0", "RULES_FILE suspension_days: "),
        ("suspension_days = 31", "RULES_FILE suspension_days: "),
        ("suspension_days = '7'", "RULES_FILE suspension_days: "),
        ("decoupling_ends_suspension = 'yes'", "RULES_FILE decoupling_ends_suspension: "),
        ("formal_loss_may_be_withdrawn = 1", "RULES_FILE formal_loss_may_be_withdrawn: "),
        ("decoupling_ends = true", "RULES_FILE decoupling_ends: "),
        ("channels = []", "RULES_FILE channels: must name at least one channel, and each once"),
        ("channels = ['web', 'web']", "RULES_FILE channels: must name at least one"),
        ("channels = ['fax']", "RULES_FILE channels.0: "),
        ("line.number = '12-345'", "RULES_FILE line.number: "),
        ("line.name = { fr = 'ligne' }", "RULES_FILE line.name: fr is no language here"),
        ("line.name = { zh = ' ' }", "RULES_FILE line.name.zh: "),
        ('line.name = { zh = "a\\u0007" }', "RULES_FILE line.name.zh: holds a character"),
        ("suspension_days 7", "RULES_FILE "),
    ],
)
def test_what_is_no_rule_is_named_at_boot(writes: Writes, text: str, said: str) -> None:
    (found,) = problems(writes(text))
    assert found.startswith(said)


def test_all_that_is_wrong_is_named_with_the_other_problems(writes: Writes, tmp_path: Path) -> None:
    path = writes("suspension_days = 0\nchannels = []")
    assert len(problems(path)) == 2
    assert len(problems(str(tmp_path / "none.toml"))) == 1


def test_a_line_of_another_name_and_number_says_so_everywhere(writes: Writes) -> None:
    path = writes("[line]\nnumber = '12345'\nname = { zh = '政务热线' }")
    words = load_catalogue(settings(NOWHERE, rules_file=path).rules.line_itself)
    assert words.text("welcome", {}, "zh") == "您好，12345政务热线，中文请按1。"
    of_kind = {"time": "1795336200", "duration": "30"}
    for prompt, texts in words.prompts.items():
        for language, pieces in texts.items():
            places = [piece for piece in pieces if isinstance(piece, Placeholder)]
            values = {place.name: of_kind.get(place.kind, "1") for place in places}
            for own in EVERYWHERE:
                values.pop(own, None)
            assert "12333" not in words.text(prompt, values, language)


def test_the_acts_get_them(writes: Writes) -> None:
    path = writes(
        "suspension_days = 5\ndecoupling_ends_suspension = true\nchannels = ['web']\n"
        "formal_loss_may_be_withdrawn = true\nreport_may_be_renewed_after_release = false"
    )
    found = settings(NOWHERE, rules_file=path)
    rules = open_service(open_store(found), found)._rules
    assert rules.suspension_seconds == 5 * 86_400
    assert rules.decoupling_ends_suspension
    assert rules.formal_loss_may_be_withdrawn
    assert not rules.report_may_be_renewed_after_release
    assert rules.channels == ("web",)
