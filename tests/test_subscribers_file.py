"""SUBSCRIBERS_FILE: who else is told, and what is wrong with a file, all of it at once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ivr.settings import SettingsError
from tests.builders import SUBSCRIBERS, a_secret, settings

OPERATIONS: Final = (Path(__file__).parents[1] / "docs" / "operations.md").read_text("utf-8")
NOWHERE: Final = "unix:///nowhere.sock"

Writes = Callable[[str], str]


@pytest.fixture
def writes(tmp_path: Path) -> Writes:
    """Writes a file of subscribers -> where it is."""

    def write(text: str) -> str:
        (tmp_path / "subscribers.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "subscribers.toml")

    return write


def problems(path: str, **more: str) -> list[str]:
    secrets = {f"{name}_secrets": a_secret() for name in ("clinic", "centre", "elsewhere")}
    with pytest.raises(SettingsError) as caught:
        settings(NOWHERE, subscribers_file=path, **{**secrets, **more})
    return caught.value.problems


def test_unset_there_is_none() -> None:
    found = settings(NOWHERE)
    assert found.subscribers == {}
    assert list(found.told) == ["icbc", "ccb"]


def test_who_is_told_and_who_only_asks() -> None:
    found = settings(NOWHERE, subscribers=SUBSCRIBERS)
    assert list(found.subscribers) == ["clinic", "centre", "elsewhere"]
    assert list(found.told) == ["icbc", "ccb", "subscriber:centre", "subscriber:elsewhere"]
    clinic = found.subscribers["clinic"]
    assert (clinic.cities, clinic.checks_per_minute) == (("1101", "3301"), 600)
    assert (clinic.timeout_seconds, clinic.max_in_flight) == (5, 8)


def test_the_documented_file_can_be_read(writes: Writes) -> None:
    text = re.search(r"```toml\n# SUBSCRIBERS_FILE\n(.*?)```", OPERATIONS, re.S)
    assert text is not None
    (name,) = re.findall(r'secrets_env = "(\w+)"', text[1])
    found = settings(NOWHERE, subscribers_file=writes(text[1]), **{name.lower(): a_secret()})
    (subscriber,) = found.subscribers.values()
    defaults = type(subscriber).model_fields
    assert subscriber.checks_per_minute == defaults["checks_per_minute"].default
    assert subscriber.notice_url


CENTRE: Final = "SUBSCRIBERS_FILE [subscribers.centre]"


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ("[subscribers.centre]", "[subscribers.icbc]",
         ["SUBSCRIBERS_FILE [subscribers.icbc]: a bank is called so; choose another name"]),
        ("[subscribers.centre]", "[subscribers.Centre]",
         ["SUBSCRIBERS_FILE [subscribers.Centre] id: "]),
        ('["1101"]', '["1101", "110100", "11"]', [f"{CENTRE} cities.1: ", f"{CENTRE} cities.2: "]),
        ('["1101"]', "[]", [f"{CENTRE} cities: "]),
        ('cities = ["1101"]\n', "", [f"{CENTRE} cities: is not set"]),
        ("http://127.0.0.1:9/cards", "http://elsewhere.example/cards", [
            f"{CENTRE} notice_url: http is for loopback only; use https",
            "SUBSCRIBERS_FILE [subscribers.elsewhere] notice_url: ",
        ]),
        ('"The card centre of Beijing"', '""', [f"{CENTRE} name: "]),
        ('cities = ["1101"]', 'cities = ["1101"]\nchecks_per_minute = 0\nphone = "1"',
         [f"{CENTRE} checks_per_minute: ", f"{CENTRE} phone: "]),
        ("[subscribers.", "[others.", ["SUBSCRIBERS_FILE "]),
        ("]", "", ["SUBSCRIBERS_FILE "]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(writes: Writes, old: str, new: str, faults: list[str]) -> None:
    assert old in SUBSCRIBERS
    said = sorted(problems(writes(SUBSCRIBERS.replace(old, new))))
    assert len(said) == len(faults)
    for line, fault in zip(said, sorted(faults), strict=True):
        assert line.startswith(fault)


def test_no_secret_is_shared_with_a_bank_or_another(writes: Writes) -> None:
    """Either could sign in the other's name."""
    one = a_secret()
    said = problems(writes(SUBSCRIBERS), icbc_secrets=one, clinic_secrets=one)
    shared = "secrets: one of them is a secret of icbc too"
    assert said == [f"SUBSCRIBERS_FILE [subscribers.clinic] {shared}"]
    said = problems(writes(SUBSCRIBERS), centre_secrets=one, clinic_secrets=one)
    assert said == [f"{CENTRE} secrets: one of them is a secret of clinic too"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (said,) = problems(str(tmp_path / "none.toml"))
    assert said.startswith("SUBSCRIBERS_FILE ")


def test_a_missing_secret_is_named(writes: Writes) -> None:
    (said,) = problems(writes(SUBSCRIBERS), centre_secrets="")
    assert said == f"{CENTRE} secrets: no secret is set in the environment variable of secrets_env"
